"""A monitor's docket: verdicts and states of its days, one transaction at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from monitoring_dagster import stored
from monitoring_dagster.decisions.verdict import Cost, Level, Reason, Rule, Subject, Verdict
from monitoring_dagster.errors import StoreError, StoreUnreachable
from monitoring_dagster.evaluation import Evaluated, Evaluation
from monitoring_dagster.metrics.measurement import Estimate, Measurement
from monitoring_dagster.store import Docket, EvaluationInput, NewNormal, Recorded, Store
from monitoring_dagster.store.verdicts import STAGE
from tests.store.builders import DAY, MORNING, evaluation, row

LATER = MORNING + dt.timedelta(days=3)


def after(days: int) -> dt.date:
    return DAY + dt.timedelta(days)


def judging(fingerprint: str = "first", day: dt.date = DAY, **more: Any) -> EvaluationInput:
    return evaluation(fingerprint, day=day, stage=STAGE, **more)


def said(level: Level = Level.WARN, metric: str = "psi", **more: Any) -> dict[str, object]:
    subject = Subject(more.pop("rule", Rule.DRIFT), metric, more.pop("column", "distance"))
    return stored.verdict_row(Verdict(subject, level, Reason.SUDDEN, "it moved", **more))


def written(
    store: Store, about: EvaluationInput, rows: Sequence[dict[str, object]], state: str = "{}"
) -> Recorded:
    return store.decide(about.monitor, lambda docket: docket.write(about, rows, state))


def states(store: Store, monitor: str = "flights") -> dict[dt.date, str]:
    """The stored states, day by day."""

    def work(docket: Docket) -> dict[dt.date, str]:
        return {day: docket.state_after(day) for day in docket.evaluated_since(dt.date.min)}

    return store.look_up(monitor, work)


def test_a_verdict_is_read_back_as_it_was(store: Store) -> None:
    verdict = Verdict(
        Subject(Rule.OBJECTIVE, "roc_auc", "", "carrier=UA", "3", "discrimination"),
        Level.CRITICAL,
        Reason.EXHAUSTED,
        "the day was bad",
        value=0.61,
        ci_low=0.58,
        ci_high=0.64,
        reference_value=0.7,
        null_high=0.75,
        n=900,
        effect=0.04,
        minimum_effect=0.01,
        smallest_effect=0.03,
        effect_unit="points",
        evidence=2.5,
        threshold=1.0,
        since=after(-1),
        days=2,
        importance=0.25,
        importance_rank=2,
        importance_of=13,
        impact=0.01,
        prediction_change=0.011,
        cost=Cost(400.0, 100.0, 700.0, "EUR", "missed connections"),
        known_at=MORNING,
        details={"bad_days": 3, "nothing": None, "day": "bad"},
    )
    recorded = written(store, judging(), [stored.verdict_row(verdict)])
    (found,) = store.verdicts("flights").to_pylist()
    assert json.loads(found.pop("details")) == {"bad_days": 3, "day": "bad"}
    assert found == {
        "monitor": "flights",
        "model_version": "3",
        "day": DAY,
        "rule": "objective",
        "metric": "roc_auc",
        "column": "",
        "segment": "carrier=UA",
        "name": "discrimination",
        "verdict": "critical",
        "reason": "exhausted",
        "text": "the day was bad",
        "value": 0.61,
        "ci_low": 0.58,
        "ci_high": 0.64,
        "reference_value": 0.7,
        "null_high": 0.75,
        "n": 900,
        "effect": 0.04,
        "minimum_effect": 0.01,
        "smallest_effect": 0.03,
        "effect_unit": "points",
        "evidence": 2.5,
        "threshold": 1.0,
        "since": after(-1),
        "days": 2,
        "importance": 0.25,
        "importance_rank": 2,
        "importance_of": 13,
        "impact": 0.01,
        "prediction_change": 0.011,
        "cost": 400.0,
        "cost_low": 100.0,
        "cost_high": 700.0,
        "currency": "EUR",
        "cost_of": "missed connections",
        "known_at": MORNING,
        "config_hash": "cfg",
        "evaluation_id": recorded.evaluation_id,
        "revision": 1,
        "computed_at": MORNING,
    }


def test_numbers_that_no_text_holds_become_null(store: Store) -> None:
    written(store, judging(), [said(value=math.nan, effect=math.inf, n=None)])
    (found,) = store.verdicts("flights").to_pylist()
    assert [found[name] for name in ("value", "effect", "n")] == [None] * 3


def test_verdicts_are_filtered_and_ordered(store: Store) -> None:
    for day in (after(1), DAY):
        rows = [said(column=c) for c in ("b", "a")] + [said(Level.OK, "rows", rule=Rule.DATA)]
        written(store, judging(day=day), rows)
    table = store.verdicts("flights").to_pylist()
    key = [(r["day"], r["rule"], r["metric"], r["column"]) for r in table]
    assert key == sorted(key)
    assert len(key) == 6
    assert store.verdicts("flights", level="warn").num_rows == 4
    assert store.verdicts("flights", rule="data", first_day=after(1)).num_rows == 1
    assert store.verdicts("flights", column="a", last_day=DAY).num_rows == 1
    assert store.verdicts("flights", metric="rows").num_rows == 2
    assert store.verdicts("flights", segment="carrier=UA").num_rows == 0
    empty = store.verdicts("unknown")
    assert (empty.num_rows, empty.schema) == (0, store.verdicts("flights").schema)
    assert empty.schema.field("known_at").type == pa.timestamp("us", tz="UTC")


def test_the_same_input_writes_nothing(store: Store) -> None:
    first = written(store, judging(), [said()], "one")
    again = written(store, judging(), [said(Level.OK)], "two")
    assert (again.evaluation_id, again.written) == (first.evaluation_id, False)
    assert store.verdicts("flights")["verdict"].to_pylist() == ["warn"]
    assert states(store) == {DAY: "one"}


def test_a_changed_input_replaces_the_whole_day_and_no_other(store: Store) -> None:
    written(store, judging(), [said(column="a"), said(column="b")], "one")
    written(store, judging(day=after(1)), [said(column="a")], "next")
    written(store, judging(monitor="trains"), [said()], "other")
    second = written(store, judging("second"), [said(column="c")], "two")
    assert (second.revision, second.written) == (2, True)
    found = store.verdicts("flights").to_pylist()
    assert [(r["day"], r["column"], r["revision"]) for r in found] == [
        (DAY, "c", 2),
        (after(1), "a", 1),
    ]
    assert states(store) == {DAY: "two", after(1): "next"}
    assert store.verdicts("trains").num_rows == 1


def test_two_verdicts_about_the_same_are_refused_and_leave_nothing(store: Store) -> None:
    with pytest.raises(StoreError, match="refused what was written"):
        written(store, judging(), [said(), said(Level.CRITICAL)], "one")
    assert store.verdicts("flights").num_rows == 0
    assert store.evaluations("flights").num_rows == 0
    assert states(store) == {}


def test_a_failure_leaves_nothing_of_any_day(store: Store) -> None:
    store.record(evaluation(), [row()])
    written(store, judging(), [said()], "before")
    everything = store.verdicts("flights"), store.measurements("flights"), states(store)

    def work(docket: Docket) -> None:
        docket.write(judging("second"), [said(Level.OK)], "after")
        docket.write(judging(day=after(1)), [said()], "next")
        docket.accept(NewNormal(DAY, "summer", "ann", MORNING))
        raise RuntimeError("the model went away")

    with pytest.raises(RuntimeError, match="the model went away"):
        store.decide("flights", work)
    after_it = store.verdicts("flights"), store.measurements("flights"), states(store)
    assert after_it == everything
    assert store.look_up("flights", Docket.new_normals) == []


def test_a_measurement_carries_the_gravest_verdict_about_it(store: Store) -> None:
    store.record(evaluation(), [row(), row(column="carrier"), row("rows", "")])
    verdicts = [
        said(Level.OK),
        said(Level.CRITICAL, rule=Rule.DATA),
        said(Level.NOT_ENOUGH_DATA, column="carrier"),
    ]
    written(store, judging(), verdicts)
    found = {r["column"]: r["verdict"] for r in store.measurements("flights").to_pylist()}
    assert found == {"distance": "critical", "carrier": "not_enough_data", "": None}
    written(store, judging("second"), [said(Level.OK)])
    found = {r["column"]: r["verdict"] for r in store.measurements("flights").to_pylist()}
    assert found == {"distance": "ok", "carrier": None, "": None}


def test_only_the_measurements_of_that_day_and_monitor_are_marked(store: Store) -> None:
    others = [evaluation(day=after(1)), evaluation(monitor="trains")]
    for about in (evaluation(), *others):
        store.record(about, [row()])
    written(store, judging(), [said()])
    assert store.measurements("flights")["verdict"].to_pylist() == ["warn", None]
    assert store.measurements("trains")["verdict"].to_pylist() == [None]


def test_a_day_begins_with_the_state_of_the_last_evaluated_day_before_it(store: Store) -> None:
    for days in (0, 3, 4):
        written(store, judging(day=after(days)), [], f"after {days}")

    def work(docket: Docket) -> list[str | None]:
        found = [docket.state_before(after(i)) for i in (0, 1, 3, 4, 9)]
        return [None if f is None else f.state for f in found]

    assert store.look_up("flights", work) == [None, "after 0", "after 0", "after 3", "after 4"]
    since = store.look_up("flights", lambda docket: docket.evaluated_since(after(1)))
    assert since == [after(3), after(4)]


def test_measurements_come_with_the_instant_whose_knowledge_they_used(store: Store) -> None:
    late = dataclasses.replace(evaluation(stage="performance"), as_of=LATER)
    store.record_many([(evaluation(), [row()]), (late, [row("roc_auc", "")])])
    found = store.look_up("flights", lambda docket: list(docket.measured(DAY)))
    assert {r.metric: r.as_of for r in found} == {"psi": MORNING, "roc_auc": LATER}
    days = store.look_up("flights", lambda d: d.measured_days(dt.date.min, dt.date.max))
    assert days == [DAY]


def test_what_is_accepted_is_only_ever_added(store: Store) -> None:
    summer = NewNormal(after(2), "summer", "ann", MORNING)
    prices = NewNormal(DAY, "new prices; agreed with sales", "bob", LATER)
    for normal in (summer, prices, summer):
        store.decide("flights", lambda docket, accepted=normal: docket.accept(accepted))
    assert store.look_up("flights", Docket.new_normals) == [prices, summer, summer]
    assert store.look_up("trains", Docket.new_normals) == []


def test_names_of_any_kind_are_stored_literally(store: Store) -> None:
    for i, name in enumerate(
        ("'; DROP TABLE verdict; --", "航空会社=全日空", "a|b", "x" * 700, "a\0b")
    ):
        about = {"monitor": f"flights_{i}"}
        store.record(evaluation(**about), [row(name, name, segment=name, model_version=name)])
        verdict = Verdict(
            Subject(Rule.DRIFT, name, name, name, name, name), Level.WARN, "sudden", name
        )
        written(store, judging(**about), [stored.verdict_row(verdict)])
        assert store.verdicts(about["monitor"], column=name, segment=name).num_rows == 1
        assert store.measurements(about["monitor"])["verdict"].to_pylist() == ["warn"]


def test_a_second_evaluation_of_the_same_monitor_waits(store: Store, store_url: str) -> None:
    """Told by one that does not care to wait."""

    def work(_: Docket) -> list[dt.date]:
        with contextlib.closing(Store(store_url, wait_seconds=0.2)) as impatient:
            with pytest.raises(StoreUnreachable):
                impatient.decide("flights", lambda docket: docket.evaluated_since(DAY))
            return impatient.look_up("flights", lambda docket: docket.evaluated_since(DAY))

    assert store.decide("flights", work) == []
    assert store.decide("flights", lambda docket: docket.evaluated_since(DAY)) == []


def test_evaluations_of_two_monitors_do_not_wait_on_postgresql(postgres_url: str) -> None:
    with contextlib.closing(Store(postgres_url)) as store:
        store.upgrade()

        def work(_: Docket) -> Recorded:
            with contextlib.closing(Store(postgres_url, wait_seconds=0.2)) as other:
                return written(other, judging(monitor="trains"), [said()])

        assert store.decide("flights", work).written


def test_eight_that_evaluate_at_once_follow_one_another(store: Store, store_url: str) -> None:
    """Each takes the state that the one before it left, so that none is lost."""

    def one_more(worker: int) -> None:
        def work(docket: Docket) -> None:
            before = docket.state_before(dt.date.max)
            count = int(before.state) + 1 if before else 1
            docket.write(judging(str(worker), after(count)), [], str(count))

        with contextlib.closing(Store(store_url)) as own:
            own.decide("flights", work)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one_more, range(8)))
    assert list(states(store).values()) == [str(i) for i in range(1, 9)]


# --- evaluating days in their order, with a judge that counts ------------------------------------


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
            total += float(before.model_version or 0)
        verdicts = [
            Verdict(Subject(Rule.DRIFT, m.metric, m.column), Level.WARN, "sudden", f"{total:g}")
            for m in measurements
        ]
        state = dataclasses.replace(before, model_version=f"{total:g}", normal_since=normal_since)
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
            lambda day: dataclasses.replace(judging("", day), as_of=LATER),
            self.explain,
        )
        return about.evaluate(days)

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
