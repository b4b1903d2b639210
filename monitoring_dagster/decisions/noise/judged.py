"""Which metrics are judged against noise, and on which scale their noise is additive.

How much noise there is, is learned from the reference's days; formulas of metrics are theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DISTANCES: Mapping[str, float] = {
    "psi": 0.955,
    "chi_square": 0.955,
    "cramers_v": 0.955,
    "jensen_shannon": 0.171,
    "hellinger": 0.119,
    "kolmogorov_smirnov": 0.157,
    "total_variation": 0.148,
    "l_infinity": 0.158,
    "wasserstein": 1.0,
    "wasserstein_scaled": 1.0,
}
"""Distances, and their squared scale per squared standard deviation of a shift of the mean.

A normal column shifted by 0.3 standard deviations has a PSI of .086 on deciles (.955 × .09), and
likewise for the others; the largest change of a share is taken as that of two equal halves.
"""

SQUARED_ALREADY = frozenset({"psi", "chi_square"})
"""Distances that are quadratic in the change of shares as they are."""

IN_ROWS = frozenset({"chi_square", "cramers_v"})
"""Distances that depend on how many rows each side has, and not on the shares alone."""


class Scale(StrEnum):
    """On which scale the noise of a signed metric is additive and closest to normal."""

    SHARE = "share"
    """Rows of one kind among `n` rows: binomial, with more spread between days."""
    SHARE_CHANGE = "share_change"
    """A share less the reference's share."""
    BOUNDED = "bounded"
    """Inside (0, 1) and no plain share: log odds."""
    POSITIVE = "positive"
    """Losses, ratios and times: logarithm."""
    COUNT = "count"
    """Numbers of rows: logarithm, and at least the noise of a Poisson count."""
    PLAIN = "plain"


def _on(scale: Scale, names: str) -> dict[str, Scale]:
    return dict.fromkeys(names.split(), scale)


SIGNED: Mapping[str, Scale] = {
    **_on(Scale.SHARE_CHANGE, "null_rate_change"),
    **_on(
        Scale.SHARE,
        "null_rate nan_rate infinity_rate below_range_rate above_range_rate unseen_rate error_rate "
        "label_coverage accuracy precision recall specificity predicted_positive_rate base_rate "
        "precision_micro recall_micro recall_weighted f1_micro",
    ),
    **_on(
        Scale.BOUNDED,
        "roc_auc average_precision balanced_accuracy f1 precision_macro precision_weighted "
        "recall_macro f1_macro f1_weighted roc_auc_macro",
    ),
    **_on(
        Scale.POSITIVE,
        "log_loss brier mae mse rmse mape smape median_absolute_error p90_absolute_error "
        "variance_ratio latency_p50 latency_p95 latency_p99 label_delay_p50 label_delay_p90",
    ),
    **_on(Scale.COUNT, "rows requests throughput_per_hour predictions labelled"),
    **_on(
        Scale.PLAIN,
        "mean_change bias median_error cost calibration_slope calibration_intercept mcc r2",
    ),
}
"""Signed metrics: what can be too small as well as too large.

Left out is what only counts together with the rows of the day (confusion counts, distinct cells),
what depends on them by construction (ECE), and what telemetry tells of a snapshot, which the
reference does not keep by day (duplicates, quarantine).
"""

RELATIVE = frozenset(
    {
        *_on(Scale.COUNT, "rows requests throughput_per_hour predictions labelled"),
        "latency_p50",
        "latency_p95",
        "latency_p99",
        "label_delay_p50",
        "label_delay_p90",
    }
)
"""Counts and times: their effect is relative to what is expected."""


class Key(NamedTuple):
    """What noise is learned of: a metric of a column (or none) in a segment."""

    metric: str
    column: str
    segment: str


def squared(metric: str, value: Floats, n: Floats, m: Floats) -> Floats:
    """A distance on the scale where noise adds up, free of the numbers of rows.

    `m` is the number of reference values. Chi-square over n m / (n + m) is Σ (p - q)² / p, as PSI
    is close to; Cramér's V is the root of chi-square over n + m.

    >>> squared("kolmogorov_smirnov", np.array([0.1]), np.array([500.0]), np.array([9e3])).tolist()
    [0.01]
    """
    if metric in IN_ROWS:
        value = value if metric == "chi_square" else value * value * (n + m)
        return value * (1 / n + 1 / m)
    # A square beyond what a float holds says no more than a square at its end.
    return value if metric in SQUARED_ALREADY else np.minimum(value, 1e150) ** 2


def unsquared(metric: str, squares: Floats, n: Floats, m: Floats) -> Floats:
    """The inverse of `squared`: a distance in its own unit."""
    squares = np.maximum(squares, 0.0)
    if metric in IN_ROWS:
        chi_square = squares / (1 / n + 1 / m)
        return chi_square if metric == "chi_square" else np.sqrt(chi_square / (n + m))
    return squares if metric in SQUARED_ALREADY else np.sqrt(squares)


def onto(scale: Scale, value: Floats, n: Floats) -> Floats:
    """A signed metric on its scale; half a row keeps zeros and ones finite.

    >>> onto(Scale.BOUNDED, np.array([0.5]), np.array([100.0])).tolist()
    [0.0]
    """
    if scale is Scale.BOUNDED:
        inside = np.clip(value, 0.5 / n, 1 - 0.5 / n)
        return np.log(inside / (1 - inside))
    if scale in (Scale.POSITIVE, Scale.COUNT):
        return np.log(np.maximum(value, 1e-300) if scale is Scale.POSITIVE else value + 0.5)
    return value


def off(scale: Scale, value: Floats) -> Floats:
    """The inverse of `onto`."""
    if scale is Scale.BOUNDED:
        return 1 / (1 + np.exp(-np.clip(value, -700.0, 700.0)))
    if scale is Scale.POSITIVE:
        return np.exp(np.clip(value, -700.0, 700.0))
    return (
        np.maximum(np.exp(np.minimum(value, 700.0)) - 0.5, 0.0) if scale is Scale.COUNT else value
    )
