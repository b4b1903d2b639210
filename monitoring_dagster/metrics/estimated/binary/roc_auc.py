"""Estimated ROC AUC: the chance that an expected positive scores above an expected negative."""

from __future__ import annotations

import numpy as np

from monitoring_dagster.metrics.estimated.binary.absent import one_class_expected, one_score
from monitoring_dagster.metrics.estimated.binary.projection import Projection
from monitoring_dagster.metrics.estimated.expected import Guess
from monitoring_dagster.metrics.performance.binary.score_cells import blurred


def roc_auc(projection: Projection) -> Guess:
    """Area under the expected ROC curve in [0, 1]; rows of one cell are ties.

    The order is that of the scores, not of the chances, as the realised area's is.

    >>> import numpy as np
    >>> roc_auc(Projection(np.array([2.0, 2.0]), np.array([0.25, 0.75]), np.zeros(2))).value
    0.75
    """
    if problem := one_score(projection) or one_class_expected(projection):
        return problem
    expected = np.stack([projection.negatives, projection.positives], axis=1)
    if problem := blurred(np.rint(expected).astype(np.int64)):
        return problem
    positive, negative = projection.positives.sum(), projection.negatives.sum()
    below = np.cumsum(projection.negatives) - projection.negatives / 2
    above = positive - np.cumsum(projection.positives) + projection.positives / 2
    pairs = positive * negative
    value = float(projection.positives @ below / pairs)
    gradient = (below - above - value * (negative - positive)) / pairs
    return projection.expected(value, gradient)
