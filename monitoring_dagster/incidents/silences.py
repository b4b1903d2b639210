"""Silences: when nobody is called for an incident, why, and until when.

A silence deletes nothing: incidents are opened, kept and closed as ever, and what is still open at
its end is told then. What is owed is `owed`, where silences are kept `desk`.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

from monitoring_dagster.errors import SilenceInvalid
from monitoring_dagster.incidents.audience import Audience
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.hours import A_DAY, WEEKDAYS, at_wall_clock
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.monitors.alerting import Maintenance, minutes_of
from monitoring_dagster.monitors.problems import shown

LONGEST = dt.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Silence:
    """One silence: nobody is called for incidents that it matches while it lasts.

    Args:
        id: number in the store; 0 until it is there.
        monitor: name of the monitor, with `*` for any part.
        cause: cause as it is written, such as `inputs` or `segment:*`.
        starts_at: first instant.
        ends_at: the instant at which it is over.
        author: who asked for it.
        because: why.
    """

    id: int
    monitor: str
    cause: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    author: str
    because: str

    def is_on(self, now: dt.datetime) -> bool:
        """Whether it lasts at `now`."""
        return self.starts_at <= now < self.ends_at


class Mute(NamedTuple):
    """Why nobody is called, and the instant at which that ends.

    `is_planned` says that nobody asked for it now: it is a window that comes every week.
    """

    because: str
    until: dt.datetime
    is_planned: bool = False


def check(silence: Silence, now: dt.datetime) -> None:
    """Refuse a silence that cannot be meant.

    Raises:
        SilenceInvalid: with everything that is wrong, one line each.
    """
    problems = [*_times(silence, now), *_words(silence)]
    if problems:
        raise SilenceInvalid("\n".join(problems))


def matches(silence: Silence, monitor: str, cause: Cause) -> bool:
    """Whether the silence is about a cause of a monitor, whenever it lasts.

    >>> now = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    >>> silence = Silence(1, "flight_*", "segment:*", now, now, "ada", "holidays")
    >>> matches(silence, "flight_delay", Cause.parse("segment:carrier=UA"))
    True
    """
    return fnmatchcase(monitor, silence.monitor) and fnmatchcase(str(cause), silence.cause)


def muted(
    incident: Incident, silences: Iterable[Silence], monitor: Audience, now: dt.datetime
) -> Mute | None:
    """Why nobody is called for the incident at `now`; of several reasons the one that ends last."""
    reasons = [muted_cause(incident.cause, silences, monitor, now)]
    if incident.snoozed_until is not None and now < incident.snoozed_until:
        reasons.append(Mute("snoozed", incident.snoozed_until))
    return max(filter(None, reasons), key=_end, default=None)


def muted_cause(
    cause: Cause, silences: Iterable[Silence], monitor: Audience, now: dt.datetime
) -> Mute | None:
    """The same of a cause that has no incident yet."""
    on = [s for s in silences if s.is_on(now) and matches(s, monitor.name, cause)]
    reasons = [*(_of_silence(silence) for silence in on), *_of_maintenance(monitor, now)]
    return max(reasons, key=_end, default=None)


def _end(mute: Mute) -> dt.datetime:
    return mute.until


def _of_silence(silence: Silence) -> Mute:
    return Mute(f"silenced by {silence.author}: {silence.because}", silence.ends_at)


def _of_maintenance(monitor: Audience, now: dt.datetime) -> Iterator[Mute]:
    today = now.astimezone(monitor.zone).date()
    for window in monitor.alerting.maintenance:
        for day in (today - A_DAY, today):
            begins, ends = _instants(window, day, monitor)
            if WEEKDAYS[day.weekday()] in window.days and begins <= now < ends:
                yield Mute(f"maintenance: {window.because}", ends, is_planned=True)


def _instants(
    window: Maintenance, day: dt.date, monitor: Audience
) -> tuple[dt.datetime, dt.datetime]:
    last_day = day + A_DAY if window.is_over_midnight else day
    return (
        at_wall_clock(day, minutes_of(window.begins), monitor.zone),
        at_wall_clock(last_day, minutes_of(window.ends), monitor.zone),
    )


def _times(silence: Silence, now: dt.datetime) -> Iterator[str]:
    if silence.starts_at.tzinfo is None or silence.ends_at.tzinfo is None:
        yield "a silence begins and ends at instants: give its times with their zone or offset"
        return
    if silence.ends_at <= silence.starts_at:
        yield f"the silence ends at {silence.ends_at}, which is not after {silence.starts_at}"
    elif silence.ends_at - silence.starts_at > LONGEST:
        days = (silence.ends_at - silence.starts_at) / A_DAY
        yield (
            f"the silence lasts {days:.1f} days, at most {LONGEST.days} are allowed: "
            "what is meant to stay belongs into the monitor's document"
        )
    elif silence.ends_at <= now:
        yield f"the silence ends at {silence.ends_at}, which is over"


def _words(silence: Silence) -> Iterator[str]:
    for name, value in (
        ("monitor", silence.monitor),
        ("cause", silence.cause),
        ("author", silence.author),
        ("because", silence.because),
    ):
        if not value.strip():
            yield f"{name} is empty, required is {_REQUIRED[name]}"
        elif len(value) > 500:
            yield f"{name} has {len(value)} characters, at most 500 are kept"
    kind = silence.cause.partition(":")[0]
    if silence.cause.strip() and not any(fnmatchcase(known, kind) for known in CauseKind):
        near = difflib.get_close_matches(kind, list(CauseKind), n=1)
        advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(CauseKind)}"
        yield f"cause {shown(silence.cause)} matches no cause; {advice}"


_REQUIRED = {
    "monitor": "a name of a monitor, such as flight_*",
    "cause": "a cause, such as inputs, segment:* or *",
    "author": "who silences it",
    "because": "why",
}
