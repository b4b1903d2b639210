"""Rendering: from a notice in the outbox to the message or picture that a channel is given.

A root or a digest shows things as they stand when it is sent; a reply says what was decided when it
was owed.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

from monitoring_dagster.incidents import rows
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.notifications import digest, replies, root, trend
from monitoring_dagster.notifications.digest import DigestLine
from monitoring_dagster.notifications.message import Form, Message, NoticeKind, Picture
from monitoring_dagster.notifications.pacing import STANDARD
from monitoring_dagster.store import digests, incidents, storms
from monitoring_dagster.store.outbox import UPDATE, Notice

if TYPE_CHECKING:
    import sqlalchemy as sa

LATE, WEEKLY, STORM = "late", "weekly", storms.STORM
"""Kinds of digests."""

A_MINUTE = dt.timedelta(minutes=1)


def render(connection: sa.Connection, notice: Notice, form: Form) -> Message:
    """The message of a notice, in one of its forms."""
    if notice.kind in (NoticeKind.DIGEST, UPDATE) and notice.digest_id is not None:
        return _digest(connection, notice, form)
    if notice.kind in (NoticeKind.ROOT, UPDATE):
        return root.message(
            _incident(connection, notice),
            form=form,
            key=notice.key,
            mention=json.loads(notice.payload).get("mention", ""),
            is_doubtful=notice.is_doubtful,
        )
    return replies.message(
        NoticeKind(notice.kind),
        json.loads(notice.payload),
        form=form,
        key=notice.key,
        is_doubtful=notice.is_doubtful,
    )


def draw(connection: sa.Connection, notice: Notice) -> Picture | None:
    """The picture of a notice; None where there is nothing to show."""
    return trend.picture(_incident(connection, notice))


def _incident(connection: sa.Connection, notice: Notice) -> Incident:
    if notice.incident_id is None:
        raise ValueError(f"notice {notice.key} is about no incident")
    return rows.incident_of(incidents.by_id(connection, notice.incident_id))


def _digest(connection: sa.Connection, notice: Notice, form: Form) -> Message:
    if notice.digest_id is None:
        raise ValueError(f"notice {notice.key} is about no digest")
    batch, told = digests.told(connection, notice.digest_id)
    lines = [_line(rows.incident_of(kept)) for kept in told]
    return digest.message(
        _title(batch.kind, lines),
        lines,
        form=form,
        key=notice.key,
        is_doubtful=notice.is_doubtful,
    )


def _title(kind: str, lines: list[DigestLine]) -> str:
    if kind == LATE:
        return digest.of_days("Days long over", lines)
    if kind == WEEKLY:
        return digest.of_week(lines)
    return digest.of_storm(len(lines), STANDARD.storm_window // A_MINUTE)


def _line(incident: Incident) -> DigestLine:
    return DigestLine(
        incident.ref,
        incident.priority,
        incident.monitor,
        incident.title,
        incident.since,
        incident.last_day,
        incident.status,
    )
