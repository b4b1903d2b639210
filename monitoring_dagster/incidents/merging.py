"""Merging: what a day's signals make of those that an incident holds.

A signal never leaves its incident: it fires, is explained by something upstream, or has cleared.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from monitoring_dagster.incidents.incident import Outcome, Signal, SignalState


def merged(
    held: Sequence[Signal],
    found: Sequence[Signal],
    day: dt.date,
    outcome: Outcome,
    *,
    unjudged: Collection[str] = (),
) -> tuple[Signal, ...]:
    """The incident's signals after a day was judged (again).

    Args:
        held: those so far; they keep their first day and their place.
        found: those that fire on the day, or are explained by something upstream.
        day: the day; one before a signal's last day changes nothing of it but its first day.
        outcome: what the day says of the cause; only one that judges it clears anything.
        unjudged: subjects that could not be judged on the day, and so have not cleared.
    """
    today = {signal.subject: signal for signal in found}
    known = {signal.subject for signal in held}
    stays = set(unjudged) if outcome.is_judged else known
    kept = [_after(signal, today.get(signal.subject), day, stays) for signal in held]
    return (*kept, *(signal for signal in found if signal.subject not in known))


def cleared(held: Sequence[Signal]) -> tuple[Signal, ...]:
    """The same signals, none of which counts any more."""
    return tuple(replace(s, state=SignalState.CLEARED, suppressed_by="") for s in held)


def newly_explained(before: Sequence[Signal], after: Sequence[Signal]) -> Mapping[str, int]:
    """How many signals are explained by which cause, that were not before."""
    explained = {s.subject for s in before if s.state is SignalState.SUPPRESSED}
    return Counter(
        s.suppressed_by
        for s in after
        if s.state is SignalState.SUPPRESSED and s.subject not in explained
    )


def is_long_gone(signal: Signal, day: dt.date, days: int) -> bool:
    """Whether it has stopped firing so many days before `day`."""
    return signal.state is not SignalState.FIRING and (day - signal.last_day).days >= days


def _after(held: Signal, today: Signal | None, day: dt.date, stays: Collection[str]) -> Signal:
    if today is None:
        has_stopped = day >= held.last_day and held.subject not in stays
        return cleared([held])[0] if has_stopped else held
    first = min(held.first_day, today.first_day)
    # What has cleared since does not fire again because its last day is judged again.
    is_past = held.state is SignalState.CLEARED and today.last_day == held.last_day
    if is_past or today.last_day < held.last_day:
        return replace(held, first_day=first)
    return replace(today, first_day=first)
