"""Renewal: days that were measured against the reference of another champion, measured anew.

That happens where a tenure begins on days that were done before it was known. As of when a day is
seen stays as it was, so that nothing is known of it sooner or later than it had been.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.stages import ESTIMATES, Days, Stages

if TYPE_CHECKING:
    from monitoring_dagster.day import Day

AsOf = Mapping[tuple[str, dt.date], dt.datetime]

LAST = "operations"
"""What is measured last: where it was made of other counts, not everything was done."""

_STAGES = {
    "quality": Stages.check_quality,
    "shape": Stages.count_profiles,
    "labels": Stages.count_outcomes,
    "drift": Stages.measure_drift,
    "performance": Stages.measure_performance,
    ESTIMATES: Stages.estimate_performance,
    LAST: Stages.measure_operations,
}
"""The stages of a day in their order, by the name under which they are stored."""


def renew(day: Day, days: Days) -> list[dt.date]:
    """Measure those of these days anew that were counted for another champion.

    Args:
        day: the monitor's places and its champions.
        days: the days.

    Returns:
        The days that were.
    """
    return _renewed(day, days, lambda stages, when, _: stages.is_counted_on_another(when))


def renew_judged(day: Day, days: Days, *, is_alone: bool) -> list[dt.date]:
    """As `renew`, before days are judged: those after them, too, and what broke off half done.

    Args:
        day: the monitor's places and its champions.
        days: that are about to be judged.
        is_alone: whether later days are not judged with them.
    """
    if not days or not day.succession.tenures:
        return []
    first = min(days)
    judged_with = (
        [] if is_alone else day.store.look_up(day.monitor.name, lambda d: d.evaluated_since(first))
    )

    def is_stale(stages: Stages, when: dt.date, last: str | None) -> bool:
        is_half_done = last is not None and not stages.is_made_of_counts(when, last)
        return is_half_done or stages.is_counted_on_another(when)

    return _renewed(day, sorted({*days, *judged_with}), is_stale)


def _renewed(
    day: Day, days: Days, is_stale: Callable[[Stages, dt.date, str | None], bool]
) -> list[dt.date]:
    """Measure anew what is stale; a day is asked after with what its last stage was made of."""
    succession = day.succession
    began = min((tenure.since for tenure in succession.tenures), default=dt.date.max)
    wanted = [d for d in days if d >= began and not day.is_closed(d)]
    if not wanted:
        return []
    evaluated = day.store.evaluations(
        day.monitor.name, first_day=min(wanted), last_day=max(wanted)
    ).to_pylist()
    latest = {(row["stage"], row["day"]): row for row in evaluated}
    made_of = {d: row["input_fingerprint"] for (s, d), row in latest.items() if s == LAST}
    as_of = {key: row["as_of"] for key, row in latest.items()}
    renewed: list[dt.date] = []
    for stages, part in day.by_champion(wanted):
        stale = [d for d in part if is_stale(stages, d, made_of.get(d))]
        if stale:
            _measure(stages, stale, as_of)
            renewed += stale
    return renewed


def _measure(stages: Stages, days: Sequence[dt.date], as_of: AsOf) -> None:
    """Do every stage of each day that it has had."""
    with stages.as_before(as_of):
        for name, stage in _STAGES.items():
            stage(stages, [d for d in days if (name, d) in as_of])
            failpoint("renewal.stage_done")
