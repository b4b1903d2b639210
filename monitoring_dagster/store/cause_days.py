"""Days of causes: what every judged day said of every cause that was watched.

What a day says of a cause is decided in `incidents`. Every function works within the caller's
transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import NamedTuple

import sqlalchemy as sa

from monitoring_dagster.store.evaluations import KEY_BYTES, SHORT_KEY_BYTES
from monitoring_dagster.store.response_tables import cause_day
from monitoring_dagster.store.statements import in_parts, inserting
from monitoring_dagster.store.values import free_text, key_text


class DayOutcome(NamedTuple):
    """What one day said of one cause."""

    day: dt.date
    outcome: str
    level: str


class CauseSaid(NamedTuple):
    """What one day said of one cause, and which cause that is."""

    dedup_key: str
    cause: str
    said: DayOutcome


def put(connection: sa.Connection, monitor: str, found: Collection[CauseSaid]) -> None:
    """Remember what days said of causes, in place of what was remembered; each day once a cause."""
    if not found:
        return
    name = key_text(monitor, max_bytes=SHORT_KEY_BYTES)
    rows = [
        {
            "monitor": name,
            "dedup_key": one.dedup_key,
            "cause": free_text(one.cause, max_bytes=KEY_BYTES),
            **one.said._asdict(),
        }
        for one in found
    ]
    c = cause_day.c
    statement = inserting(connection, cause_day)
    new = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[c.monitor, c.dedup_key, c.day],
            set_={"cause": new.cause, "outcome": new.outcome, "level": new.level},
        ),
        rows,
    )


def of_causes(
    connection: sa.Connection, monitor: str, dedup_keys: Collection[str], since: dt.date
) -> Mapping[str, list[DayOutcome]]:
    """What the days from `since` on said of each of the causes, in order."""
    c = cause_day.c
    found: dict[str, list[DayOutcome]] = {key: [] for key in dedup_keys}
    for part in in_parts(found):
        query = (
            sa.select(c.dedup_key, c.day, c.outcome, c.level)
            .where(
                c.monitor == key_text(monitor, max_bytes=SHORT_KEY_BYTES),
                c.dedup_key.in_(part),
                c.day >= since,
            )
            .order_by(c.dedup_key, c.day)
        )
        for key, *said in connection.execute(query):
            found[key].append(DayOutcome(*said))
    return found


def lately_fired(
    connection: sa.Connection, monitor: str, first: dt.date, last: dt.date
) -> dict[str, str]:
    """The causes that fired from `first` to `last`, by their dedup key."""
    c = cause_day.c
    query = (
        sa.select(c.dedup_key, c.cause)
        .distinct()
        .where(
            c.monitor == key_text(monitor, max_bytes=SHORT_KEY_BYTES),
            c.day.between(first, last),
            c.outcome == "firing",
        )
        .order_by(c.dedup_key)
    )
    return {row.dedup_key: row.cause for row in connection.execute(query)}


def latest(connection: sa.Connection, monitor: str, dedup_key: str) -> dt.date | None:
    """The latest day that said something of the cause, if only that it could not be judged."""
    c = cause_day.c
    query = sa.select(sa.func.max(c.day)).where(
        c.monitor == key_text(monitor, max_bytes=SHORT_KEY_BYTES), c.dedup_key == dedup_key
    )
    return connection.execute(query).scalar()
