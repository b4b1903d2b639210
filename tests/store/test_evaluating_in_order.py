"""Evaluating days in their order, on both databases, with a judge that only counts."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from monitoring_dagster import stored
from monitoring_dagster.decisions.verdict import Level, Rule, Subject, Verdict
from monitoring_dagster.evaluation import Evaluated, Evaluation
from monitoring_dagster.metrics.measurement import Estimate, Measurement
from monitoring_dagster.monitors.calendar import Sitting
from monitoring_dagster.store import EvaluationInput, NewNormal, Store
from monitoring_dagster.store.verdicts import STAGE
from tests.store.builders import DAY, MORNING, evaluation

LATER = MORNING + dt.timedelta(days=3)


def after(days: int) -> dt.date:
    return DAY + dt.timedelta(days)


def judging(day: dt.date) -> EvaluationInput:
    return dataclasses.replace(evaluation("", day=day, stage=STAGE), as_of=LATER)


class Counting:
    """A judge whose state is the sum of all values so far; it remembers which days it judged."""

    monitor = SimpleNamespace(name="flights")

    def __init__(self) -> None:
        self.judged: list[dt.date] = []

    def judge(
        self,
        day: dt.date,
        measurements: Sequence[Measurement],
        before: Any,
        *,
        normal_since: dt.date | None = None,
    ) -> Any:
        self.judged.append(day)
        total = sum(m.estimate.value for m in measurements)
        if before.normal_since == normal_since:
            total += float((before.model_versions or ("0",))[-1])
        verdicts = [
            Verdict(Subject(Rule.DRIFT, m.metric, m.column), Level.WARN, "sudden", f"{total:g}")
            for m in measurements
        ]
        state = dataclasses.replace(
            before, model_versions=(f"{total:g}",), normal_since=normal_since
        )
        return Judgement(verdicts, state)


@dataclasses.dataclass(frozen=True)
class Judgement:
    verdicts: list[Verdict]
    state: Any


class Evaluating:
    """One store, evaluated by the counting judge."""

    def __init__(self, store: Store, judge: Counting, basis: str = "reference") -> None:
        self.store, self.judge = store, judge
        self.explain: Callable[[dt.date, list[Verdict]], list[Verdict]] = lambda _, said: said
        self.basis = basis
        self.responded: list[tuple[dt.datetime, list[dt.date]]] = []

    def measure(self, day: dt.date, value: float, as_of: dt.datetime = MORNING) -> None:
        about = dataclasses.replace(evaluation(f"{value} {as_of}", day=day), as_of=as_of)
        measured = Measurement("psi", Estimate.exact(value, 900), "distance")
        self.store.record(about, [stored.measurement_row(measured)])

    def evaluate(self, *days: dt.date) -> list[Evaluated]:
        self.judge.judged.clear()
        judge: Any = self.judge
        about = Evaluation(
            self.store,
            judge,
            self.basis,
            judging,
            self.explain,
            lambda _, sitting, verdicts: self.responded.append((sitting.now, [*verdicts])),
        )
        return about.evaluate(Sitting(LATER, days))

    @property
    def texts(self) -> dict[dt.date, str]:
        return {r["day"]: r["text"] for r in self.store.verdicts("flights").to_pylist()}


@pytest.fixture
def evaluating(store: Store) -> Evaluating:
    found = Evaluating(store, Counting())
    for i in range(4):
        found.measure(after(i), 10.0**i)
    return found


ALL_DAYS = [after(i) for i in range(4)]
IN_ORDER = dict(zip(ALL_DAYS, ["1", "11", "111", "1111"], strict=True))


def test_days_are_judged_in_order_each_with_the_state_before_it(evaluating: Evaluating) -> None:
    done = evaluating.evaluate(*reversed(ALL_DAYS))
    assert [e.day for e in done] == evaluating.judge.judged == ALL_DAYS
    assert evaluating.texts == IN_ORDER
    assert {e.recorded.revision for e in done} == {1}
    assert evaluating.evaluate() == []


def test_a_day_that_stands_as_it_was_is_not_judged_and_writes_nothing(
    evaluating: Evaluating,
) -> None:
    first = evaluating.evaluate(*ALL_DAYS)
    again = evaluating.evaluate(*ALL_DAYS)
    assert evaluating.judge.judged == []
    assert [e.recorded.written for e in again] == [False] * 4
    assert [e.recorded.evaluation_id for e in again] == [e.recorded.evaluation_id for e in first]
    assert set(evaluating.store.evaluations("flights", stage=STAGE)["revision"].to_pylist()) == {1}


def test_a_changed_day_takes_the_later_ones_along(evaluating: Evaluating) -> None:
    evaluating.evaluate(*ALL_DAYS)
    evaluating.measure(after(1), 20.0)
    evaluating.evaluate(after(1))
    assert evaluating.judge.judged == ALL_DAYS[1:]
    assert list(evaluating.texts.values()) == ["1", "21", "121", "1121"]


def test_judging_forward_stops_where_nothing_differs_any_more(evaluating: Evaluating) -> None:
    evaluating.evaluate(*ALL_DAYS)
    evaluating.measure(after(1), 10.0, as_of=LATER)  # taken later, and the same
    done = evaluating.evaluate(after(1))
    assert evaluating.judge.judged == [after(1)]
    assert [e.day for e in done] == [after(1)]
    assert evaluating.texts == IN_ORDER


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_days_in_any_order_end_as_in_calendar_order(
    evaluating: Evaluating, order: tuple[int, ...]
) -> None:
    for i in order:
        evaluating.evaluate(after(i))
    assert evaluating.texts == IN_ORDER


def test_a_failure_in_the_middle_leaves_the_days_as_they_were(evaluating: Evaluating) -> None:
    evaluating.evaluate(*ALL_DAYS[:2])
    before = evaluating.store.verdicts("flights")

    def fails(day: dt.date, verdicts: list[Verdict]) -> list[Verdict]:
        if day == after(3):
            raise RuntimeError("the model went away")
        return verdicts

    evaluating.explain = fails
    evaluating.measure(DAY, 5.0)
    with pytest.raises(RuntimeError, match="the model went away"):
        evaluating.evaluate(*ALL_DAYS)
    assert evaluating.store.verdicts("flights").equals(before)
    evaluating.explain = lambda _, said: said
    evaluating.evaluate(*ALL_DAYS)
    assert list(evaluating.texts.values()) == ["5", "15", "115", "1115"]


def test_another_reference_judges_every_day_anew(evaluating: Evaluating, store: Store) -> None:
    evaluating.evaluate(*ALL_DAYS)
    other = Evaluating(store, Counting(), basis="another reference")
    other.evaluate(DAY)
    assert other.judge.judged == ALL_DAYS
    other.evaluate(*ALL_DAYS)
    assert other.judge.judged == []


def test_an_accepted_normal_changes_its_days_and_later_ones(evaluating: Evaluating) -> None:
    evaluating.evaluate(*ALL_DAYS)
    normal = NewNormal(after(2), "summer", "ann", MORNING)
    evaluating.store.decide("flights", lambda docket: docket.accept(normal))
    evaluating.evaluate(*ALL_DAYS)
    assert evaluating.judge.judged == ALL_DAYS[2:]
    assert list(evaluating.texts.values()) == ["1", "11", "100", "1100"]


def test_a_verdict_is_known_as_of_its_measurements_own_stage(evaluating: Evaluating) -> None:
    late = dataclasses.replace(evaluation(stage="performance"), as_of=LATER)
    measured = Measurement("roc_auc", Estimate.exact(0.7, 900))
    evaluating.store.record(late, [stored.measurement_row(measured)])
    evaluating.evaluate(DAY)
    found = evaluating.store.verdicts("flights").to_pylist()
    assert {r["metric"]: r["known_at"] for r in found} == {"psi": MORNING, "roc_auc": LATER}


def test_measurements_that_changed_and_changed_back_keep_their_verdict(
    evaluating: Evaluating,
) -> None:
    evaluating.evaluate(*ALL_DAYS)
    for value in (7.0, 1.0):
        evaluating.measure(DAY, value)
    evaluating.evaluate(*ALL_DAYS)
    assert evaluating.judge.judged == [DAY]
    assert evaluating.texts == IN_ORDER
    assert set(evaluating.store.measurements("flights")["verdict"].to_pylist()) == {"warn"}


def test_what_the_checks_found_is_not_judged_twice(evaluating: Evaluating) -> None:
    evaluating.evaluate(DAY)
    quality = Measurement("passed_share", Estimate.exact(0.5, 10), "@features")
    evaluating.store.record(evaluation(stage="quality"), [stored.measurement_row(quality)])
    evaluating.evaluate(DAY)
    assert evaluating.texts == {DAY: "1"}


def test_the_tables_of_decisions_hold_only_what_is_still_true(evaluating: Evaluating) -> None:
    evaluating.evaluate(*ALL_DAYS)
    evaluating.measure(DAY, 3.0)
    evaluating.evaluate(DAY)

    def counts(connection: sa.Connection) -> list[int]:
        tables = ("verdict", "detector_state")
        return [
            connection.execute(sa.text(f"SELECT COUNT(*) FROM {table}")).scalar_one()
            for table in tables
        ]

    assert evaluating.store.read(counts) == [4, 4]
