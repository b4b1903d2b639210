"""Days through the command line: what a person at a terminal gets, whatever the input is like."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path

import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from monitoring_dagster.cli import app
from monitoring_dagster.store import Store
from tests.small_world import SmallWorld, days_from

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's and GX's own, not ours

REFERENCE = days_from(dt.date(2026, 1, 1), 7)
DAYS = days_from(dt.date(2026, 1, 8), 4)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallWorld:
    small = SmallWorld(tmp_path, reference=REFERENCE, days=DAYS)
    for name, value in small.env.items():
        monkeypatch.setenv(name, value)
    return small


def monitoring(*arguments: object, succeeds: bool = True) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert (result.exit_code == 0) is succeeds, result.output
    return result.output


def run(first: dt.date = DAYS[0], last: dt.date = DAYS[-1], *options: str) -> str:
    return monitoring("run", "small", "--from", first, "--to", last, *options)


def measured(world: SmallWorld, **wanted: object) -> list[dict[str, object]]:
    store = Store(f"sqlite:///{world.home / 'store.db'}")
    wanted = {"segment": "all", "model_version": "all"} | wanted
    return store.measurements("small", **wanted).to_pylist()


def everything(world: SmallWorld) -> pa.Table:
    table = Store(f"sqlite:///{world.home / 'store.db'}").measurements("small")
    return table.drop_columns(["computed_at"])


def test_the_printed_auc_is_scikit_learns_on_the_raw_rows(world: SmallWorld) -> None:
    for day in DAYS:
        world.write_labels(day)
    run()
    printed = monitoring(
        "measurements", "small", "--metric", "roc_auc", "--from", DAYS[0], "--to", DAYS[-1],
        "--format", "csv",
    )  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [row["day"] for row in rows] == [str(day) for day in DAYS]
    for day, row in zip(DAYS, rows, strict=True):
        frame = world.frame(day)
        truth = roc_auc_score(frame["outcome"], frame["probability"])
        assert float(row["value"]) == pytest.approx(truth, abs=1e-4)
        assert float(row["ci_low"]) < truth < float(row["ci_high"])
        assert (row["n"], row["coverage"], row["status"]) == ("200", "1.0", "ok")
        assert row["maturity"] == "final"


def test_running_a_day_twice_changes_nothing(world: SmallWorld) -> None:
    world.write_labels(DAYS[0])
    run()
    files = {p: p.read_bytes() for p in sorted((world.home / "lake").rglob("*.parquet"))}
    before = everything(world)
    run()
    assert everything(world).equals(before)
    assert {p: p.read_bytes() for p in sorted((world.home / "lake").rglob("*.parquet"))} == files


def test_a_broken_column_leaves_the_other_columns_computed(world: SmallWorld) -> None:
    world.write_inputs(DAYS[1], income=None)
    world.write_inputs(DAYS[2], income=["not a number"] * world.rows)
    run()
    of_income = {row["day"]: row for row in measured(world, metric="wasserstein", column="income")}
    of_age = {row["day"]: row for row in measured(world, metric="wasserstein", column="age")}
    assert {row["status"] for row in of_age.values()} == {"ok"}
    assert of_income[DAYS[0]]["status"] == "ok"
    assert of_income[DAYS[1]]["reason"] == "column_missing"
    assert of_income[DAYS[2]]["reason"] == "column_unreadable"


def test_a_broken_day_leaves_the_other_days_computed(world: SmallWorld) -> None:
    world.source("features", DAYS[1]).write_bytes(b"PAR1 this is no Parquet file PAR1")
    world.source("predictions", DAYS[2]).unlink()
    run()
    rows = {row["day"]: row for row in measured(world, metric="jensen_shannon", column="region")}
    assert [rows[day]["status"] == "ok" for day in DAYS] == [True, False, True, True]
    assert rows[DAYS[1]]["reason"] == "source_unreadable"
    scores = {r["day"]: r for r in measured(world, metric="wasserstein", column="probability")}
    assert scores[DAYS[2]]["reason"] == "source_missing"


def test_a_broken_document_stops_its_own_monitor_only(world: SmallWorld) -> None:
    world.write_monitor("broken", **{"task: binary": "task: binry"})
    problems = monitoring("check", succeeds=False)
    assert "broken.yaml:7: model.task" in problems
    assert "small: valid" in problems
    run(DAYS[0], DAYS[0])
    assert measured(world, metric="rows")


def test_a_column_condemned_by_a_check_is_withheld_and_says_so(world: SmallWorld) -> None:
    world.write_inputs(DAYS[1], income=[None] * (world.rows - 40) + [30_000.0] * 40)
    run()
    rows = {row["day"]: row for row in measured(world, metric="wasserstein", column="income")}
    assert rows[DAYS[1]]["status"] == "suppressed"
    assert rows[DAYS[1]]["reason"] == "quality_check_failed"
    assert "income" in str(rows[DAYS[1]]["detail"])
    assert rows[DAYS[2]]["status"] == "ok"


def test_a_replayed_day_knows_only_what_its_next_morning_knew(world: SmallWorld) -> None:
    for day in DAYS:
        world.write_labels(day)
    run(DAYS[0], DAYS[-1], "--replay")
    assert {row["maturity"] for row in measured(world, metric="roc_auc")} == {"final"}
    assert {row["status"] for row in measured(world, metric="roc_auc")} == {"ok"}


def test_a_raw_identifier_reaches_no_file(world: SmallWorld) -> None:
    run(DAYS[0], DAYS[0])
    stored = [p for p in world.home.rglob("*") if p.is_file() and "telemetry" not in p.parts]
    assert stored
    assert not [p for p in stored if b"customer-1@example.org" in p.read_bytes()]


def test_a_range_beyond_the_monitors_days_is_refused_in_words(world: SmallWorld) -> None:
    text = monitoring("run", "small", "--from", "2025-12-01", "--to", DAYS[0], succeeds=False)
    assert "small watches 2026-01-08 to today" in text


def test_the_doctor_finds_a_healthy_deployment_well(world: SmallWorld) -> None:
    run(DAYS[0], DAYS[0])
    text = monitoring("doctor")
    assert "MEND" not in text
    assert "a key of this test alone" not in text


def test_a_day_past_its_retention_loses_its_rows_and_keeps_its_numbers(world: SmallWorld) -> None:
    run()
    numbers = everything(world)
    world.write_monitor("small", **{"segments:": "retention: {snapshots_days: 5}\nsegments:"})
    listed = monitoring("retention", "small").split()
    assert [path for path in listed if "small/snapshots/features" in path] == [
        f"small/snapshots/features/{day}" for day in DAYS
    ]
    assert monitoring("retention", "small", "--drop").split() == listed
    assert not list((world.home / "lake/small/snapshots").rglob("*.parquet"))
    assert monitoring("retention", "small") == ""
    run()
    assert (
        everything(world)
        .drop_columns(["config_hash"])
        .equals(numbers.drop_columns(["config_hash"]))
    )
