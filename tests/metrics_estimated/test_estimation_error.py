"""Once labels are final, an estimate is scored against them."""

from __future__ import annotations

import math

import pytest

from monitoring_dagster.metrics.estimated import errors
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Reason, Status

GUESS = Measurement("estimated_roc_auc", Estimate(0.74, 0.70, 0.78, 900), segment="region=north")
ADAPTED = Measurement("shift_adapted_roc_auc", Estimate(0.71, 0.67, 0.75, 900))


def truth(segment: str = "region=north", maturity: str = "final") -> Measurement:
    estimate = Estimate(0.70, 0.68, 0.72, 850)
    return Measurement("roc_auc", estimate, segment=segment, coverage=0.94, maturity=maturity)


def test_the_error_is_the_estimate_less_the_truth_with_the_truths_interval() -> None:
    (found,) = errors([GUESS], [truth()])
    assert (found.metric, found.column, found.segment) == (
        "estimation_error",
        "@estimated_roc_auc",
        "region=north",
    )
    estimate = found.estimate
    assert estimate.value == pytest.approx(0.04)
    assert (estimate.ci_low, estimate.ci_high) == pytest.approx((0.02, 0.06))
    assert (estimate.n, found.coverage, found.maturity) == (850, 0.94, "final")


def test_both_forms_are_scored() -> None:
    found = errors([GUESS, ADAPTED], [truth(), truth("all")])
    assert [m.column for m in found] == ["@estimated_roc_auc", "@shift_adapted_roc_auc"]
    assert found[1].estimate.value == pytest.approx(0.01)


def test_labels_that_are_not_final_score_nothing() -> None:
    assert errors([GUESS], [truth(maturity="provisional")]) == []


@pytest.mark.parametrize("side", ["estimate", "truth"])
def test_an_error_without_one_of_its_sides_has_that_sides_reason(side: str) -> None:
    nothing = Estimate.without(Status.NOT_ENOUGH_DATA, Reason.ONE_CLASS_ONLY, "one class", 7)
    guess, real = GUESS, truth()
    if side == "estimate":
        guess = Measurement(guess.metric, nothing, segment=guess.segment)
    else:
        real = Measurement(real.metric, nothing, segment=real.segment, maturity="final")
    (found,) = errors([guess], [real])
    assert found.estimate.reason is Reason.ONE_CLASS_ONLY
    assert math.isnan(found.estimate.value)


def test_other_measurements_have_no_error() -> None:
    assert errors([truth()], [truth()]) == []
