"""Verdicts through the command line: what breaks is told, what changes is followed forward."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from monitoring_dagster.cli import app
from monitoring_dagster.store import Docket, Store
from tests.small_world import SmallWorld, days_from

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's and GX's own, not ours

REFERENCE = days_from(dt.date(2026, 1, 1), 21)
DAYS = days_from(dt.date(2026, 1, 22), 6)
CONDEMNED, DRIFTED = DAYS[1], DAYS[3]
SLOS = """\
slos:
  - {name: exactness, metric: accuracy, at_least: 0.6, target: 0.9, window_days: 7}
segments:"""


class World(SmallWorld):
    """The small world, its store, and the commands that are run on it."""

    @property
    def store(self) -> Store:
        return Store(f"sqlite:///{self.home / 'store.db'}")

    def run(self, first: dt.date = DAYS[0], last: dt.date = DAYS[-1]) -> None:
        monitoring("run", "small", "--from", first, "--to", last)

    def verdicts(self, **wanted: Any) -> list[dict[str, Any]]:
        return self.store.verdicts("small", **wanted).to_pylist()

    def states(self) -> dict[dt.date, str]:
        def work(docket: Docket) -> dict[dt.date, str]:
            return {day: docket.state_after(day) for day in docket.evaluated_since(DAYS[0])}

        return self.store.look_up("small", work)

    def revisions(self) -> dict[dt.date, int]:
        table = self.store.evaluations("small", stage="evaluation").to_pylist()
        return {row["day"]: row["revision"] for row in table}

    def write_wrong_labels(self, day: dt.date) -> None:
        frame = self.frame(day)
        labels = {"request": frame["request"], "outcome": 1 - frame["outcome"]}
        pq.write_table(pa.table(labels), self.source("labels", day))


def monitoring(*arguments: object, succeeds: bool = True) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert (result.exit_code == 0) is succeeds, result.output
    return result.output


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Six days: on one incomes came in cents, on one they rose. Evaluated once, in order."""
    home = tmp_path_factory.mktemp("evaluated")
    small = World(home, reference=REFERENCE, days=DAYS, rows=400)
    small.write_monitor(**{"segments:": SLOS})
    small.write_inputs(CONDEMNED, income=100 * small.frame(CONDEMNED)["income"])
    small.write_inputs(DRIFTED, income=1.4 * small.frame(DRIFTED)["income"])
    for day in DAYS:
        small.write_labels(day)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in small.env.items():
            patch.setenv(name, value)
        small.run()
        yield small


def psi_of_income(world: World) -> dict[dt.date, dict[str, Any]]:
    wanted = {"rule": "drift", "metric": "psi", "column": "income", "segment": "all"}
    return {row["day"]: row for row in world.verdicts(**wanted)}


def test_a_drifted_feature_warns_on_its_day_and_on_no_other(world: World) -> None:
    psi = psi_of_income(world)
    assert list(psi) == DAYS
    assert [day for day, row in psi.items() if row["verdict"] == "warn"] == [DRIFTED]
    told = psi[DRIFTED]
    assert (told["reason"], told["since"], told["days"]) == ("sudden", DRIFTED, 1)
    assert told["value"] > told["null_high"]
    assert told["effect"] > told["minimum_effect"]
    assert "`income` moved by" in told["text"]


def test_a_column_that_the_checks_condemned_pages_once_and_is_not_judged(world: World) -> None:
    (page,) = world.verdicts(level="critical")
    assert (page["day"], page["rule"], page["column"]) == (CONDEMNED, "data", "income")
    assert "income must be at least 0" in page["text"]
    withheld = psi_of_income(world)[CONDEMNED]
    assert (withheld["verdict"], withheld["reason"]) == ("suppressed", "quality_check_failed")


def test_every_judged_measurement_carries_its_verdict_and_what_chance_explains(
    world: World,
) -> None:
    table = world.store.measurements("small", metric="psi", column="income", segment="all")
    rows = {r["day"]: r for r in table.to_pylist() if r["model_version"] == "all"}
    assert {day: row["verdict"] for day, row in rows.items()} == {
        day: row["verdict"] for day, row in psi_of_income(world).items()
    }
    del rows[CONDEMNED]
    for day, row in rows.items():
        assert (row["value"] > row["null_high"]) is (day == DRIFTED)


def test_quiet_days_have_no_alert(world: World) -> None:
    alerted = {r["day"] for r in world.verdicts() if r["verdict"] in ("warn", "critical")}
    assert alerted <= {CONDEMNED, DRIFTED, DRIFTED + dt.timedelta(1)}
    assert {r["verdict"] for r in world.verdicts(rule="objective")} == {"ok"}


def test_nothing_could_have_been_known_earlier_than_it_is_said(world: World) -> None:
    evaluations = world.store.evaluations("small").to_pylist()
    as_of = {(e["day"], e["stage"]): e["as_of"] for e in evaluations}
    stages = {"drift": "drift", "performance": "performance", "operations": "operations"}
    for row in world.verdicts():
        if (stage := stages.get(row["rule"])) is not None:
            assert row["known_at"] == as_of[row["day"], stage]


def test_the_terminal_shows_what_alerts(world: World) -> None:
    text = " ".join(monitoring("verdicts", "small").split())
    assert "income" in text
    assert "moved by" in text
    printed = monitoring("verdicts", "small", "--rule", "drift", "--format", "csv")
    rows = pa.csv.read_csv(io.BytesIO(printed.encode())).to_pylist()
    assert {row["day"] for row in rows if row["column"] == "income"} == {DRIFTED}


def test_evaluating_again_writes_nothing(world: World) -> None:
    before, revisions = world.store.verdicts("small"), world.revisions()
    world.run(DAYS[0], DAYS[1])
    assert world.store.verdicts("small").equals(before)
    assert world.revisions() == revisions


def bytes_of(world: World) -> dict[Path, str]:
    """What every file holds; the store as its rows, since opening a database touches its files."""
    store = [p for p in world.home.rglob("*") if p.name.startswith("store.db")]
    files = [p for p in sorted(world.home.rglob("*")) if p.is_file() and p not in store]
    return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def rows_of(world: World) -> dict[str, list[Any]]:
    def work(connection: sa.Connection) -> dict[str, list[Any]]:
        names = sa.inspect(connection).get_table_names()
        return {n: connection.execute(sa.text(f'SELECT * FROM "{n}"')).all() for n in names}  # type: ignore[misc]

    return world.store.read(work)


def changed_document(world: World, tmp_path: Path, **changes: str) -> Path:
    text = (world.monitors / "small.yaml").read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_backtest_says_which_alerts_vanish_and_touches_nothing(
    world: World, tmp_path: Path
) -> None:
    least = "minimum_effects: {important: 9.0, other: 9.0}\nsegments:"
    blind = changed_document(world, tmp_path, **{"segments:": least})
    files, rows = bytes_of(world), rows_of(world)
    text = " ".join(monitoring("backtest", "small", "--config", blind).split())
    assert bytes_of(world) == files
    assert rows_of(world) == rows
    appear, vanish = text.lower().index("appear"), text.lower().index("vanish")
    assert f"warning {DRIFTED}: `income` moved by" in text[vanish:]
    assert "income" not in text[appear:vanish]
    assert "false alarms on 1.00 % of days" in text  # nine tenths of one in 90


def test_a_backtest_says_which_alerts_appear(world: World, tmp_path: Path) -> None:
    strict = changed_document(world, tmp_path, **{"at_least: 0.6": "at_least: 0.99"})
    text = " ".join(monitoring("backtest", "small", "--config", strict).split())
    assert f"page {DAYS[0]} to {DAYS[-1]} (6 days): exactness" in text


def test_a_backtest_of_another_reference_is_refused(world: World, tmp_path: Path) -> None:
    other = changed_document(world, tmp_path, **{f"{REFERENCE[0]}": f"{REFERENCE[1]}"})
    text = monitoring("backtest", "small", "--config", other, succeeds=False)
    assert "counts differently" in " ".join(text.split())


def test_a_day_with_other_labels_is_judged_anew_with_the_days_after_it(world: World) -> None:
    before, revisions, verdicts = world.states(), world.revisions(), world.verdicts()
    world.write_wrong_labels(DAYS[2])
    world.run(DAYS[2], DAYS[2])
    after, anew = world.states(), world.revisions()
    assert [day for day in DAYS if after[day] != before[day]] == DAYS[2:]
    assert [day for day in DAYS if anew[day] != revisions[day]] == DAYS[2:]
    (accuracy,) = world.verdicts(
        rule="performance", metric="accuracy", segment="all", first_day=DAYS[2], last_day=DAYS[2]
    )
    assert accuracy["verdict"] == "critical"
    budget = {r["day"]: r for r in world.verdicts(rule="objective")}
    assert budget[DAYS[1]]["verdict"] == "ok"
    assert budget[DAYS[2]]["verdict"] != "ok"
    assert budget[DAYS[5]]["evidence"] > 0  # the bad day burns its budget on later days, too
    world.write_labels(DAYS[2])
    world.run(DAYS[2], DAYS[2])
    assert world.states() == before
    assert told(world.verdicts()) == told(verdicts)


def told(verdicts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    evaluated = ("evaluation_id", "revision", "computed_at", "known_at")
    return [{k: v for k, v in row.items() if k not in evaluated} for row in verdicts]


def test_an_accepted_normal_is_audited_and_judges_its_days_anew(world: World) -> None:
    before, revisions = world.states(), world.revisions()
    text = monitoring(
        "accept", "small", "--since", DAYS[4], "--because", "prices; agreed", "--by", "ann"
    )
    assert "ann" in text
    (normal,) = world.store.look_up("small", Docket.new_normals)
    assert (normal.since, normal.because, normal.accepted_by) == (DAYS[4], "prices; agreed", "ann")
    assert normal.accepted_at.tzinfo is not None
    after, anew = world.states(), world.revisions()
    assert [day for day in DAYS if after[day] != before[day]] == DAYS[4:]
    assert [day for day in DAYS if anew[day] != revisions[day]] == DAYS[4:]
    psi = world.verdicts(metric="psi", segment="all", rule="drift", first_day=DAYS[4])
    assert {row["reason"] for row in psi} == {"accepted"}


def test_a_normal_that_no_day_follows_is_refused_in_words(world: World) -> None:
    text = monitoring(
        "accept", "small", "--since", "2027-01-01", "--because", "later", succeeds=False
    )
    assert "no day of small from 2027-01-01 on was evaluated" in " ".join(text.split())
    assert len(world.store.look_up("small", Docket.new_normals)) <= 1


def test_a_normal_without_a_reason_is_refused(world: World) -> None:
    text = monitoring("accept", "small", "--since", DAYS[5], "--because", "  ", succeeds=False)
    assert "--because is empty" in " ".join(text.split())
