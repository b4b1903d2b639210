"""Looking: whether a notice that may have been sent is there, before it is sent again.

What is then done with it is `delivery`.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.notifications.channel import Answer, Look, Outcome, Sighting
from monitoring_dagster.notifications.delivered import Happened, Tally
from monitoring_dagster.notifications.office import Office
from monitoring_dagster.notifications.pacing import pause_after
from monitoring_dagster.notifications.recording import Recording
from monitoring_dagster.store import outbox
from monitoring_dagster.store.claims import Claimed
from monitoring_dagster.store.outbox import PICTURE, Doubt, Projection

if TYPE_CHECKING:
    import sqlalchemy as sa

log = logging.getLogger(__name__)

UNKNOWN = Projection(0, is_over=False, replies=())
"""What a message shows that somebody else has sent."""


class Looking:
    """Looks for notices of which nobody knows whether they arrived."""

    def __init__(self, office: Office, recording: Recording) -> None:
        self._office = office
        self._recording = recording

    def look(self, claimed: Claimed, tally: Tally) -> Claimed | None:
        """The notice as it may now be sent; None where it must not."""
        if claimed.doubt is None:
            return claimed
        if claimed.notice.kind == PICTURE:
            lost = Answer(Outcome.AMBIGUOUS, error="picture_not_looked_for")
            self._recording.picture_failed(claimed, lost, tally)
            return None
        sighting = self._sighting(claimed, claimed.doubt)
        failpoint("delivery.looked")
        if sighting.look is Look.FOUND:
            there = Answer(Outcome.SENT, sighting.channel, sighting.ts)
            self._recording.seen(claimed, there, UNKNOWN, Happened.FOUND, tally)
            return None
        if sighting.look is Look.ABSENT:
            return self._absent(claimed)
        tally.because(sighting.error)
        return self._unknown(claimed, claimed.doubt, sighting, tally)

    def _sighting(self, claimed: Claimed, doubt: Doubt) -> Sighting:
        channel = self._office.channel(claimed.channel)
        if not channel.can_look:
            return Sighting(Look.FAILED, error="cannot_look")
        notice = claimed.notice
        try:
            return channel.find(
                place_of(claimed),
                notice.key,
                since=notice.first_attempt_at or doubt.since,
                thread=doubt.thread,
            )
        except Exception as error:
            log.exception("looking for %s failed", notice.key)
            return Sighting(Look.FAILED, error=type(error).__name__)

    def _absent(self, claimed: Claimed) -> Claimed:
        office, notice = self._office, claimed.notice
        office.store.write(
            lambda connection: outbox.end_doubt(connection, notice.id, claimed.channel)
        )
        return replace(claimed, doubt=None)

    def _unknown(
        self, claimed: Claimed, doubt: Doubt, sighting: Sighting, tally: Tally
    ) -> Claimed | None:
        """Try later; after too long, rather say it twice than not at all."""
        office, notice = self._office, claimed.notice
        can_look = office.channel(claimed.channel).can_look
        if can_look and office.clock() - doubt.since < office.rules.look_for:
            office.store.write(lambda connection: self._put_off(connection, claimed, sighting))
            return None
        if not office.store.write(lambda c: self._fail_open(c, claimed, sighting.error)):
            return None
        tally.add(Happened.DOUBTFUL)
        log.warning("%s is sent although it may be there: %s", notice.key, sighting.error)
        return replace(claimed, notice=replace(notice, is_doubtful=True))

    def _put_off(self, connection: sa.Connection, claimed: Claimed, sighting: Sighting) -> None:
        office = self._office
        failures = claimed.notice.failures + 1
        pause = pause_after(failures, sighting.retry_after_seconds, office.rng)
        outbox.release(
            connection, claimed.lease, office.clock() + pause, sighting.error, failures=1
        )

    def _fail_open(self, connection: sa.Connection, claimed: Claimed, error: str) -> bool:
        office = self._office
        is_mine = outbox.mark_doubtful(connection, claimed.lease)
        if is_mine:
            office.audit(connection, Happened.DOUBTFUL, claimed.notice, office.clock(), error)
        return is_mine


def place_of(claimed: Claimed) -> str:
    """Where it is sent: for a reply in a thread, the channel's own name of the root's place."""
    host = claimed.host
    if host is not None and host.thread(claimed.channel, claimed.notice.destination):
        return host.notice.channel or claimed.notice.destination
    return claimed.notice.destination
