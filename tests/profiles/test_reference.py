from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.errors import ReferenceMissing, ReferenceUnusable
from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.profiles import reference
from monitoring_dagster.profiles.outcomes import Outcomes
from monitoring_dagster.profiles.profile import EVERYTHING, Profile
from monitoring_dagster.profiles.reference import reference_id
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.sources import Access

FIRST = dt.date(2026, 1, 1)
DAYS = [FIRST + dt.timedelta(days=i) for i in range(6)]
AS_OF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
KEY = Pseudonyms(b"k" * 32)
COLUMNS = {
    "asked_at": {"role": "timestamp"},
    "income": {"role": "feature", "type": "number"},
    "region": {"role": "feature", "type": "category"},
    "score": {"role": "score"},
    "paid": {"role": "label", "type": "integer"},
}
ROWS = 40


def source(kind: str, where: str = "data") -> dict[str, str]:
    return {"kind": "parquet", "path": f"{where}/{kind}/{{date}}.parquet"}


def sources(where: str = "data") -> dict:
    return {
        "features": source("features", where),
        "predictions": source("predictions", where),
        "labels": {"source": source("labels", where), "maturity_days": 0},
    }


def write_day(root: Path, day: dt.date, *, where: str = "data", shift: float = 0.0) -> None:
    r = np.random.default_rng(day.toordinal())
    ids = [f"{day}-{i}" for i in range(ROWS)]
    times = [
        dt.datetime.combine(day, dt.time(int(h)), tzinfo=dt.UTC) for h in r.integers(0, 24, ROWS)
    ]
    tables = {
        "features": {
            "id": ids,
            "asked_at": times,
            "income": r.normal(10 + shift, 1, ROWS),
            "region": r.choice(["north", "south"], ROWS).tolist(),
        },
        "predictions": {"id": ids, "asked_at": times, "score": r.random(ROWS)},
        "labels": {"id": ids, "paid": r.integers(0, 2, ROWS)},
    }
    for kind, rows in tables.items():
        folder = root / where / kind
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(rows), folder / f"{day}.parquet")


@pytest.fixture
def world(tmp_path):
    """Six days of telemetry, and a lake beside it."""
    for day in DAYS:
        write_day(tmp_path, day)
    return tmp_path


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path / "lake"))


def monitor_on(monitor_of, **more):
    return monitor_of(
        COLUMNS,
        **{
            "telemetry": sources(),
            "reference": {"first_day": DAYS[0], "last_day": DAYS[-1]},
            "segments": [{"columns": ["region"]}],
            **more,
        },
    )


@pytest.fixture
def monitor(monitor_of):
    return monitor_on(monitor_of)


def freeze(monitor, lake, root):
    return reference.freeze(
        monitor,
        lake=lake,
        access=Access(roots=(str(root),), base=root),
        pseudonyms=KEY,
        as_of=AS_OF,
    )


def test_a_frozen_reference_is_what_was_counted_day_by_day(monitor, lake, world):
    frozen = freeze(monitor, lake, world)
    assert frozen.rows == 6 * ROWS
    assert list(frozen.days) == list(frozen.daily_outcomes) == DAYS
    assert frozen.created_at == AS_OF
    total = sum(frozen.days.values(), Profile.empty(frozen.grid.id))
    assert total.groups.keys() == frozen.profile.groups.keys()
    for group, counts in frozen.profile.groups.items():
        for name, column in counts.columns.items():
            assert column.cells.tolist() == total.column(name, group).cells.tolist()
    outcomes = sum(frozen.daily_outcomes.values(), Outcomes(frozen.grid.id, {}))
    scores = frozen.outcomes.performance[EVERYTHING].scores
    assert scores.tolist() == outcomes.performance[EVERYTHING].scores.tolist()
    assert frozen.outcomes.labels[EVERYTHING].labelled == 6 * ROWS
    assert {g.segment for g in frozen.profile.groups} == {"all", "region=north", "region=south"}


def test_every_reference_value_lies_within_its_own_grid(monitor, lake, world):
    frozen = freeze(monitor, lake, world)
    cells = frozen.profile.column("income").cells
    assert cells.sum() == 6 * ROWS
    assert cells[0] == cells[-1] == 0


def test_what_is_frozen_stays_whatever_becomes_of_the_sources(monitor, lake, world):
    first = freeze(monitor, lake, world)
    for day in DAYS:
        write_day(world, day, shift=1_000)
    again = freeze(monitor, lake, world)
    assert again.grid == first.grid
    assert again.profile.column("income").maximum < 100
    for kind in ("features", "predictions", "labels"):
        for day in DAYS:
            (world / f"data/{kind}/{day}.parquet").unlink()
    assert freeze(monitor, lake, world).grid.id == first.grid.id


def test_loading_needs_no_source_and_gives_the_same(monitor, lake, world):
    frozen = freeze(monitor, lake, world)
    loaded = reference.load(lake, monitor)
    assert loaded.grid == frozen.grid
    assert loaded.grid.id == frozen.profile.grid_id
    assert (loaded.id, loaded.rows, loaded.target_mean) == (frozen.id, frozen.rows, 0.0)


def test_a_reference_that_was_never_frozen_says_what_to_materialise(monitor, lake):
    with pytest.raises(ReferenceMissing, match=r"materialise the asset \[loans, reference\]"):
        reference.load(lake, monitor)


def test_days_without_rows_are_left_out_with_the_reason(monitor, lake, world):
    for kind in ("features", "predictions", "labels"):
        (world / f"data/{kind}/{DAYS[2]}.parquet").unlink()
    frozen = freeze(monitor, lake, world)
    assert list(frozen.days) == [d for d in DAYS if d != DAYS[2]]
    assert list(frozen.unusable) == [DAYS[2]]
    assert "features" in frozen.unusable[DAYS[2]]


def test_a_reference_without_any_row_is_refused_with_the_reasons(monitor, lake, tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(ReferenceUnusable) as raised:
        freeze(monitor, lake, tmp_path)
    text = str(raised.value)
    assert "2026-01-01 to 2026-01-06) has no day with rows" in text
    assert "correct reference.first_day, reference.last_day or its sources" in text
    (line,) = text.splitlines()[1:]
    assert line.startswith("2026-01-01, and likewise 5 more: features: there is no file ")
    assert f"; predictions: there is no file {tmp_path}/data/predictions/2026-01-01" in line
    assert "labels" not in line
    with pytest.raises(ReferenceMissing):
        reference.load(lake, monitor)


def test_a_freeze_that_was_refused_succeeds_once_there_is_data(monitor, lake, tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(ReferenceUnusable):
        freeze(monitor, lake, tmp_path)
    write_day(tmp_path, DAYS[3])
    assert list(freeze(monitor, lake, tmp_path).days) == [DAYS[3]]


def test_a_reference_may_have_sources_of_its_own(monitor_of, lake, world):
    for day in DAYS:
        write_day(world, day, where="validation", shift=500)
    monitor = monitor_on(
        monitor_of,
        reference={
            "first_day": DAYS[0],
            "last_day": DAYS[-1],
            "telemetry": sources("validation"),
        },
    )
    assert freeze(monitor, lake, world).profile.column("income").minimum > 400


def test_a_reference_may_be_made_of_stored_snapshots(monitor_of, lake, world):
    monitor = monitor_on(
        monitor_of,
        reference={"first_day": DAYS[0], "last_day": DAYS[-1], "snapshots": True},
        first_day=FIRST,
    )
    for day in DAYS[:4]:
        for kind in Kind:
            snapshots.take(
                monitor,
                kind,
                day,
                lake=lake,
                access=Access(roots=(str(world),), base=world),
                as_of=AS_OF,
                pseudonyms=KEY,
            )
    frozen = freeze(monitor, lake, world)
    assert list(frozen.days) == DAYS[:4]
    assert frozen.unusable[DAYS[4]] == "features and predictions: no snapshot"


def test_the_reference_has_no_outcomes_without_labels(monitor_of, lake, world):
    telemetry = {k: v for k, v in sources().items() if k != "labels"}
    columns = {n: c for n, c in COLUMNS.items() if n != "paid"}
    monitor = monitor_of(
        columns,
        telemetry=telemetry,
        reference={"first_day": DAYS[0], "last_day": DAYS[-1]},
    )
    frozen = freeze(monitor, lake, world)
    assert frozen.outcomes is None
    assert not frozen.daily_outcomes


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param({"description": "other words"}, id="the description"),
        pytest.param({"schedule": {"hour": 3}}, id="the schedule"),
        pytest.param({"telemetry": sources("moved")}, id="where production's data lies"),
        pytest.param(
            {"slos": [{"name": "s", "metric": "accuracy", "at_least": 0.5}]}, id="an objective"
        ),
        pytest.param(
            {"segments": [{"columns": ["region"], "protected": True}]}, id="a segment's protection"
        ),
    ],
)
def test_editing_does_not_unfreeze(monitor_of, edit):
    assert reference_id(monitor_on(monitor_of, **edit)) == reference_id(monitor_on(monitor_of))


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param({"model": {"threshold": 0.6}}, id="the threshold"),
        pytest.param({"segments": []}, id="the segments"),
        pytest.param({"time_zone": "Europe/Paris"}, id="the time zone"),
        pytest.param(
            {"reference": {"first_day": DAYS[0], "last_day": DAYS[1]}}, id="the reference window"
        ),
    ],
)
def test_editing_unfreezes(monitor_of, edit):
    assert reference_id(monitor_on(monitor_of, **edit)) != reference_id(monitor_on(monitor_of))
