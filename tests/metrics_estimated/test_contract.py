"""What cannot be estimated has a status and a reason, and the rest is estimated."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monitoring_dagster.errors import GridMismatch
from monitoring_dagster.metrics.estimated import LIMITS, estimated
from monitoring_dagster.metrics.measurement import Reason, Status
from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.profiles.profile import Profile


@pytest.fixture(scope="module")
def small(simulation: Any) -> Any:
    return simulation.Small.of(simulation.days(1, 6, 600))


def test_every_metric_is_owed_in_both_forms_for_every_segment(small: Any, simulation: Any) -> None:
    day = simulation.days(2, 1)[0]
    measured = small.estimates().measure(small.profile(day))
    names = {m.metric for m in measured}
    assert names == set(estimated(Task.BINARY))
    for segment in ("all", "region=north", "region=south"):
        assert {m.metric for m in measured if m.segment == segment} == names


def test_the_reference_value_is_the_realised_metric_of_the_reference(
    small: Any, simulation: Any
) -> None:
    from sklearn.metrics import f1_score, roc_auc_score

    measured = small.estimates().measure(small.profile(simulation.days(2, 1)[0]))
    labels, scores = small.reference.labels, small.reference.outputs[:, 0]
    inside = small.reference.segments["region=north"]
    values = {(m.metric, m.segment): m.reference_value for m in measured}
    assert values["estimated_roc_auc", "all"] == pytest.approx(
        roc_auc_score(labels, scores), abs=1e-4
    )
    assert values["estimated_f1", "region=north"] == pytest.approx(
        f1_score(labels[inside], scores[inside] >= 0.5)
    )


def test_a_day_without_rows_has_a_reason(small: Any, simulation: Any) -> None:
    measured = small.estimates(reference_rows=small.reference).measure(Profile.empty(small.grid.id))
    assert {m.segment for m in measured} == {"all", "region=north", "region=south"}
    assert {m.estimate.reason for m in measured if m.metric.startswith("estimated")} == {
        Reason.NO_ROWS
    }
    assert all(m.estimate.status is Status.NO_DATA for m in measured)


def test_too_few_rows_are_said_with_their_number(small: Any, simulation: Any) -> None:
    day = simulation.days(2, 1, 12)[0]
    estimate = simulation.found(small.estimates().measure(small.profile(day)), "estimated_accuracy")
    assert (estimate.status, estimate.reason) == (Status.NOT_ENOUGH_DATA, Reason.TOO_FEW_ROWS)
    assert estimate.detail == "12 scores; at least 30 are required"


def test_a_score_column_that_is_missing_is_said(small: Any, simulation: Any) -> None:
    day = replace(small.profile(simulation.days(2, 1)[0]), missing={"chance": "column_missing"})
    estimate = simulation.found(small.estimates().measure(day), "estimated_roc_auc")
    assert estimate.reason is Reason.COLUMN_MISSING


def test_a_reference_without_outcomes_gives_nothing_and_says_so(
    small: Any, simulation: Any
) -> None:
    measured = small.without_outcomes().estimates().measure(small.profile(simulation.days(2, 1)[0]))
    assert {m.metric for m in measured} == set(estimated(Task.BINARY))
    assert {(m.estimate.status, m.estimate.reason) for m in measured} == {
        (Status.NO_DATA, Reason.REFERENCE_EMPTY)
    }


def test_a_reference_of_one_class_gives_nothing_and_says_so(simulation: Any) -> None:
    days = [replace(d, labels=np.ones_like(d.labels)) for d in simulation.days(1, 3)]
    small = simulation.Small.of(days)
    measured = small.estimates().measure(small.profile(simulation.days(2, 1)[0]))
    assert {m.estimate.reason for m in measured} == {Reason.ONE_CLASS_ONLY}


def test_equal_scores_order_nothing_and_still_decide(small: Any, simulation: Any) -> None:
    day = simulation.days(2, 1)[0]
    day = replace(day, scores=np.full_like(day.scores, 0.7))
    measured = small.estimates().measure(small.profile(day))
    for metric in ("estimated_roc_auc", "estimated_average_precision"):
        assert simulation.found(measured, metric).reason is Reason.CONSTANT_SCORE
    accuracy = simulation.found(measured, "estimated_accuracy")
    assert accuracy.value == pytest.approx(0.7, abs=0.07)
    specificity = simulation.found(measured, "estimated_specificity")
    assert specificity.value == 0.0


def test_without_raw_rows_the_adapted_form_says_so(small: Any, simulation: Any) -> None:
    day = simulation.days(2, 1)[0]
    for settings, rows in (({}, day.rows()), ({"reference_rows": small.reference}, None)):
        measured = small.estimates(**settings).measure(small.profile(day), rows=rows)
        adapted = simulation.found(measured, "shift_adapted_roc_auc")
        assert (adapted.status, adapted.reason) == (Status.NO_DATA, Reason.NO_SNAPSHOT)
        assert "raw rows" in adapted.detail
        assert simulation.found(measured, "estimated_roc_auc").status is Status.OK


def test_a_decision_that_is_declared_and_never_logged_is_no_decision(simulation: Any) -> None:
    document = copy.deepcopy(simulation.document)
    del document["model"]["threshold"]
    document["columns"]["said"] = {"role": "prediction", "type": "integer"}
    small = simulation.Small.of(simulation.days(1, 3), document)
    measured = small.estimates().measure(small.profile(simulation.days(2, 1)[0]))
    assert simulation.found(measured, "estimated_roc_auc").status is Status.OK
    assert simulation.found(measured, "estimated_f1").reason is Reason.COLUMN_MISSING


def test_a_day_without_positive_decisions_has_no_precision(small: Any, simulation: Any) -> None:
    day = simulation.days(2, 1)[0]
    day = replace(day, scores=day.scores * 0.4)
    measured = small.estimates().measure(small.profile(day))
    precision = simulation.found(measured, "estimated_precision")
    assert precision.reason is Reason.NO_PREDICTED_POSITIVES
    assert simulation.found(measured, "estimated_recall").value == 0.0


def test_a_reference_of_one_day_says_what_its_band_leaves_out(simulation: Any) -> None:
    small = simulation.Small.of(simulation.days(1, 1))
    measured = small.estimates().measure(small.profile(simulation.days(2, 1)[0]))
    estimate = simulation.found(measured, "estimated_accuracy")
    assert estimate.status is Status.OK
    assert "leaves out what days differ by" in estimate.detail


def test_a_day_of_another_grid_is_refused(small: Any) -> None:
    with pytest.raises(GridMismatch, match="count the day again on the reference's grid"):
        small.estimates().measure(Profile.empty("another"))


def test_concept_drift_is_not_seen_as_the_limits_say(simulation: Any) -> None:
    small = simulation.Small.of(simulation.days(1, 10))
    day = simulation.days(3, 1, 5_000, drift=-1.5)[0]
    estimate = simulation.found(
        small.estimates().measure(small.profile(day)), "estimated_precision"
    )
    decided = day.scores >= 0.5
    assert estimate.ci_low > day.labels[decided].mean() + 0.1
    assert "concept drift" in LIMITS
