"""The projection of a day for several classes, from counts or from rows.

What a metric makes of it is the metric's own module; chances are `calibrator`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.estimated.expected import Expected
from monitoring_dagster.metrics.measurement import Estimate

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Hits:
    """Rows by class, each of shape (classes,): expected to be predicted rightly, and predicted."""

    right: Floats
    predicted: Floats


@dataclass(frozen=True)
class Projection:
    """What is expected of `n` rows of k classes.

    `tables` holds one array (cells, 2) per class: expected rows of other classes, and of the
    class, by its score from the lowest up. `hits` says which predictions come true, or why nobody
    knows. `reference_rows` are the labelled rows that the chances were learnt from; infinite for
    realised outcomes.
    """

    n: float
    tables: Sequence[Floats]
    hits: Hits | Estimate
    reference_rows: float

    @property
    def positives(self) -> Floats:
        """Expected rows of each class, shape (classes,)."""
        return np.array([table[:, 1].sum() for table in self.tables])

    def expected(self, value: float, variance: float) -> Expected:
        """A metric's value with its variances.

        `variance` is that of the realised metric over n such rows. Learnt from m rows, the
        expected value errs as a metric realised on m rows would, hence variance × n / m: chances
        are means over those rows.
        """
        finite = variance * self.n / self.reference_rows
        return Expected(value, variance, finite, round(self.n))


def normalised(tables: Sequence[Floats], n: float) -> list[Floats]:
    """Tables scaled so that the expected rows of all classes add up to `n`.

    Of counts only the sums can be made to agree; the chances of one row cannot, as its scores
    for several classes are counted apart.
    """
    total = sum(float(table[:, 1].sum()) for table in tables)
    if total <= 0:
        return list(tables)
    scaled = [np.minimum(table[:, 1] * n / total, table.sum(axis=1)) for table in tables]
    return [
        np.stack([table.sum(axis=1) - positive, positive], axis=1)
        for table, positive in zip(tables, scaled, strict=True)
    ]
