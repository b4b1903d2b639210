"""Estimated precision, recall and F1, the plain means over classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitoring_dagster.metrics.estimated.expected import Guess
from monitoring_dagster.metrics.estimated.multiclass.absent import class_without
from monitoring_dagster.metrics.estimated.multiclass.projection import Floats, Projection
from monitoring_dagster.metrics.measurement import Estimate


def precision_macro(projection: Projection, classes: Sequence[str]) -> Guess:
    """Mean over classes of hits / predicted, in [0, 1].

    >>> import numpy as np
    >>> from monitoring_dagster.metrics.estimated.multiclass.projection import Hits
    >>> hits = Hits(np.array([6.0, 2.0]), np.array([8.0, 4.0]))
    >>> precision_macro(Projection(12.0, [], hits, np.inf), ["a", "b"]).value
    0.625
    """
    if isinstance(projection.hits, Estimate):
        return projection.hits
    predicted = projection.hits.predicted
    if problem := class_without(predicted, classes, "predicted as", projection.n):
        return problem
    return _mean(projection, projection.hits.right / predicted, predicted)


def recall_macro(projection: Projection, classes: Sequence[str]) -> Guess:
    """Mean over classes of hits / expected rows of the class, in [0, 1]."""
    if isinstance(projection.hits, Estimate):
        return projection.hits
    labelled = projection.positives
    if problem := class_without(labelled, classes, "expected to be", projection.n):
        return problem
    return _mean(projection, np.minimum(projection.hits.right / labelled, 1.0), labelled)


def f1_macro(projection: Projection, classes: Sequence[str]) -> Guess:
    """Mean over classes of 2 hits / (predicted + expected rows of the class), in [0, 1].

    F1 = 2 s / (1 + s) for the share s of hits among rows that are or are predicted as the class,
    whose variance is binomial; dF1/ds = 2 / (1 + s)².
    """
    if isinstance(projection.hits, Estimate):
        return projection.hits
    labelled, right = projection.positives, projection.hits.right
    if problem := class_without(labelled, classes, "expected to be", projection.n):
        return problem
    involved = labelled + projection.hits.predicted - right
    share = np.clip(right / involved, 0.0, 1.0)
    return _mean(projection, 2 * share / (1 + share), involved, share)


def _mean(
    projection: Projection, values: Floats, rows: Floats, share: Floats | None = None
) -> Guess:
    """The mean of shares of `rows`, its deviation the mean of theirs: the worst case."""
    of, steep = (values, 1.0) if share is None else (share, 2 / (1 + share) ** 2)
    deviation = float((steep * np.sqrt(of * (1 - of) / rows)).mean())
    return projection.expected(float(values.mean()), deviation**2)
