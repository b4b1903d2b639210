"""Tails of noise: how likely a value is without any change, and which value is that unlikely.

Shapes are given; learning them from the reference's days is `components`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_SHIFT = 0.6
"""Share of the mean that the shift of a shifted gamma may make up."""

SMALLEST = 1e-300
"""No chance is called smaller."""


class Cumulants(NamedTuple):
    """Mean, variance and third central moment of a squared distance; arrays of one shape."""

    mean: Floats
    variance: Floats
    third: Floats


class Tail(NamedTuple):
    """`shift + scale · freedom · F(freedom, denominator)`; arrays of one shape."""

    shift: Floats
    scale: Floats
    freedom: Floats
    denominator: Floats


def tail(cumulants: Cumulants, denominator: Floats) -> Tail:
    """The shifted, scaled F with these three cumulants where `denominator` is infinite.

    A sum of weighted chi-squares is close to a shifted gamma of the same mean, variance and
    skewness, also where a single direction holds most of the variance and a scaled chi-square of
    the same mean and variance is too light (Hall 1983; Buckley and Eagleson 1988, Austral. J.
    Statist. 30A:150-159). `denominator` is how well the mean is known, in degrees of freedom, as
    in an F test.
    """
    mean, variance, third = cumulants
    freedom = np.clip(8 * variance**3 / np.maximum(third, 1e-300) ** 2, 0.02, 1e4)
    scale = np.sqrt(variance / (2 * freedom))
    # Rare lumps (a category of a row in five days) have such a skewness that no room is left for
    # everything else: then the third cumulant is given up as far as it takes.
    is_lumpy = mean - scale * freedom > MOST_SHIFT * mean
    room = (1 - MOST_SHIFT) * mean
    scale = np.where(is_lumpy, variance / (2 * room), scale)
    freedom = np.where(is_lumpy, room / scale, freedom)
    return Tail(mean - scale * freedom, scale, freedom, np.clip(denominator, 1.0, 1e6))


def heavier(tails: Tail, moments: Floats) -> Tail:
    """The same means with at most `moments` degrees of freedom in the denominator.

    Not what is unknown of the scale, but days of unequal scale: an F whose mean is kept.
    """
    few = np.minimum(tails.denominator, moments)
    kept = np.where(moments < tails.denominator, (few - 2) / few, 1.0)
    return tails._replace(scale=tails.scale * kept, denominator=few)


def log_density(value: Floats, tails: Tail) -> Floats:
    """Logarithm of the density at values above the shift."""
    from scipy.special import betaln  # pyright: ignore[reportMissingTypeStubs]

    one, other = tails.freedom, tails.denominator
    size = (value - tails.shift) / (tails.scale * one)
    ratio = one / other
    return (
        one / 2 * np.log(ratio)
        + (one / 2 - 1) * np.log(size)
        - (one + other) / 2 * np.log1p(ratio * size)
        - betaln(one / 2, other / 2)
        - np.log(tails.scale * one)
    )


def chances(value: Floats, tails: Tail) -> Floats:
    """Chance of more than `value` under each tail; arrays of one shape."""
    from scipy.special import betainc  # pyright: ignore[reportMissingTypeStubs] - scipy has none

    size = np.maximum((value - tails.shift) / tails.scale, 0.0)
    place = tails.denominator / (tails.denominator + size)
    return betainc(tails.denominator / 2, tails.freedom / 2, place)


def beyond(value: Floats, tails: Tail, weights: Floats) -> Floats:
    """Chance of more than `value` (N,) under the mixture of tails (N, C) with weights (N, C)."""
    return np.maximum((weights * chances(value[:, None], tails)).sum(axis=1), SMALLEST)


def exceeded(level: Floats, tails: Tail, weights: Floats) -> Floats:
    """The value (N,) that is exceeded with the chance `level` (N,).

    Between the components' own quantiles, by regula falsi on the logarithm of the chance (the
    Illinois variant of Dowell and Jarratt 1971), which is nearly straight there.
    """
    from scipy.special import betaincinv  # pyright: ignore[reportMissingTypeStubs]

    place: Floats = betaincinv(tails.denominator / 2, tails.freedom / 2, level[:, None])
    each = tails.shift + tails.scale * tails.denominator * (1 / np.maximum(place, 1e-300) - 1)
    matters = weights > 0
    low: Floats = np.where(matters, each, np.inf).min(axis=1)
    high: Floats = np.where(matters, each, -np.inf).max(axis=1)
    wanted = np.log(level)
    at_low = np.log(beyond(low, tails, weights)) - wanted
    at_high = np.log(beyond(high, tails, weights)) - wanted
    side = np.zeros(low.shape)
    for _ in range(8):
        gap = at_low - at_high
        share = np.where(gap > 0, at_low / np.where(gap > 0, gap, 1.0), 0.5)
        middle = low + np.clip(share, 0.0, 1.0) * (high - low)
        found = np.log(beyond(middle, tails, weights)) - wanted
        is_below = found > 0
        at_high = np.where(is_below & (side > 0), at_high / 2, at_high)
        at_low = np.where(~is_below & (side < 0), at_low / 2, at_low)
        low, at_low = np.where(is_below, middle, low), np.where(is_below, found, at_low)
        high, at_high = np.where(is_below, high, middle), np.where(is_below, at_high, found)
        side = np.where(is_below, 1.0, -1.0)
    gap = at_low - at_high
    share = np.where(gap > 0, at_low / np.where(gap > 0, gap, 1.0), 0.5)
    return low + np.clip(share, 0.0, 1.0) * (high - low)


def score(chance: Floats) -> Floats:
    """The normal score of a chance: 1.64 of .05, and at most 37."""
    from scipy.special import ndtri  # pyright: ignore[reportMissingTypeStubs]

    return -ndtri(np.clip(chance, SMALLEST, 1 - 1e-16))


def of_students(deviate: Floats, freedom: Floats) -> Floats:
    """Upper tail of Student's t: the chance of more than `deviate`."""
    from scipy.special import stdtr  # pyright: ignore[reportMissingTypeStubs]

    return np.maximum(stdtr(np.clip(freedom, 1.0, 1e6), -deviate), SMALLEST)


def students(chance: Floats, freedom: Floats) -> Floats:
    """The deviate of Student's t that is exceeded with this chance."""
    from scipy.special import stdtrit  # pyright: ignore[reportMissingTypeStubs]

    return -stdtrit(np.clip(freedom, 1.0, 1e6), chance)


def of_share(share: Floats, n: Floats, p: Floats, lump: Floats) -> tuple[Floats, Floats]:
    """Chances of at least and of at most this share of `n` trials of chance `p`.

    Exactly binomial for whole numbers and `lump` 1 (the incomplete beta, Abramowitz and Stegun
    26.5.24). `n` may be any number of effective trials; `lump` is then the step between two
    possible shares in trials, 0 for a continuum.

    >>> up, down = of_share(np.array([0.3]), np.array([10.0]), np.array([0.1]), np.ones(1))
    >>> round(float(up[0]), 4), round(float(down[0]), 4)
    (0.0702, 0.9872)
    """
    from scipy.special import betainc  # pyright: ignore[reportMissingTypeStubs]

    hits, misses = share * n, (1 - share) * n
    near, far = (1 - lump) / 2, (1 + lump) / 2
    first, second = hits + near, misses + near
    at_least = betainc(np.maximum(first, 1e-12), misses + far, p)
    at_most = betainc(np.maximum(second, 1e-12), hits + far, 1 - p)
    return np.where(first > 1e-12, at_least, 1.0), np.where(second > 1e-12, at_most, 1.0)


def share_exceeded(chance: Floats, n: Floats, p: Floats, lump: Floats) -> tuple[Floats, Floats]:
    """The shares above and below `p` that are reached with this chance, by bisection."""
    ends: list[Floats] = []
    for side, far in enumerate((np.ones_like(p), np.zeros_like(p))):
        near, beyond_it = p.copy(), far
        for _ in range(22):  # to a ten-millionth of the way
            middle = (near + beyond_it) / 2
            is_likely = of_share(middle, n, p, lump)[side] > chance
            near, beyond_it = (
                np.where(is_likely, middle, near),
                np.where(is_likely, beyond_it, middle),
            )
        ends.append((near + beyond_it) / 2)
    return ends[0], ends[1]
