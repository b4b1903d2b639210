"""The backlog: how much people are owed, and whether it is more than it should be.

Only counting; what is done about it is decided by whoever asks.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from monitoring_dagster.store.outbox import OWED, PICTURE, Status
from monitoring_dagster.store.response_tables import destination, incident, outbox


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


def backlog(
    connection: sa.Connection, channel: str, now: dt.datetime, patience: dt.timedelta
) -> Backlog:
    """What is owed at this instant; `channel` is the channel of choice."""
    c = outbox.c
    is_owed = sa.and_(c.status.in_(OWED), c.sent_at.is_(None), c.due_at <= now, c.kind != PICTURE)
    is_overdue = sa.case((c.due_at <= now - patience, 1), else_=0)
    owed = connection.execute(
        sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(is_overdue), 0),
            sa.func.min(c.due_at),
        ).where(is_owed)
    ).one()
    refused = (
        sa.select(sa.func.count())
        .select_from(outbox.outerjoin(incident, incident.c.id == c.incident_id))
        .where(
            c.status == Status.QUARANTINED,
            sa.or_(incident.c.id.is_(None), incident.c.status != "resolved"),
        )
    )
    return Backlog(
        waiting=owed[0],
        overdue=int(owed[1]),
        oldest=owed[2],
        quarantined=connection.execute(refused).scalar_one(),
        failing=_failing(connection, channel, now - patience),
    )


def _failing(
    connection: sa.Connection, channel: str, since: dt.datetime
) -> tuple[tuple[str, str], ...]:
    c, d = outbox.c, destination.c
    # What nobody wants to send any more to a place does not make it a problem.
    is_wanted = sa.exists().where(c.destination == d.name, c.status.in_([*OWED, Status.RELAYED]))
    is_failing = sa.or_(d.blocked_since.is_not(None), d.failing_since <= since)
    query = sa.select(d.name, d.blocked_because, d.failing_since).where(
        d.channel == channel, is_failing, is_wanted
    )
    return tuple(
        (row.name, row.blocked_because or f"no answer since {row.failing_since:%Y-%m-%d %H:%M}")
        for row in connection.execute(query.order_by(d.name))
    )
