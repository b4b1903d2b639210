"""The judge over stored days: late labels and days out of order end as if they had come in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from monitoring_dagster import stored
from monitoring_dagster.evaluation import Evaluated, Evaluation
from monitoring_dagster.metrics.measurement import Measurement
from monitoring_dagster.monitors.calendar import Sitting
from monitoring_dagster.monitors.contract import content_hash
from monitoring_dagster.store import EvaluationInput, NewNormal, Store
from monitoring_dagster.store.verdicts import STAGE

SLOS = [{"name": "exactness", "metric": "accuracy", "at_least": 0.88, "target": 0.9}]
DAYS = 5
NOW = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)


def about(day: dt.date, stage: str, fingerprint: str = "") -> EvaluationInput:
    morning = dt.datetime.combine(day, dt.time(6), dt.UTC) + dt.timedelta(days=1)
    return EvaluationInput("drawn", day, stage, "cfg", "1", fingerprint, morning, "run", morning)


class Deployment:
    """A store of the drawn world, and what evaluates it."""

    def __init__(self, folder: Path, judge: Any) -> None:
        folder.mkdir()
        self.store = Store(f"sqlite:///{folder / 'store.db'}")
        self.store.upgrade()
        self.evaluation = Evaluation(
            self.store,
            judge,
            "drawn",
            lambda day: about(day, STAGE),
            explain=lambda _, said: said,
            respond=lambda *_: None,
        )

    def measure(self, days: dict[dt.date, list[Measurement]]) -> None:
        for day, measured in days.items():
            rows = [stored.measurement_row(m) for m in measured]
            self.store.record(about(day, "everything", content_hash(repr(rows))), rows)

    def evaluate(self, *days: dt.date) -> Sequence[Evaluated]:
        return self.evaluation.evaluate(Sitting(NOW, days))

    @property
    def end(self) -> tuple[list[dict[str, Any]], list[Any]]:
        """What is stored, but for how often it was done."""
        counted = ("evaluation_id", "revision")
        verdicts = [
            {k: v for k, v in row.items() if k not in counted}
            for row in self.store.verdicts("drawn").to_pylist()
        ]
        states = self.store.look_up(
            "drawn",
            lambda docket: [docket.state_after(d) for d in docket.evaluated_since(dt.date.min)],
        )
        return verdicts, states


@pytest.fixture
def deployments(world, tmp_path: Path) -> Iterator[Deployment]:
    judge = world.watched_by(slos=SLOS).judge
    return (Deployment(tmp_path / str(i), judge) for i in range(10))


@pytest.fixture(scope="module")
def days(world, drawn) -> dict[dt.date, list[Measurement]]:
    worse = drawn.Drawing(errors=0.16, shifts={"x0": 0.3})
    return world.days(None, *[worse] * (DAYS - 1))


@pytest.fixture(scope="module")
def provisional(world, drawn) -> dict[dt.date, list[Measurement]]:
    worse = drawn.Drawing(errors=0.16, shifts={"x0": 0.3})
    return world.days(None, *[worse] * (DAYS - 1), maturity="provisional")


@pytest.fixture
def in_time(deployments, days) -> Deployment:
    deployment = next(deployments)
    deployment.measure(days)
    deployment.evaluate(*days)
    return deployment


@pytest.mark.parametrize("order", [(4, 3, 2, 1, 0), (2, 0, 4, 1, 3), (0, 4, 3, 1, 2)])
def test_days_evaluated_in_any_order_end_the_same(deployments, in_time, days, drawn, order) -> None:
    other = next(deployments)
    other.measure(days)
    for i in order:
        other.evaluate(drawn.after(i))
    assert other.end == in_time.end


def test_labels_that_come_late_end_as_if_they_had_been_there(
    deployments, in_time, days, provisional, drawn
) -> None:
    other = next(deployments)
    other.measure(provisional)
    other.evaluate(*provisional)
    assert other.end != in_time.end
    for i in (1, 0, 3, 2, 4):
        other.measure({drawn.after(i): days[drawn.after(i)]})
        other.evaluate(drawn.after(i))
    assert other.end == in_time.end


def test_a_normal_accepted_afterwards_ends_as_if_it_had_been_known(
    deployments, in_time, days, drawn
) -> None:
    normal = NewNormal(drawn.after(2), "a campaign", "ann", dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    other = next(deployments)
    other.store.decide("drawn", lambda docket: docket.accept(normal))
    other.measure(days)
    for day in days:
        other.evaluate(day)
    in_time.store.decide("drawn", lambda docket: docket.accept(normal))
    judged = in_time.evaluate(*(day for day in days if day >= normal.since))
    assert [e.day for e in judged] == [drawn.after(i) for i in (2, 3, 4)]
    assert other.end == in_time.end


def test_what_is_stored_is_what_was_judged(in_time, world, days, drawn) -> None:
    judged = drawn.follow(world.watched_by(slos=SLOS).judge, days)
    for day, one in judged.items():
        rows = in_time.store.verdicts("drawn", first_day=day, last_day=day).to_pylist()
        assert len(rows) == len(one.verdicts)
        told = {(r["rule"], r["metric"], r["column"], r["segment"], r["name"]): r for r in rows}
        for verdict in one.verdicts:
            rule, metric, column, segment, _, name = verdict.subject
            row = told[rule, metric, column, segment, name]
            assert (row["verdict"], row["reason"]) == (verdict.level, verdict.reason)
            assert (row["text"], row["effect"]) == (verdict.text, verdict.effect)
            assert (row["since"], row["days"]) == (verdict.since, verdict.days)
