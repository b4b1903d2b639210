"""Estimated ROC AUC one-vs-rest, the plain mean over classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from monitoring_dagster.metrics.estimated.expected import Guess
from monitoring_dagster.metrics.estimated.multiclass.absent import class_without
from monitoring_dagster.metrics.estimated.multiclass.projection import Projection
from monitoring_dagster.metrics.performance.binary.roc_auc import delong


def roc_auc_macro(projection: Projection, classes: Sequence[str]) -> Guess:
    """Mean over classes of the expected area of the class against the rest, in [0, 1].

    Its deviation is the mean of the classes' deviations (DeLong): how their areas move together
    is not known, and this is the worst case.

    >>> import numpy as np
    >>> table = np.array([[3.0, 1.0], [1.0, 3.0]])
    >>> roc_auc_macro(Projection(8.0, [table, table], None, np.inf), ["a", "b"]).value
    0.75
    """
    found = class_without(projection.positives, classes, "expected to be", projection.n)
    if found is not None:
        return found
    # Expected rows are not whole, which the area does not mind.
    areas = np.array([delong(cast("Any", table)) for table in projection.tables])
    deviation = float(np.sqrt(np.maximum(np.nan_to_num(areas[:, 1]), 0.0)).mean())
    return projection.expected(float(areas[:, 0].mean()), deviation**2)
