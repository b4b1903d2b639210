"""95 % intervals in closed form, from counts and shares.

Only intervals that several families of metrics use live here; what a metric's influence
function looks like is the metric's own business.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Z = 1.959963984540054
"""The normal quantile of 0.975."""

TAIL = 0.025
"""The chance of a miss on each side."""


class Interval(NamedTuple):
    """Both ends of a 95 % interval; NaN where an end does not exist."""

    low: float
    high: float


def wilson(successes: float, n: float) -> Interval:
    """Wilson score interval of a share (Wilson 1927, JASA 22:209-212, without continuity).

    Never leaves [0, 1] and is never of width zero, also at 0 and at n successes. NaN for n = 0.

    >>> wilson(10, 100)
    Interval(low=0.055229, high=0.174366)
    """
    if n <= 0:
        return Interval(math.nan, math.nan)
    share = successes / n
    weight = 1 / (1 + Z * Z / n)
    centre = weight * (share + Z * Z / (2 * n))
    reach = weight * Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    low = 0.0 if successes <= 0 else max(centre - reach, 0.0)
    return Interval(low, 1.0 if successes >= n else min(centre + reach, 1.0))


def share_difference(
    successes: float, n: float, reference_successes: float, reference_n: float
) -> Interval:
    """Interval of `successes / n - reference_successes / reference_n`.

    Newcombe's hybrid of two Wilson intervals (Newcombe 1998, Statistics in Medicine 17:873-890,
    method 10). NaN when either side is empty.

    >>> share_difference(56, 70, 48, 80)
    Interval(low=0.0524, high=0.3339)
    """
    one, other = wilson(successes, n), wilson(reference_successes, reference_n)
    if n <= 0 or reference_n <= 0:
        return Interval(math.nan, math.nan)
    p, q = successes / n, reference_successes / reference_n
    return Interval(
        p - q - math.hypot(p - one.low, other.high - q),
        p - q + math.hypot(one.high - p, q - other.low),
    )


def normal(
    value: float,
    variance: float,
    *,
    bias: tuple[float, float] = (0.0, 0.0),
    low: float = -math.inf,
    high: float = math.inf,
) -> Interval:
    """`value` less its bias ± 1.96 standard errors, cut at the measure's bounds.

    `bias` is how far the value lies above the truth on average, at most (used for the low end)
    and at least (for the high end). The interval always contains the value itself.

    >>> normal(0.1, 0.01, low=0.0)
    Interval(low=0.0, high=0.295996)
    """
    reach = Z * math.sqrt(max(variance, 0.0))
    most, least = bias
    return Interval(
        max(min(value - most - reach, value), low), min(max(value - least + reach, value), high)
    )


def delta_variance(gradient: Floats, shares: Floats, n: float) -> float:
    """Variance of a function of multinomial shares by the delta method.

    `gradient` holds the function's partial derivatives by the shares (any common constant may be
    added: shares sum to one), both of shape (cells,). Equals the variance of the influence
    function over n. Source: van der Vaart, Asymptotic Statistics, section 3.1.

    >>> delta_variance(np.array([1.0, 0.0]), np.array([0.2, 0.8]), 100)
    0.0016
    """
    mean = float(gradient @ shares)
    centred = gradient - mean
    return float((centred * centred) @ shares) / n


def folding_bias(gap: Floats, variance: Floats) -> Floats:
    """What noise of `variance` added to the absolute value of each `gap`, shape (2, gaps).

    E|N(d, variance)| - |d|, the mean of the folded normal distribution (Leone, Nelson and
    Nottingham 1961, Technometrics 3:543-550). The true d is not known: row 0 takes
    d² = max(gap² - variance, 0), which is too small on average, so the bias is at most that; row 1
    takes the gap as it is, noise included, so the bias is at least that. The low end of an
    interval needs the one, its high end the other.

    >>> folding_bias(np.array([0.0, 1.0, 5.0]), np.ones(3)).round(3).tolist()
    [[0.798, 0.798, 0.0], [0.798, 0.167, 0.0]]
    """
    from scipy.special import ndtr  # pyright: ignore[reportMissingTypeStubs] - scipy has none

    deviation = np.sqrt(variance)
    size = np.stack([without_noise(gap, variance), np.abs(gap)])
    scaled = size / np.where(deviation > 0, deviation, 1.0)
    hump = deviation * math.sqrt(2 / math.pi) * np.exp(-scaled * scaled / 2)
    return np.where(deviation > 0, hump - 2 * size * ndtr(-scaled), 0.0)


def largest_bias(gap: Floats, variance: Floats) -> float:
    """What noise of `variance` added to the largest of the absolute values of `gap`.

    E max|N(d, variance)| - max|d|, the noises taken as independent, by the trapezoidal rule over
    1 - Π P(|N(d, variance)| <= x), with d² = max(gap² - variance, 0): at most that.

    >>> round(largest_bias(np.zeros(2), np.ones(2)), 3)  # 2 / sqrt(pi), by symmetry
    1.128
    """
    from scipy.special import ndtr  # pyright: ignore[reportMissingTypeStubs] - scipy has none

    deviation = np.sqrt(variance)
    size = without_noise(gap, variance)
    largest = float(size.max())
    may_win = (deviation > 0) & (size + 4 * deviation >= largest)
    if not may_win.any():
        return 0.0
    size, deviation = size[may_win, None], deviation[may_win, None]
    x = np.linspace(0.0, float((size + 5 * deviation).max()), 65)
    below = ndtr((x - size) / deviation) - ndtr((-x - size) / deviation)
    beyond = 1 - below.prod(axis=0)
    mean = float((beyond[:-1] + beyond[1:]).sum() / 2 * x[1])
    return max(mean - largest, 0.0)


def without_noise(gap: Floats, variance: Floats) -> Floats:
    """The size of each `gap` less what its noise of `variance` adds to its square."""
    return np.sqrt(np.maximum(gap * gap - variance, 0.0))


def quantile_ranks(n: int, share: float) -> Interval:
    """Ranks (1-based, fractional) between whose order statistics the quantile lies.

    The binomial interval of order statistics (David and Nagaraja, Order Statistics, section
    7.1), its ends interpolated between neighbouring ranks (Beran and Hall 1993, JASA 88), so
    that small samples are not needlessly wide. An end is NaN where n values cannot bound the
    quantile: the largest of 100 values is below the 99th percentile in 37 % of samples.

    >>> quantile_ranks(1_000, 0.5)
    Interval(low=469.5, high=531.5)
    >>> quantile_ranks(100, 0.99).high
    nan
    """
    spread = math.sqrt(n * share * (1 - share))
    first = max(0, math.floor(n * share - 8 * spread - 8))
    last = min(n, math.ceil(n * share + 8 * spread + 8))
    counts = np.arange(first, last + 1, dtype=np.float64)
    # The pmf by its ratios: numpy has no log-gamma, and the window holds all but 1e-15 of it.
    ratios = np.log((n - counts[:-1]) / (counts[:-1] + 1)) + math.log(share / (1 - share))
    log_pmf = np.concatenate([[0.0], np.cumsum(ratios)])
    pmf = np.exp(log_pmf - log_pmf.max())
    at_most = np.cumsum(pmf / pmf.sum())
    at_least = np.concatenate([[1.0], 1 - at_most[:-1]])
    # P(order statistic k > quantile) = P(Bin <= k - 1); P(order statistic k < it) = P(Bin >= k).
    low = math.nan if at_most[0] > TAIL else float(np.interp(TAIL, at_most, counts + 1))
    high = math.nan if at_least[-1] > TAIL else float(np.interp(-TAIL, -at_least, counts))
    # Between the ranks 0 and 1, and n and n + 1, there is nothing to interpolate.
    return Interval(*(min(max(rank, 1.0), float(n)) for rank in (low, high)))


class Quantile(NamedTuple):
    """A quantile read from cells, with its interval; NaN where it lies beyond the cells."""

    value: float
    low: float
    high: float


def quantile(
    counts: Ints,
    edges: Floats,
    share: float,
    *,
    minimum: float = math.nan,
    maximum: float = math.nan,
) -> Quantile:
    """The quantile `share` of values counted in cells, with its order-statistic interval.

    `counts` has shape (k + 2,): k inner cells between the k + 1 `edges`, and the two outer ones,
    which reach to `minimum` and `maximum` where these are known. Values are taken to lie evenly
    in their cell. A quantile (or an end) that lies in an unbounded outer cell is NaN.

    >>> q = quantile(np.array([0, 50, 50, 0]), np.array([0.0, 1.0, 2.0]), 0.5)
    >>> round(q.value, 3), round(q.low, 3), round(q.high, 3)
    (1.0, 0.804, 1.196)
    """
    n = int(counts.sum())
    if n == 0:
        return Quantile(math.nan, math.nan, math.nan)
    borders = np.concatenate([[minimum], edges, [maximum]])
    reached = np.cumsum(counts)
    ranks = quantile_ranks(n, share)
    value, low, high = (
        _order_statistic(reached, counts, borders, rank)
        for rank in (1 + share * (n - 1), ranks.low, ranks.high)
    )
    # Of two or three values the estimate itself may lie outside the ranks.
    return Quantile(value, float(np.minimum(low, value)), float(np.maximum(high, value)))


def _order_statistic(reached: Ints, counts: Ints, borders: Floats, rank: float) -> float:
    """The value of a fractional rank, between those of its whole neighbours."""
    if math.isnan(rank):
        return math.nan
    whole = math.floor(rank)
    below = _value_of_rank(reached, counts, borders, whole)
    part = rank - whole
    if part == 0:
        return below
    return (1 - part) * below + part * _value_of_rank(reached, counts, borders, whole + 1)


def _value_of_rank(reached: Ints, counts: Ints, borders: Floats, rank: int) -> float:
    cell = int(np.searchsorted(reached, rank))
    inside = int(counts[cell])
    place = (rank - (int(reached[cell]) - inside) - 0.5) / inside
    return float(borders[cell] + place * (borders[cell + 1] - borders[cell]))
