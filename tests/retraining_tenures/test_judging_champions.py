"""Days of several champions judged in order: what each begins with, and what it depends on."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from monitoring_dagster import stored
from monitoring_dagster.decisions.champion import is_about_it, lasting
from monitoring_dagster.decisions.judge import Judged
from monitoring_dagster.decisions.slo import State as Good
from monitoring_dagster.decisions.state import Series, State
from monitoring_dagster.decisions.verdict import Level, Rule, Subject, Verdict
from monitoring_dagster.evaluation import Bench, Benches, Evaluation
from monitoring_dagster.metrics.measurement import Estimate, Measurement
from monitoring_dagster.monitors.calendar import Sitting
from monitoring_dagster.monitors.contract import Monitor, Slo
from monitoring_dagster.retraining.succession import Succession
from monitoring_dagster.store import Docket, EvaluationInput, NewNormal, Store
from monitoring_dagster.store.verdicts import STAGE
from tests.retraining_tenures.test_succession import MONITOR, after, row

SLOS = (
    Slo(name="fast", metric="latency_p95", at_most=1.0),
    Slo(name="right", metric="roc_auc", at_least=0.7),
    Slo(name="still", metric="psi", column="chance", at_most=0.2),
    Slo(name="base", metric="base_rate", at_most=0.5),
)
WATCHED = MONITOR.model_copy(update={"slos": SLOS})
MORNING = dt.datetime(2026, 4, 20, 6, tzinfo=dt.UTC)


def test_objectives_of_performance_and_of_drift_are_the_champions() -> None:
    assert lasting(WATCHED) == {"fast", "base"}


@pytest.mark.parametrize(
    ("rule", "metric", "is_its"),
    [
        (Rule.PERFORMANCE, "roc_auc", True),
        (Rule.ESTIMATE, "estimated_roc_auc", True),
        (Rule.DRIFT, "psi", True),
        (Rule.OBJECTIVE, "estimated_roc_auc", True),
        (Rule.OBJECTIVE, "label_coverage", False),
        (Rule.OBJECTIVE, "error_rate", False),
        (Rule.DATA, "rows", False),
        (Rule.OPERATIONS, "latency_p95", False),
    ],
)
def test_findings_about_data_labels_and_operations_are_nobodys(
    rule: Rule, metric: str, is_its: bool
) -> None:
    assert is_about_it(WATCHED, Subject(rule, metric)) is is_its


@dataclass(frozen=True)
class Remembering:
    """A judge whose state is the days that it has seen, and which says them."""

    monitor: Monitor
    judged: list[dt.date] = field(default_factory=list)

    def judge(
        self,
        day: dt.date,
        measurements: Sequence[Measurement],
        before: State,
        *,
        normal_since: dt.date | None = None,
    ) -> Judged:
        self.judged.append(day)
        value = sum(round(m.estimate.value) for m in measurements)
        if normal_since is not None and normal_since != before.normal_since:
            before = before.restarted(normal_since)
        seen = before.of("days")
        uri = self.monitor.model.uri or ""
        text = f"{uri.removeprefix('models:/risk')} {seen.days} {before.objectives.get('right')}"
        state = replace(
            before,
            series={"days": Series(since=day, days=10 * seen.days % 10**9 + value)},
            objectives={s.name: self._days(before, s.name, day) for s in SLOS},
        )
        said = Verdict(Subject(Rule.DRIFT, "psi", "chance"), Level.OK, "within_noise", text)
        return Judged([said], state)

    def _days(self, before: State, name: str, day: dt.date) -> dict[dt.date, Good]:
        return {**before.objectives.get(name, {}), day: Good.GOOD}


class House:
    """A store, who reigns in it, and what evaluates its days."""

    def __init__(self, store: Store, monitor: Monitor = WATCHED) -> None:
        self.store, self.monitor = store, monitor
        self.rows: list[Any] = []
        self.judges: dict[str, Remembering] = {}

    def measure(self, number: int, value: int) -> None:
        about = self._about(after(number), "drift", str(value))
        measured = Measurement("psi", Estimate.exact(value, 900), "chance")
        self.store.record(about, [stored.measurement_row(measured)])

    def evaluate(self, *numbers: int, since: dt.datetime | None = None) -> list[int]:
        """Judge these days; which were judged anew."""
        for judge in self.judges.values():
            judge.judged.clear()
        judge: Any = self._judge(self.monitor)
        evaluation = Evaluation(
            self.store,
            judge,
            "unused",
            lambda day: self._about(day, STAGE, ""),
            lambda _, said: said,
            lambda *_: None,
            self._benches,
        )
        evaluation.evaluate(Sitting(MORNING, tuple(map(after, numbers)), since))
        judged = [day for judge in self.judges.values() for day in judge.judged]
        return sorted((day - after(0)).days for day in judged)

    def accept(self, number: int) -> None:
        normal = NewNormal(after(number), "so it is", "ann", MORNING)
        self.store.decide(self.monitor.name, lambda docket: docket.accept(normal))

    def was_evaluated(self, number: int) -> bool:
        days = self.store.look_up(self.monitor.name, lambda d: d.evaluated_since(after(number)))
        return after(number) in days

    def state(self, number: int) -> State:
        text = self.store.look_up(self.monitor.name, lambda d: d.state_after(after(number)))
        return State.from_json(text)

    @property
    def end(self) -> tuple[list[Any], list[Any]]:
        counted = ("evaluation_id", "revision")
        verdicts = [
            {k: v for k, v in found.items() if k not in counted}
            for found in self.store.verdicts(self.monitor.name).to_pylist()
        ]
        states = self.store.look_up(
            self.monitor.name, lambda d: [d.state_after(x) for x in d.evaluated_since(dt.date.min)]
        )
        return verdicts, states

    def _judge(self, effective: Monitor) -> Remembering:
        return self.judges.setdefault(effective.model.uri or "", Remembering(effective))

    def _benches(self, _: Docket) -> Benches:
        succession = Succession.of(self.monitor, self.rows)

        def on(day: dt.date) -> Bench:
            effective = succession.on(day)
            judge: Any = self._judge(effective)
            return Bench(judge, effective.model.uri or "", lambda _, said: said)

        return Benches(succession, on)

    def _about(self, day: dt.date, stage: str, made_of: str) -> EvaluationInput:
        name = self.monitor.name
        return EvaluationInput(name, day, stage, "cfg", "1", made_of, MORNING, "run", MORNING)


DAYS = range(8)
PROMOTED, ROLLED_BACK = row(1, 3), row(2, 6, resumes=0)
A_CHANGE, A_RETURN = [PROMOTED], [PROMOTED, ROLLED_BACK]


@pytest.fixture
def house(store: Store) -> House:
    made = House(store)
    for number in DAYS:
        made.measure(number, number + 1)
    return made


def seen(house: House) -> list[int]:
    return [house.state(number).of("days").days for number in DAYS]


def days_of(house: House, number: int, objective: str) -> list[int]:
    days = house.state(number).objectives[objective]
    return sorted((day - after(0)).days for day in days)


def test_a_champion_begins_with_nothing_but_the_objectives_that_are_not_its_own(
    house: House,
) -> None:
    house.rows = A_CHANGE
    house.evaluate(*DAYS)
    assert seen(house) == [1, 12, 123, 4, 45, 456, 4567, 45678]
    assert days_of(house, 4, "fast") == days_of(house, 4, "base") == [0, 1, 2, 3, 4]
    assert days_of(house, 4, "right") == days_of(house, 4, "still") == [3, 4]


def test_a_champion_who_comes_back_goes_on_where_it_was(house: House) -> None:
    house.rows = A_RETURN
    house.evaluate(*DAYS)
    assert seen(house) == [1, 12, 123, 4, 45, 456, 1237, 12378]
    assert days_of(house, 7, "fast") == list(DAYS)
    assert days_of(house, 7, "right") == [0, 1, 2, 6, 7]


def test_one_who_reigned_for_no_day_leaves_no_trace(house: House) -> None:
    house.rows = [row(1, 3), row(2, 3, resumes=0)]
    house.evaluate(*DAYS)
    assert seen(house)[-1] == 12345678
    assert days_of(house, 7, "right") == list(DAYS)


def test_a_late_day_of_one_who_came_back_is_followed_over_the_border_and_no_other_day_is(
    house: House,
) -> None:
    house.rows = A_RETURN
    house.evaluate(*DAYS)
    house.measure(1, 9)
    assert house.evaluate(1) == [1, 2, 6, 7]
    assert seen(house) == [1, 19, 193, 4, 45, 456, 1937, 19378]


def test_a_late_day_before_a_new_champion_does_not_reach_it(house: House) -> None:
    house.rows = A_CHANGE
    house.evaluate(*DAYS)
    house.measure(0, 9)
    assert house.evaluate(0) == [0, 1, 2]


def test_a_tenure_that_becomes_known_afterwards_judges_its_days_and_no_others(
    house: House,
) -> None:
    house.evaluate(*DAYS)
    assert seen(house)[-1] == 12345678
    house.rows = A_CHANGE
    assert house.evaluate(3) == [3, 4, 5, 6, 7]
    house.rows = A_RETURN
    assert house.evaluate(6) == [6, 7]
    house.evaluate(*DAYS)
    assert seen(house) == [1, 12, 123, 4, 45, 456, 1237, 12378]
    assert house.evaluate(*DAYS) == []


def test_a_new_normal_counts_for_the_champion_of_its_day_and_when_that_comes_back(
    house: House,
) -> None:
    house.rows = A_RETURN
    house.accept(1)
    house.evaluate(*DAYS)
    normals = [house.state(number).normal_since for number in DAYS]
    one = after(1)
    assert normals == [None, one, one, None, None, None, one, one]
    assert seen(house) == [1, 2, 23, 4, 45, 456, 237, 2378]
    house.accept(4)
    assert house.evaluate(4) == [4, 5]
    assert seen(house) == [1, 2, 23, 4, 5, 56, 237, 2378]


def test_a_relived_day_is_judged_by_its_own_champion_alone(house: House) -> None:
    house.rows = A_RETURN
    for number in DAYS:
        house.evaluate(number, since=MORNING - dt.timedelta(days=1))
    assert seen(house) == [1, 12, 123, 4, 45, 456, 1237, 12378]


@pytest.mark.parametrize("seed", range(4))
def test_in_whichever_order_it_becomes_known_the_tables_are_the_same(
    house: House, seed: int
) -> None:
    """Each step is followed by what its own process evaluates, twice."""
    chance = random.Random(seed)
    known = [PROMOTED, ROLLED_BACK]
    steps = [
        *(("evaluate", n) for n in DAYS),
        ("late", 1),
        ("late", 4),
        ("normal", 1),
        ("promotion", 3),
        ("rollback", 6),
    ]
    chance.shuffle(steps)
    begun: set[str] = set()
    for step, number in steps:
        match step:
            case "late":
                house.measure(number, 9)
            case "normal":
                house.accept(number)
            case "promotion" | "rollback":
                begun.add(step)
                names = ("promotion", "rollback")
                house.rows = [r for r, n in zip(known, names, strict=True) if n in begun]
        for _ in range(2):
            if step == "evaluate" or house.was_evaluated(number):
                house.evaluate(number)
    for number in DAYS:
        house.evaluate(number)
    found = house.end
    assert seen(house) == [1, 9, 93, 4, 49, 496, 937, 9378]
    assert house.evaluate(*DAYS) == []
    assert house.end == found


def test_orders_of_evaluation_end_the_same(house: House) -> None:
    house.rows = A_RETURN
    orders = random.Random(0).sample(list(itertools.permutations(DAYS)), 4)
    ends: list[Any] = []
    for order in orders:
        for number in order:
            house.evaluate(number)
        ends.append(house.end)
        house.measure(0, 1 + len(ends) % 2)
        house.evaluate(0)
        house.measure(0, 1)
        house.evaluate(0)
    assert seen(house) == [1, 12, 123, 4, 45, 456, 1237, 12378]
    assert all(end == ends[0] for end in ends)
