"""The bias floor of ECE: what a perfectly calibrated model would show at these counts."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary.score_cells import no_scores, not_probabilities
from monitoring_dagster.profiles.outcomes import BinaryCounts

Floats = NDArray[np.float64]


def ece_bias_floor(counts: BinaryCounts, scores: Floats) -> Estimate:
    """Expected `ece` if each row were positive with the mean score of its bin, in [0, 1].

    The sum over bins of the mean absolute deviation of a binomial count, over all rows: exact,
    where sqrt(2 p (1 - p) / (π n)) per bin is its approximation for large bins.
    Source: de Moivre's formula (Diaconis and Zabell 1991, Statistical Science 6:284-302).

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> counts = replace(
    ...     BinaryCounts.empty(1), scores=np.array([[50, 50]]),
    ...     bin_rows=np.array([100]), bin_scores=np.array([50.0]))
    >>> ece_bias_floor(counts, np.array([0.5])).value
    0.039795
    """
    n = int(counts.bin_rows.sum())
    if n == 0:
        return no_scores(counts)
    if problem := not_probabilities(scores):
        return problem
    bins = zip(counts.bin_rows.tolist(), counts.bin_scores.tolist(), strict=True)
    expected = sum(_absolute_deviation(rows, total / rows) for rows, total in bins if rows)
    return Estimate.exact(expected / n, n)


def _absolute_deviation(rows: int, rate: float) -> float:
    """E|X − rows × rate| for binomial X: 2 m C(rows, m) rate^m (1 − rate)^(rows − m + 1)."""
    if not 0 < rate < 1:
        return 0.0
    m = min(math.floor(rows * rate) + 1, rows)
    ways = math.lgamma(rows + 1) - math.lgamma(m + 1) - math.lgamma(rows - m + 1)
    chance = ways + m * math.log(rate) + (rows - m + 1) * math.log1p(-rate)
    return 2 * m * math.exp(chance)
