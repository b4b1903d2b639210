"""Recording: what an answer makes of a notice, each in one transaction.

One method for each outcome; nothing is sent here. The order of the work is `delivery`.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING

from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.notifications import fallback
from monitoring_dagster.notifications.channel import Answer, Outcome
from monitoring_dagster.notifications.delivered import Happened, Tally
from monitoring_dagster.notifications.message import Form, NoticeKind
from monitoring_dagster.notifications.office import Office
from monitoring_dagster.notifications.pacing import (
    MOST_GENERATIONS,
    MOST_PICTURE_FAILURES,
    pause_after,
)
from monitoring_dagster.store import destinations, generations, outbox
from monitoring_dagster.store.claims import Claimed
from monitoring_dagster.store.outbox import HOSTS, PICTURE, Notice, Projection, Status

if TYPE_CHECKING:
    import sqlalchemy as sa

log = logging.getLogger(__name__)

UNTHREADED = "unthreaded"
"""What a channel says of a reply that came to stand outside of its thread."""

TOLD_BY_ROOT = frozenset({NoticeKind.RESOLUTION, NoticeKind.REOPENING, NoticeKind.REMINDER})
"""Replies that a root makes superfluous which is shown after they were decided."""

CALLS_NOBODY = TOLD_BY_ROOT | {NoticeKind.ESCALATION}
"""And these where the root says that it is over."""


class Recording:
    """Writes down what became of claimed notices."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def answered(
        self, claimed: Claimed, answer: Answer, shown: Projection, began: dt.datetime, tally: Tally
    ) -> None:
        """Record what the channel said of a post that began at `began`."""
        if claimed.notice.kind == PICTURE and answer.outcome is not Outcome.SENT:
            self.picture_failed(claimed, answer, tally)
            return
        if answer.outcome is not Outcome.SENT:
            tally.because(answer.error or answer.outcome)
        match answer.outcome:
            case Outcome.SENT:
                self.seen(claimed, answer, shown, Happened.SENT, tally)
            case Outcome.AMBIGUOUS:
                self._ambiguous(claimed, answer, tally)
            case Outcome.CONFIGURATION:
                self._misconfigured(claimed, answer, began, tally)
            case Outcome.CONTENT:
                self.refused(claimed, answer.error, began, tally)
            case Outcome.GONE if claimed.host is not None:
                self._rootless(claimed, claimed.host.notice, answer, began, tally)
            case _:
                self._not_sent(claimed, answer, began)
        failpoint("delivery.recorded")

    def seen(
        self,
        claimed: Claimed,
        answer: Answer,
        shown: Projection,
        happened: Happened,
        tally: Tally,
    ) -> None:
        """People can see it."""
        told = self._office.store.write(
            lambda connection: self._write_seen(connection, claimed, answer, shown, happened)
        )
        for what in told:
            tally.add(what)
        if Happened.TWICE in told:
            log.error("%s was sent by two processes", claimed.notice.key)
        if Happened.ALARMED in told:
            fallback.say(self._office.primary.name, claimed.notice.destination)

    def _write_seen(
        self,
        connection: sa.Connection,
        claimed: Claimed,
        answer: Answer,
        shown: Projection,
        happened: Happened,
    ) -> list[Happened]:
        office, notice, now = self._office, claimed.notice, self._office.clock()
        told = self._told(connection, claimed, answer, shown, happened)
        outbox.end_doubt(connection, notice.id, claimed.channel)
        kinds = CALLS_NOBODY if shown.is_over else TOLD_BY_ROOT
        outbox.supersede(connection, shown.replies, kinds)
        if answer.error == UNTHREADED and claimed.host is not None:
            told += self._replace(connection, claimed.host.notice, answer.error)
        office.mend(connection, claimed.channel, notice.destination)
        destinations.succeeded(connection, claimed.channel, notice.destination, now)
        if Happened.RELAYED in told and destinations.raise_alarm(
            connection, office.primary.name, notice.destination, now
        ):
            told.append(Happened.ALARMED)
        for what in told:
            office.audit(connection, what, notice, now, answer.error)
        return told

    def _told(
        self,
        connection: sa.Connection,
        claimed: Claimed,
        answer: Answer,
        shown: Projection,
        happened: Happened,
    ) -> list[Happened]:
        office, notice, now = self._office, claimed.notice, self._office.clock()
        way = fallback.way(claimed, office.primary.name)
        is_relay = way is not None and notice.kind in HOSTS
        record = outbox.record_relayed if is_relay else outbox.record_sent
        if not record(
            connection,
            claimed.lease,
            by=claimed.channel,
            channel=answer.channel,
            ts=answer.ts,
            now=now,
            revision=shown.revision,
            # What somebody else has sent may show less than is known by now.
            edit_at=now if happened is Happened.FOUND else now + office.rules.coalesce,
        ):
            return self._again(connection, claimed, answer)
        return [way or happened]

    def _again(self, connection: sa.Connection, claimed: Claimed, answer: Answer) -> list[Happened]:
        """It is there already: by the same message, or by another one."""
        before = outbox.notice(connection, claimed.notice.id)
        is_same = before.message_ts == answer.ts or before.sent_by != claimed.channel
        return [] if is_same else [Happened.TWICE]

    def _not_sent(self, claimed: Claimed, answer: Answer, began: dt.datetime) -> None:
        def work(connection: sa.Connection) -> None:
            office = self._office
            outbox.hold(connection, claimed.notice.id)
            until = office.set_back(
                connection, claimed.channel, claimed.notice.destination, answer.retry_after_seconds
            )
            # A fallback's pause is not that of the channel of choice.
            is_own = claimed.channel == office.primary.name
            next_at = until if is_own else office.clock()
            outbox.release(connection, claimed.lease, next_at, answer.error)
            self._end_own_doubt(connection, claimed, began)

        self._office.store.write(work)

    def _misconfigured(
        self, claimed: Claimed, answer: Answer, began: dt.datetime, tally: Tally
    ) -> None:
        def work(connection: sa.Connection) -> None:
            office, notice = self._office, claimed.notice
            outbox.hold(connection, notice.id)
            until = office.shut(connection, claimed.channel, notice.destination, answer.error)
            if claimed.channel == office.primary.name:
                outbox.block(connection, claimed.lease, until, answer.error)
            else:
                # It waits for its own channel, and this one is one of several ways around.
                outbox.release(connection, claimed.lease, office.clock(), answer.error)
            self._end_own_doubt(connection, claimed, began)
            office.audit(connection, Happened.BLOCKED, notice, office.clock(), answer.error)

        self._office.store.write(work)
        tally.add(Happened.BLOCKED)

    def refused(
        self, claimed: Claimed, error: str, began: dt.datetime | None, tally: Tally
    ) -> None:
        """Neither the channel nor the renderer takes it like this: try it simpler, or give it up.

        `began` is None where it was not sent at all.
        """
        notice = claimed.notice
        simpler = Form(notice.form).simpler
        happened = Happened.QUARANTINED if simpler is None else Happened.DEGRADED

        def work(connection: sa.Connection) -> None:
            office = self._office
            now = office.clock()
            if simpler is None:
                outbox.finish(connection, claimed.lease, Status.QUARANTINED, error)
            else:
                outbox.degrade(connection, claimed.lease, simpler, now, error)
            if began is not None:
                self._end_own_doubt(connection, claimed, began)
                office.mend(connection, claimed.channel, notice.destination)
                destinations.answered(connection, claimed.channel, notice.destination)
            office.audit(connection, happened, notice, now, error)

        self._office.store.write(work)
        tally.add(happened)
        if simpler is None:
            log.critical(
                "%s is refused in every form (%s): nobody is told of it", notice.key, error
            )

    def _ambiguous(self, claimed: Claimed, answer: Answer, tally: Tally) -> None:
        def work(connection: sa.Connection) -> None:
            office, notice = self._office, claimed.notice
            outbox.hold(connection, notice.id)
            office.set_back(
                connection, claimed.channel, notice.destination, answer.retry_after_seconds
            )
            outbox.keep(connection, claimed.lease, answer.error)
            office.audit(connection, Happened.AMBIGUOUS, notice, office.clock(), answer.error)

        self._office.store.write(work)
        tally.add(Happened.AMBIGUOUS)

    def _rootless(
        self, claimed: Claimed, host: Notice, answer: Answer, began: dt.datetime, tally: Tally
    ) -> None:
        """The root that it answers is gone: people get a new one, and then this."""

        def work(connection: sa.Connection) -> list[Happened]:
            now = self._office.clock()
            outbox.hold(connection, claimed.notice.id)
            told = self._replace(connection, host, answer.error)
            outbox.release(connection, claimed.lease, now, answer.error, failures=1)
            self._end_own_doubt(connection, claimed, began)
            for what in told:
                self._office.audit(connection, what, host, now, answer.error)
            return told

        for what in self._office.store.write(work):
            tally.add(what)

    def _replace(self, connection: sa.Connection, host: Notice, error: str) -> list[Happened]:
        if generations.generation(host.kind, host.key) >= MOST_GENERATIONS:
            log.error("%s is gone (%s) and not sent again", host.key, error)
            return []
        is_new = outbox.replace(connection, host, self._office.clock())
        return [Happened.REPLACED] if is_new else []

    def picture_failed(self, claimed: Claimed, answer: Answer, tally: Tally) -> None:
        """A picture that is surely not there is tried a few times, any other never again."""
        notice, office = claimed.notice, self._office
        may_retry = answer.outcome is Outcome.NOT_SENT
        is_over = not may_retry or notice.failures + 1 >= MOST_PICTURE_FAILURES

        def work(connection: sa.Connection) -> None:
            now = office.clock()
            if is_over:
                outbox.finish(connection, claimed.lease, Status.GIVEN_UP, answer.error)
                office.audit(connection, Happened.GIVEN_UP, notice, now, answer.error)
                return
            pause = pause_after(notice.failures + 1, answer.retry_after_seconds, office.rng)
            outbox.release(connection, claimed.lease, now + pause, answer.error, failures=1)
            outbox.end_doubt(connection, notice.id, claimed.channel)

        office.store.write(work)
        tally.because(answer.error)
        if is_over:
            tally.add(Happened.GIVEN_UP)

    def _end_own_doubt(
        self, connection: sa.Connection, claimed: Claimed, began: dt.datetime
    ) -> None:
        """This post did not arrive; one before it, that nobody could look for, still may have."""
        standing = outbox.doubt_of(connection, claimed.notice.id, claimed.channel)
        if standing is not None and standing.since >= began:
            outbox.end_doubt(connection, claimed.notice.id, claimed.channel)
