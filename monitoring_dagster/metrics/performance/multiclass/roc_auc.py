"""ROC AUC one-vs-rest: how well the scores of each class single it out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitoring_dagster.metrics.measurement import Estimate, Status
from monitoring_dagster.metrics.performance.binary.roc_auc import area
from monitoring_dagster.metrics.performance.multiclass.classes import absent
from monitoring_dagster.metrics.performance.multiclass.log_loss import no_scores
from monitoring_dagster.profiles.outcomes import MulticlassCounts


def roc_auc_macro(counts: MulticlassCounts, classes: Sequence[str]) -> Estimate:
    """Plain mean over all declared classes of the class's area against the rest, in [0, 1].

    `class_absent` where a class has no label, as scikit-learn raises there; `beyond_grid`
    where the scores are no probabilities. The interval is the
    mean of the classes' intervals: the counts do not hold how the areas of one day move
    together, and this is their worst case, so it covers at least 95 %.
    Source: Provost and Domingos 2000, CeDER working paper IS-00-04, with equal weights.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> of_class = np.array([[0, 0], [30, 5], [10, 10], [5, 30], [0, 0]])
    >>> counts = replace(
    ...     MulticlassCounts.empty(2), scored=90, scores=np.stack([of_class, of_class[::-1, ::-1]]))
    >>> roc_auc_macro(counts, ["a", "b"]).value
    0.839506
    """
    n = int(counts.scored)
    if n == 0:
        return no_scores(counts)
    labelled = counts.scores[:, :, 1].sum(axis=1).astype(np.float64)
    if problem := absent(labelled, classes, n):
        return problem
    areas = [area(of_class) for of_class in counts.scores]
    if problem := next((a for a in areas if a.status is not Status.OK), None):
        return problem
    low, value, high = np.mean([(a.ci_low, a.value, a.ci_high) for a in areas], axis=0).tolist()
    return Estimate(value, low, high, n)
