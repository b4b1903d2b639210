"""Series followed from day to day: is today's change real, is it large, does it last?

A change alerts where one day proves it within the day's share of the false-alarm budget, or where
its chart does over several; either way it has to be large enough. Which series there are is
`watched`, how real is told from noise `noise` and `detectors`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from monitoring_dagster.decisions.budget import Budget, Family, benjamini_hochberg
from monitoring_dagster.decisions.detectors.chart import Chart
from monitoring_dagster.decisions.detectors.cusum import Cusum, advance
from monitoring_dagster.decisions.noise import Against, Noise
from monitoring_dagster.decisions.state import Series, State, Usual
from monitoring_dagster.decisions.verdict import Reason
from monitoring_dagster.decisions.watched import Unit, Watched, Worse
from monitoring_dagster.metrics.intervals import Z
from monitoring_dagster.metrics.measurement import Status

LEARNING_DAYS = 7
"""Measured days from which a new normal is learnt; nothing is judged until then."""

STILL_UNUSUAL = 0.05
"""An alert stays on while a day as unusual as this would be one in twenty without a change."""

DAYS_DIFFER_MUCH = 4.0
"""Inflation from which one day of a distribution proves nothing: its chart has to.

What such days can do is only known from those of the reference, and no month holds the storm of the
century. Of flights in random order with a reference of 31 days, rain alone alerted on 2 % of days.
"""

ALERTING = (Reason.SUDDEN, Reason.LASTING, Reason.STILL_THERE)
"""Reasons for which somebody should hear of a series."""

_NORMAL = NormalDist()


@dataclass(frozen=True)
class Finding:
    """What was found of one series today.

    `reason` says why it alerts (`sudden`, `lasting`, `still_there`) or why it does not. `effect`
    counts in the direction that is worse; `against` is None where nothing was judged. `p_value`
    is the chance of such a day without a change. `lasting_effect` is the mean effect of the
    `lasting_days` measured days since the chart left zero, where a change most likely began.
    """

    watched: Watched
    reason: Reason
    series: Series
    against: Against | None = None
    effect: float = math.nan
    smallest_effect: float = math.nan
    p_value: float = math.nan
    lasting_effect: float = math.nan
    lasting_days: int = 0
    chart_total: float = math.nan
    chart_limit: float = math.nan

    @property
    def is_alert(self) -> bool:
        """Whether somebody should hear of it."""
        return self.reason in ALERTING


@dataclass(frozen=True)
class _Today:
    """One series today, in the direction that is worse."""

    watched: Watched
    against: Against
    z: float
    effect: float
    smallest: float
    p: float
    before: Series
    is_distance: bool
    is_learning: bool

    @property
    def is_told_by_a_day(self) -> bool:
        """Whether a single day can prove a change."""
        differs = self.is_distance and self.against.inflation >= DAYS_DIFFER_MUCH
        return not self.is_learning and not differs


def follow(
    day: dt.date, watched: Sequence[Watched], noise: Noise, state: State, budget: Budget
) -> Iterator[Finding]:
    """What is found of each series, with what has to be remembered of it, in any order.

    Args:
        day: the day that is judged.
        watched: measurements of that day.
        noise: of the monitor's reference.
        state: of the detectors before the day.
        budget: turned into thresholds.
    """
    levels = [budget.single_level(w.family) for w in watched]
    against = noise.against(day, [w.measurement for w in watched], level=levels)
    today: dict[Family, list[_Today]] = {}
    for one, found, chance in zip(watched, against, levels, strict=True):
        before = state.of(one.subject.key)
        if (problem := _problem(one, found)) is not None or found is None:
            yield Finding(one, problem or Reason.NO_REFERENCE, _unmeasured(before))
        else:
            today.setdefault(one.family, []).append(_directed(one, found, before, chance))
    for family, members in today.items():
        yield from _of_family(day, members, noise, budget, family)


def _problem(watched: Watched, against: Against | None) -> Reason | None:
    measurement = watched.measurement
    if measurement.estimate.status is not Status.OK:
        return Reason.NOT_MEASURED
    if measurement.maturity == "provisional":
        return Reason.PROVISIONAL
    return Reason.NO_REFERENCE if against is None else None


def _unmeasured(before: Series) -> Series:
    """A day without a value neither resets nor fires, and tomorrow has no day before it."""
    return replace(before, up=replace(before.up, z=None), down=replace(before.down, z=None))


def _directed(watched: Watched, against: Against, before: Series, chance: float) -> _Today:
    """Score and effect so that larger is worse, less what was accepted as normal.

    `chance` is the level of the smallest effect.
    """
    sign = -1.0 if watched.worse is Worse.DOWN else 1.0
    scale = _scale(watched, against)
    z, effect, p = sign * against.z, sign * against.effect / scale, against.p_value
    is_distance = math.isnan(against.null_low)
    if watched.worse is not Worse.BOTH and not is_distance:
        p = p / 2 if z > 0 else 1 - p / 2
    smallest = against.smallest_effect / scale
    level = before.level
    is_learning = level is not None and level.days < LEARNING_DAYS
    if level is not None and not is_learning:
        reach = _NORMAL.inv_cdf(1 - (chance if is_distance else chance / 2))
        effect, z = _since_normal(watched, effect, smallest / reach, level)
        p = 2 * _NORMAL.cdf(-abs(z)) if watched.worse is Worse.BOTH else _NORMAL.cdf(-z)
    return _Today(watched, against, z, effect, smallest, p, before, is_distance, is_learning)


def _since_normal(
    watched: Watched, effect: float, deviation: float, level: Usual
) -> tuple[float, float]:
    """Effect and score of a day against what was learnt to be normal.

    The score is the effect in units of what noise makes of it. Scores against the reference would
    not do: far from it, where a new normal lies, a change that doubles hardly adds to them. Shares
    vary by more near one half, which today's interval knows.
    """
    usual = level.effect / level.days
    if watched.unit is Unit.RELATIVE:
        changed = (1 + effect) / max(1 + usual, 1e-300) - 1
    else:
        changed = effect - usual
    if watched.unit is Unit.POINTS:
        estimate = watched.measurement.estimate
        deviation = max(deviation, (estimate.ci_high - estimate.ci_low) / (2 * Z))
    # The mean of a few days is not exact, either.
    return changed, changed / max(deviation * math.sqrt(1 + 1 / level.days), 1e-300)


def _scale(watched: Watched, against: Against) -> float:
    """What an effect is divided by to be in the unit in which its minimum is given."""
    metric = watched.subject.metric
    if watched.unit is Unit.RELATIVE and metric in ("mae", "log_loss"):
        return max(abs(against.expected), 1e-300)
    return 1.0


def _of_family(
    day: dt.date, members: Sequence[_Today], noise: Noise, budget: Budget, family: Family
) -> Iterator[Finding]:
    chances = np.array([m.p if m.is_told_by_a_day else math.nan for m in members])
    proven = benjamini_hochberg(chances, budget.sudden_level(family))
    for member, is_proven in zip(members, proven.tolist(), strict=True):
        yield _of_member(day, member, noise, budget, is_proven=is_proven)


def _of_member(
    day: dt.date, today: _Today, noise: Noise, budget: Budget, *, is_proven: bool
) -> Finding:
    watched, before = today.watched, today.before
    if today.is_learning:
        return _found(today, Reason.ACCEPTED, Series(level=_learnt(before, today)))
    chart = budget.cusum(
        watched.family,
        reference_days=today.against.days,
        is_signed=not today.is_distance,
        inflation=today.against.inflation,
    )
    up, down = _charted(today, noise, chart)
    leading = up if up.total >= down.total else down
    reason = _reason(today, leading, chart, is_proven=is_proven)
    is_on = reason in ALERTING
    series = replace(
        before,
        up=up,
        down=down,
        since=(before.since or day) if is_on else None,
        days=before.days + 1 if is_on else 0,
    )
    return replace(
        _found(today, reason, series),
        lasting_effect=leading.mean_effect if leading is up else -leading.mean_effect,
        lasting_days=leading.days,
        chart_total=leading.total,
        chart_limit=chart.h,
    )


def _charted(today: _Today, noise: Noise, chart: Chart) -> tuple[Cusum, Cusum]:
    """The sums upwards and downwards after today; the second moves only where both are worse."""
    subject, before = today.watched.subject, today.before
    rho = noise.autocorrelation(subject.metric, subject.column, subject.segment)
    mean, spread = noise.usual_z(subject.metric, subject.column, subject.segment)
    z = (today.z - mean) / spread
    up = advance(before.up, z, chart, rho=rho, effect=today.effect)
    if today.watched.worse is not Worse.BOTH:
        return up, before.down
    return up, advance(before.down, -z, chart, rho=rho, effect=-today.effect)


def _reason(today: _Today, leading: Cusum, chart: Chart, *, is_proven: bool) -> Reason:
    """Why the series alerts today, or why it does not."""
    watched = today.watched
    size = abs(today.effect) if watched.worse is Worse.BOTH else today.effect
    if is_proven and size >= watched.minimum_effect:
        return Reason.SUDDEN
    if leading.fires(chart) and leading.mean_effect >= watched.minimum_effect:
        return Reason.LASTING
    if today.before.since is not None and today.p <= STILL_UNUSUAL:
        return Reason.STILL_THERE
    return _quiet(today, is_proven=is_proven)


def _quiet(today: _Today, *, is_proven: bool) -> Reason:
    """Why nothing alerts; what could not have been seen today is never called unchanged."""
    if is_proven:
        return Reason.BELOW_MINIMUM_EFFECT
    if today.smallest <= today.watched.minimum_effect:
        return Reason.WITHIN_NOISE
    # Twice the variance of a sample: more rows would not help as much as steadier days.
    return Reason.DAYS_DIFFER if today.against.inflation >= 2 else Reason.TOO_FEW_ROWS


def _learnt(before: Series, today: _Today) -> Usual:
    level = before.level or Usual()
    return replace(level, days=level.days + 1, effect=level.effect + today.effect)


def _found(today: _Today, reason: Reason, series: Series) -> Finding:
    return Finding(
        today.watched,
        reason,
        series,
        today.against,
        today.effect,
        today.smallest,
        today.p,
    )
