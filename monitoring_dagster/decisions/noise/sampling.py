"""Sampling noise: the cumulants of every distance between two samples of one distribution.

Multinomial draws of the reference's bins, and Brownian bridges for what is read off fine cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.decisions.noise.counted import Counted
from monitoring_dagster.decisions.noise.tails import Cumulants
from monitoring_dagster.profiles.grid import CategoryCells

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SIZES = np.array([50.0, 200.0, 1_000.0, 10_000.0])
"""Values of a day at which noise is drawn; between them it is interpolated.

Over 1/n + 1/m it hardly depends on n: only where bins hold a handful of values.
"""

DRAWS, CELLS_DRAWN = 1_000, 60_000
BRIDGES, STEPS = 1_000, 2_048


def cumulants(counted: Counted, rng: np.random.Generator) -> dict[str, Floats]:
    """Mean, variance and third moment (sizes, 3) of each squared distance, per 1/n + 1/m.

    The k-th is divided by (1/n + 1/m) to the power of k. Draws are paired with Pearson's statistic
    of both samples, whose mean is known: what it says of the draw's luck is taken off.
    """
    found: dict[str, Floats] = {}
    m = counted.n
    shares = _shares(counted)
    never = (counted.binned(counted.reference) == 0) & (shares * m < 1)
    draws = int(np.clip(CELLS_DRAWN // shares.size, 200, DRAWS))
    reference = rng.multinomial(m, shares, draws)
    for place, n in enumerate(SIZES.tolist()):
        current = rng.multinomial(int(n), shares, draws)
        unit = 1 / n + 1 / m
        gap = current / n - reference / m
        with np.errstate(divide="ignore", invalid="ignore"):
            luck = np.where(shares > 0, gap * gap / shares, 0.0).sum(axis=-1) / unit
        luck -= np.count_nonzero(shares) - 1
        is_usual = ((current + reference)[:, never] == 0).all(axis=1)
        for metric, squares in _of_draws(counted, reference, current):
            found.setdefault(metric, np.empty((SIZES.size, 3)))[place] = _moments(
                squares / unit, luck, is_usual, may_be_new=n > 0.02 * m
            )
    if counted.is_numeric and counted.is_fine:
        found |= {k: np.tile(v, (SIZES.size, 1)) for k, v in _of_bridges(counted)}
    return found


def at(table: Floats, n: Floats, m: Floats) -> Cumulants:
    """The cumulants of tables (N, sizes, 3) at n values against m, by interpolation in log n."""
    places = np.log(SIZES)
    where = np.clip(np.log(np.maximum(n, 1.0)), places[0], places[-1])
    left = np.clip(np.searchsorted(places, where, side="right") - 1, 0, SIZES.size - 2)
    share = ((where - places[left]) / (places[left + 1] - places[left]))[:, None]
    rows: Ints = np.arange(table.shape[0], dtype=np.int64)
    each = (1 - share) * table[rows, left] + share * table[rows, left + 1]
    unit = 1 / n + 1 / m
    return Cumulants(each[:, 0] * unit, each[:, 1] * unit**2, each[:, 2] * unit**3)


def _of_draws(counted: Counted, reference: Ints, current: Ints) -> Iterator[tuple[str, Floats]]:
    yield from counted.of_bins(reference, current)
    if counted.is_numeric and not counted.is_fine:
        yield from counted.of_cells(reference, current)


def _shares(counted: Counted) -> Floats:
    """Chances of the bins.

    What the reference has seen once stands for what it has not seen: that is the chance of a
    category to come that is new (Good 1953, Biometrika 40:237-264).
    """
    counts = counted.binned(counted.reference).astype(np.float64)
    if isinstance(counted.cells, CategoryCells):
        counts[-1] = max(counts[-1], float((counts[:-1] == 1).sum()), 0.5)
    return counts / counts.sum()


def _moments(squares: Floats, luck: Floats, is_usual: Bools, *, may_be_new: bool = True) -> Floats:
    """Mean, less what the draw's luck explains of it, and the next two central moments.

    A value that the reference never had makes the tail longer, and leaves the mean alone: it is
    that of the usual draws, which have none. Where it comes on less than one day in a hundred
    (`may_be_new` is false), one draw of it would make the moments those of no day at all.

    The third is at least that of a scaled chi-square of the same mean and variance: of a thousand
    draws it comes out too small as often as too large, and only the one is harmful.
    """
    usual = is_usual if is_usual.sum() >= 100 else np.ones_like(is_usual)
    own, told = squares[usual], luck[usual]
    if not usual.all():
        told = told - told.mean()
    spread = float(told @ told)
    slope = float(told @ (own - own.mean())) / spread if spread > 0 else 0.0
    mean = float(own.mean() - slope * told.mean())
    centred = squares - squares.mean() if may_be_new else own - own.mean()
    variance, third = float((centred**2).mean()), float((centred**3).mean())
    if mean <= 0 or variance <= 0:
        return np.array([1e-12, 1e-24, 1e-36])
    return np.array([mean, variance, max(third, 2 * variance * variance / mean)])


def _of_bridges(counted: Counted) -> Iterator[tuple[str, Floats]]:
    """Fine cells: differences of distribution functions are Brownian bridges (Donsker 1952)."""
    reached = np.cumsum(counted.reference)[:-1] / counted.n
    paths = bridges()[:, np.rint(reached * STEPS).astype(np.int64)]
    luckless, usual = np.zeros(BRIDGES), np.ones(BRIDGES, dtype=np.bool_)
    largest = _moments(np.abs(paths).max(axis=1) ** 2, luckless, usual)
    whole = _moments(np.abs(bridges()).max(axis=1) ** 2, luckless, usual)
    yield "kolmogorov_smirnov", largest * KOLMOGOROV / whole
    for metric, squares in counted.of_gaps(paths):
        yield metric, _moments(squares, luckless, usual)


KOLMOGOROV = np.array([0.8224670, 0.2705808, 0.2543358])
"""Mean, variance and third central moment of the square of Kolmogorov's K.

From E K^2k = 2 k! Σ (-1)^(j-1) / (2 j²)^k: π²/12, 7 π⁴/720 and 31 π⁶/20160.
"""


@cache
def bridges() -> Floats:
    """Brownian bridges (paths, steps + 1), always the same ones; every other one is mirrored.

    >>> float(bridges()[:, [0, -1]].sum())
    0.0
    """
    rng = np.random.default_rng(20_190_501)
    steps = rng.standard_normal((BRIDGES, STEPS)) / np.sqrt(STEPS)
    paths = np.cumsum(steps, axis=1)
    paths -= paths[:, -1:] * (np.arange(1, STEPS + 1) / STEPS)
    paths[:, -1] = 0.0
    return np.concatenate([np.zeros((BRIDGES, 1)), paths], axis=1)
