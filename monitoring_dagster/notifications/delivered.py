"""Delivered: what one call of delivery has done, and what is left to do.

Counting only; what is done is `delivery`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from monitoring_dagster.store.backlog import Backlog


class Happened(StrEnum):
    """What can become of a notice, as the audit log tells it."""

    SENT = "notification_sent"
    FOUND = "notification_found"
    """It was there already, although nobody had said so."""
    RELAYED = "notification_relayed"
    """People were told by a fallback."""
    FOLLOWED = "notification_followed"
    """A reply was sent by the fallback that its root was told by."""
    ALARMED = "fallback_began"
    """The first message of an outage that goes through a fallback."""
    EDITED = "notification_edited"
    AMBIGUOUS = "notification_ambiguous"
    DOUBTFUL = "notification_doubtful"
    """It is sent although it may be there, since nobody can look."""
    TWICE = "notification_twice"
    """It was recorded as sent by somebody else in the meantime."""
    DEGRADED = "notification_degraded"
    QUARANTINED = "notification_quarantined"
    REPLACED = "notification_replaced"
    """Its message was gone; people get a new one."""
    UPDATED = "notification_updated"
    """Its message can no longer be edited; people get a reply."""
    BLOCKED = "notification_blocked"
    DIGESTED = "notification_digested"
    """It became part of the digest of a storm."""
    GIVEN_UP = "picture_given_up"


@dataclass(slots=True)
class Tally:
    """What has happened so far."""

    counts: Counter[Happened] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, happened: Happened, times: int = 1) -> None:
        """Count it."""
        self.counts[happened] += times

    def because(self, reason: str) -> None:
        """Count why something did not arrive."""
        if reason:
            self.reasons[reason] += 1


@dataclass(frozen=True, slots=True)
class Delivered:
    """What was done, and what is left.

    Args:
        sent: messages that arrived in their own channel, those found there included.
        edited: messages that show how things stand again.
        relayed: messages that people got by a fallback.
        digested: roots that became part of a storm's digest.
        waiting: notices that are due and not yet told, the overdue ones included.
        overdue: notices that have been due for longer than the patience.
        failing: destinations that take nothing, each with what is wrong.
        quarantined: notices that were refused in every form, of incidents that are not over.
        counts: everything that happened, by kind.
        reasons: why something did not arrive, with how often.
    """

    sent: int
    edited: int
    relayed: int
    digested: int
    waiting: int
    overdue: int
    failing: tuple[str, ...]
    quarantined: int
    counts: Mapping[Happened, int]
    reasons: Mapping[str, int]

    @property
    def is_failing(self) -> bool:
        """Whether somebody has to look at the delivery itself."""
        return bool(
            self.failing or self.overdue or self.quarantined or self.counts.get(Happened.RELAYED)
        )

    def then(self, later: Delivered) -> Delivered:
        """What was done by this call and the one after it, and what is left after both."""
        return replace(
            later,
            sent=self.sent + later.sent,
            edited=self.edited + later.edited,
            relayed=self.relayed + later.relayed,
            digested=self.digested + later.digested,
            counts=dict(Counter(self.counts) + Counter(later.counts)),
            reasons=dict(Counter(self.reasons) + Counter(later.reasons)),
        )

    @classmethod
    def of(cls, tally: Tally, left: Backlog) -> Delivered:
        """From what happened and what is left."""
        counts = tally.counts
        return cls(
            sent=counts[Happened.SENT] + counts[Happened.FOUND],
            edited=counts[Happened.EDITED],
            relayed=counts[Happened.RELAYED] + counts[Happened.FOLLOWED],
            digested=counts[Happened.DIGESTED],
            waiting=left.waiting,
            overdue=left.overdue,
            failing=tuple(f"{name}: {because}" for name, because in left.failing),
            quarantined=left.quarantined,
            counts=dict(counts),
            reasons=dict(tally.reasons),
        )
