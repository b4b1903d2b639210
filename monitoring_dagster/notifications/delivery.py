"""Delivery: from the outbox into the channels, exactly once as people see it.

The order of the work is here: claim, look, draw up, hold, post, record. What each answer means is
`recording`, whether something is there already `looking`, edits are `editing`, the figures
`pacing`. What people are owed is decided in `incidents`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from monitoring_dagster.errors import StoreError
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.notifications import fallback
from monitoring_dagster.notifications.channel import Answer, Channel, Outcome
from monitoring_dagster.notifications.delivered import Delivered, Happened, Tally
from monitoring_dagster.notifications.editing import Editing
from monitoring_dagster.notifications.looking import UNKNOWN, Looking, place_of
from monitoring_dagster.notifications.message import Form, Message, NoticeKind, Picture
from monitoring_dagster.notifications.office import Audit, Draw, Office, Render
from monitoring_dagster.notifications.pacing import STANDARD, Rules
from monitoring_dagster.notifications.recording import Recording
from monitoring_dagster.store import Store, claims, outbox, places, storms
from monitoring_dagster.store.backlog import backlog
from monitoring_dagster.store.claims import Claimed
from monitoring_dagster.store.outbox import DIGEST, HOSTS, PICTURE, ROOT, UPDATE, Doubt, Notice

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["Delivered", "Delivery", "Happened", "Rules"]

log = logging.getLogger(__name__)

TOLD_BY_DIGEST = frozenset(
    {NoticeKind.RESOLUTION, NoticeKind.REMINDER, NoticeKind.ESCALATION, NoticeKind.PICTURE}
)
"""What is not said one by one of incidents that a storm brought: people could not read it. The
digest shows it, and `incidents.gathered` calls for all of them together."""


@dataclass(slots=True)
class Parcel:
    """One claimed notice on its way through the stages.

    Args:
        content: what is posted; drawn up by the stage of that name.
        shown: what the content shows, at least.
        began: when the right to post was taken.
        answer: what the channel said.
    """

    claimed: Claimed
    tally: Tally
    content: Message | Picture | None = None
    shown: outbox.Projection = UNKNOWN
    began: dt.datetime | None = None
    answer: Answer = field(default_factory=lambda: Answer(Outcome.AMBIGUOUS))

    @property
    def notice(self) -> Notice:
        """The notice as it is now."""
        return self.claimed.notice


class Delivery:
    """Delivers what the outbox holds. Any number of them may work on one store at once.

    Args:
        store: with the outbox.
        channels: the channel of choice, and those that it falls back to, in their order; all
            names differ.
        clock: the clock; aware.
        owner: a name that no other delivery has, such as of host, process and thread.
        render: draws messages up.
        draw: draws pictures.
        audit: takes down what became of what.
        rng: for the jitter of pauses.
        pause: waits for so many seconds; `clock` has to move on meanwhile.
        rules: the figures.
        default_destination: where notices go that name no destination.
    """

    def __init__(
        self,
        store: Store,
        channels: Sequence[Channel],
        *,
        clock: Callable[[], dt.datetime],
        owner: str,
        render: Render,
        audit: Audit,
        rng: random.Random,
        draw: Draw = lambda _connection, _notice: None,
        pause: Callable[[float], None] = time.sleep,
        rules: Rules = STANDARD,
        default_destination: str = "",
    ) -> None:
        self._office = Office(store, tuple(channels), clock, owner, render, draw, audit, rng, rules)
        self._pause = pause
        self._default_destination = default_destination
        self._spellings: Mapping[str, str] = {}
        self._recording = Recording(self._office)
        self._looking = Looking(self._office, self._recording)
        self._editing = Editing(self._office)
        self._stages = (self._look, self._draw_up, self._hold, self._post, self._record)

    def deliver(self, budget: dt.timedelta | None = None) -> Delivered:
        """Send and edit until nothing can be done, or the budget is used up.

        Raises:
            StoreError: the store cannot be used. Nothing is lost or said twice by that.
        """
        office, tally = self._office, Tally()
        self._spellings = office.store.read(
            lambda connection: places.spellings(
                connection, office.primary.name, self._default_destination
            )
        )
        deadline = office.clock() + (office.rules.budget if budget is None else budget)
        while office.clock() < deadline:
            if not (self._tell_next(tally) or self._edit_next(tally) or self._wait(deadline)):
                break
        left = office.store.read(
            lambda connection: backlog(
                connection, office.primary.name, office.clock(), office.rules.patience
            )
        )
        return Delivered.of(tally, left)

    def _tell_next(self, tally: Tally) -> bool:
        gathered, claimed = self._office.store.write(self._claim)
        tally.add(Happened.DIGESTED, gathered)
        if claimed is None:
            return False
        failpoint("outbox.claimed")
        self._tell(Parcel(claimed, tally))
        return True

    def _tell(self, parcel: Parcel) -> None:
        """Take a notice through the stages; one that returns False is the last."""
        try:
            for stage in self._stages:
                if not stage(parcel):
                    break
        except BaseException:
            if parcel.began is None:
                # A store that is gone must not hide why this was interrupted.
                with contextlib.suppress(StoreError):
                    self._give_back(parcel, "interrupted")
            raise

    def _claim(self, connection: sa.Connection) -> tuple[int, Claimed | None]:
        office = self._office
        now, rules = office.clock(), office.rules
        places.settle(connection, self._spellings)
        storm = storms.gather(connection, now, limit=rules.storm_roots, window=rules.storm_window)
        storms.quieten(connection, TOLD_BY_DIGEST)
        claimed = claims.claim(connection, fallback.turns(office.terms), now, office.terms)
        for gathered in storm:
            notice = outbox.notice(connection, gathered.notice_id)
            said = f"{gathered.incidents} incidents"
            office.audit(connection, Happened.DIGESTED, notice, now, said)
        return sum(gathered.incidents for gathered in storm), claimed

    def _look(self, parcel: Parcel) -> bool:
        """Go on only with what is not there already."""
        found = self._looking.look(parcel.claimed, parcel.tally)
        if found is not None:
            parcel.claimed = found
        return found is not None

    def _draw_up(self, parcel: Parcel) -> bool:
        """Draw it up as things stand now."""
        try:
            parcel.shown, parcel.content = self._office.store.read(
                lambda connection: self._drawn_up(connection, parcel.notice)
            )
        except StoreError:
            raise
        except Exception as error:
            log.exception("drawing up %s failed", parcel.notice.key)
            self._unfit(parcel, type(error).__name__)
            return False
        if parcel.content is None:
            self._unfit(parcel, "nothing_to_show")
            return False
        return True

    def _drawn_up(
        self, connection: sa.Connection, notice: Notice
    ) -> tuple[outbox.Projection, Message | Picture | None]:
        office = self._office
        if notice.kind == PICTURE:
            return UNKNOWN, office.draw(connection, notice)
        # What it shows at least is read first: what changes meanwhile is edited in later.
        shown = outbox.projection(connection, notice) if notice.kind in HOSTS else UNKNOWN
        return shown, office.render(connection, _as_root(notice), Form(notice.form))

    def _hold(self, parcel: Parcel) -> bool:
        """Write down that it may be there from now on, with a lease that outlasts the call."""
        claimed, office = parcel.claimed, self._office
        now = office.clock()
        lease = replace(claimed.lease, until=now + office.rules.lease)

        def work(connection: sa.Connection) -> bool:
            if not outbox.renew(connection, claimed.lease, lease.until):
                return False
            doubt = Doubt(now, self._thread(claimed))
            outbox.set_doubt(connection, claimed.notice, claimed.channel, doubt)
            return True

        if not office.store.write(work):
            parcel.tally.because("lease_lost")
            return False
        parcel.claimed = replace(claimed, lease=lease)
        parcel.began = now
        failpoint("delivery.held")
        return True

    def _post(self, parcel: Parcel) -> bool:
        """Send it, unless this process slept for so long that somebody else may be at it."""
        claimed, content = parcel.claimed, parcel.content
        if parcel.began is None or content is None:
            return False
        if self._office.clock() - parcel.began > self._office.rules.may_post_for:
            parcel.tally.because("slept")
            return False
        try:
            parcel.answer = self._call(claimed, content)
        except Exception as error:
            log.exception("posting %s failed", parcel.notice.key)
            parcel.answer = Answer(Outcome.AMBIGUOUS, error=type(error).__name__)
        failpoint("delivery.posted")
        return True

    def _call(self, claimed: Claimed, content: Message | Picture) -> Answer:
        channel, notice = self._office.channel(claimed.channel), claimed.notice
        thread = self._thread(claimed)
        if not isinstance(content, Picture):
            return channel.post(place_of(claimed), content, key=notice.key, thread=thread)
        if thread is None:
            return Answer(Outcome.CONTENT, error="no_thread")
        return channel.attach(place_of(claimed), content, key=notice.key, thread=thread)

    def _record(self, parcel: Parcel) -> bool:
        """Write down what came of it."""
        if parcel.began is not None:
            self._recording.answered(
                parcel.claimed, parcel.answer, parcel.shown, parcel.began, parcel.tally
            )
        return True

    def _thread(self, claimed: Claimed) -> str | None:
        host = claimed.host
        if host is None or not self._office.channel(claimed.channel).can_look:
            return None
        return host.thread(claimed.channel, claimed.notice.destination)

    def _unfit(self, parcel: Parcel, error: str) -> None:
        if parcel.notice.kind == PICTURE:
            answer = Answer(Outcome.CONTENT, error=error)
            self._recording.picture_failed(parcel.claimed, answer, parcel.tally)
        else:
            parcel.tally.because(error)
            self._recording.refused(parcel.claimed, error, None, parcel.tally)

    def _give_back(self, parcel: Parcel, error: str) -> None:
        office = self._office
        office.store.write(
            lambda connection: outbox.release(
                connection, parcel.claimed.lease, office.clock(), error
            )
        )

    def _edit_next(self, tally: Tally) -> bool:
        office = self._office
        channels = [channel.name for channel in office.channels if channel.can_look]

        claimed = office.store.write(
            lambda connection: claims.claim_edit(connection, channels, office.clock(), office.terms)
        )
        if claimed is None:
            return False
        failpoint("delivery.edit_claimed")
        self._editing.edit(claimed, tally)
        return True

    def _wait(self, deadline: dt.datetime) -> bool:
        """Wait for whatever may go before the deadline; False where nothing may."""
        office = self._office
        now = office.clock()
        chance = office.store.read(lambda c: claims.next_chance(c, now, office.terms))
        if chance is None or chance >= deadline:
            return False
        self._pause((chance - now).total_seconds())
        return office.clock() > now


def _as_root(notice: Notice) -> Notice:
    """An update shows what its root should: the renderer is asked for that."""
    if notice.kind != UPDATE:
        return notice
    return replace(notice, kind=ROOT if notice.digest_id is None else DIGEST)
