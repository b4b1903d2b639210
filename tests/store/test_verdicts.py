"""A monitor's docket: verdicts and states of its days, one transaction at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest

from monitoring_dagster import stored
from monitoring_dagster.decisions.verdict import Cost, Level, Reason, Rule, Subject, Verdict
from monitoring_dagster.errors import StoreError, StoreUnreachable
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
    again = summer._replace(accepted_at=LATER)
    accepted = [
        store.decide("flights", lambda docket, normal=normal: docket.accept(normal))
        for normal in (summer, prices, again)
    ]
    assert accepted == [True, True, False]
    assert store.look_up("flights", Docket.new_normals) == [prices, summer]
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
