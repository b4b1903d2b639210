"""What holds of every day: nothing is lost or told twice, order and company do not matter."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Verdict
from monitoring_dagster.incidents.cause import CauseKind
from monitoring_dagster.incidents.context import Facts, context, leading
from monitoring_dagster.incidents.grouping import group, outcome
from monitoring_dagster.incidents.incident import CauseOfDay, Outcome, Priority, SignalState
from monitoring_dagster.incidents.memory import upstream_first
from monitoring_dagster.incidents.priority import priority
from monitoring_dagster.incidents.subjects import subject_of
from monitoring_dagster.incidents.themes import fires
from monitoring_dagster.incidents.titles import LONGEST, title
from monitoring_dagster.metrics.measurement import Reason as Why
from tests.incidents_grouping.world import (
    DAY,
    FEATURES,
    INJECTED,
    MONITOR,
    condemned,
    drift,
    harm,
    incident,
    keys,
    lost,
    nulls,
    objective,
    ok,
    performance,
    snapshot,
    verdict,
    withheld,
)

SEGMENTS = ("all", "region=n", "region=s", "region=e", f"region={INJECTED}")
SINCE = st.sampled_from([None, DAY, DAY - dt.timedelta(days=6)])


@st.composite
def findings(draw: st.DrawFn) -> Verdict:
    """Anything that a day may say."""
    where = {"segment": draw(st.sampled_from(SEGMENTS)), "since": draw(SINCE)}
    column = draw(st.sampled_from([*FEATURES, "score", "decision"]))
    said = draw(
        st.sampled_from(
            [
                drift(column, **where),
                nulls(column, **where),
                lost(column),
                condemned(column),
                harm(**where),
                performance(**where),
                performance("base_rate", **where),
                performance(version="2", since=where["since"]),
                objective(**where),
                objective("label_coverage", "outcomes_arrive", Level.WARN),
                objective("latency_p95", "fast_enough"),
                verdict(Rule.ESTIMATE, "estimated_roc_auc", reason=Reason.BEYOND_OBJECTIVE),
                verdict(Rule.DATA, "rows", effect=-0.4, effect_unit="relative"),
                verdict(Rule.DATA, "ks", column, level=Level.ERROR, reason=Why.METRIC_FAILED),
                verdict(Rule.OPERATIONS, "error_rate", "status"),
                snapshot("features"),
                snapshot("predictions"),
                snapshot("labels", Level.WARN),
                withheld(drift(column, **where), condemned(column)),
            ]
        )
    )
    return ok(said) if draw(st.booleans()) and said.level is Level.WARN else said


DAYS = st.lists(findings(), max_size=25, unique_by=lambda v: v.subject.key)


def held(yesterday: list[Verdict]) -> list[CauseOfDay]:
    return group(MONITOR, DAY - dt.timedelta(days=1), yesterday)


def firing(found: list[CauseOfDay]) -> list[str]:
    return [s.subject for c in found for s in c.signals if s.level is not Level.SUPPRESSED]


@settings(max_examples=150)
@given(DAYS, DAYS)
def test_each_verdict_that_fires_is_a_signal_of_exactly_one_cause(
    today: list[Verdict], yesterday: list[Verdict]
) -> None:
    open_ = [incident(c.cause, c) for c in held(yesterday)]
    found = group(MONITOR, DAY, today, open_)
    assert Counter(firing(found)) == Counter(keys(*filter(fires, today)))
    for cause in found:
        assert any(s.state is SignalState.FIRING for s in cause.signals)
        assert all(s.suppressed_by in ("", str(cause.cause)) for s in cause.signals)
        assert outcome(MONITOR, cause.cause, today, found) is Outcome.FIRING


@settings(max_examples=80)
@given(DAYS, DAYS)
def test_the_order_of_verdicts_and_incidents_does_not_matter(
    today: list[Verdict], yesterday: list[Verdict]
) -> None:
    open_ = [incident(c.cause, c) for c in held(yesterday)]
    assert group(MONITOR, DAY, today, open_) == group(MONITOR, DAY, today[::-1], open_[::-1])


@settings(max_examples=80)
@given(DAYS)
def test_a_cause_stays_what_it_is_without_the_others(today: list[Verdict]) -> None:
    for one in group(MONITOR, DAY, today):
        mine = {s.subject for s in one.signals}
        alone = group(MONITOR, DAY, [v for v in today if v.subject.key in mine])
        assert [c.cause for c in alone if _subjects(c) >= _subjects(one)] == [one.cause]


@settings(max_examples=80)
@given(DAYS)
def test_what_does_not_fire_changes_no_cause(today: list[Verdict]) -> None:
    loud = [v for v in today if fires(v)]
    before = [(c.cause, _subjects(c)) for c in group(MONITOR, DAY, loud)]
    assert [(c.cause, _subjects(c)) for c in group(MONITOR, DAY, today)] == before


@settings(max_examples=80)
@given(DAYS)
def test_the_same_day_again_hops_to_no_other_cause(today: list[Verdict]) -> None:
    first = group(MONITOR, DAY, today)
    open_ = [incident(c.cause, c) for c in first]
    again = group(MONITOR, DAY + dt.timedelta(days=1), today, open_)
    assert [(c.cause, _subjects(c)) for c in again] == [(c.cause, _subjects(c)) for c in first]


@settings(max_examples=80)
@given(DAYS)
def test_every_cause_can_be_told_in_full(today: list[Verdict]) -> None:
    found = group(MONITOR, DAY, today)
    assert found == sorted(found, key=lambda c: upstream_first(c.cause))
    for one in found:
        told = title(MONITOR, one.cause, one.signals)
        said = context(MONITOR, one.cause, DAY, today, one.signals, Facts())
        assert 0 < len(told) <= LONGEST
        assert said.what
        assert said.next_step_because
        lead = leading(one.cause, one.signals)
        assert (lead is None) == (one.cause.kind is CauseKind.METRIC)
        if one.cause.kind is CauseKind.INPUTS:
            assert priority(MONITOR, one.cause, one.signals) >= Priority.P3


@given(findings())
def test_a_signals_key_is_read_back(said: Verdict) -> None:
    assert subject_of(said.subject.key, MONITOR.columns) == said.subject


def test_a_day_on_which_everything_is_wrong_is_told_by_what_is_upstream() -> None:
    measured = [drift(c) for c in FEATURES] + [drift("score"), harm(), performance()]
    parts = [drift(c, segment=s) for c in FEATURES for s in SEGMENTS[1:]]
    own = [
        snapshot("features"),
        snapshot("labels", Level.WARN),
        verdict(Rule.DATA, "ks", "age", level=Level.ERROR, reason=Why.METRIC_FAILED),
        verdict(Rule.OPERATIONS, "error_rate", "status"),
        objective(level=Level.WARN),
    ]
    found = group(MONITOR, DAY, [*measured, *parts, *own])
    assert [str(c.cause) for c in found] == [
        "snapshot:features",
        "metric:ks",
        "labels",
        "operations",
        "performance",
    ]
    assert len(found[0].signals) == 1 + len(measured) + len(parts)


def _subjects(cause: CauseOfDay) -> set[str]:
    return {s.subject for s in cause.signals if s.state is SignalState.FIRING}
