"""Each rule of grouping as a claim: what shares a cause, what explains what, what stays put."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Verdict
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.grouping import group
from monitoring_dagster.incidents.incident import CauseOfDay, Incident, SignalState, Status
from monitoring_dagster.incidents.withheld import PARTS
from monitoring_dagster.metrics.measurement import Reason as Why
from tests.incidents_grouping.world import (
    DAY,
    INJECTED,
    MONITOR,
    causes,
    condemned,
    drift,
    explained,
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

BEFORE = DAY - dt.timedelta(days=4)
SNAPSHOT = Cause(CauseKind.SNAPSHOT, "features")
INPUTS = Cause(CauseKind.INPUTS)


def grouped(*verdicts: Verdict, held: tuple[Incident, ...] = ()) -> list[CauseOfDay]:
    return group(MONITOR, DAY, verdicts, held)


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        pytest.param(snapshot("features"), "snapshot:features", id="features are missing"),
        pytest.param(snapshot("labels", Level.WARN), "labels", id="labels are due and missing"),
        pytest.param(
            snapshot("labels", Level.NO_DATA), "labels", id="labels are due and nobody warned"
        ),
        pytest.param(lost("age"), "column:age", id="one column has no values"),
        pytest.param(condemned("age"), "column:age", id="a check condemns one column"),
        pytest.param(nulls("age"), "column:age", id="one column has more nulls"),
        pytest.param(nulls("score"), "column:score", id="scores are null more often"),
        pytest.param(
            verdict(Rule.DATA, "ks", "age", level=Level.ERROR, reason=Why.METRIC_FAILED),
            "metric:ks",
            id="a metric failed",
        ),
        pytest.param(verdict(Rule.DATA, "rows"), "traffic", id="the number of rows changed"),
        pytest.param(
            verdict(Rule.DATA, "duplicate_rate", "@features", reason=Reason.UNUSABLE),
            "traffic",
            id="rows come twice",
        ),
        pytest.param(
            objective("label_coverage", "outcomes_arrive"), "labels", id="labels are too few"
        ),
        pytest.param(performance("base_rate"), "labels", id="only the base rate changed"),
        pytest.param(
            verdict(Rule.OPERATIONS, "error_rate", "status"), "operations", id="requests fail"
        ),
        pytest.param(
            objective("latency_p95", "fast_enough"), "operations", id="answers are too slow"
        ),
        pytest.param(drift("age"), "inputs", id="a feature moved"),
        pytest.param(drift("score"), "predictions", id="only the score moved"),
        pytest.param(harm(), "performance", id="errors have risen"),
        pytest.param(objective(), "performance", id="an objective of performance"),
        pytest.param(
            verdict(Rule.ESTIMATE, "shift_adapted_roc_auc"), "performance", id="an estimate"
        ),
        pytest.param(drift("age", segment="region=n"), "segment:region=n", id="one segment"),
        pytest.param(performance(version="2"), "version:2", id="one version"),
    ],
)
def test_a_finding_alone_belongs_to_the_cause_of_its_family(found: Verdict, cause: str) -> None:
    assert causes(grouped(found)) == {cause: keys(found)}


@pytest.mark.parametrize(
    "quiet",
    [
        ok(drift("age")),
        ok(snapshot("labels"), Level.NO_DATA, Reason.PROVISIONAL),
        ok(drift("age"), Level.NOT_ENOUGH_DATA, Reason.TOO_FEW_ROWS),
        ok(performance(), Level.NO_DATA, Reason.PROVISIONAL),
    ],
    ids=["what is fine", "labels not due yet", "too few rows", "what is provisional"],
)
def test_what_does_not_fire_is_no_cause(quiet: Verdict) -> None:
    assert grouped(quiet) == []


def test_columns_that_break_together_are_one_break_of_their_snapshot() -> None:
    broken = lost("age"), condemned("income"), nulls("region")
    assert causes(grouped(*broken)) == {"snapshot:features": keys(*broken)}


def test_columns_of_different_kinds_that_break_are_not_one_break() -> None:
    assert set(causes(grouped(lost("age"), nulls("score")))) == {"column:age", "column:score"}


def test_a_check_that_condemns_all_rows_is_a_break_of_the_snapshot() -> None:
    said = verdict(
        Rule.DATA,
        "accuracy",
        level=Level.CRITICAL,
        reason=Why.QUALITY_CHECK_FAILED,
        text="predictions: between 500 and 900 rows (found: 12)",
    )
    assert set(causes(grouped(said))) == {"snapshot:predictions"}


def test_what_condemns_a_label_stands_with_the_label_wherever_it_was_told() -> None:
    said = condemned("outcome", "labels")
    elsewhere = verdict(
        Rule.DATA, "accuracy", level=Level.CRITICAL, reason=said.reason, text=said.text
    )
    assert set(causes(grouped(elsewhere))) == {"column:outcome"}


def test_a_column_stays_with_the_incident_that_holds_it() -> None:
    alone = incident(Cause(CauseKind.COLUMN, "age"), lost("age"), state=SignalState.CLEARED)
    found = causes(grouped(lost("age"), lost("income"), lost("region"), held=(alone,)))
    assert found == {
        "snapshot:features": keys(lost("income"), lost("region")),
        "column:age": keys(lost("age")),
    }


def test_a_column_that_breaks_again_alone_stays_with_its_snapshot() -> None:
    open_ = incident(SNAPSHOT, nulls("age"), nulls("income"))
    assert causes(grouped(nulls("age"), held=(open_,))) == {"snapshot:features": keys(nulls("age"))}


def test_a_new_column_joins_a_snapshot_that_breaks_the_same_day() -> None:
    open_ = incident(SNAPSHOT, nulls("age"), nulls("income"))
    broken = nulls("age"), lost("region")
    assert causes(grouped(*broken, held=(open_,))) == {"snapshot:features": keys(*broken)}


def test_predictions_that_move_with_the_inputs_are_one_incident() -> None:
    assert causes(grouped(drift("age"), drift("score"))) == {
        "inputs": keys(drift("age"), drift("score"))
    }


def test_predictions_join_inputs_that_are_open_and_quiet_today() -> None:
    held = (incident(INPUTS, drift("age")),)
    assert set(causes(grouped(drift("score"), held=held))) == {"inputs"}


def test_predictions_that_moved_first_do_not_hop_to_the_inputs() -> None:
    held = (incident(Cause(CauseKind.PREDICTIONS), drift("score")),)
    found = causes(grouped(drift("age"), drift("score"), drift("decision"), held=held))
    assert found == {
        "inputs": keys(drift("age")),
        "predictions": keys(drift("score"), drift("decision")),
    }


def test_the_base_rate_is_a_matter_of_performance_once_that_suffers() -> None:
    found = causes(grouped(performance("base_rate"), harm()))
    assert set(found) == {"performance"}


def test_the_base_rate_does_not_hop() -> None:
    held = (incident(Cause(CauseKind.LABELS), performance("base_rate")),)
    found = causes(grouped(performance("base_rate"), harm(), held=held))
    assert found["labels"] == keys(performance("base_rate"))


def test_everything_in_one_segment_is_one_incident() -> None:
    found = (
        drift("age", segment="region=n"),
        harm(segment="region=n"),
        nulls("income", segment="region=n"),
    )
    assert causes(grouped(*found)) == {"segment:region=n": keys(*found)}


def test_a_segment_joins_all_traffic_where_the_same_column_fires() -> None:
    here, whole = drift("age", segment="region=n"), drift("age")
    other = drift("income", segment="region=n")
    assert causes(grouped(here, whole, other)) == {
        "inputs": keys(here, whole),
        "segment:region=n": keys(other),
    }


def test_a_segment_joins_an_open_incident_that_holds_the_same_column() -> None:
    here = drift("age", segment="region=n")
    held = (incident(INPUTS, drift("age"), state=SignalState.CLEARED),)
    assert set(causes(grouped(here, held=held))) == {"inputs"}


def test_a_version_joins_all_traffic_where_the_same_metric_fires() -> None:
    assert set(causes(grouped(performance(version="2"), objective()))) == {"performance"}


@pytest.mark.parametrize(("segments", "cause"), [(2, "segment:region=0"), (3, "inputs")])
def test_what_three_segments_show_is_of_all_traffic(segments: int, cause: str) -> None:
    found = [drift("age", segment=f"region={i}") for i in range(segments)]
    assert next(iter(causes(grouped(*found)))) == cause


def test_nulls_in_three_segments_are_a_broken_column() -> None:
    found = [nulls("age", segment=f"region={i}") for i in range(3)]
    assert causes(grouped(*found)) == {"column:age": keys(*found)}


def test_a_missing_snapshot_explains_what_is_measured_of_it() -> None:
    follows = drift("age"), drift("score"), harm(), verdict(Rule.DATA, "rows")
    own = verdict(Rule.OPERATIONS, "latency_p50", "ms")
    found = grouped(snapshot("features"), *follows, own)
    assert explained(found) == {"snapshot:features": keys(*follows)}
    assert set(causes(found)) == {"snapshot:features", "operations"}


def test_a_broken_column_explains_its_drift_and_what_the_model_makes_of_it() -> None:
    follows = drift("age"), drift("score"), harm(), verdict(Rule.ESTIMATE, "estimated_roc_auc")
    found = grouped(lost("age"), *follows, drift("income"))
    assert explained(found) == {"column:age": keys(*follows)}
    assert causes(found)["inputs"] == keys(drift("income"))
    assert {s.suppressed_by for c in found for s in c.signals} == {"", "column:age"}


def test_broken_columns_do_not_explain_the_drift_of_others() -> None:
    assert "inputs" in causes(grouped(lost("age"), lost("income"), drift("region")))


def test_a_broken_column_explains_the_segments_that_are_cut_by_it() -> None:
    found = grouped(lost("region"), drift("age", segment="region=n"))
    assert explained(found) == {"column:region": keys(drift("age", segment="region=n"))}


def test_what_began_before_the_break_is_not_its_consequence() -> None:
    older = harm(since=BEFORE), drift("score", since=BEFORE)
    found = grouped(lost("age"), *older)
    assert explained(found) == {}


def test_what_an_incident_held_before_the_break_stays_its_own() -> None:
    held = (incident(INPUTS, drift("age"), since=BEFORE),)
    found = grouped(nulls("age"), drift("age", since=DAY), held=held)
    assert set(causes(found)) == {"column:age", "inputs"}


def test_a_break_that_is_open_for_days_explains_what_began_within_it() -> None:
    held = (incident(Cause(CauseKind.COLUMN, "age"), lost("age"), since=BEFORE),)
    found = grouped(lost("age"), harm(since=BEFORE), held=held)
    assert explained(found) == {"column:age": keys(harm())}


def test_an_objective_that_was_burning_before_stays_its_own() -> None:
    burning = objective(level=Level.WARN, since=None, days=0)
    overdrawn = objective(since=DAY, days=1, bad_days=7)
    for said in (burning, overdrawn):
        assert set(causes(grouped(lost("age"), said))) == {"column:age", "performance"}


def test_an_objective_that_only_the_break_has_hurt_is_explained() -> None:
    said = objective(since=DAY, days=1, bad_days=1)
    assert explained(grouped(lost("age"), said)) == {"column:age": keys(said)}


def test_a_warning_explains_no_page() -> None:
    found = grouped(nulls("age"), harm(), drift("score"))
    assert set(causes(found)) == {"column:age", "performance"}
    assert explained(found) == {"column:age": keys(drift("score"))}


def test_a_failed_metric_is_never_explained() -> None:
    failed = verdict(Rule.DATA, "psi", "age", segment="region=n", level=Level.ERROR)
    assert set(causes(grouped(snapshot("features"), failed))) == {"snapshot:features", "metric:psi"}


def test_withheld_verdicts_are_listed_and_those_of_parts_are_counted() -> None:
    by = condemned("age")
    whole = withheld(drift("age"), by)
    parts = [withheld(drift("age", segment=f"region={i}"), by) for i in range(250)]
    [found] = grouped(by, whole, *parts)
    told = {s.subject: s for s in found.signals if s.state is SignalState.SUPPRESSED}
    assert set(told) == {whole.subject.key, PARTS.key}
    assert told[PARTS.key].text == "250 verdicts of segments and versions"


def test_what_has_cleared_after_it_was_explained_is_not_held_by_the_break() -> None:
    open_ = incident(SNAPSHOT, lost("age"), harm(), state=SignalState.CLEARED)
    assert set(causes(grouped(harm(segment="region=n"), held=(open_,)))) == {"segment:region=n"}


def test_a_resolved_incident_holds_nothing() -> None:
    gone = replace(incident(INPUTS, drift("age")), status=Status.RESOLVED)
    assert set(causes(grouped(drift("score"), held=(gone,)))) == {"predictions"}


def test_names_from_telemetry_survive_untouched() -> None:
    where = f"region={INJECTED}"
    own = drift("age", segment=where)
    [segment] = grouped(own)
    assert segment.cause == Cause(CauseKind.SEGMENT, where)
    assert segment.signals[0].subject == own.subject.key
    [column] = grouped(lost(INJECTED))
    assert column.cause.name == INJECTED
    held = (incident(column.cause, column),)
    assert [c.cause for c in grouped(lost(INJECTED), lost("age"), held=held)] == [
        column.cause,
        Cause(CauseKind.COLUMN, "age"),
    ]


def test_causes_come_most_upstream_first() -> None:
    found = grouped(
        harm(), drift("age"), verdict(Rule.DATA, "rows"), nulls("score"), snapshot("labels")
    )
    assert [c.cause.kind for c in found] == [
        CauseKind.COLUMN,
        CauseKind.TRAFFIC,
        CauseKind.LABELS,
        CauseKind.INPUTS,
        CauseKind.PERFORMANCE,
    ]


def test_an_overdrawn_objective_says_so_on_its_good_days_too() -> None:
    [found] = grouped(objective(level=Level.WARN, left=-0.1))
    assert (found.level, found.signals[0].reason) == (Level.WARN, Reason.EXHAUSTED)


def test_a_lasting_change_is_told_by_its_mean_and_not_by_a_quiet_day() -> None:
    said = drift("age", effect=0.0, importance=0.5, details={"lasting_effect": 1.8})
    [found] = grouped(said)
    assert (found.signals[0].effect, found.signals[0].impact) == (1.8, 0.9)


def test_a_lost_column_weighs_as_much_as_the_model_needs_it() -> None:
    drifted = ok(drift("age"), Level.NO_DATA, Why.ALL_NULL)
    [found] = grouped(lost("age"), replace(drifted, importance=0.4))
    assert found.signals[0].impact == 0.4
