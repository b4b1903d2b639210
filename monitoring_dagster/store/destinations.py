"""How every place where people look stands with every channel: paced, paused, blocked, failing.

The table is what all processes share of it. What an answer means is decided in `notifications`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa

from monitoring_dagster.store.response_tables import destination
from monitoring_dagster.store.statements import inserting, instant
from monitoring_dagster.store.values import free_text

BECAUSE_BYTES = 500

_c = destination.c

_AT_EASE: dict[str, Any] = {
    "blocked_since": None,
    "blocked_because": "",
    "failing_since": None,
    "failures": 0,
}


def reserve(
    connection: sa.Connection,
    channel: str,
    name: str,
    now: dt.datetime,
    *,
    interval: dt.timedelta,
    probe_every: dt.timedelta,
) -> bool:
    """Take the next turn at a destination, if it is free now; the one after is `interval` later.

    Of a destination that is blocked, one turn in `probe_every` is given: a probe. Of several
    processes that ask at once, one is given the turn.
    """
    probed_again = sa.case((_c.blocked_since.is_not(None), instant(now + probe_every)), else_=None)
    statement = (
        inserting(connection, destination)
        .values(channel=channel, name=name, **_AT_EASE, next_free_at=now + interval)
        .on_conflict_do_update(
            index_elements=[_c.channel, _c.name],
            set_={"next_free_at": now + interval, "paused_until": probed_again},
            where=sa.and_(
                _c.next_free_at <= now,
                sa.or_(_c.paused_until.is_(None), _c.paused_until <= now),
            ),
        )
        .returning(_c.name)
    )
    return connection.execute(statement).first() is not None


def succeeded(connection: sa.Connection, channel: str, name: str, now: dt.datetime) -> None:
    """A message arrived there."""
    connection.execute(sa.update(destination).where(*_is(channel, name)).values(last_sent_at=now))
    answered(connection, channel, name)


def answered(connection: sa.Connection, channel: str, name: str) -> None:
    """It takes messages, even if not this one."""
    was_blocked = _c.blocked_since.is_not(None)
    values: dict[str, Any] = {
        **_AT_EASE,
        "alarmed_at": None,
        "paused_until": sa.case((was_blocked, None), else_=_c.paused_until),
    }
    connection.execute(sa.update(destination).where(*_is(channel, name)).values(values))


def is_blocked(connection: sa.Connection, channel: str, name: str) -> bool:
    """Whether somebody has to mend it before it takes anything."""
    query = sa.select(_c.blocked_since).where(*_is(channel, name))
    return connection.scalar(query) is not None


def failed(connection: sa.Connection, channel: str, name: str, now: dt.datetime) -> int:
    """Nothing arrived there, or nobody knows; returns how often in a row."""
    statement = (
        sa.update(destination)
        .where(*_is(channel, name))
        .values(
            failures=_c.failures + 1, failing_since=sa.func.coalesce(_c.failing_since, instant(now))
        )
        .returning(_c.failures)
    )
    return connection.execute(statement).scalar_one()


def pause(connection: sa.Connection, channel: str, name: str, until: dt.datetime) -> None:
    """Leave it alone until then; a longer pause stays."""
    is_shorter = sa.or_(_c.paused_until.is_(None), _c.paused_until < until)
    connection.execute(
        sa.update(destination).where(*_is(channel, name), is_shorter).values(paused_until=until)
    )


def block(
    connection: sa.Connection, channel: str, name: str, now: dt.datetime, because: str
) -> None:
    """Nothing will be accepted there until somebody mends it."""
    connection.execute(
        sa.update(destination)
        .where(*_is(channel, name))
        .values(
            blocked_since=sa.func.coalesce(_c.blocked_since, instant(now)),
            blocked_because=free_text(because, max_bytes=BECAUSE_BYTES),
        )
    )


def raise_alarm(connection: sa.Connection, channel: str, name: str, now: dt.datetime) -> bool:
    """Whether nobody has called about this outage yet; true once until something arrives again."""
    statement = (
        inserting(connection, destination)
        .values(channel=channel, name=name, **_AT_EASE, next_free_at=now, alarmed_at=now)
        .on_conflict_do_update(
            index_elements=[_c.channel, _c.name],
            set_={"alarmed_at": now},
            where=_c.alarmed_at.is_(None),
        )
        .returning(_c.name)
    )
    return connection.execute(statement).first() is not None


def _is(channel: str, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    return _c.channel == channel, _c.name == name
