"""What people are owed of an incident: which messages, where, and what they say.

Follows from the incident before and after, and never from what was sent: whatever is asked twice
has the same key. How a message looks and gets there is `notifications`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from monitoring_dagster.incidents.audience import Audience
from monitoring_dagster.incidents.changes import URGENT
from monitoring_dagster.incidents.hours import A_DAY, HOUR, at_wall_clock, next_opening
from monitoring_dagster.incidents.incident import Incident, Priority
from monitoring_dagster.incidents.silences import Mute

Payload = Mapping[str, str | Sequence[str]]


class Kind(StrEnum):
    """What can be owed; the words of `notifications.message.NoticeKind`."""

    ROOT = "root"
    ESCALATION = "escalation"
    REMINDER = "reminder"
    REOPENING = "reopening"
    RESOLUTION = "resolution"
    PICTURE = "picture"
    REMARK = "remark"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Owed:
    """One message that people are owed.

    Args:
        kind: what it is.
        key: its identity: owed once, however often it is asked.
        destination: Slack channel; empty for the deployment's.
        priority: the incident's.
        payload: of replies `headline`, `lines` (plain text), `mention` (as Slack writes it, or
            empty), `ref` and `monitor`; of a root and a picture the last three; of a digest its
            `batch` and `monitor`.
        not_before: it is not sent earlier.
    """

    kind: Kind
    key: str
    destination: str
    priority: Priority
    payload: Payload
    not_before: dt.datetime


def owed(
    before: Incident | None,
    after: Incident,
    monitor: Audience,
    *,
    has_root: bool,
    mute: Mute | None,
    now: dt.datetime,
) -> list[Owed]:
    """What is owed because the incident has become what it is.

    Args:
        before: the incident before the change; None where it is new.
        after: the incident now.
        monitor: where messages go, and whom they mention.
        has_root: whether a root message is owed already, sent or not.
        mute: why nobody is called, if so. Only a resolution is told all the same.
        now: instant of the change.
    """
    due = _Telling(before, after, monitor, now)
    if mute is not None:
        return [*due.ending(has_root), *due.digest()]
    root = [] if has_root else list(due.root())
    replies = list(due.replies()) if has_root else []
    begins = root or [reply for reply in replies if reply.kind is Kind.REOPENING]
    pictures = due.picture() if begins else ()
    return [*root, *replies, *pictures, *due.ending(has_root), *due.digest()]


def late_digest(batch: str, monitor: Audience, priority: Priority, now: dt.datetime) -> Owed:
    """The one message about incidents of days that are too old to call anybody for."""
    return _digest(batch, monitor, priority, now)


def remark(
    key: str,
    incident: Incident,
    monitor: Audience,
    headline: str,
    lines: Sequence[str],
    now: dt.datetime,
) -> Owed:
    """Something to be said below an incident that is no change of it; `key` tells it apart."""
    said = {
        "headline": headline,
        "lines": [line for line in lines if line],
        "mention": "",
        "ref": incident.ref,
        "monitor": incident.monitor,
    }
    destination = monitor.alerting.channel or ""
    return Owed(Kind.REMARK, f"remark:{key}", destination, incident.priority, said, now)


def weekly_batch(monitor: Audience, now: dt.datetime) -> str:
    """The batch of the digest that tells what opens in this week with priority P4."""
    week = now.astimezone(monitor.zone).isocalendar()
    return f"weekly:{monitor.name}:{week.year}-W{week.week:02d}"


def weekly_digest(monitor: Audience, now: dt.datetime) -> Owed:
    """The digest of this week's incidents of priority P4, for the first hours of the next week."""
    today = now.astimezone(monitor.zone).date()
    monday = today + (7 - today.weekday()) * A_DAY
    midnight = at_wall_clock(monday, 0, monitor.zone)
    opening = next_opening(midnight, monitor.alerting.business_hours, monitor.zone)
    return _digest(weekly_batch(monitor, now), monitor, Priority.P4, opening)


def slack_mention(text: str | None) -> str:
    """A mention of the monitor's document as Slack writes it; empty for nobody.

    >>> slack_mention("here"), slack_mention("U0BOB"), slack_mention("S0TEAM"), slack_mention(None)
    ('<!here>', '<@U0BOB>', '<!subteam^S0TEAM>', '')
    """
    if not text:
        return ""
    if text == "here":
        return "<!here>"
    return f"<!subteam^{text}>" if text.startswith("S") else f"<@{text}>"


def _digest(batch: str, monitor: Audience, priority: Priority, at: dt.datetime) -> Owed:
    payload = {"batch": batch, "monitor": monitor.name}
    destination = monitor.alerting.channel or ""
    return Owed(Kind.DIGEST, f"digest:{batch}", destination, priority, payload, at)


@dataclass(frozen=True, slots=True)
class _Telling:
    """One change of an incident, and what is said of it."""

    before: Incident | None
    after: Incident
    monitor: Audience
    now: dt.datetime

    def root(self) -> Iterator[Owed]:
        """The message that stays, once somebody is to be called for an open incident."""
        after = self.after
        if after.is_open and after.alerted_at is not None:
            yield self._owed(Kind.ROOT, f"root:{after.ref}:1", self._base(self._first_mention()))

    def replies(self) -> Iterator[Owed]:
        """What is said below the root while the incident is open."""
        before, after = self.before, self.after
        if before is None or not after.is_open or after.alerted_at is None or after.is_flapping:
            return
        is_back = after.reopened > before.reopened or before.alerted_at is None
        if is_back and after.reopened:
            yield self._reply(Kind.REOPENING, "", f"It is back: {after.title}")
        elif after.calls > before.calls:
            yield self._anew(before.told or before.priority)
        is_anew = is_back or after.calls > before.calls
        if after.escalations > (0 if is_anew else before.escalations):
            yield self._escalation(after.alerted_at)
        if after.reminders > (0 if is_anew else before.reminders):
            lasting = _length(self.now - after.alerted_at)
            headline = f"Nobody has acknowledged it for {lasting}: {after.title}"
            yield self._reply(Kind.REMINDER, f":{after.calls}:{after.reminders}", headline)

    def resolution(self, has_root: bool) -> Iterator[Owed]:
        """That it is over, to those who were told that it had begun."""
        before, after = self.before, self.after
        if before is None or not before.is_open or after.is_open:
            return
        if before.alerted_at is not None and has_root and not after.is_flapping:
            lines = [after.resolved_because or "", f"It fired from {_days(after)}."]
            headline = f"Resolved: {after.title}"
            payload = self._said(headline, lines, "")
            key = f"resolution:{after.ref}:{after.reopened}"
            yield self._owed(Kind.RESOLUTION, key, payload)

    def ending(self, has_root: bool) -> Iterator[Owed]:
        """The resolution, with a picture of how it ended."""
        for told in self.resolution(has_root):
            yield told
            yield from self.picture(":over")

    def picture(self, suffix: str = "") -> Iterator[Owed]:
        """The leading metric as a curve, where there is one to be drawn."""
        after = self.after
        if len(after.context.trend) > 1 and after.priority is not Priority.P4:
            key = f"picture:{after.ref}:{after.reopened}{suffix}"
            yield self._owed(Kind.PICTURE, key, self._base(""))

    def digest(self) -> Iterator[Owed]:
        """The week's digest for what opens, or comes back, with priority P4.

        And for what falls to it before anybody was told.
        """
        before, after = self.before, self.after
        is_new = (
            before is None
            or after.reopened > before.reopened
            or (before.alerted_at is None and before.priority is not Priority.P4)
        )
        if is_new and after.is_open and after.priority is Priority.P4 and not after.is_late:
            yield weekly_digest(self.monitor, self.now)

    def _anew(self, was: Priority) -> Owed:
        """People are called once more: it is graver than they were told, or is left of a silence.

        One message, where it has become graver within the silence.
        """
        after, counted = self.after, f":{self.after.calls}"
        if after.priority < was:
            headline = f"Now {after.priority}, was {was}: {after.title}"
            return self._reply(Kind.ESCALATION, f"{counted}:{after.priority}", headline)
        headline = f"The silence is over; still open: {after.title}"
        return self._reply(Kind.REMINDER, counted, headline, self._first_mention())

    def _escalation(self, alerted_at: dt.datetime) -> Owed:
        after, steps = self.after, self.monitor.alerting.escalation
        step = steps[min(after.escalations, len(steps)) - 1]
        lasting = _length(self.now - alerted_at)
        headline = f"Nobody has acknowledged it for {lasting}: {after.title}"
        payload = self._said(headline, self._facts(), slack_mention(step.mention))
        key = f"escalation:{after.ref}:{after.reopened}:{after.calls}:{after.escalations}"
        return self._owed(Kind.ESCALATION, key, payload, step.channel)

    def _reply(self, kind: Kind, suffix: str, headline: str, mention: str = "") -> Owed:
        calls = kind in (Kind.ESCALATION, Kind.REOPENING)
        mention = self._first_mention() if calls else mention
        payload = self._said(headline, self._facts(), mention)
        key = f"{kind}:{self.after.ref}:{self.after.reopened}{suffix}"
        return self._owed(kind, key, payload)

    def _first_mention(self) -> str:
        is_urgent = self.after.priority in URGENT
        return slack_mention(self.monitor.alerting.mention) if is_urgent else ""

    def _facts(self) -> list[str]:
        after = self.after
        return [after.context.what, f"{after.priority}, fires since {after.since}."]

    def _said(self, headline: str, lines: Sequence[str], mention: str) -> Payload:
        said = [line for line in lines if line]
        return {"headline": headline, "lines": said, **self._base(mention)}

    def _base(self, mention: str) -> dict[str, str]:
        return {"mention": mention, "ref": self.after.ref, "monitor": self.after.monitor}

    def _owed(self, kind: Kind, key: str, payload: Payload, destination: str | None = None) -> Owed:
        place = destination or self.monitor.alerting.channel or ""
        return Owed(kind, key, place, self.after.priority, payload, self.now)


def _days(incident: Incident) -> str:
    return f"{incident.since} to {incident.last_day}"


def _length(passed: dt.timedelta) -> str:
    hours = round(passed / HOUR)
    if hours < 48:
        return "an hour" if hours <= 1 else f"{hours} hours"
    return f"{round(passed / A_DAY)} days"
