"""Mistakes at the command line: what is wrong and what to do in words, and no traceback.

What the loader says of a document is tested with the loader; here is what a person sees.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitoring_dagster.cli import app
from monitoring_dagster.metrics.catalogue import OF_EVERY_TASK, OF_TASK
from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.store import Store
from tests.small_world import SmallWorld, days_from
from tests.store.builders import evaluation, row

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's and GX's own, not ours

REFERENCE = days_from(dt.date(2026, 1, 1), 3)
DAYS = days_from(dt.date(2026, 1, 8), 2)
MENDED, MISUSED = 1, 2


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallWorld:
    small = SmallWorld(tmp_path, reference=REFERENCE, days=DAYS, rows=60)
    for name, value in small.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return small


@pytest.fixture
def measured(world: SmallWorld) -> SmallWorld:
    """A deployment whose store holds one day of a metric of a column, in two segments."""
    store = Store(f"sqlite:///{world.home / 'store.db'}")
    store.upgrade()
    rows = [row("psi", "income", segment=s) for s in ("all", "region=north")]
    store.record(evaluation(day=DAYS[0], monitor="small"), [*rows, row("roc_auc", "")])
    return world


def refused(*arguments: object, code: int = MENDED) -> str:
    result = CliRunner(env={"COLUMNS": "400"}).invoke(app, [str(a) for a in arguments])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(
            ["--metric", "rocauc"],
            "nothing was measured of metric 'rocauc'; did you mean roc_auc?",
            id="a metric that nobody measures",
        ),
        pytest.param(
            ["--column", "incom"],
            "nothing was measured of column 'incom'; did you mean income?",
            id="a column that the monitor lacks",
        ),
        pytest.param(
            ["--metric", "zzz"],
            "nothing was measured of metric 'zzz'; there are psi, roc_auc",
            id="a metric like no other",
        ),
        pytest.param(
            ["--segment", "region=nort"],
            "nothing was measured of segment 'region=nort'; did you mean region=north?",
            id="a segment that does not occur",
        ),
        pytest.param(
            ["--metric", "psi", "--from", "2027-01-01"],
            "small has no measurement with metric 'psi', segment 'all', model_version 'all' on "
            "these days; it has 2026-01-08 to 2026-01-08",
            id="days without measurements",
        ),
    ],
)
def test_a_question_without_an_answer_names_what_there_is(
    measured: SmallWorld, arguments: list[str], told: str
) -> None:
    assert refused("measurements", "small", *arguments) == f"{told}\n"


def test_a_monitor_that_was_never_measured_is_named(measured: SmallWorld) -> None:
    text = refused("measurements", "smal")
    assert text == "nothing was measured of a monitor 'smal'; did you mean small?\n"


def test_before_the_first_run_nothing_is_measured_and_nothing_is_broken(world: SmallWorld) -> None:
    assert refused("measurements", "small").startswith("nothing was measured yet; ")
    doctor = CliRunner().invoke(app, ["doctor"])
    assert doctor.exit_code == 0, doctor.output
    assert "store.db will be made at the first run" in doctor.output
    assert refused("measurements", "small").startswith("nothing was measured yet; ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(
            ["measurements", "small", "--from", "2026-13-01"],
            "'2026-13-01' is no day; required is one such as 2026-01-31",
            id="a day that does not exist",
        ),
        pytest.param(
            ["run", "small", "--from", "yesterday", "--to", "2026-01-08"],
            "'yesterday' is no day; required is one such as 2026-01-31",
            id="a word for a day",
        ),
        pytest.param(
            ["measurements", "small", "--format", "parquet"],
            "--format parquet needs --output FILE",
            id="parquet at the terminal",
        ),
        pytest.param(
            ["measurements", "small", "--output", "table.txt"],
            "--output needs --format csv, json or parquet",
            id="a table in a file",
        ),
    ],
)
def test_arguments_that_say_nothing_are_told_as_misuse(
    measured: SmallWorld, arguments: list[str], told: str
) -> None:
    assert told in refused(*arguments, code=MISUSED)


def test_a_file_that_cannot_be_written_is_named(measured: SmallWorld) -> None:
    text = refused("measurements", "small", "--format", "csv", "--output", "none/out.csv")
    assert text == "none/out.csv: no such file or directory\n"


def test_a_day_that_is_not_over_is_refused(world: SmallWorld) -> None:
    text = refused("run", "small", "--from", DAYS[0], "--to", "2999-01-01")
    assert text == "2999-01-01 is not over in UTC; run it tomorrow\n"


def test_a_monitor_that_is_not_there_is_named_with_those_like_it(world: SmallWorld) -> None:
    text = refused("run", "smal", "--from", DAYS[0], "--to", DAYS[0])
    assert text == f"no valid monitor 'smal' in {world.monitors}; did you mean small?\n"


def test_a_folder_of_monitors_that_does_not_exist_is_told(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITORING_DAGSTER_MONITORS", str(world.home / "none"))
    told = f"{world.home}/none: does not exist; `monitoring-dagster init` writes a first monitor\n"
    assert refused("check") == told
    assert refused("run", "small", "--from", DAYS[0], "--to", DAYS[0]).startswith(told)


def test_a_home_that_cannot_be_made_is_told_by_every_command_that_needs_it(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.home / "file").touch()
    home = world.home / "file" / "home"
    monkeypatch.setenv("MONITORING_DAGSTER_HOME", str(home))
    monkeypatch.delenv("DAGSTER_HOME")
    told = f"the home {home} cannot be made (Not a directory); set MONITORING_DAGSTER_HOME to"
    for command in (["run", "small", "--from", DAYS[0], "--to", DAYS[0]], ["db", "upgrade"]):
        assert refused(*command).startswith(told)
    text = refused("doctor")
    assert f"MEND  home: {told}" in text
    assert f"MEND  dagster home: {world.home}/file cannot be written" in text


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        pytest.param(
            "MONITORING_DAGSTER_SENSOR_SECONDS",
            "often",
            "MONITORING_DAGSTER_SENSOR_SECONDS is 'often'; required is a whole number of at least",
            id="seconds that are no number",
        ),
        pytest.param(
            "MONITORING_DAGSTER_LAKE_URL",
            "nowhere://bucket",
            "MEND  lake: the lake 'nowhere://bucket' cannot be opened",
            id="a lake on a file system that is not installed",
        ),
        pytest.param(
            "MONITORING_DAGSTER_STORE_URL",
            "mysql://me:hidden@host/db",
            "MEND  store: the store does not run on mysql; it needs SQLite or PostgreSQL",
            id="a store on another database",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    text = refused("doctor")
    assert told in text
    assert "hidden" not in text


def test_an_objective_on_a_metric_that_nobody_measures_is_told_with_its_line(
    world: SmallWorld,
) -> None:
    document = world.write_monitor()
    lines = len(document.read_text().splitlines())
    with document.open("a") as file:
        file.write("slos:\n  - {name: good, metric: rocauc, at_least: 0.7}\n")
    assert refused("check") == (
        f"{document}:{lines + 2}: slos[0].metric: got 'rocauc', which is no metric of a binary "
        "model; did you mean roc_auc?\n"
    )


def test_a_reference_that_cannot_be_frozen_is_told_once_and_no_day_is_run(
    world: SmallWorld,
) -> None:
    for day in REFERENCE:
        world.source("features", day).unlink()
        world.source("predictions", day).unlink()
    text = refused("run", "small", "--from", DAYS[0], "--to", DAYS[1])
    assert text.splitlines()[0].startswith("the reference of monitor small (2026-01-01 to 2026-01-")
    assert len(text.splitlines()) == 2
    assert text.splitlines()[1].startswith("2026-01-01, and likewise 2 more: features: there is no")
    assert not (world.home / "lake/small/snapshots").exists()


def test_a_store_that_was_lost_is_told_before_any_day_is_run(world: SmallWorld) -> None:
    snapshot = world.home / "lake/small/snapshots/features/2026-01-08/manifest.json"
    snapshot.parent.mkdir(parents=True)
    snapshot.write_text("{}")
    text = refused("run", "small", "--from", DAYS[0], "--to", DAYS[1])
    assert text.startswith(f"the store sqlite:///{world.home}/store.db cannot be used: ")
    assert "restore it from a backup" in text
    assert len(text.splitlines()) == 1
    assert snapshot.read_text() == "{}"


def test_a_run_says_what_it_could_not_measure(world: SmallWorld) -> None:
    world.write_inputs(DAYS[0], income=None)
    result = CliRunner().invoke(app, ["run", "small", "--from", str(DAYS[0]), "--to", str(DAYS[0])])
    assert result.exit_code == 0, result.output
    assert "measurements, " in result.output
    assert "column_missing on 2026-01-08: income: the source has no column 'income'" in (
        result.output
    )
    table = CliRunner().invoke(app, ["measurements", "small", "--column", "income"])
    assert "small, 2026-01-08, income" in table.output
    store = Store(f"sqlite:///{world.home / 'store.db'}")
    assert set(store.known("metric", "small")) <= OF_EVERY_TASK | OF_TASK[Task.BINARY]
    assert max(map(len, table.output.splitlines())) <= 120


def test_a_draft_starts_from_the_home_and_brings_the_schema_for_editors(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = world.source("features", DAYS[0])
    monkeypatch.chdir(sample.parent)
    result = CliRunner().invoke(app, ["init", sample.name, "--name", "drafted"])
    assert result.exit_code == 0, result.output
    text = (world.monitors / "drafted.yaml").read_text()
    assert "path: telemetry/features/{date}.parquet" in text
    assert (world.monitors / "monitor.schema.json").is_file()
    assert "exists; remove it first" in refused("init", sample.name, "--name", "drafted")
