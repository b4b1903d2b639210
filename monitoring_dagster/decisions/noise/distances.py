"""Noise of distances: sampling, plus a component of each day that more rows do not shrink.

What counts as a distance is `judged`; the measured days come from `reference_days`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.decisions.noise.counted import Counted
from monitoring_dagster.decisions.noise.day_component import (
    DIRECTIONS,
    upper_tail,
    with_days,
)
from monitoring_dagster.decisions.noise.judged import DISTANCES, Key, squared, unsquared
from monitoring_dagster.decisions.noise.reference_days import Days
from monitoring_dagster.decisions.noise.sampling import SIZES, at
from monitoring_dagster.decisions.noise.shrinkage import MOST_FREEDOM, prior, shrunk, uncertain
from monitoring_dagster.decisions.noise.tails import (
    Cumulants,
    Tail,
    beyond,
    chances,
    exceeded,
    log_density,
    score,
    tail,
)
from monitoring_dagster.decisions.noise.weekdays import (
    Weekdays,
    autocorrelation,
    matched,
    shrunk_autocorrelation,
    weekday,
)
from monitoring_dagster.profiles.profile import ALL

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Distances:
    """What is known of S distances; `tables` (S, sizes, 3) are the sampling cumulants.

    `added` (S, 7) is the day component by weekday, known as a part of `total` (S, 7)
    by degrees of `freedom` (S, 6), one for each of the candidates in `DIRECTIONS`, whose weights
    are `directions` (S, 6). `effect` is the squared scale per squared standard deviation of a
    shift, `m` the reference's values. `z_mean` and `z_spread` are what the normal scores of the
    reference's own days are on average, and by how much they differ.
    """

    m: Floats
    effect: Floats
    tables: Floats
    added: Floats
    directions: Floats
    freedom: Floats
    total: Floats
    kept: Floats
    rho: Floats
    days: Floats
    z_mean: Floats
    z_spread: Floats


@dataclass(frozen=True)
class _Series:
    """One distance over the reference's days.

    `sampling` is what sampling alone makes of it, day by day, and `usual` on an average day.
    """

    ordinals: Ints
    squares: Floats
    sampling: Cumulants
    usual: Cumulants
    weekdays: Weekdays

    @classmethod
    def of(cls, days: Days, table: Floats, m: float) -> _Series:
        n, squares = np.array(days.n), np.array(days.values)
        noise = _noise(table, n, np.maximum(m - n, 1.0))
        ordinals = np.array(days.ordinals, dtype=np.int64)
        # Without days, as if the whole reference were one.
        days_or_whole = noise if n.size else _noise(table, np.array([m]), np.array([m]))
        usual = Cumulants(*(np.array([part.mean()]) for part in days_or_whole))
        return cls(ordinals, squares, noise, usual, matched(squares, ordinals))

    @property
    def ratio(self) -> float:
        """Mean over what sampling alone would make of it."""
        return float(self.squares.mean() / self.usual.mean[0]) if self.squares.size else 0.0

    @property
    def scatter(self) -> Floats:
        """The squares (D,) over their level, that of their weekday as far as weekdays differ."""
        found = self.weekdays
        level = float(self.squares.mean()) + found.offsets[weekday(self.ordinals)]
        level = np.maximum(level, 0.1 * self.sampling.mean)
        return np.maximum(1 + (self.squares / level - 1) / found.narrowed, 1e-3)

    @property
    def spread(self) -> float:
        """Variance of the squares in units of their squared level; NaN for one day."""
        days = self.squares.size
        return float(self.scatter.var()) * days / (days - 1) if days > 1 else np.nan

    def freedom(self, spread: float) -> float:
        """Degrees of freedom of the level, if the squares scatter around it by `spread`."""
        if self.squares.size < 2:
            return 0.0
        most = float((2 * self.sampling.mean**2 / self.sampling.variance).mean())
        if self.weekdays.kept > 0:
            most = max(most, DIRECTIONS[-1])
        return self.squares.size * float(np.clip(2 / max(spread, 1e-6), 0.5, most))


def _noise(table: Floats, n: Floats, m: Floats) -> Cumulants:
    return at(np.broadcast_to(table, (n.size, *table.shape)), n, m)


def learn(
    keys: Sequence[Key],
    days: Mapping[Key, Days],
    columns: Mapping[tuple[str, str], Counted],
    tables: Mapping[Key, Floats],
) -> Distances:
    """The noise of these distances; those of one metric are shrunk towards each other."""
    series = [_Series.of(days[k], tables[k], columns[k.column, k.segment].n) for k in keys]
    metrics = np.array([k.metric for k in keys])
    ratio = np.array([s.ratio for s in series])
    spread = np.array([s.spread for s in series])
    freedom = np.zeros(len(keys))
    found = [autocorrelation(s.weekdays.residuals, s.ordinals) for s in series]
    directions = np.zeros((len(keys), DIRECTIONS.size))
    rho, alike = np.zeros(len(keys)), np.zeros(len(keys))
    for metric in dict.fromkeys(metrics.tolist()):
        rows = np.flatnonzero(metrics == metric)
        pairs = np.array([found[row][1] for row in rows])
        rho[rows] = shrunk_autocorrelation(np.array([found[row][0] for row in rows]), pairs)
        # Days that resemble their neighbours tell less than as many independent ones.
        # A few quiet days do not prove a steady column: half of it is what all columns show.
        common = float(np.nanmean(spread[rows])) if np.isfinite(spread[rows]).any() else 1.0
        own = np.where(np.isfinite(spread[rows]), spread[rows], common)
        freedom[rows] = [
            series[row].freedom((of_it + common) / 2) for row, of_it in zip(rows, own, strict=True)
        ]
        fewer = (1 - rho[rows]) / (1 + rho[rows])
        given = prior(ratio[rows], freedom[rows] * fewer)
        ratio[rows], posterior = shrunk(ratio[rows], freedom[rows] * fewer, given)
        alike[rows] = posterior - freedom[rows] * fewer
    sampled = np.array([s.usual.mean[0] for s in series])
    level = np.maximum(ratio, 1.0) * sampled
    offsets = np.array([s.weekdays.offsets for s in series]).reshape(-1, 7)
    added = np.maximum((level - sampled)[:, None] + offsets, 0.0)
    for metric in dict.fromkeys(metrics.tolist()):
        rows = np.flatnonzero(metrics == metric)
        directions[rows] = _directions([series[row] for row in rows], added[rows])
    kept = np.array([s.weekdays.kept for s in series])
    count = np.array([float(s.squares.size) for s in series]) * (1 - rho) / (1 + rho)
    learnt = Distances(
        m=np.array([float(columns[k.column, k.segment].n) for k in keys]),
        effect=np.array([_effect(k, columns[k.column, k.segment]) for k in keys]),
        tables=np.array([tables[k] for k in keys]).reshape(-1, SIZES.size, 3),
        added=added,
        directions=directions,
        # A level per weekday is known from a seventh of the days.
        freedom=np.minimum(
            _freedom(series, added, count / (1 + 6 * kept)) + alike[:, None], MOST_FREEDOM
        ),
        total=sampled[:, None] + added,
        kept=kept,
        rho=rho,
        days=np.array([max(float(s.squares.size), 1.0) for s in series]),
        z_mean=np.zeros(len(keys)),
        z_spread=np.ones(len(keys)),
    )
    return _inherited(keys, learnt)


def _inherited(keys: Sequence[Key], learnt: Distances) -> Distances:
    """The same, where the days of a segment differ at least as much as those of the whole.

    They are the same days. What they differ by drowns in the sampling noise of few rows, and would
    be taken for nothing: of flights in random order, small segments then alerted on 17 % of days.
    """
    rows = {key: row for row, key in enumerate(keys)}
    whole = np.array([rows.get(key._replace(segment=ALL), row) for key, row in rows.items()])
    if not whole.size:
        return learnt
    takes = learnt.added[whole].mean(axis=1) > learnt.added.mean(axis=1)
    source = np.where(takes, whole, np.arange(len(keys)))
    added = learnt.added[source]
    return replace(
        learnt,
        added=added,
        directions=learnt.directions[source],
        freedom=learnt.freedom[source],
        total=learnt.total - learnt.added + added,
        kept=learnt.kept[source],
        days=learnt.days[source],
    )


def _freedom(series: Sequence[_Series], added: Floats, days: Floats) -> Floats:
    """What that many days tell of their level (S, 6), if the day component is of each kind."""
    found = np.empty((len(series), DIRECTIONS.size))
    for row, (each, level) in enumerate(zip(series, added.mean(axis=1), strict=True)):
        mean, variance, _ = with_days(each.usual, np.array([level]), DIRECTIONS)
        found[row] = days[row] * 2 * mean * mean / variance
    return found


def _effect(key: Key, counted: Counted) -> float:
    unit = DISTANCES[key.metric]
    return unit * max(counted.deviation**2, 1e-300) if key.metric == "wasserstein" else unit


def _directions(series: Sequence[_Series], added: Floats) -> Floats:
    """Weights (S, 6) of the candidates: how likely each makes the days that were seen.

    Empirical Bayes: the candidates' prior weights are those that all columns together give.
    """
    logs = np.array([_likelihood(s, level) for s, level in zip(series, added, strict=True)])
    logs = np.exp(logs - logs.max(axis=1, keepdims=True))
    shares = np.full(DIRECTIONS.size, 1 / DIRECTIONS.size)
    weights = logs
    for _ in range(5):
        weights = logs * shares
        weights /= weights.sum(axis=1, keepdims=True)
        # As if one more column had shown each candidate: a few columns do not rule any out.
        shares = (weights.sum(axis=0) + 1) / (len(series) + DIRECTIONS.size)
    return weights


def _likelihood(series: _Series, added: Floats) -> Floats:
    """Log-likelihood (6,) of the days' squares; of those below their mean only that they are.

    The tail's shape is made for the upper tail, and it is the upper tail that matters.
    """
    level = added[weekday(series.ordinals)][:, None]
    noise = Cumulants(*(part[:, None] for part in series.sampling))
    shape = with_days(noise, level, DIRECTIONS)
    squares = series.squares[:, None]
    if series.weekdays.kept > 0:
        squares = shape.mean * series.scatter[:, None]
    upper = upper_tail(noise, level, np.full(shape.mean.shape, np.inf))
    below = np.log1p(-chances(shape.mean, upper))
    above = log_density(np.maximum(squares, shape.mean), upper)
    return np.where(squares > shape.mean, above, below).sum(axis=0)


@dataclass(frozen=True)
class Judged:
    """Arrays (N,) of the fields of `Against`."""

    null_high: Floats
    null_low: Floats
    p_value: Floats
    z: Floats
    effect: Floats
    smallest_effect: Floats
    inflation: Floats
    expected: Floats
    deviation: Floats
    is_matched_by_weekday: Floats
    days: Floats


def judge(
    known: Distances,
    rows: Ints,
    metrics: NDArray[np.str_],
    values: Floats,
    n: Floats,
    day_of_week: int,
    level: Floats,
) -> Judged:
    """Distances (N,) of one day against the noise in `rows` of what is known."""
    m = known.m[rows]
    noise = at(known.tables[rows], n, m)
    weights = known.directions[rows]
    sampled = Cumulants(*(part[:, None] for part in noise))
    added, freedom = uncertain(
        known.added[rows, day_of_week, None],
        sampled.mean,
        known.freedom[rows],
        known.total[rows, day_of_week, None],
    )
    shape = with_days(sampled, added, DIRECTIONS)
    upper = upper_tail(sampled, added, freedom)
    squares, back = np.empty_like(values), _Back(metrics, n, m)
    for metric, where in back.places:
        squares[where] = squared(metric, values[where], n[where], m[where])
    p = beyond(squares, upper, weights)
    high = exceeded(level, upper, weights)
    mean = (weights * shape.mean).sum(axis=1)
    spread = np.sqrt((weights * shape.variance).sum(axis=1))
    expected = back.of(mean)
    unit = known.effect[rows]
    return Judged(
        null_high=back.of(high),
        null_low=np.full(values.shape, np.nan),
        p_value=p,
        z=_scores(p, squares, Cumulants(mean, spread**2, mean)),
        effect=np.sqrt(np.maximum(squares - mean, 0.0) / unit),
        smallest_effect=np.sqrt(np.maximum(high - mean, 0.0) / unit),
        inflation=mean / noise.mean,
        expected=expected,
        # To either side on the squared scale; a root's spread by the delta method.
        deviation=(back.of(mean + spread / 2) - back.of(np.maximum(mean - spread / 2, 0.0))),
        is_matched_by_weekday=np.sign(known.kept[rows]),
        days=known.days[rows],
    )


def _scores(p: Floats, squares: Floats, shape: Cumulants) -> Floats:
    """Normal scores; small distances by a scaled F, for the shifted one ends where they lie.

    Not below -4: that a day is even closer to the reference says nothing.
    """
    mean, variance, _ = shape
    scaled = tail(Cumulants(mean, variance, 2 * variance**2 / mean), 0 * mean + 1e6)
    chance = beyond(squares, Tail(*(part[:, None] for part in scaled)), np.ones((p.size, 1)))
    return np.where(p <= 0.5, score(p), np.clip(score(chance), -4.0, 0.0))


class _Back:
    """Squared distances of several metrics back in their own units."""

    def __init__(self, metrics: NDArray[np.str_], n: Floats, m: Floats) -> None:
        self._n, self._m = n, m
        names, places = np.unique(metrics, return_inverse=True)
        self.places = [(str(name), np.flatnonzero(places == i)) for i, name in enumerate(names)]

    def of(self, squares: Floats) -> Floats:
        values = np.empty_like(squares)
        for metric, where in self.places:
            values[where] = unsquared(metric, squares[where], self._n[where], self._m[where])
        return values
