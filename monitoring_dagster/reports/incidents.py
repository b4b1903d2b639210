"""Incidents as a person reads them at a terminal: a listing, and all that is known of one.

Pure: rows and lines out of what was read. Texts may hold what came from telemetry; whoever prints
them sees to it that no terminal obeys them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from monitoring_dagster.incidents.incident import (
    Context,
    Event,
    Incident,
    Signal,
    SignalState,
    Status,
)
from monitoring_dagster.incidents.samples import Sampled, Unsampled
from monitoring_dagster.incidents.silences import Mute, Silence
from monitoring_dagster.incidents.subjects import ranked, subject_of
from monitoring_dagster.notifications.root import standing
from monitoring_dagster.notifications.wording import counted, per_day
from monitoring_dagster.store.notices import Told

HEADER = ("ref", "priority", "status", "monitor", "since", "days", "title", "who")

_EXPORTED = (
    *HEADER,
    "cause",
    "last_day",
    "opened_at",
    "updated_at",
    "alerted_at",
    "acknowledged_at",
    "snoozed_until",
    "resolved_at",
    "resolved_because",
    "retraining",
    "reopened",
    "is_flapping",
    "is_late",
)

_INDENT, _NAMES = "  ", 14


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an incident beside itself.

    Args:
        events: its timeline.
        notices: what people are owed of it.
        mute: why nobody is called, if so.
        sample: where rows are that show it, or why there are none; None of a monitor whose document
            is gone.
    """

    events: Sequence[Event]
    notices: Sequence[Told]
    mute: Mute | None
    sample: Sampled | Unsampled | None


def in_order(incidents: Iterable[Incident]) -> list[Incident]:
    """Open ones first, then the most urgent, then those that have waited longest."""
    return sorted(incidents, key=lambda i: (not i.is_open, i.priority, i.opened_at, i.ref))


def rows(incidents: Iterable[Incident]) -> list[list[str]]:
    """A row of texts per incident, for the columns of `HEADER`."""
    return [
        [
            i.ref,
            i.priority.value,
            _status(i),
            i.monitor,
            str(i.since),
            str(_days(i)),
            i.title,
            i.acknowledged_by or "",
        ]
        for i in incidents
    ]


def table(incidents: Sequence[Incident]) -> pa.Table:
    """The same with everything that is no text for people, to be exported."""
    found = {name: [_exported(i, name) for i in incidents] for name in _EXPORTED}
    return pa.table(found)


def detail(incident: Incident, known: Known) -> Iterator[str]:
    """Everything that is known of one incident, line by line."""
    yield f"{incident.ref}  {incident.priority}  {_status(incident)}  {incident.monitor}"
    yield incident.title
    yield ""
    yield from _facts(_standing(incident, known.mute))
    yield ""
    yield from _facts(_context(incident.context))
    yield from _lists(incident.context)
    yield from _signals(incident)
    yield from _block("Timeline", (f"{_at(e.at)}  {e.actor}: {e.text}" for e in known.events))
    yield from _block("Messages", map(_notice, known.notices))
    yield from _block("Rows", _sample(incident.ref, known.sample))


def silences(standing_now: Iterable[Silence], now: dt.datetime) -> list[list[str]]:
    """A row of texts per silence that is not over."""
    return [
        [
            str(s.id),
            s.monitor,
            s.cause,
            "on" if s.is_on(now) else f"from {_at(s.starts_at)}",
            _at(s.ends_at),
            s.author,
            s.because,
        ]
        for s in standing_now
        if s.ends_at > now
    ]


SILENCE_HEADER = ("number", "monitor", "cause", "now", "until", "who", "because")


def _status(incident: Incident) -> str:
    """Where it stands, and what is unusual about that."""
    marks = ["flapping"] * incident.is_flapping + ["late"] * incident.is_late
    return ", ".join([incident.status.value, *marks])


def _days(incident: Incident) -> int:
    return max((incident.last_day - incident.since).days, 0) + 1


def _exported(incident: Incident, name: str) -> object:
    of = {
        "priority": incident.priority.value,
        "status": incident.status.value,
        "days": _days(incident),
        "who": incident.acknowledged_by,
        "cause": str(incident.cause),
    }
    value = of[name] if name in of else getattr(incident, name)
    return value.isoformat() if isinstance(value, dt.date) else value


def _standing(incident: Incident, mute: Mute | None) -> Iterator[tuple[str, str]]:
    yield "cause", str(incident.cause)
    yield "fired", f"{_span(incident.since, incident.last_day)}, {counted(_days(incident), 'day')}"
    yield "opened", _at(incident.opened_at)
    yield "so far", standing(incident)
    yield "retraining", incident.retraining
    if incident.status is Status.RESOLVED:
        return
    if mute is not None:
        yield "called", f"nobody until {_at(mute.until)}: {mute.because}"
    elif incident.alerted_at is not None:
        yield "called", f"people, since {_at(incident.alerted_at)}"
    else:
        yield "called", "nobody; a digest tells it"


def _context(context: Context) -> Iterator[tuple[str, str]]:
    yield "what", context.what
    yield "how sure", context.how_sure
    yield "how large", context.how_large
    yield "cost", "" if context.cost is None else per_day(context.cost)
    yield "next step", f"{context.next_step}: {context.next_step_because}".removesuffix(": ")
    yield from context.details


def _lists(context: Context) -> Iterator[str]:
    yield from _block("Columns, the worst first", context.columns)
    yield from _block("Segments, the worst first", context.segments)
    yield from _block("Failed quality checks", context.checks)
    yield from _block("What else changed", context.versions)
    yield from _block("Links", (f"{link.text}: {link.url}" for link in context.links))


def _signals(incident: Incident) -> Iterator[str]:
    found = ranked(incident.signals)
    for state in (SignalState.FIRING, SignalState.CLEARED):
        lines = [_signal(s) for s in found if s.state is state]
        yield from _block(f"Signals that are {state}", lines)
    explained = [s for s in found if s.state is SignalState.SUPPRESSED]
    for by in sorted({s.suppressed_by for s in explained}):
        lines = [_signal(s) for s in explained if s.suppressed_by == by]
        yield from _block(f"Signals that {by} explains", lines)


def _signal(signal: Signal) -> str:
    rule, days = subject_of(signal.subject).rule, _span(signal.first_day, signal.last_day)
    return f"{signal.level:<8}  {rule:<11}  {signal.text} ({days})"


def _notice(notice: Told) -> str:
    place = notice.destination or "the deployment's channel"
    if notice.sent_at is not None:
        how = f"{notice.status} {_at(notice.sent_at)} by {notice.sent_by}"
    else:
        how = f"{notice.status}, due {_at(notice.due_at)}"
    doubt = ", may be there twice" if notice.is_doubtful else ""
    error = f": {notice.last_error}" if notice.last_error else ""
    return f"{notice.key} to {place}: {how}{doubt}{error}"


def _sample(ref: str, sample: Sampled | Unsampled | None) -> Iterator[str]:
    if not isinstance(sample, Sampled):
        gone = "its monitor is no more, and nobody says how long rows may be shown"
        yield gone if sample is None else sample.text
        return
    strata = ", ".join(f"{count} {name}" for name, count in sample.strata.items())
    yield f"{sample.path} in the lake: {counted(sample.rows, 'row')} ({strata})"
    yield f"`monitoring-dagster incidents samples {ref} --because ...` shows them"


def _block(title: str, lines: Iterable[str]) -> Iterator[str]:
    """A titled list; nothing where it is empty."""
    held = list(lines)
    if held:
        yield ""
        yield title
        yield from (f"{_INDENT}{line}" for line in held)


def _facts(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, text in pairs:
        if text:
            yield f"{_INDENT}{name:<{_NAMES}} {text}"


def _span(first: dt.date, last: dt.date) -> str:
    return f"{first} to {last}" if first < last else str(last)


def _at(instant: dt.datetime) -> str:
    return f"{instant.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
