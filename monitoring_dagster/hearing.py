"""Hearing: what people ask for by reacting to messages, and that it is done once.

What a reaction asks for is `notifications.reactions`, what an incident makes of it
`incidents.answering`. Asked again and again by `upkeep`.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from monitoring_dagster.errors import MonitoringError, StoreBusy
from monitoring_dagster.incidents import answering
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.notifications.channel import Outcome
from monitoring_dagster.notifications.reactions import SNOOZE, WishKind, wishes
from monitoring_dagster.notifications.slack import SlackChannel
from monitoring_dagster.retraining import acting
from monitoring_dagster.retraining.acting import approvals_needed
from monitoring_dagster.retraining.action import ActionKind
from monitoring_dagster.retraining.action import Status as ActionStatus
from monitoring_dagster.store import actions
from monitoring_dagster.store import wishes as stored
from monitoring_dagster.store.wishes import About, Posted, Wish

if TYPE_CHECKING:
    from monitoring_dagster.incidents.desk import Desk
    from monitoring_dagster.upkeep import Upkeep

log = logging.getLogger(__name__)

RESOLVED_BECAUSE = "a reaction in Slack"

MOST_HEARD = 20
"""Messages that are asked for their reactions at a time: Slack answers 50 a minute."""

BUDGET = dt.timedelta(seconds=8)
"""For how long people are listened to; no call is begun after it."""

WAIT_SECONDS = 1.0
"""For how long a monitor is waited for that somebody else has; it is heard at the next look."""

UNANSWERED = (Outcome.NOT_SENT, Outcome.AMBIGUOUS)
"""What may as well be so of every other message: others are not asked for now."""


class Heard(NamedTuple):
    """How many wishes were new, with which message to go on, and what failed, a text each."""

    new: int
    next_from: int
    failures: tuple[str, ...] = ()


def hear(upkeep: Upkeep, first: int, until: dt.datetime) -> Heard:
    """Do what people ask for; the arguments are those of `Upkeep.hear`."""
    messages = [
        (one, channel)
        for one in upkeep.store.read(stored.posted)
        if isinstance(channel := upkeep.channels.named(one.sent_by), SlackChannel)
    ]
    start = first if first < len(messages) else 0
    bots: dict[str, str | None] = {}
    new, failures, at = 0, list[str](), start
    for one, channel in messages[start : start + MOST_HEARD]:
        if upkeep.clock() >= until:
            break
        at += 1
        if channel.name not in bots:
            bots[channel.name] = _bot(channel)
        bot = bots[channel.name]
        found = None if bot is None else channel.reactions(one.channel, one.ts)
        if bot is None or found is None or found.answer.outcome in UNANSWERED:
            break
        if not found.answer.error:
            standing = wishes(found.reactions, bots=[bot], approvers=upkeep.channels.approvers)
            asked = {(wish.kind.value, f"slack:{wish.user}") for wish in standing}
            new += _granted(upkeep, one, asked, failures)
    return Heard(new, at if at < len(messages) else 0, tuple(failures))


def _bot(channel: SlackChannel) -> str | None:
    """Our own id, whose reactions count for nothing; None without an answer."""
    checked = channel.check()
    return None if checked.answer.error else checked.user


def _granted(upkeep: Upkeep, one: Posted, asked: set[Wish], failures: list[str]) -> int:
    """Do what is asked for and was not before; returns how many wishes were new."""
    known, by_monitor = _known(upkeep, one), defaultdict[str, list[About]](list)
    for about in one.about:
        if known[about.incident_id] != asked:
            by_monitor[about.monitor].append(about)
    new: set[Wish] = set()
    for monitor, changed in by_monitor.items():
        try:
            new |= upkeep.at_desk(
                upkeep.audience(monitor),
                lambda desk, of=changed: _answered(desk, of, asked),
                wait_seconds=WAIT_SECONDS,
            )
        except StoreBusy:
            log.info("somebody else has %s; it is heard at the next look", monitor)
        except Exception as error:
            log.exception("hearing people about %s failed", monitor)
            what = str(error) if isinstance(error, MonitoringError) else repr(error)
            failures.append(f"{monitor}: {what}")
    return len(new)


def _known(upkeep: Upkeep, one: Posted) -> dict[int, frozenset[Wish]]:
    ids = [about.incident_id for about in one.about]
    return dict(upkeep.store.read(lambda connection: stored.known(connection, ids)))


def _answered(desk: Desk, changed: Sequence[About], asked: set[Wish]) -> set[Wish]:
    heard: set[Wish] = set()
    for about in changed:
        new = stored.newly_heard(desk.connection, about.incident_id, asked)
        for kind, person in sorted(new):
            _do(desk, about.ref, WishKind(kind), person)
        heard |= new
    return heard


def _do(desk: Desk, ref: str, kind: WishKind, person: str) -> None:
    if kind is WishKind.ACKNOWLEDGE:
        answering.acknowledge(desk, ref, person)
    elif kind is WishKind.SNOOZE:
        answering.snooze(desk, ref, desk.now + SNOOZE, person)
    elif kind is WishKind.APPROVE:
        _approve(desk, person)
    else:
        answering.resolve(desk, ref, RESOLVED_BECAUSE, person)


def _approve(desk: Desk, person: str) -> None:
    """Agree to what waits for an approval of this monitor; nothing where nothing does."""
    row = actions.under_way(desk.connection, desk.monitor.name)
    if row is None or row.status != ActionStatus.AWAITING_APPROVAL:
        return
    monitor = desk.monitor if isinstance(desk.monitor, Monitor) else None
    needed = approvals_needed(monitor, ActionKind(row.kind))
    acting.approve(desk, row.ref, person, "a reaction in Slack", needed=needed)
