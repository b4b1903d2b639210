"""The rehearsal: everything that delivery does with a message in Slack, done once with a test one.

Each step says what happened, and what to do where it failed: for people who connect a workspace.
Nothing of the outbox is touched, and what was posted is deleted in the end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from monitoring_dagster.notifications import probe
from monitoring_dagster.notifications.advice import what_to_do
from monitoring_dagster.notifications.channel import Answer, Look, Outcome, Sighting
from monitoring_dagster.notifications.message import Form
from monitoring_dagster.notifications.slack import SlackChannel

LOOKS = 4
"""Times that a fresh message is looked for: a history may lag behind,"""

BETWEEN_LOOKS_SECONDS = 2.0
"""with so much time between two looks."""

_HISTORY = "channels:history (groups:history in a private channel)"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: whether it went well, and what happened or must be done."""

    what: str
    is_well: bool
    text: str


@dataclass
class Rehearsal:
    """A test message in one place.

    Args:
        slack: the channel that is tried.
        destination: where.
        key: of the message; nobody else has the same.
        ref: its visible short name.
        bot: name of the bot, as people invite it.
        clock: the clock; aware.
        pause: waits for so many seconds.
    """

    slack: SlackChannel
    destination: str
    key: str
    ref: str
    bot: str
    clock: Callable[[], dt.datetime]
    pause: Callable[[float], None]
    _form: Form = field(default=Form.FULL, init=False)
    _refused: str = field(default="", init=False)

    def steps(self) -> Iterator[Step]:
        """Post, find again, read reactions, edit, delete; ends where nothing can follow."""
        began = self.clock()
        answer = self._post()
        yield self._posted(answer)
        if answer.outcome not in (Outcome.SENT, Outcome.AMBIGUOUS):
            return
        sighting = self._find(began)
        yield self._found(sighting)
        ts = answer.ts or sighting.ts
        if not ts:
            yield Step("the test message", False, "nobody knows where it is: look in the channel")
            return
        if sighting.look is Look.FOUND:
            yield self._marked(ts)
        yield self._reacted(ts)
        yield self._edited(ts)
        yield self._deleted(ts)

    def _post(self) -> Answer:
        """Post in the best form that is taken, as delivery does."""
        while True:
            answer = self.slack.post(self.destination, self._message(probe.POSTED), key=self.key)
            simpler = self._form.simpler
            if answer.outcome is not Outcome.CONTENT or simpler is None:
                return answer
            self._refused = answer.error
            self._form = simpler

    def _posted(self, answer: Answer) -> Step:
        what = f"post in {self.destination}"
        if answer.outcome is Outcome.AMBIGUOUS:
            text = (
                f"the answer was lost ({answer.error}): the message may be there. In delivery it "
                "is looked for before it is sent again"
            )
            return Step(what, False, text)
        if answer.outcome is not Outcome.SENT:
            return Step(what, False, self._why(answer.error, "chat:write"))
        if self._form is Form.FULL:
            return Step(what, True, f"message {answer.ts} in {answer.channel}")
        text = (
            f"the full form is refused ({self._refused}), the form `{self._form}` is taken: "
            "incidents are sent in it, with less to read; nothing else is lost"
        )
        return Step(what, True, text)

    def _find(self, since: dt.datetime) -> Sighting:
        for _ in range(LOOKS - 1):
            sighting = self.slack.find(self.destination, self.key, since=since)
            if sighting.look is not Look.ABSENT:
                return sighting
            self.pause(BETWEEN_LOOKS_SECONDS)
        return self.slack.find(self.destination, self.key, since=since)

    def _found(self, sighting: Sighting) -> Step:
        what = "find it again"
        if sighting.look is Look.FOUND:
            return Step(what, True, "it was found: after a lost answer nothing is said twice")
        if sighting.look is Look.ABSENT:
            text = (
                "it is not in the channel's history, or not yet: after a lost answer a message "
                "may be sent twice"
            )
            return Step(what, False, text)
        text = (
            "Until then a message whose answer is lost is sent again after 15 minutes, marked as a "
            "possible duplicate"
        )
        return Step(what, False, f"{self._why(sighting.error, _HISTORY)}. {text}")

    def _marked(self, ts: str) -> Step:
        """By what it is found: each mark stands in for those that Slack does not give back."""
        what = "its marks"
        marks, problem = self.slack.marks(self.destination, ts, self.key)
        if problem is not None:
            return Step(what, True, f"not looked at ({problem.error}); it was found by one of them")
        if "metadata" in marks or self._form is Form.TEXT:
            return Step(what, True, f"found by {' and '.join(marks)}")
        text = f"the metadata cannot be read; messages are found by {' and '.join(marks)} instead"
        return Step(what, True, text)

    def _reacted(self, ts: str) -> Step:
        what = "read reactions"
        reacted = self.slack.reactions(self.destination, ts)
        if reacted.answer.outcome is Outcome.SENT:
            return Step(what, True, "👀 acknowledges, 🔕 snoozes, ✅ resolves an incident")
        text = "Until then nobody can answer an incident by a reaction"
        return Step(what, False, f"{self._why(reacted.answer.error, 'reactions:read')}. {text}")

    def _edited(self, ts: str) -> Step:
        what = "edit it"
        message = self._message(probe.EDITED)
        answer = self.slack.edit(self.destination, ts, message, key=self.key)
        if answer.outcome is Outcome.SENT:
            return Step(what, True, "messages show how their incident stands")
        if answer.outcome is Outcome.CLOSED:
            text = "messages cannot be edited here: what changes is said in replies instead"
            return Step(what, True, text)
        return Step(what, False, self._why(answer.error, "chat:write"))

    def _deleted(self, ts: str) -> Step:
        what = "delete it"
        answer = self.slack.delete(self.destination, ts)
        if answer.outcome in (Outcome.SENT, Outcome.GONE):
            return Step(what, True, "nothing is left in the channel")
        text = f"{self._why(answer.error, 'chat:write')}. Delete the test message by hand"
        return Step(what, False, text)

    def _message(self, said: str) -> probe.Message:
        return probe.message(said, form=self._form, key=self.key, ref=self.ref)

    def _why(self, error: str, scope: str) -> str:
        advice = what_to_do(error, place=self.destination, scope=scope, bot=self.bot)
        return f"{error}: {advice}"
