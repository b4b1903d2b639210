"""Expected calibration error: how far scores are from the observed rates, over equal bins."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.intervals import Z
from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary.score_cells import no_scores, not_probabilities
from monitoring_dagster.profiles.outcomes import BinaryCounts

Floats = NDArray[np.float64]


def ece(counts: BinaryCounts, scores: Floats) -> Estimate:
    """Mean over rows of |observed rate − mean score| of the row's bin, in [0, 1].

    Never 0, even of a perfect model: compare it with `ece_bias_floor`. The interval allows for
    that. Each bin's gap is near normal with standard error s_b, and the mean of |gap| is above
    the true |gap| by at most s_b sqrt(2 / π); so the upper end adds 1.96 standard errors and the
    lower end subtracts them and the largest possible bias. It covers at least 95 %.
    Source: Naeini, Cooper and Hauskrecht 2015, AAAI; Leone, Nelson and Nottingham 1961 (the
    folded normal), Technometrics 3:543-550.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> counts = replace(
    ...     BinaryCounts.empty(2), scores=np.array([[60, 40], [20, 80]]),
    ...     bin_rows=np.array([100, 100]), bin_scores=np.array([30.0, 85.0]),
    ...     bin_positives=np.array([40, 80]))
    >>> ece(counts, np.array([0.3, 0.85])).value
    0.075
    """
    n = int(counts.bin_rows.sum())
    if n == 0:
        return no_scores(counts)
    if problem := not_probabilities(scores):
        return problem
    value = float(np.abs(counts.bin_positives - counts.bin_scores).sum()) / n
    # Half a row of each class keeps an error in bins where all labels agree.
    rates = (counts.bin_positives + 0.5) / (counts.bin_rows + 1)
    errors = np.sqrt(counts.bin_rows * rates * (1 - rates)) / n
    bias = float(errors.sum()) * math.sqrt(2 / math.pi)
    reach = Z * math.sqrt(float(errors @ errors))
    return Estimate(value, max(value - bias - reach, 0.0), min(value + reach, 1.0), n)
