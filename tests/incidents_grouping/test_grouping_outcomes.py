"""The outcome of a day: a cause is clear only where something was judged and found quiet."""

from __future__ import annotations

import pytest

from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Verdict
from monitoring_dagster.incidents.cause import Cause
from monitoring_dagster.incidents.grouping import group, outcome
from monitoring_dagster.incidents.incident import Outcome, Signal
from monitoring_dagster.metrics.measurement import Reason as Why
from tests.incidents_grouping.world import (
    DAY,
    MONITOR,
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
)

TOO_FEW = (Level.NOT_ENOUGH_DATA, Reason.TOO_FEW_ROWS)
DIFFER = (Level.NOT_ENOUGH_DATA, Reason.DAYS_DIFFER)
AWAITED = (Level.NO_DATA, Reason.PROVISIONAL)
ESTIMATE = verdict(Rule.ESTIMATE, "estimated_roc_auc")
LATENCY = verdict(Rule.OPERATIONS, "latency_p50", "ms")


def judged(cause: str, *verdicts: Verdict, signals: tuple[Signal, ...] = ()) -> Outcome:
    found = group(MONITOR, DAY, verdicts)
    return outcome(MONITOR, Cause.parse(cause), verdicts, found, signals)


@pytest.mark.parametrize(
    ("cause", "quiet"),
    [
        pytest.param("inputs", ok(drift("age")), id="a feature was judged ok"),
        pytest.param("inputs", ok(drift("age"), *DIFFER), id="days differ too much for more"),
        pytest.param("predictions", ok(drift("score")), id="the score was judged ok"),
        pytest.param("performance", ok(objective()), id="the objective was met"),
        pytest.param("performance", ok(performance()), id="performance was judged ok"),
        pytest.param("labels", ok(snapshot("labels")), id="labels came"),
        pytest.param("operations", ok(LATENCY), id="latency was judged ok"),
        pytest.param("traffic", ok(verdict(Rule.DATA, "rows")), id="rows were judged ok"),
        pytest.param("snapshot:features", ok(snapshot("features")), id="features are usable"),
        pytest.param("column:age", ok(drift("age"), *TOO_FEW), id="the column has values again"),
        pytest.param("column:answered_at", ok(snapshot("predictions")), id="nothing judges it"),
        pytest.param("metric:ks", ok(drift("age")), id="the day could be measured"),
        pytest.param("segment:region=n", ok(drift("age", segment="region=n")), id="a segment"),
        pytest.param("version:2", ok(performance(version="2")), id="a version"),
        pytest.param("version:2", ok(performance()), id="a version that no longer shares traffic"),
    ],
)
def test_a_cause_is_clear_where_what_it_concerns_was_judged(cause: str, quiet: Verdict) -> None:
    assert judged(cause, quiet) is Outcome.CLEAR


@pytest.mark.parametrize(
    ("cause", "verdicts"),
    [
        pytest.param("inputs", [], id="nothing was judged at all"),
        pytest.param("inputs", [ok(performance())], id="only something else was judged"),
        pytest.param("inputs", [ok(drift("age"), *TOO_FEW)], id="too few rows"),
        pytest.param("inputs", [ok(nulls("age"))], id="nulls say nothing of a distribution"),
        pytest.param("performance", [ok(performance(), *AWAITED)], id="labels are not there yet"),
        pytest.param("performance", [ok(ESTIMATE)], id="an estimate closes nothing"),
        pytest.param("performance", [ok(harm(segment="region=n"))], id="only a segment"),
        pytest.param(
            "labels", [ok(snapshot("labels")), ok(objective("label_coverage"), *AWAITED)],
            id="coverage is still awaited",
        ),
        pytest.param("snapshot:features", [ok(snapshot("labels"))], id="another snapshot came"),
        pytest.param("column:age", [ok(drift("age"), Level.SUPPRESSED)], id="it is withheld"),
        pytest.param("metric:ks", [snapshot("features")], id="there was nothing to measure"),
        pytest.param("monitoring", [ok(drift("age"))], id="no verdict is about the monitoring"),
    ],
)  # fmt: skip
def test_silence_is_never_clear(cause: str, verdicts: list[Verdict]) -> None:
    assert judged(cause, *verdicts) is Outcome.UNKNOWN


def test_a_cause_that_fires_is_not_clear_whatever_else_was_judged_ok() -> None:
    assert judged("inputs", drift("age"), ok(drift("income"))) is Outcome.FIRING


def test_what_is_all_explained_upstream_says_nothing_of_its_own_cause() -> None:
    day = (lost("age"), harm(), ok(performance()))
    assert judged("performance", *day) is Outcome.UNKNOWN
    assert judged("column:age", *day) is Outcome.FIRING


def test_an_incident_is_not_clear_while_nothing_that_fired_in_it_can_be_measured() -> None:
    fired = (signal(drift("age")),)
    other = ok(drift("income"))
    gone = ok(drift("age"), Level.NO_DATA, Why.ALL_NULL)
    assert judged("inputs", gone, other, signals=fired) is Outcome.UNKNOWN
    assert judged("inputs", ok(drift("age"), *TOO_FEW), other, signals=fired) is Outcome.CLEAR


def test_where_labels_never_come_an_estimate_is_all_there_is() -> None:
    blind = monitor(
        telemetry={k: {"kind": "parquet", "path": f"{k}/{{date}}.parquet"}
                   for k in ("features", "predictions")},
        columns={"request": {"role": "id"}, "age": {"role": "feature", "type": "number"},
                 "answered_at": {"role": "timestamp", "in": ["predictions"]},
                 "score": {"role": "score"}},
        segments=[], slos=[],
        reference={"first_day": "2026-01-05", "last_day": "2026-02-15"},
    )  # fmt: skip
    assert outcome(blind, Cause.parse("performance"), [ok(ESTIMATE)], []) is Outcome.CLEAR


@pytest.mark.parametrize(
    ("cause", "fired", "verdicts", "expected"),
    [
        pytest.param(
            "segment:region=n", drift("age", segment="region=n"), [ok(drift("age"))],
            Outcome.ABSENT, id="the whole was judged, and the segment was not there",
        ),
        pytest.param(
            "version:2", drift("age", version="2"), [ok(drift("income"))],
            Outcome.ABSENT, id="the version was not there",
        ),
        pytest.param(
            "segment:region=n", drift("age", segment="region=n"), [drift("age")],
            Outcome.ABSENT, id="the whole fires",
        ),
        pytest.param(
            "segment:region=n", harm(segment="region=n"), [ok(drift("age"))],
            Outcome.UNKNOWN, id="labels are awaited",
        ),
        pytest.param(
            "segment:region=n", drift("age", segment="region=n"),
            [ok(drift("age")), ok(drift("age", segment="region=n"), *TOO_FEW)],
            Outcome.UNKNOWN, id="the segment has too few rows",
        ),
        pytest.param(
            "segment:region=n", drift("age", segment="region=n"), [ok(drift("age"), *TOO_FEW)],
            Outcome.UNKNOWN, id="the whole has too few rows",
        ),
        pytest.param(
            "inputs", drift("age"), [ok(performance())],
            Outcome.UNKNOWN, id="only a part of the traffic can go",
        ),
    ],
)  # fmt: skip
def test_a_part_is_absent_where_the_whole_is_judged_without_it(
    cause: str, fired: Verdict, verdicts: list[Verdict], expected: Outcome
) -> None:
    assert judged(cause, *verdicts, signals=(signal(fired),)) is expected
