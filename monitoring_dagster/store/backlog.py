"""The backlog: how much people are owed, and whether it is more than it should be.

Only counting; what is done about it is decided by whoever asks.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monitoring_dagster.store.outbox import OWED, PICTURE, Status
from monitoring_dagster.store.response_tables import destination, incident, outbox
from monitoring_dagster.store.values import UTCDateTime


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is owed, of which a picture is no part.

    Args:
        waiting: notices that are due and that nobody was told.
        overdue: of these, those that have been due for longer than the patience.
        oldest: when the oldest of them was due.
        quarantined: notices that were refused in every form, of incidents that are not over.
        failing: destinations that are blocked, or that have taken nothing for longer than the
            patience, with what is wrong there.
    """

    waiting: int
    overdue: int
    oldest: dt.datetime | None
    quarantined: int
    failing: tuple[tuple[str, str], ...]


# Made once: making a statement takes several times as long as running it.
_now = sa.bindparam("now", type_=UTCDateTime())
_since = sa.bindparam("since", type_=UTCDateTime())
"""What is older than the patience."""

_WAITING = sa.select(
    sa.func.count(),
    sa.func.coalesce(sa.func.sum(sa.case((outbox.c.due_at <= _since, 1), else_=0)), 0),
    sa.func.min(outbox.c.due_at),
).where(
    outbox.c.status.in_(OWED),
    outbox.c.sent_at.is_(None),
    outbox.c.due_at <= _now,
    outbox.c.kind != PICTURE,
)

_REFUSED = (
    sa.select(sa.func.count())
    .select_from(outbox.outerjoin(incident, incident.c.id == outbox.c.incident_id))
    .where(
        outbox.c.status == Status.QUARANTINED,
        sa.or_(incident.c.id.is_(None), incident.c.status != "resolved"),
    )
)

_FAILING = (
    sa.select(destination.c.name, destination.c.blocked_because, destination.c.failing_since)
    .where(
        destination.c.channel == sa.bindparam("of_channel"),
        sa.or_(destination.c.blocked_since.is_not(None), destination.c.failing_since <= _since),
        # What nobody wants to send any more to a place does not make it a problem.
        sa.exists().where(
            outbox.c.destination == destination.c.name,
            outbox.c.status.in_([*OWED, Status.RELAYED]),
        ),
    )
    .order_by(destination.c.name)
)


def backlog(
    connection: sa.Connection, channel: str, now: dt.datetime, patience: dt.timedelta
) -> Backlog:
    """What is owed at this instant; `channel` is the channel of choice."""
    since = now - patience
    owed = connection.execute(_WAITING, {"now": now, "since": since}).one()
    failing = connection.execute(_FAILING, {"of_channel": channel, "since": since})
    return Backlog(
        waiting=owed[0],
        overdue=int(owed[1]),
        oldest=owed[2],
        quarantined=connection.execute(_REFUSED).scalar_one(),
        failing=tuple((row.name, _why(row)) for row in failing),
    )


def _why(row: Any) -> str:
    return row.blocked_because or f"no answer since {row.failing_since:%Y-%m-%d %H:%M}"
