"""Shrinkage: what many columns together say of one column's variation.

Variances that a few days tell badly are drawn towards each other as far as they look alike.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_FREEDOM = 1e3
"""However many columns agree: what is called sampling noise is itself right to a few percent."""

FEWEST = 4
"""Series that it takes to tell how variances spread."""


class Prior(NamedTuple):
    """Variances are `level · freedom / chi²(freedom)`: much freedom means that they are alike."""

    level: float
    freedom: float


DEFAULT = Prior(2.0, 8.0)
"""Where no reference has two days: twice the sampling variance, give or take a factor of two."""

NOTHING = Prior(1.0, 0.0)


def prior(ratios: Floats, freedom: Floats) -> Prior:
    """The inverse chi-square that variances (S,) with these degrees of freedom (S,) come from.

    Moments of log variances (Smyth 2004, Statistical Applications in Genetics and Molecular
    Biology 3:1, section 6.2). Says nothing for fewer than four series. At most as much freedom as
    all series have together.

    >>> same = np.exp(np.random.default_rng(0).normal(0, 0.2, 400))
    >>> round(prior(same, np.full(400, 50.0)).level, 1), prior(same, np.full(400, 50.0)).freedom
    (1.0, 20000.0)
    """
    is_used = (ratios > 0) & (freedom > 0) & np.isfinite(ratios)
    if is_used.sum() < FEWEST:
        return NOTHING
    half = freedom[is_used] / 2
    logs = np.log(ratios[is_used]) - _digamma(half) + np.log(half)
    # Series that hardly know their own variance say little of the others'.
    noise = _polygamma(1, half)
    weights = 1 / (noise + 0.1)
    weights /= weights.sum()
    mean = float(weights @ logs)
    spread = float(weights @ (logs - mean) ** 2) / (1 - float(weights @ weights))
    spread -= float(weights @ noise)
    most = float(freedom[is_used].sum())
    found = most if spread <= 0 else min(2 * _inverse_trigamma(spread), most)
    middle = float(_digamma(np.array(found / 2)))
    return Prior(float(np.exp(mean + middle - np.log(found / 2))), found)


def shrunk(ratios: Floats, freedom: Floats, given: Prior) -> tuple[Floats, Floats]:
    """Posterior variances and degrees of freedom; unknown ones (freedom 0) take the prior's."""
    if given.freedom == 0 and not (freedom > 0).all():
        given = DEFAULT if not (freedom > 0).any() else Prior(DEFAULT.level, 1.0)
    total = freedom + given.freedom
    own = np.where(freedom > 0, ratios * freedom, 0.0)
    return (own + given.level * given.freedom) / total, total


def _inverse_trigamma(value: float) -> float:
    """X with trigamma(x) = value, by Newton (Smyth 2004, appendix)."""
    x = 0.5 + 1 / value
    for _ in range(30):
        now = float(_polygamma(1, np.array(x)))
        step = now * (1 - now / value) / float(_polygamma(2, np.array(x)))
        x += step
        if abs(step) < 1e-8 * x:
            break
    return x


def _digamma(x: Floats) -> Floats:
    from scipy.special import psi  # pyright: ignore[reportMissingTypeStubs] - scipy has none

    found: Floats = np.asarray(psi(x), dtype=np.float64)
    return found


def _polygamma(order: int, x: Floats) -> Floats:
    """Derivatives of digamma by Hurwitz's zeta (Abramowitz and Stegun 6.4.10)."""
    from scipy.special import zeta  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

    found: Floats = np.asarray(zeta(order + 1.0, x), dtype=np.float64)
    return found if order == 1 else -2 * found


def uncertain(
    added: Floats, sampling: Floats, freedom: Floats, reference_total: Floats
) -> tuple[Floats, Floats]:
    """The day component and the degrees of freedom of the total at today's n.

    `added` was learned as what exceeds sampling in a total of `reference_total` known to
    `freedom`. Where today's sampling is larger, the total is known better, where it is smaller,
    worse; below 8 degrees of freedom a standard error is added instead, since a component that
    the reference's sampling noise hid may be anything up to it.
    """
    raw = freedom * ((sampling + added) / np.maximum(reference_total, 1e-300)) ** 2
    fewest = np.minimum(freedom, 8.0)
    error = reference_total * np.sqrt(2 / np.maximum(freedom, 1e-300))
    hidden = error * np.maximum(1 - np.sqrt(raw / np.maximum(fewest, 1e-300)), 0.0)
    return added + hidden, np.maximum(raw, fewest)
