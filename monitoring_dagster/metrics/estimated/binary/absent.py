"""Why an estimate of a metric over classes is undefined on a day."""

from __future__ import annotations

from monitoring_dagster.metrics.estimated.binary.projection import Projection
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status


def one_class_expected(projection: Projection) -> Estimate | None:
    """No positive, or no negative, is expected; None where both are."""
    positives, negatives = float(projection.positives.sum()), float(projection.negatives.sum())
    if positives > 0 and negatives > 0:
        return None
    return Estimate.without(
        Status.NOT_ENOUGH_DATA,
        Reason.ONE_CLASS_ONLY,
        f"{positives:.3g} positive and {negatives:.3g} negative labels are expected; both classes "
        "are required",
        round(projection.n),
    )


def one_score(projection: Projection) -> Estimate | None:
    """All scores are equal, which puts no row before another; None where they are not."""
    if int((projection.rows > 0).sum()) > 1:
        return None
    return Estimate.without(
        Status.NOT_ENOUGH_DATA,
        Reason.CONSTANT_SCORE,
        f"all {round(projection.n)} scores lie in one cell; they order nothing",
        round(projection.n),
    )


def none_predicted(n: float) -> Estimate:
    """Precision without a positive decision is undefined."""
    return Estimate.without(
        Status.NOT_ENOUGH_DATA,
        Reason.NO_PREDICTED_POSITIVES,
        f"none of {round(n)} rows was decided positive",
        round(n),
    )
