"""Claims about the telemetry that the example writes: what arrives, when, and filed where."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from examples.flights import stages, telemetry, train
from monitoring_dagster.monitors.calendar import taken_at
from monitoring_dagster.monitors.contract import ColumnType, Kind

NEW_YORK = ZoneInfo("America/New_York")
STORM, SUNDAY = dt.date(2013, 3, 8), dt.date(2013, 3, 10)
NEXT = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def folder(
    few_days: pa.Table,
    scores: np.ndarray,
    deployment: telemetry.Deployment,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The telemetry of five days."""
    written = tmp_path_factory.mktemp("telemetry")
    assert telemetry.write(few_days, scores, deployment, written) == 15
    return written


def _read(folder: Path, kind: str, day: dt.date) -> pa.Table:
    return pq.read_table(folder / kind / f"{day}.parquet")


def _whole(folder: Path, kind: str) -> pa.Table:
    return pa.concat_tables(pq.read_table(p) for p in sorted((folder / kind).iterdir()))


def test_each_flight_is_asked_about_once(folder: Path, few_days: pa.Table) -> None:
    flights = sorted(few_days["flight_id"].to_pylist())
    assert sorted(_whole(folder, "features")["flight_id"].to_pylist()) == flights
    assert sorted(_whole(folder, "predictions")["flight_id"].to_pylist()) == flights


def test_only_flights_that_arrived_get_a_label(folder: Path, few_days: pa.Table) -> None:
    arrived = few_days.filter(few_days["is_late"].is_valid())
    labels = _whole(folder, "labels")
    assert labels.num_rows == arrived.num_rows < few_days.num_rows
    assert dict(
        zip(*labels.select(["flight_id", "is_late"]).to_pydict().values(), strict=True)
    ) == (dict(zip(*arrived.select(["flight_id", "is_late"]).to_pydict().values(), strict=True)))


@pytest.mark.parametrize(
    "day", [pytest.param(STORM, id="a storm"), pytest.param(SUNDAY - NEXT, id="a short night")]
)
def test_labels_are_filed_under_the_day_on_which_they_become_known(
    folder: Path, day: dt.date
) -> None:
    labels = _read(folder, "labels", day + NEXT)
    known = [at.astimezone(NEW_YORK) for at in labels["known_at"].to_pylist()]
    assert {at.date() for at in known} == {day + NEXT}
    assert all(dt.time(2) <= at.time() < dt.time(20) for at in known)
    assert {flight[:10] for flight in labels["flight_id"].to_pylist()} == {str(day)}


def test_when_the_day_is_taken_a_part_of_its_labels_is_known(folder: Path) -> None:
    labels = _read(folder, "labels", STORM + NEXT)
    morning = taken_at(stages.monitor(), STORM)
    known = [at <= morning for at in labels["known_at"].to_pylist()]
    assert np.mean(known) == pytest.approx(4 / 18, abs=0.05)


def test_no_outcome_is_known_before_the_plane_is_at_its_gate(
    folder: Path, few_days: pa.Table
) -> None:
    joined = _whole(folder, "labels").join(
        few_days.select(["flight_id", "at_gate_at"]), "flight_id"
    )
    known_at, at_gate_at = joined["known_at"].to_pylist(), joined["at_gate_at"].to_pylist()
    assert all(known >= there for known, there in zip(known_at, at_gate_at, strict=True))


@pytest.mark.parametrize(
    ("kind", "instant"),
    [("features", "scheduled_at"), ("predictions", "scored_at")],
    ids=["features by their departure", "predictions by their scoring"],
)
def test_telemetry_lies_within_the_day_it_is_filed_under(
    folder: Path, kind: str, instant: str
) -> None:
    for day in (STORM, SUNDAY):
        moments = _read(folder, kind, day)[instant].to_pylist()
        assert {at.astimezone(NEW_YORK).date() for at in moments} == {day}


def test_rows_are_in_the_order_of_their_arrival(folder: Path) -> None:
    for kind, instant in (("predictions", "scored_at"), ("labels", "known_at")):
        at = _read(folder, kind, STORM)[instant].cast(pa.timestamp("us")).to_numpy()
        assert (np.diff(at) >= np.timedelta64(0)).all()
    asked, scored = (_read(folder, kind, STORM) for kind in ("features", "predictions"))
    assert asked["flight_id"].equals(scored["flight_id"])


def test_a_request_that_failed_has_neither_score_nor_decision(folder: Path) -> None:
    rows = _whole(folder, "predictions").to_pylist()
    failed = [row for row in rows if row["status"] == "timeout"]
    assert 0 < len(failed) < 0.01 * len(rows)
    assert {(row["score"], row["decision"], row["latency_ms"]) for row in failed} == {
        (None, None, 1_000.0)
    }


def test_the_decision_is_the_score_against_the_threshold(
    folder: Path, deployment: telemetry.Deployment
) -> None:
    answered = [r for r in _whole(folder, "predictions").to_pylist() if r["status"] == "ok"]
    assert all(r["decision"] == (r["score"] >= deployment.threshold) for r in answered)
    assert {r["model_version"] for r in answered} == {"1"}


def test_written_twice_every_byte_is_the_same(
    folder: Path,
    few_days: pa.Table,
    scores: np.ndarray,
    deployment: telemetry.Deployment,
    tmp_path: Path,
) -> None:
    heard: list[tuple[int, int]] = []
    telemetry.write(few_days, scores, deployment, tmp_path, report=lambda *said: heard.append(said))
    assert _bytes(tmp_path) == _bytes(folder)
    assert heard == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_a_day_is_the_same_whichever_days_are_written_with_it(
    folder: Path, few_days: pa.Table, scores: np.ndarray, deployment: telemetry.Deployment
) -> None:
    alone = train.between(few_days, (STORM, STORM))
    of_storm = np.flatnonzero(few_days["day"].to_numpy() == np.datetime64(STORM))
    events = telemetry.events_of(STORM, alone, scores[of_storm], deployment)
    assert set(events) == {("features", STORM), ("predictions", STORM), ("labels", STORM + NEXT)}
    for (kind, filed_under), table in events.items():
        assert table.equals(_read(folder, kind, filed_under))


@pytest.mark.parametrize("kind", list(Kind))
def test_the_monitor_declares_exactly_what_is_written(folder: Path, kind: Kind) -> None:
    declared = stages.monitor().columns_of(kind)
    written = pq.read_schema(folder / kind / f"{STORM}.parquet")
    assert set(written.names) == set(declared)
    types = {
        ColumnType.INTEGER: pa.int64(),
        ColumnType.NUMBER: pa.float64(),
        ColumnType.CATEGORY: pa.string(),
        ColumnType.TEXT: pa.string(),
        ColumnType.TIMESTAMP: pa.timestamp("us", "UTC"),
    }
    assert {n: written.field(n).type for n in declared} == {
        n: types[column.stored_type] for n, column in declared.items()
    }


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.parquet")}
