"""The digest: many incidents as one message, for days that are over and for storms.

Counts by priority, then the worst ten in a line each. When there is a digest is decided in
`delivery`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from monitoring_dagster.incidents.incident import Priority, Status
from monitoring_dagster.notifications import blocks, wording
from monitoring_dagster.notifications.escaping import cut, literal, sentence
from monitoring_dagster.notifications.message import Block, Form, Message
from monitoring_dagster.notifications.root import DOUBTFUL, ICONS

MOST, MOST_COMPACT = 10, 3
COMMAND = "monitoring-dagster incidents list"


class DigestLine(NamedTuple):
    """One incident as a digest tells it."""

    ref: str
    priority: Priority
    monitor: str
    title: str
    first_day: dt.date
    last_day: dt.date
    status: Status


def message(
    title: str,
    lines: Sequence[DigestLine],
    *,
    form: Form,
    key: str,
    ref: str = "",
    is_doubtful: bool = False,
) -> Message:
    """One digest.

    Args:
        title: such as that of `of_days` or `of_storm`.
        lines: its incidents in any order; the worst are shown.
        form: how much of it to show.
        key: the notice's own key, carried by the first block.
        ref: the digest's short name for people, if it has one.
        is_doubtful: whether it may be there already, which the last line then says.
    """
    ordered = sorted(lines, key=_badness)
    end = [cut(ref, 40), DOUBTFUL if is_doubtful else ""]
    foot = " · ".join(filter(None, [_where(lines), *end]))
    said = [f"📋 {sentence(title, 250)}", _counts(lines), *(sentence(part, 40) for part in end)]
    return Message(
        text=" · ".join(filter(None, said)),
        blocks=blocks.marked(key, _blocks(title, ordered, foot, form)),
        form=form,
        plain="\n".join([f"📋 {cut(title, 300)}", "", *_plain(ordered, form), "", foot]),
    )


def of_days(batch: str, lines: Sequence[DigestLine]) -> str:
    """Title of a digest of days that are over, where nobody was called.

    Args:
        batch: what found them, such as `Backfill` or `Late labels`.
        lines: its incidents.

    >>> when = dt.date(2013, 4, 1), dt.date(2013, 12, 31)
    >>> line = DigestLine("MD-1", Priority.P2, "flight_delay", "drift", *when, Status.RESOLVED)
    >>> of_days("Backfill", [line, line])
    'Backfill of flight_delay, 1 Apr–31 Dec 2013: 2 incidents in days that are over; nobody was...'
    """
    if not lines:
        return f"{batch}: no incidents"
    span = wording.days(min(line.first_day for line in lines), max(line.last_day for line in lines))
    count = wording.counted(len(lines), "incident")
    return f"{batch} of {_where(lines)}, {span}: {count} in days that are over; nobody was called"


def of_week(lines: Sequence[DigestLine]) -> str:
    """Title of a digest of what opened in a week and can wait.

    >>> when = dt.date(2013, 4, 1), dt.date(2013, 4, 3)
    >>> line = DigestLine("MD-1", Priority.P4, "flight_delay", "drift", *when, Status.OPEN)
    >>> of_week([line])
    'The week of flight_delay: 1 minor incident opened'
    """
    return f"The week of {_where(lines)}: {wording.counted(len(lines), 'minor incident')} opened"


def of_storm(count: int, minutes: int) -> str:
    """Title of a digest of more incidents at once than anybody can read.

    >>> of_storm(37, 10)
    '37 incidents within 10 minutes'
    """
    return f"{wording.counted(count, 'incident')} within {wording.counted(minutes, 'minute')}"


def _badness(line: DigestLine) -> tuple[object, ...]:
    """Sorts the worst first: by priority, what is not resolved, how long it lasted."""
    lasted = (line.last_day - line.first_day).days
    return line.priority, line.status is Status.RESOLVED, -lasted, line.monitor, line.ref


def _where(lines: Sequence[DigestLine]) -> str:
    monitors = sorted({line.monitor for line in lines})
    return cut(monitors[0], 64) if len(monitors) == 1 else wording.counted(len(monitors), "monitor")


def _counts(lines: Sequence[DigestLine]) -> str:
    """Such as `🔴 1 × P1, 🟡 3 × P3; 2 open, 2 resolved`."""
    if not lines:
        return "no incidents"
    priorities = Counter(line.priority for line in lines)
    states = Counter(line.status for line in lines)
    by_priority = [f"{ICONS[p]} {priorities[p]:,} × {p}" for p in Priority if priorities[p]]
    by_state = [f"{states[s]:,} {s}" for s in Status if states[s]]
    return f"{', '.join(by_priority)}; {', '.join(by_state)}"


def _blocks(title: str, ordered: Sequence[DigestLine], foot: str, form: Form) -> list[Block]:
    if form is Form.TEXT:
        return []
    most = MOST if form is Form.FULL else MOST_COMPACT
    items = [_line(line) for line in ordered[:most]]
    rest = [_rest(len(ordered) - most)] if len(ordered) > most else []
    listed = "\n".join([f"*{_counts(ordered)}*", *items, *rest])
    return [blocks.header(f"📋 {title}"), blocks.section(listed), blocks.context(foot)]


def _line(line: DigestLine) -> str:
    """One incident as mrkdwn, at most 280 long, so that ten fit into a section."""
    days = wording.days(line.first_day, line.last_day)
    return (
        f"{ICONS[line.priority]} *{line.priority}* {literal(line.monitor, 66)}: "
        f"{sentence(line.title, 100)} · {days} · {line.status} · {sentence(line.ref, 30)}"
    )


def _plain(ordered: Sequence[DigestLine], form: Form) -> list[str]:
    most = {Form.FULL: MOST, Form.COMPACT: MOST_COMPACT, Form.TEXT: 0}[form]
    items = [
        f"- {line.priority} {cut(line.monitor, 64)}: {cut(line.title, 300)} · "
        f"{wording.days(line.first_day, line.last_day)} · {line.status} · {cut(line.ref, 40)}"
        for line in ordered[:most]
    ]
    rest = [_rest(len(ordered) - most)] if len(ordered) > most else []
    return [_counts(ordered), *items, *rest]


def _rest(count: int) -> str:
    return f"and {count:,} more: `{COMMAND}`"
