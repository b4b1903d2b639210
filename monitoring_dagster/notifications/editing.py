"""Editing: messages that show how things stood, until they show how things stand.

An edit may be done twice; a lease keeps an older one from landing on a newer one. Which messages
are outdated is decided in `store.claims`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from monitoring_dagster.errors import StoreError
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.notifications.channel import Answer, Outcome
from monitoring_dagster.notifications.delivered import Happened, Tally
from monitoring_dagster.notifications.message import Form, Message
from monitoring_dagster.notifications.office import Office
from monitoring_dagster.notifications.pacing import MOST_GENERATIONS
from monitoring_dagster.store import destinations, generations, outbox
from monitoring_dagster.store.claims import Claimed
from monitoring_dagster.store.outbox import Projection

if TYPE_CHECKING:
    import sqlalchemy as sa

log = logging.getLogger(__name__)

_ANSWERED = (Outcome.SENT, Outcome.CONTENT, Outcome.GONE, Outcome.CLOSED)
"""What says that the destination takes messages, if perhaps not this one."""


class Editing:
    """Edits claimed messages in place."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def edit(self, claimed: Claimed, tally: Tally) -> None:
        """Make one message show how things stand."""
        notice = claimed.notice
        try:
            shown, message = self._office.store.read(lambda c: self._drawn_up(c, claimed))
        except StoreError:
            raise
        except Exception as error:
            log.exception("drawing up the edit of %s failed", notice.key)
            shown = self._office.store.read(lambda c: outbox.projection(c, notice))
            answer = Answer(Outcome.CONTENT, error=type(error).__name__)
        else:
            if self._has_slept(claimed):
                tally.because("slept")
                return
            answer = self._call(claimed, message)
        failpoint("delivery.edited")
        tally.because("" if answer.outcome is Outcome.SENT else answer.error)
        happened = self._office.store.write(
            lambda connection: self._record(connection, claimed, answer, shown)
        )
        if happened is not None:
            tally.add(happened)
        failpoint("delivery.edit_recorded")

    def _drawn_up(self, connection: sa.Connection, claimed: Claimed) -> tuple[Projection, Message]:
        notice = claimed.notice
        # The revision is read first, so that a message never shows less than is said of it.
        shown = outbox.projection(connection, notice)
        return shown, self._office.render(connection, notice, Form(notice.form))

    def _has_slept(self, claimed: Claimed) -> bool:
        """Whether somebody else may be at it by now, whose edit this one would undo."""
        office = self._office
        if office.clock() - claimed.at <= office.rules.may_post_for:
            return False
        office.store.write(
            lambda connection: outbox.put_off(connection, claimed.lease, office.clock(), "slept")
        )
        return True

    def _call(self, claimed: Claimed, message: Message) -> Answer:
        notice = claimed.notice
        try:
            return self._office.channel(claimed.channel).edit(
                notice.channel or notice.destination,
                notice.message_ts or "",
                message,
                key=notice.key,
            )
        except Exception as error:
            log.exception("editing %s failed", notice.key)
            return Answer(Outcome.AMBIGUOUS, error=type(error).__name__)

    def _record(
        self, connection: sa.Connection, claimed: Claimed, answer: Answer, shown: Projection
    ) -> Happened | None:
        happened = self._changed(connection, claimed, answer, shown)
        office, notice = self._office, claimed.notice
        if answer.outcome in _ANSWERED:
            self._takes_messages(connection, claimed, answer.outcome)
        if happened is not None:
            office.audit(connection, happened, notice, office.clock(), answer.error)
        return happened

    def _changed(
        self, connection: sa.Connection, claimed: Claimed, answer: Answer, shown: Projection
    ) -> Happened | None:
        match answer.outcome:
            case Outcome.SENT:
                self._showing(connection, claimed, shown)
                return Happened.EDITED
            case Outcome.CONTENT:
                return self._refused(connection, claimed, answer.error, shown)
            case Outcome.GONE:
                return self._gone(connection, claimed, answer.error, shown)
            case Outcome.CLOSED:
                return self._closed(connection, claimed, shown)
            case _:
                self._put_off(connection, claimed, answer)
                return None

    def _takes_messages(
        self, connection: sa.Connection, claimed: Claimed, outcome: Outcome
    ) -> None:
        office, name = self._office, claimed.notice.destination
        office.mend(connection, claimed.channel, name)
        if outcome is Outcome.SENT:
            destinations.succeeded(connection, claimed.channel, name, office.clock())
        else:
            destinations.answered(connection, claimed.channel, name)

    def _put_off(self, connection: sa.Connection, claimed: Claimed, answer: Answer) -> None:
        office, name = self._office, claimed.notice.destination
        outbox.hold(connection, claimed.notice.id)
        if answer.outcome is Outcome.CONFIGURATION:
            until = office.shut(connection, claimed.channel, name, answer.error)
        else:
            until = office.set_back(connection, claimed.channel, name, answer.retry_after_seconds)
        # An edit that may land later must not land on a newer one: the lease stays until its end.
        if answer.outcome is not Outcome.AMBIGUOUS:
            outbox.put_off(connection, claimed.lease, until, answer.error)

    def _refused(
        self, connection: sa.Connection, claimed: Claimed, error: str, shown: Projection
    ) -> Happened:
        notice, now = claimed.notice, self._office.clock()
        simpler = Form(notice.form).simpler
        if simpler is not None:
            outbox.simplify(connection, claimed.lease, simpler, now, error)
            return Happened.DEGRADED
        log.critical("the edit of %s is refused in every form (%s)", notice.key, error)
        outbox.owe_update(connection, notice, shown.revision, now)
        self._showing(connection, claimed, shown)
        return Happened.UPDATED

    def _gone(
        self, connection: sa.Connection, claimed: Claimed, error: str, shown: Projection
    ) -> Happened | None:
        notice = claimed.notice
        is_own = claimed.channel == self._office.primary.name
        if is_own and generations.generation(notice.kind, notice.key) < MOST_GENERATIONS:
            outbox.replace(connection, notice, self._office.clock())
            return Happened.REPLACED
        log.error("%s is gone (%s) and not sent again", notice.key, error)
        self._showing(connection, claimed, shown)
        return None

    def _closed(self, connection: sa.Connection, claimed: Claimed, shown: Projection) -> Happened:
        outbox.owe_update(connection, claimed.notice, shown.revision, self._office.clock())
        self._showing(connection, claimed, shown)
        return Happened.UPDATED

    def _showing(self, connection: sa.Connection, claimed: Claimed, shown: Projection) -> None:
        office = self._office
        edit_at = office.clock() + office.rules.coalesce
        outbox.record_shown(connection, claimed.lease, shown.revision, edit_at)
