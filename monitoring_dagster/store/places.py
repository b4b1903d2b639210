"""Places: one channel has one name in the outbox, however the monitors' documents spell it.

Pace, order and storms go by that name. What a channel understands is decided in `notifications`.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from monitoring_dagster.store.outbox import Status
from monitoring_dagster.store.response_tables import destination, outbox

NAMED = "#"
"""What names begin with, and ids do not."""


def spellings(connection: sa.Connection, channel: str, default: str) -> Mapping[str, str]:
    """The names of the places that have several spellings, by each of the others.

    A notice that says no destination goes to the default one. That an id and a name are one is
    known from the answers of the channel of choice: whoever uses the id shares the name's place
    from then on.

    Args:
        connection: a transaction that reads.
        channel: the channel of choice.
        default: the destination of what names none; empty where there is none.
    """
    found: dict[str, str] = {}
    d, c = destination.c, outbox.c
    used = sa.select(d.name).distinct().where(d.channel == channel, d.name.not_like(f"{NAMED}%"))
    for number in connection.scalars(used).all():
        named = (
            sa.select(c.destination)
            .where(
                c.channel == number,
                c.sent_by == channel,
                c.status.in_([Status.SENT, Status.RELAYED]),
                c.destination.like(f"{NAMED}%"),
            )
            .order_by(c.id.desc())
            .limit(1)
        )
        name = connection.scalar(named)
        if number and name is not None:
            found[number] = name
    if default:
        found[""] = found.get(default, default)
    return found


def settle(connection: sa.Connection, known: Mapping[str, str]) -> None:
    """Give notices the one name of their place, those that were sent included.

    A reply is told to belong below its root by that both are in one place.
    """
    if not known:
        return
    c = outbox.c
    # What somebody else is about to change is left to the next time: nobody waits for it.
    query = (
        sa.select(c.id, c.destination)
        .where(c.destination.in_(sorted(known)))
        .with_for_update(skip_locked=True)
    )
    found = connection.execute(query).all()
    if found:
        connection.execute(
            sa.update(outbox)
            .where(c.id == sa.bindparam("of"))
            .values(destination=sa.bindparam("to")),
            [{"of": row.id, "to": known[row.destination]} for row in found],
        )
