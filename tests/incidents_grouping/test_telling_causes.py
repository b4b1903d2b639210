"""Priority, title, context and next step: what people are told of a cause."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Verdict
from monitoring_dagster.incidents.cause import Cause
from monitoring_dagster.incidents.context import Context, Facts, FailedCheck, context, leading
from monitoring_dagster.incidents.grouping import group
from monitoring_dagster.incidents.incident import CauseOfDay, Link, NextStep
from monitoring_dagster.incidents.next_step import next_step
from monitoring_dagster.incidents.priority import priority
from monitoring_dagster.incidents.titles import LONGEST, title
from monitoring_dagster.metrics.measurement import Reason as Why
from tests.incidents_grouping.world import (
    DAY,
    INJECTED,
    MONITOR,
    PRICE,
    condemned,
    drift,
    harm,
    lost,
    monitor,
    nulls,
    objective,
    ok,
    performance,
    signal,
    snapshot,
    verdict,
    withheld,
)

N = "region=n"
ESTIMATE = verdict(
    Rule.ESTIMATE, "estimated_roc_auc", level=Level.CRITICAL, reason=Reason.BEYOND_OBJECTIVE
)
ROWS = verdict(
    Rule.DATA, "rows", effect=-0.35, effect_unit="relative", reason=Reason.SUDDEN, value=650.0,
    minimum_effect=0.3, details={"expected": 1_000.0, "p_value": 1e-9},
)  # fmt: skip
FAILED = verdict(Rule.DATA, "ks", "age", level=Level.ERROR, reason=Why.METRIC_FAILED)


def known(column: str, importance: float) -> Verdict:
    """The drift of a lost column, which is not measured but says how important it is."""
    said = ok(drift(column), Level.NO_DATA, Why.ALL_NULL)
    return replace(said, importance=importance)


def moved(column: str, importance: float) -> Verdict:
    return drift(column, importance=importance, impact=importance)


def first(*verdicts: Verdict) -> CauseOfDay:
    return group(MONITOR, DAY, verdicts)[0]


@pytest.mark.parametrize(
    ("verdicts", "high", "medium", "low"),
    [
        pytest.param([snapshot("features")], "P1", "P2", "P2", id="no features at all"),
        pytest.param([lost("age"), known("age", 0.4)], "P1", "P2", "P2", id="an important column"),
        pytest.param([lost("age"), known("age", 0.1)], "P2", "P3", "P3", id="a lesser column"),
        pytest.param([lost("age")], "P1", "P2", "P2", id="a column whose importance nobody knows"),
        pytest.param(
            [lost("age"), known("age", 0.15), lost("income"), known("income", 0.15)],
            "P1", "P2", "P2", id="lesser columns that are an important one together",
        ),
        pytest.param(
            [lost("age"), known("age", 0.1), harm()], "P1", "P2", "P2",
            id="a lesser column without which harm is proven",
        ),
        pytest.param([condemned("outcome", "labels")], "P2", "P3", "P3", id="a condemned label"),
        pytest.param([nulls("age")], "P3", "P3", "P4", id="more nulls in an important column"),
        pytest.param([FAILED], "P3", "P3", "P4", id="a metric that failed"),
        pytest.param([harm()], "P1", "P2", "P2", id="harm is proven"),
        pytest.param([objective()], "P1", "P2", "P2", id="an exhausted objective"),
        pytest.param(
            [objective(level=Level.WARN)], "P1", "P2", "P2",
            id="an exhausted objective on a good day",
        ),
        pytest.param([objective(level=Level.WARN, left=0.4)], "P3", "P3", "P4", id="a burning one"),
        pytest.param([ESTIMATE], "P2", "P3", "P3", id="only an estimate pages"),
        pytest.param(
            [objective("label_coverage", "outcomes_arrive")], "P2", "P3", "P3", id="few labels"
        ),
        pytest.param([objective("latency_p95", "fast_enough")], "P1", "P2", "P2", id="slow"),
        pytest.param([harm(segment=N)], "P2", "P3", "P3", id="harm in a segment"),
        pytest.param(
            [objective(segment=N, cost=PRICE)], "P1", "P2", "P2", id="a segment with a known cost"
        ),
        pytest.param([performance()], "P3", "P3", "P4", id="performance has changed"),
        pytest.param([ROWS], "P3", "P3", "P4", id="fewer rows"),
        pytest.param([moved("age", 0.5)], "P3", "P3", "P4", id="an important input moved"),
        pytest.param([moved("age", 0.1)], "P3", "P4", "P4", id="a lesser input moved"),
        pytest.param([drift("score")], "P3", "P3", "P4", id="the score moved"),
        pytest.param([drift("age", segment=N)], "P4", "P4", "P4", id="a segment moved"),
    ],
)  # fmt: skip
def test_priority_is_proof_times_reach(
    verdicts: list[Verdict], high: str, medium: str, low: str
) -> None:
    found = first(*verdicts)
    by_materiality = [
        priority(monitor(materiality=m), found.cause, found.signals)
        for m in ("high", "medium", "low")
    ]
    assert by_materiality == [high, medium, low]


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        ([snapshot("features")], "No features were delivered"),
        ([snapshot("labels", Level.WARN)], "Labels are due and cannot be used"),
        ([lost("age")], "Column `age` has no values"),
        ([lost("age", Why.COLUMN_MISSING)], "Column `age` is missing"),
        ([lost("age"), lost("income")], "2 columns of features have no values (age, income)"),
        ([condemned("age"), condemned("income"), condemned("region")],
         "3 columns of features failed critical checks (age, income, region)"),
        ([nulls("age", effect=-0.2)], "Column `age` has fewer nulls than usual"),
        ([nulls("age", segment=N)], "region=n: age has more nulls than usual"),
        ([FAILED], "Metric `ks` could not be computed"),
        ([ROWS], "Fewer rows than expected, by 35 %"),
        ([objective("label_coverage", "outcomes_arrive")],
         "Labels arrive too seldom: objective `outcomes_arrive` exhausted"),
        ([performance("base_rate")], "The share of positive labels changed"),
        ([moved("age", 0.5), moved("income", 0.3), drift("region")],
         "Inputs moved: age and 2 more"),
        ([drift("age", segment=s) for s in (N, "region=s", "region=e")],
         "Inputs moved: age in 3 segments"),
        ([drift("score")], "Predictions moved: score"),
        ([objective(), harm()], "Objective `ranks` exhausted: roc_auc below 0.7"),
        ([objective("latency_p95", "fast_enough", Level.WARN, left=0.5)],
         "Objective `fast_enough` burns its error budget: latency_p95 above 0.25"),
        ([harm()], "Errors have risen beyond what the reference allows"),
        ([harm(segment=N), drift("age", segment=N)],
         "region=n: errors have risen beyond what the reference allows"),
        ([drift("age", segment=N), drift("income", segment=N)], "region=n: age and income moved"),
        ([performance(version="2")], "Version 2: roc_auc got worse"),
        ([ESTIMATE], "Estimated roc_auc lies beyond its objective"),
        ([lost(INJECTED)], f"Column `{INJECTED}` has no values"),
    ],
)  # fmt: skip
def test_a_title_says_what_is_wrong_in_plain_words(verdicts: list[Verdict], told: str) -> None:
    found = first(*verdicts)
    assert title(MONITOR, found.cause, found.signals) == told


def test_a_title_is_cut_where_names_are_long() -> None:
    found = first(drift("age", segment=f"region={'x' * 500}"))
    told = title(MONITOR, found.cause, found.signals)
    assert len(told) == LONGEST
    assert told.endswith("…")


def test_a_title_can_be_made_of_nothing() -> None:
    assert title(MONITOR, Cause.parse("monitoring"), ()) == "Monitoring"


SINCE = DAY - dt.timedelta(days=30)
MET = ok(objective())
BAD = objective()


def step(*verdicts: Verdict, on: Verdict | None = None, days: int = 1) -> tuple[NextStep, str]:
    """The next step about the first cause; or about `on`, which has been on for so many days."""
    found = first(on or verdicts[0], *verdicts)
    signals = found.signals
    if on is not None:
        begun = DAY - dt.timedelta(days=days - 1)
        signals = tuple(replace(s, first_day=begun) for s in signals)
    return next_step(MONITOR, found.cause, [*verdicts, *([on] if on else [])], signals)


@pytest.mark.parametrize(
    ("found", "expected", "because"),
    [
        pytest.param([lost("age"), harm()], NextStep.FIX_DATA, "1 further alert follows",
                     id="broken data"),
        pytest.param([snapshot("features", reason=Why.SOURCE_GROWING)], NextStep.WAIT, "written",
                     id="a source that is still growing"),
        pytest.param([FAILED], NextStep.FIX_MONITORING, "monitoring", id="a metric that failed"),
        pytest.param([ROWS], NextStep.INVESTIGATE, "holidays", id="fewer rows"),
        pytest.param([verdict(Rule.DATA, "quarantine_rate", "@features", reason=Reason.UNUSABLE)],
                     NextStep.FIX_DATA, "sends", id="refused rows"),
        pytest.param([snapshot("labels", Level.WARN)], NextStep.FIX_DATA, "outcomes",
                     id="no labels"),
        pytest.param([performance("base_rate")], NextStep.INVESTIGATE, "world", id="base rate"),
        pytest.param([verdict(Rule.OPERATIONS, "error_rate", "status")], NextStep.FIX_SERVICE,
                     "service", id="the service"),
        pytest.param([harm()], NextStep.RETRAIN, "proven to have risen over 5 days", id="harm"),
        pytest.param([BAD], NextStep.RETRAIN, "ranks is exhausted", id="an exhausted objective"),
        pytest.param([objective(level=Level.WARN, left=0.5)], NextStep.INVESTIGATE, "time",
                     id="a burning objective"),
        pytest.param([performance()], NextStep.INVESTIGATE, "neither", id="a changed metric"),
        pytest.param([ESTIMATE], NextStep.INVESTIGATE, "without labels", id="an estimate"),
        pytest.param([harm(segment=N)], NextStep.INVESTIGATE, "only region=n", id="a segment"),
        pytest.param([performance(version="2")], NextStep.INVESTIGATE, "version 2", id="a version"),
        pytest.param([nulls("age", segment=N)], NextStep.FIX_DATA, "missing in region=n",
                     id="nulls in a segment"),
    ],
)  # fmt: skip
def test_the_next_step_follows_from_the_evidence(
    found: list[Verdict], expected: NextStep, because: str
) -> None:
    what, why = step(*found)
    assert what is expected
    assert because in why


@pytest.mark.parametrize(
    ("also", "days", "expected"),
    [
        pytest.param([], 1, NextStep.WAIT, id="nothing else is known"),
        pytest.param([], 40, NextStep.WAIT, id="it lasts and nobody has promised anything"),
        pytest.param([MET], 20, NextStep.WAIT, id="not yet three weeks"),
        pytest.param([MET], 21, NextStep.ACCEPT, id="three weeks with performance as promised"),
        pytest.param([ok(objective(), Level.NO_DATA, Reason.UNDECIDED)], 40, NextStep.WAIT,
                     id="the objective could not be decided"),
        pytest.param([BAD], 2, NextStep.INVESTIGATE, id="harm that is older than the drift"),
        pytest.param([BAD], 10, NextStep.RETRAIN, id="harm within the drift"),
        pytest.param([BAD, lost("income")], 10, NextStep.FIX_DATA, id="harm on broken data"),
    ],
)  # fmt: skip
def test_drift_alone_never_calls_for_training(
    also: list[Verdict], days: int, expected: NextStep
) -> None:
    on = drift("age")
    begun = signal(on, first_day=DAY - dt.timedelta(days=days - 1))
    what, because = next_step(MONITOR, Cause.parse("inputs"), [on, *also], [begun])
    assert what is expected
    assert because


def test_no_model_is_trained_on_broken_data() -> None:
    what, because = next_step(
        MONITOR, Cause.parse("performance"), [harm(), nulls("age")], [signal(harm())]
    )
    assert what is NextStep.FIX_DATA
    assert "trained on it" in because


def told(*verdicts: Verdict, facts: Facts | None = None) -> Context:
    found = first(*verdicts)
    return context(MONITOR, found.cause, DAY, verdicts, found.signals, facts or Facts())


def test_the_context_of_lost_columns_says_how_much_of_the_model_is_blind() -> None:
    by = condemned("age")
    said = told(
        by, condemned("income"), known("age", 0.4), known("income", 0.2), drift("score"),
        withheld(drift("age"), by),
    )  # fmt: skip
    assert said.what == "2 columns of features failed critical checks: age, income"
    assert said.how_large == "2 of 4 features, with 60 % of the model's importance"
    assert said.columns == (
        "age: 40 % of the model's importance",
        "income: 20 % of the model's importance",
    )
    assert dict(said.details)["Explained by it"] == "1 further alert"


def test_the_context_of_an_objective_says_what_it_costs() -> None:
    said = told(objective(value=0.62, ci_low=0.6, ci_high=0.64, cost=PRICE, evidence=1.25))
    assert said.cost == PRICE
    assert said.how_sure.startswith("7 of 28 decided days were bad beyond noise, 1.25 times")
    assert said.how_large.startswith("roc_auc is 0.62 (0.6 to 0.64), required")


@pytest.mark.parametrize(
    ("reason", "sure"),
    [
        (Reason.SUDDEN, "One day proves it: without a change one day in 200 would be like this"),
        (Reason.STILL_THERE, "Proven before, and still unusual: without a change one day in 200"),
        (Reason.LASTING, "12 days together prove it: their evidence is 6, and 5 is enough"),
    ],
)
def test_the_context_says_why_it_is_not_chance(reason: Reason, sure: str) -> None:
    details = {"p_value": 0.005, "lasting_days": 12, "lasting_effect": 1.5}
    said = told(drift("age", reason=reason, evidence=6.0, threshold=5.0, details=details))
    assert said.how_sure.startswith(sure)


def test_the_context_lists_columns_and_segments_by_what_they_do() -> None:
    here = drift("age", segment=N, effect=2.0)
    said = told(moved("income", 0.2), moved("age", 0.5), here)
    assert said.columns[0].startswith("age: moved by 1.00 σ, 50 %")
    assert said.segments == ("region=n: age moved by 2.00 σ",)


def test_the_context_carries_what_was_looked_up() -> None:
    checks = (FailedCheck("features", "age", "null"), FailedCheck("labels", "", "few"))
    facts = Facts(checks, ("v2",), ((DAY, 1.0),), "psi", 0.2, (Link("a", "b"),), (("k", "v"),))
    said = told(drift("age"), facts=facts)
    assert said.checks == ("null", "few")
    assert (said.versions, said.trend) == (facts.versions, facts.trend)
    assert (said.trend_of, said.trend_limit, said.links) == ("psi", 0.2, facts.links)
    assert ("k", "v") in said.details


@pytest.mark.parametrize(
    ("found", "told_of"),
    [
        pytest.param([lost("age")], ("age",), id="a broken column shows its own"),
        pytest.param([snapshot("features")], ("age", "income"), id="a snapshot those of its kind"),
        pytest.param([drift("age")], ("age", "income", "labels"), id="anything else shows all"),
    ],
)
def test_what_is_broken_is_shown_with_its_own_failed_checks(
    found: list[Verdict], told_of: tuple[str, ...]
) -> None:
    checks = (
        FailedCheck("features", "age", "age"),
        FailedCheck("features", "income", "income"),
        FailedCheck("labels", "", "labels"),
    )
    assert told(*found, facts=Facts(checks)).checks == told_of


def test_the_context_of_an_incident_without_signals_is_empty_and_no_error() -> None:
    said = context(MONITOR, Cause.parse("inputs"), DAY, [], [], Facts())
    assert (said.what, said.how_sure, said.columns) == ("", "", ())


@pytest.mark.parametrize(
    ("verdicts", "metric", "column", "segment"),
    [
        ([lost("age")], "null_rate", "age", "all"),
        ([nulls("age"), nulls("income", impact=1.0)], "null_rate", "income", "all"),
        ([snapshot("features")], "snapshot_rows", "@features", "all"),
        ([moved("age", 0.1), moved("income", 0.5)], "psi", "income", "all"),
        ([objective(), harm()], "roc_auc", "", "all"),
        ([harm(segment=N)], "accuracy", "", N),
    ],
)
def test_the_picture_shows_what_leads(
    verdicts: list[Verdict], metric: str, column: str, segment: str
) -> None:
    found = first(*verdicts)
    lead = leading(found.cause, found.signals)
    assert lead is not None
    assert (lead.metric, lead.column, lead.segment) == (metric, column, segment)
