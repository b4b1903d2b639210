"""Samples of a day: what is kept of it, what never is, for how long, and what is said instead."""

from __future__ import annotations

import csv
import datetime as dt
import io
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.failpoints import VARIABLE, FailpointReached
from monitoring_dagster.incidents import samples
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.samples import Reason, Sampled, Unsampled
from monitoring_dagster.incidents.sampling.day import opened
from monitoring_dagster.incidents.sampling.focus import Focus
from monitoring_dagster.incidents.sampling.gains import gains
from monitoring_dagster.incidents.sampling.strata import BECAUSE
from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.profiles import storage
from monitoring_dagster.profiles.rows import database
from monitoring_dagster.reports.export import as_bytes
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import folder
from monitoring_dagster.telemetry.retention import expired, sweep
from tests.incidents_samples.shop import DAY, REF, Shop, incident

INPUTS = incident("drift|psi|region|all|all|")
PATH = f"shop/samples/{DAY}/{REF}.parquet"
TODAY = DAY + dt.timedelta(days=1)


def taken(shop: Shop, *kinds: Kind, about: Any = INPUTS) -> Sampled | Unsampled:
    return samples.take(shop.monitor, shop.lake, shop.take_day(*kinds), about, DAY)


def rows(shop: Shop, about: Any = INPUTS) -> pa.Table:
    table = samples.read(shop.lake, shop.monitor, about, today=TODAY)
    assert isinstance(table, pa.Table)
    return table


def moon(n: int = 200) -> list[str]:
    """Regions of a day of which every tenth request comes from one that nobody knew."""
    return ["moon" if i % 10 == 0 else ("north", "south")[i % 2] for i in range(n)]


def wrong(n: int = 200) -> list[int]:
    """Labels that contradict the 20 highest scores."""
    return [0 if i >= n - 20 else round(i / n) for i in range(n)]


def test_a_sample_tells_its_path_and_counts_and_holds_the_rows_that_show_the_incident(
    shop: Shop,
) -> None:
    shop.write_day(region=moon(), outcome=wrong())
    found = taken(shop)
    assert isinstance(found, Sampled)
    assert (found.path, found.rows) == (PATH, 100)
    assert sum(found.strata.values()) == 100
    assert list(found.strata) == ["gained_mass", "highest_loss", "near_threshold", "random_control"]
    sample = rows(shop).to_pylist()
    by = {stratum: [row for row in sample if row[BECAUSE] == stratum] for stratum in found.strata}
    assert {row["region"] for row in by["gained_mass"]} == {"moon"}
    assert all(row["score"] > 0.85 and row["outcome"] == 0 for row in by["highest_loss"][:15])
    assert all(0.4 <= row["score"] <= 0.6 for row in by["near_threshold"])
    assert len({row["id"] for row in sample}) == 100


def test_features_predictions_and_labels_of_a_row_belong_together(shop: Shop) -> None:
    shop.write_day(outcome=[i % 2 for i in range(200)])
    taken(shop)
    for row in rows(shop).to_pylist():
        place = int(row["id"].rsplit("-", 1)[1])
        assert (row["income"], row["score"], row["outcome"]) == (place, place / 200, place % 2)


def test_taking_it_again_gives_the_same_bytes_in_any_order_of_the_source(shop: Shop) -> None:
    shop.write_day(region=moon())
    taken(shop)
    first = shop.lake.read(PATH)
    taken(shop)
    assert shop.lake.read(PATH) == first

    for kind in Kind:
        source = pq.read_table(shop.path(kind))
        backwards = pa.array(range(source.num_rows - 1, -1, -1))
        shop.write(kind, source.take(backwards))
    taken(shop)
    assert shop.lake.read(PATH) == first
    assert shop.lake.list("shop/samples") == [PATH]


def test_what_is_kept_is_what_would_be_chosen_of_all_rows_at_once(shop: Shop) -> None:
    shop.write_day(region=moon(), outcome=wrong())
    frozen = shop.take_day()
    samples.take(shop.monitor, shop.lake, frozen, INPUTS, DAY)
    with ExitStack() as stack, database(None) as db:
        requests, _ = opened(shop.monitor, shop.lake, DAY, stack)
        assert requests is not None
        whole = requests.whole(db, [f"{DAY}-{i}" for i in range(200)])
    profile = storage.read_profile(shop.lake, "shop", DAY)
    assert profile is not None
    focus = Focus.of(INPUTS, shop.monitor)
    chosen = samples.choose(
        whole,
        monitor=shop.monitor,
        grid=frozen.grid,
        wanted=focus,
        gained=gains(shop.monitor, frozen.grid, frozen.profile, profile, focus),
        seed=f"{REF}:{DAY}",
    )
    assert rows(shop).equals(chosen)


@pytest.mark.parametrize("point", ["lake.written.parquet", "samples.kept"])
def test_a_sample_that_was_interrupted_is_taken_again_as_if_it_had_not_been(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    shop.write_day()
    frozen = shop.take_day()
    with monkeypatch.context() as world:
        world.setenv(VARIABLE, f"{point}=raise")
        with pytest.raises(FailpointReached):
            samples.take(shop.monitor, shop.lake, frozen, INPUTS, DAY)
    assert isinstance(samples.take(shop.monitor, shop.lake, frozen, INPUTS, DAY), Sampled)
    first = shop.lake.read(PATH)
    samples.take(shop.monitor, shop.lake, frozen, INPUTS, DAY)
    assert shop.lake.read(PATH) == first
    assert shop.lake.list("shop/samples") == [PATH]


def test_two_incidents_of_a_day_have_samples_and_controls_of_their_own(shop: Shop) -> None:
    shop.write_day()
    other = incident("drift|psi|region|all|all|", ref="MD-000001")
    taken(shop)
    taken(shop, about=other)
    assert len(shop.lake.list("shop/samples")) == 2
    assert not rows(shop).equals(rows(shop, other))


@pytest.mark.parametrize(
    ("cause", "column", "value"),
    [
        pytest.param(Cause(CauseKind.SEGMENT, "region=south"), "region", "south", id="segment"),
        pytest.param(Cause(CauseKind.VERSION, "2"), "version", "2", id="version"),
    ],
)
def test_a_sample_is_taken_from_the_incidents_part_of_the_traffic(
    shop: Shop, cause: Cause, column: str, value: str
) -> None:
    shop.write_day(version=["1", "1", "1", "2"] * 50)
    about = incident(cause=cause)
    found = taken(shop, about=about)
    assert isinstance(found, Sampled)
    assert set(rows(shop, about).column(column).to_pylist()) == {value}


def test_a_segment_whose_column_is_in_the_other_snapshot_is_found_there(shop: Shop) -> None:
    shop.write_day()
    south = incident(cause=Cause(CauseKind.SEGMENT, "region=south"))
    found = taken(shop, Kind.PREDICTIONS, about=south)
    assert found == Unsampled(Reason.NO_ROWS, f"no row of {DAY} lies in region=south")
    found = taken(shop, Kind.FEATURES, about=south)
    assert isinstance(found, Sampled)
    assert rows(shop, south).column("score").null_count == 0


@pytest.mark.parametrize(
    ("kinds", "empty"),
    [
        pytest.param([Kind.FEATURES], ["score", "outcome"], id="features alone"),
        pytest.param([Kind.PREDICTIONS], ["region", "outcome"], id="predictions alone"),
        pytest.param([Kind.FEATURES, Kind.PREDICTIONS], ["outcome"], id="no labels yet"),
    ],
)
def test_a_day_is_sampled_as_far_as_it_is_there(
    shop: Shop, kinds: list[Kind], empty: list[str]
) -> None:
    shop.write_day()
    found = taken(shop, *kinds)
    assert isinstance(found, Sampled)
    assert found.rows == 100
    assert all(rows(shop).column(name).null_count == 100 for name in empty)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"region": None}, id="a column that the source lacks"),
        pytest.param({"score": ["high"] * 200}, id="a score that is no number"),
        pytest.param({"outcome": [None] * 200}, id="labels without a value"),
        pytest.param(
            {"income": [float("nan")] * 100 + [float("inf")] * 100}, id="no finite number"
        ),
    ],
)
def test_a_broken_column_costs_no_sample(shop: Shop, changed: dict[str, Any]) -> None:
    shop.write_day(**changed)
    found = taken(shop, about=incident("drift|psi|income|all|all|", "drift|psi|region|all|all|"))
    assert isinstance(found, Sampled)
    assert found.rows == 100


def test_a_column_stored_under_another_declaration_is_null_and_stops_nothing(shop: Shop) -> None:
    shop.write_day()
    frozen = shop.take_day()
    shop.columns["income"] = {"role": "feature", "type": "category"}
    found = samples.take(
        shop.monitor, shop.lake, frozen, incident("drift|psi|income|all|all|"), DAY
    )
    assert isinstance(found, Sampled)
    assert rows(shop).column("income").null_count == 100


def test_a_day_without_a_snapshot_is_told(shop: Shop) -> None:
    found = samples.take(shop.monitor, shop.lake, shop.freeze(), INPUTS, DAY)
    why = "features and predictions: no snapshot"
    assert found == Unsampled(Reason.NO_SNAPSHOT, f"{DAY} cannot be sampled: {why}")
    assert shop.lake.list("shop/samples") == []


def test_a_day_whose_files_are_damaged_is_told(shop: Shop) -> None:
    shop.write_day()
    frozen = shop.take_day()
    for kind in Kind:
        for path in shop.lake.list(folder("shop", kind, DAY)):
            if path.endswith(".parquet"):
                shop.lake.write(path, b"not what was written")
    found = samples.take(shop.monitor, shop.lake, frozen, INPUTS, DAY)
    assert isinstance(found, Unsampled)
    assert found.reason is Reason.NO_SNAPSHOT
    assert "damaged" in found.text


def test_what_breaks_while_rows_are_read_is_told_without_a_value(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitoring_dagster.incidents.sampling import day

    def broken(*_: object) -> pa.Table:
        raise pa.ArrowInvalid("could not convert 'customer-1@example.org'")

    shop.write_day()
    frozen = shop.take_day()
    monkeypatch.setattr(day.Requests, "whole", broken)
    found = samples.take(shop.monitor, shop.lake, frozen, INPUTS, DAY)
    told = f"the snapshots of {DAY} could not be read (ArrowInvalid)"
    assert found == Unsampled(Reason.UNREADABLE, told)


# --- privacy -------------------------------------------------------------------------------


def everything(shop: Shop) -> bytes:
    """The sample's file, and its values where pages are compressed."""
    raw = shop.lake.read(PATH)
    return (
        raw + repr(rows(shop).to_pydict()).encode() + repr(pq.read_schema(io.BytesIO(raw))).encode()
    )


def test_neither_raw_identifiers_nor_undeclared_columns_reach_the_file(shop: Shop) -> None:
    shop.write_day(rows=100)
    found = taken(shop)
    content = everything(shop)
    for canary in (b"@example.org", b"customer-", b"canary", b"undeclared"):
        assert canary not in content
        assert canary not in repr(found).encode()
    assert all(c.startswith("pk1_") for c in rows(shop).column("customer").to_pylist())


def test_a_column_declared_direct_after_its_snapshot_was_taken_is_left_empty(shop: Shop) -> None:
    shop.columns["customer"] = {"role": "entity"}
    shop.write_day(rows=100)
    frozen = shop.take_day()
    shop.columns["customer"] = {"role": "entity", "privacy": "direct"}
    samples.take(shop.monitor, shop.lake, frozen, INPUTS, DAY)
    assert b"@example.org" not in everything(shop)
    assert rows(shop).column("customer").null_count == 100


def test_a_column_that_is_declared_no_longer_is_left_out(shop: Shop) -> None:
    shop.write_day(rows=100, diagnosis=["canary"] * 100)
    frozen = shop.take_day()
    del shop.columns["diagnosis"]
    samples.take(shop.monitor, shop.lake, frozen, INPUTS, DAY)
    assert b"canary" not in everything(shop)


def test_a_sensitive_column_is_kept_only_where_the_incident_is_about_it(shop: Shop) -> None:
    shop.write_day(rows=100, diagnosis=["canary"] * 100)
    taken(shop)
    assert "diagnosis" not in rows(shop).column_names
    assert "age" in rows(shop).column_names
    assert b"canary" not in everything(shop)
    taken(shop, about=incident("drift|psi|diagnosis|all|all|"))
    assert set(rows(shop).column("diagnosis").to_pylist()) == {"canary"}


def test_a_sample_is_readable_by_its_owner_only(shop: Shop) -> None:
    shop.write_day()
    taken(shop)
    with shop.lake.local(PATH) as file:
        assert file.stat().st_mode & 0o077 == 0


HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\tx",
    "\nx",
    '"quoted", text',
    "'; DROP TABLE a--",
]


def test_hostile_values_are_kept_as_they_are_and_exported_harmless(shop: Shop) -> None:
    shop.write_day(rows=200, region=HOSTILE * 25)
    found = taken(shop)
    assert isinstance(found, Sampled)
    sample = rows(shop)
    assert set(sample.column("region").to_pylist()) <= set(HOSTILE)
    read = list(csv.DictReader(io.StringIO(as_bytes(sample, "csv").decode(), newline="")))
    assert len(read) == 100
    assert not [v for row in read for v in row.values() if v.startswith(tuple("=+@\t\n"))]


def test_hostile_names_of_columns_ids_and_lakes_are_names(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.lake = Lake(str(tmp_path / "a [b]* 'c' $d"))
    odd = 'a"; DROP TABLE features; --'
    shop.columns[odd] = {"role": "feature", "type": "number", "source_name": "income"}
    del shop.columns["income"]
    shop.write_day()
    for kind in Kind:
        source = pq.read_table(shop.path(kind))
        ids = pa.array([f"'); DROP TABLE x; -- $ids {i}" for i in range(200)])
        shop.write(kind, source.set_column(0, "id", ids))
    found = taken(shop, about=incident(f"drift|psi|{odd}|all|all|"))
    assert isinstance(found, Sampled)
    assert found.strata["gained_mass"] == 0
    assert rows(shop).column(odd).null_count == 0


@pytest.mark.parametrize("ref", ["", "../../etc", "a/b", ".hidden", "x" * 64, "MD 1"])
def test_a_reference_that_is_a_path_is_refused(shop: Shop, ref: str) -> None:
    with pytest.raises(ValueError, match="is not the reference of an incident"):
        samples.keep(shop.lake, shop.monitor, ref, DAY, pa.table({"id": ["a"]}))
    about = incident(ref=ref)
    found = samples.read(shop.lake, shop.monitor, about, today=TODAY)
    assert isinstance(found, Unsampled)


def test_a_sample_without_rows_is_not_kept(shop: Shop) -> None:
    with pytest.raises(ValueError, match="has no rows"):
        samples.keep(shop.lake, shop.monitor, REF, DAY, pa.table({"id": pa.array([], pa.string())}))


# --- retention -----------------------------------------------------------------------------


def test_a_sample_expires_with_the_snapshots_of_its_day(shop: Shop) -> None:
    shop.write_day()
    taken(shop)
    last = DAY + dt.timedelta(days=30)
    after = last + dt.timedelta(days=1)
    assert f"shop/samples/{DAY}" not in expired(shop.lake, shop.monitor, last)
    assert f"shop/samples/{DAY}" in expired(shop.lake, shop.monitor, after)
    assert isinstance(samples.read(shop.lake, shop.monitor, INPUTS, today=last), pa.Table)

    told = f"the sample of {REF} is gone with the raw rows of its day, kept for 30 days"
    assert samples.read(shop.lake, shop.monitor, INPUTS, today=after) == Unsampled(
        Reason.EXPIRED, told
    )
    sweep(shop.lake, shop.monitor, after)
    assert shop.lake.list("shop/samples") == []
    assert samples.read(shop.lake, shop.monitor, INPUTS, today=after) == Unsampled(
        Reason.EXPIRED, told
    )


def test_a_sample_that_was_never_taken_is_told_apart_from_one_that_expired(shop: Shop) -> None:
    found = samples.read(shop.lake, shop.monitor, INPUTS, today=TODAY)
    assert found == Unsampled(Reason.NEVER_TAKEN, f"no sample of {REF} was taken")
    found = samples.read(shop.lake, shop.monitor, INPUTS, today=TODAY, day=DAY)
    assert found == Unsampled(Reason.NEVER_TAKEN, f"no sample of {REF} was taken on {DAY}")


def test_of_several_days_the_latest_is_read_unless_a_day_is_named(shop: Shop) -> None:
    for day, name in ((DAY, "first"), (TODAY, "second")):
        table = pa.table({"id": [name], BECAUSE: ["random_control"]})
        samples.keep(shop.lake, shop.monitor, REF, day, table)
    assert rows(shop).column("id").to_pylist() == ["second"]
    found = samples.read(shop.lake, shop.monitor, INPUTS, today=TODAY, day=DAY)
    assert not isinstance(found, Unsampled)
    assert found.column("id").to_pylist() == ["first"]


def test_a_damaged_sample_is_told_and_not_shown(shop: Shop) -> None:
    shop.write_day()
    taken(shop)
    content = bytearray(shop.lake.read(PATH))
    for place in range(200, 400):
        content[place] ^= 0xFF
    shop.lake.write(PATH, bytes(content))
    found = samples.read(shop.lake, shop.monitor, INPUTS, today=TODAY)
    assert isinstance(found, Unsampled)
    assert found.reason is Reason.DAMAGED
