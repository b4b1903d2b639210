"""What people see of a store's notices in Slack: what is missing, what is there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monitoring_dagster.notifications import markers
from monitoring_dagster.notifications.message import Form
from monitoring_dagster.notifications.rendering import render
from monitoring_dagster.store import Store
from monitoring_dagster.store.outbox import OWED, PICTURE, ROOT, Notice, Status, revision_of
from monitoring_dagster.store.response_tables import outbox
from tests.slack.seeing import Seen


@dataclass(frozen=True)
class Seeing:
    """Keys of notices.

    Args:
        owed: those that people are owed as messages of their own: no root says them.
        lost: of these, those that nobody sees where they belong.
        repeated: each as often as it is seen too often.
        outdated: roots that do not show how things stand.
        overdrawn: roots below which more pictures are seen than are owed.
    """

    owed: tuple[str, ...]
    lost: tuple[str, ...]
    repeated: tuple[str, ...]
    outdated: tuple[str, ...]
    overdrawn: tuple[str, ...]


def looked_at(store: Store, roots: Sequence[Seen]) -> Seeing:
    """Compare what a channel shows with what its store says."""
    notices, shown = store.read(_notices)
    owed = [n for n in notices if n.kind != PICTURE and n.status != Status.SUPERSEDED]
    counts: Counter[str] = Counter()
    threads: dict[str, set[str]] = {notice.key: set() for notice in owed}
    for thread, key in _seen(roots, owed):
        counts[key] += 1
        threads[key].add(thread)
    hosts = {n.incident_id: threads[n.key] for n in owed if n.kind == ROOT}

    def is_lost(notice: Notice) -> bool:
        found = threads[notice.key]
        return not (found if notice.kind == ROOT else found & hosts[notice.incident_id])

    texts = {key: root.text for root in roots for key in _keys(root, owed)}
    return Seeing(
        owed=tuple(n.key for n in owed),
        lost=tuple(n.key for n in owed if is_lost(n)),
        repeated=tuple(key for key, count in counts.items() for _ in range(count - 1)),
        outdated=tuple(key for key, text in shown.items() if texts.get(key) != text),
        overdrawn=tuple(_overdrawn(roots, notices)),
    )


def everything_is_told(store: Store) -> bool:
    """Whether nothing is owed, and every root shows how things stand."""

    def read(connection: sa.Connection) -> bool:
        c = outbox.c
        is_outdated = sa.and_(c.message_ts.is_not(None), revision_of() > c.applied_revision)
        rest = sa.or_(c.status.in_(OWED), sa.and_(c.kind == ROOT, is_outdated))
        return not connection.execute(sa.select(sa.func.count()).where(rest)).scalar_one()

    return store.read(read)


def _notices(connection: sa.Connection) -> tuple[list[Notice], dict[str, str]]:
    """All of them in order, and what their roots should say."""
    found = connection.execute(sa.select(outbox).order_by(outbox.c.id)).all()
    notices = [Notice.of(row) for row in found]
    roots = [n for n in notices if n.kind == ROOT and n.status == Status.SENT]
    return notices, {n.key: render(connection, n, Form(n.form)).text for n in roots}


def _seen(roots: Sequence[Seen], owed: Sequence[Notice]) -> Iterator[tuple[str, str]]:
    """Every message that is there, by the id of its thread's root."""
    for root in roots:
        for message in (root, *root.replies):
            for key in _keys(message, owed):
                yield root.ts, key


def _keys(message: Seen, owed: Sequence[Notice]) -> list[str]:
    posted: dict[str, Any] = {
        "text": message.text,
        "blocks": list(message.blocks),
        "metadata": message.metadata,
    }
    return [notice.key for notice in owed if markers.of(posted, notice.key)]


def _overdrawn(roots: Sequence[Seen], notices: Sequence[Notice]) -> Iterator[str]:
    """A picture says nothing of its key, so that they are counted."""
    owed = Counter(notice.incident_id for notice in notices if notice.kind == PICTURE)
    for notice in notices:
        if notice.kind == ROOT:
            threads = [root for root in roots if _keys(root, [notice])]
            seen = sum(len(reply.files) for root in threads for reply in root.replies)
            if seen > owed[notice.incident_id]:
                yield notice.key
