"""Noise of signed metrics: sampling variance at today's n, plus that between days.

On which scale a metric's noise adds up is `judged`; the measured days come from `reference_days`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.decisions.noise.distances import Judged
from monitoring_dagster.decisions.noise.judged import RELATIVE, SIGNED, Key, Scale, off, onto
from monitoring_dagster.decisions.noise.reference_days import Days
from monitoring_dagster.decisions.noise.shrinkage import MOST_FREEDOM, prior, shrunk, uncertain
from monitoring_dagster.decisions.noise.tails import (
    of_share,
    of_students,
    score,
    share_exceeded,
    students,
)
from monitoring_dagster.decisions.noise.weekdays import (
    Weekdays,
    autocorrelation,
    matched,
    shrunk_autocorrelation,
)
from monitoring_dagster.metrics.intervals import Z

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHARES = (Scale.SHARE, Scale.SHARE_CHANGE)


@dataclass(frozen=True)
class Signed:
    """What is known of S signed metrics, on their scales.

    `centre` (S, 7) is the level by weekday, with the variance `blur`; `unit` the sampling variance
    of one row; `added` the variance between days, known to `freedom` as a part of `total`;
    `origin` the reference's share, for changes of a share; `rows` the reference's rows.
    """

    centre: Floats
    blur: Floats
    unit: Floats
    added: Floats
    freedom: Floats
    total: Floats
    origin: Floats
    rows: Floats
    kept: Floats
    rho: Floats
    days: Floats


@dataclass(frozen=True)
class _Series:
    """One metric over the reference's days, on its scale."""

    ordinals: Ints
    sampling: Floats
    centre: float
    weekdays: Weekdays
    rows: float

    @classmethod
    def of(cls, scale: Scale, days: Days, origin: float) -> _Series:
        n = np.maximum(np.array(days.n), 1.0)
        values = np.array(days.values) + origin
        x = onto(scale, values, n)
        sampling = variance(scale, np.array(days.low), np.array(days.high), n)
        if scale in SHARES:
            p = (float(values @ n) + 0.5) / (float(n.sum()) + 1)
            sampling, centre = p * (1 - p) / n, p
        else:
            usual = float(np.nanmedian(sampling * n)) if np.isfinite(sampling).any() else 0.0
            sampling = np.maximum(np.where(np.isfinite(sampling), sampling, usual / n), 1e-24)
            between = max(float(x.var(ddof=1)) - float(sampling.mean()), 0.0) if n.size > 1 else 0.0
            weights = 1 / (sampling + between)
            centre = float(weights @ x / weights.sum())
        ordinals = np.array(days.ordinals, dtype=np.int64)
        return cls(ordinals, sampling, centre, matched(x, ordinals), float(n.sum()))

    @property
    def freedom(self) -> float:
        """What is left of the days after their level, and their weekdays', were fitted."""
        return max(self.ordinals.size - 1 - 6 * self.weekdays.kept, 0.0)

    @property
    def ratio(self) -> float:
        """Variance of the days over their sampling variance."""
        if self.ordinals.size < 2:
            return 0.0
        squares = (self.weekdays.residuals / self.weekdays.narrowed) ** 2 / self.sampling
        return float(squares.sum()) / (self.ordinals.size - 1)


def learn(keys: Sequence[Key], days: Mapping[Key, Days], origins: Mapping[Key, float]) -> Signed:
    """The noise of these metrics; those of one name are shrunk towards each other."""
    series = [_Series.of(SIGNED[k.metric], days[k], origins.get(k, 0.0)) for k in keys]
    ratio = np.array([s.ratio for s in series])
    freedom = np.array([s.freedom for s in series])
    found = [autocorrelation(s.weekdays.residuals, s.ordinals) for s in series]
    count = np.array([float(s.ordinals.size) for s in series])
    rho = np.zeros(len(keys))
    metrics = np.array([k.metric for k in keys])
    for metric in dict.fromkeys(metrics.tolist()):
        rows = np.flatnonzero(metrics == metric)
        pairs = np.array([found[row][1] for row in rows])
        rho[rows] = shrunk_autocorrelation(np.array([found[row][0] for row in rows]), pairs)
        # A variance is known worse from days that resemble their neighbours (Bartlett 1946), and
        # too small, because their mean follows them.
        freedom[rows] *= (1 - rho[rows] ** 2) / (1 + rho[rows] ** 2)
        left = 1 - (1 + rho[rows]) / (1 - rho[rows]) / np.maximum(count[rows], 1.0)
        ratio[rows] *= (1 - 1 / np.maximum(count[rows], 2.0)) / np.clip(left, 0.5, 1.0)
        ratio[rows], freedom[rows] = shrunk(
            ratio[rows], freedom[rows], prior(ratio[rows], freedom[rows])
        )
    sampled = np.array([float(s.sampling.mean()) for s in series])
    total = np.maximum(ratio, 1.0) * sampled
    kept = np.array([s.weekdays.kept for s in series])
    offsets = np.array([s.weekdays.offsets for s in series]).reshape(-1, 7)
    return Signed(
        centre=np.array([s.centre for s in series])[:, None] + offsets,
        # The mean of days that resemble their neighbours is worth fewer of them.
        blur=total / count * (1 + 6 * kept) * (1 + rho) / (1 - rho),
        unit=np.array([float((s.sampling * s.rows / s.ordinals.size).mean()) for s in series]),
        added=total - sampled,
        freedom=np.minimum(freedom, MOST_FREEDOM),
        total=total,
        origin=np.array([origins.get(k, 0.0) for k in keys]),
        rows=np.array([s.rows for s in series]),
        kept=kept,
        rho=rho,
        days=count,
    )


def variance(scale: Scale, low: Floats, high: Floats, n: Floats) -> Floats:
    """Sampling variance on the scale, from the ends of a 95 % interval; NaN without one."""
    if scale is Scale.COUNT:
        return 1 / (n + 0.5)
    ends = onto(scale, low, n), onto(scale, high, n)
    return ((ends[1] - ends[0]) / (2 * Z)) ** 2


@dataclass(frozen=True)
class _Null:
    """What measurements of one scale are without any change: arrays (N,)."""

    scale: Scale
    centre: Floats
    sampling: Floats
    variance: Floats
    freedom: Floats
    n: Floats

    @property
    def effective(self) -> tuple[Floats, Floats]:
        """Independent rows that vary as much, and the step of one row in them."""
        trials = self.centre * (1 - self.centre) / self.variance
        return trials, self.sampling / self.variance

    def deviates(self, x: Floats) -> tuple[Floats, Floats]:
        """How far off on Student's scale: for the test, and without a bias for sums."""
        if self.scale not in SHARES:
            found = (x - self.centre) / np.sqrt(self.variance)
            return found, found
        trials, lump = self.effective
        share = np.clip(x, 0.0, 1.0)
        up, down = of_share(share, trials, self.centre, lump)
        fair = (up + 1 - down) / 2  # half of the chance of exactly this many
        is_high = share > self.centre
        side = np.where(is_high, 1.0, -1.0)
        test = side * np.maximum(score(np.where(is_high, up, down)), 0.0)
        return test, score(fair)

    def ends(self, level: Floats) -> tuple[Floats, Floats]:
        """Upper and lower value that are reached with half the chance each, on the scale."""
        reach = students(level / 2, self.freedom)
        if self.scale not in SHARES:
            wide = reach * np.sqrt(self.variance)
            return self.centre + wide, self.centre - wide
        from scipy.special import ndtr  # pyright: ignore[reportMissingTypeStubs]

        trials, lump = self.effective
        return share_exceeded(ndtr(-reach), trials, self.centre, lump)


def judge(
    known: Signed,
    rows: Ints,
    metrics: NDArray[np.str_],
    values: Floats,
    ends: tuple[Floats, Floats],
    n: Floats,
    day_of_week: int,
    level: Floats,
) -> Judged:
    """Signed metrics (N,) of one day against the noise in `rows` of what is known."""
    scales = np.array([SIGNED[m].value for m in metrics.tolist()])
    found = {name: np.empty(values.size) for name in Judged.__dataclass_fields__}
    for scale in np.unique(scales).tolist():
        at = np.flatnonzero(scales == scale)
        part = _of_scale(
            known,
            Scale(scale),
            rows[at],
            values[at],
            (ends[0][at], ends[1][at]),
            n[at],
            day_of_week,
            level[at],
        )
        for name, array in part.items():
            found[name][at] = array
    relative = np.isin(metrics, list(RELATIVE))
    expected = np.where(relative, np.maximum(found["expected"], 1e-300), 1.0)
    found["effect"] = np.where(relative, found["effect"] / expected, found["effect"])
    found["smallest_effect"] /= expected
    return Judged(**found)


def _of_scale(
    known: Signed,
    scale: Scale,
    rows: Ints,
    values: Floats,
    interval: tuple[Floats, Floats],
    n: Floats,
    day_of_week: int,
    level: Floats,
) -> dict[str, Floats]:
    n = np.maximum(n, 1.0)
    null = _null(known, scale, rows, interval, n, day_of_week)
    origin = known.origin[rows] if scale is Scale.SHARE_CHANGE else 0.0
    test, fair = null.deviates(onto(scale, values + origin, n))
    high, low = (off(scale, end) - origin for end in null.ends(level))
    expected = off(scale, null.centre) - origin
    wide = np.sqrt(null.variance)
    up, down = off(scale, null.centre + wide), off(scale, null.centre - wide)
    sides = score(of_students(np.abs(fair), null.freedom))
    return {
        "null_high": high,
        "null_low": low,
        "p_value": np.minimum(2 * of_students(np.abs(test), null.freedom), 1.0),
        "z": np.sign(fair) * sides,
        "effect": values - expected,
        "smallest_effect": np.maximum(high - expected, expected - low),
        "inflation": null.variance / np.maximum(null.sampling, 1e-300),
        "expected": expected,
        "deviation": (up - down) / 2,
        "is_matched_by_weekday": np.sign(known.kept[rows]),
        "days": known.days[rows],
    }


def _null(
    known: Signed,
    scale: Scale,
    rows: Ints,
    interval: tuple[Floats, Floats],
    n: Floats,
    day_of_week: int,
) -> _Null:
    centre = known.centre[rows, day_of_week]
    usual = known.unit[rows] / n
    if scale in SHARES:
        # Half a row of the reference (Jeffreys): what it never had may come without any change.
        least = 0.5 / (known.rows[rows] + 1)
        centre = np.clip(centre, least, 1 - least)
        own = centre * (1 - centre) / n
    elif scale is Scale.COUNT:
        own = usual
    else:
        today = variance(scale, *interval, n)
        # Today's own variance may be small because of what changed, or large for the same reason.
        own = np.where(np.isfinite(today), np.maximum(today, usual), usual)
    own = np.maximum(own, 1e-24)
    added, freedom = uncertain(known.added[rows], own, known.freedom[rows], known.total[rows])
    return _Null(scale, centre, own, own + added + known.blur[rows], freedom, n)
