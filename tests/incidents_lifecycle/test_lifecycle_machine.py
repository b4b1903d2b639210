"""Any history with any acts of people keeps what is promised of incidents and messages."""

from __future__ import annotations

import datetime as dt

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from monitoring_dagster.decisions.verdict import Level
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import EventKind, Outcome, Priority
from monitoring_dagster.incidents.lifecycle import Move
from monitoring_dagster.incidents.owed import Kind
from monitoring_dagster.incidents.silences import Silence
from tests.incidents_lifecycle.small_desk import Desk, day, monitor_with, morning

MONITOR = monitor_with(
    maintenance=[{"days": ["wed"], "from": "22:00", "to": "08:00", "because": "backup"}]
)
CALLS = {Kind.ROOT, Kind.ESCALATION, Kind.REMINDER, Kind.REOPENING, Kind.PICTURE}


class Lives(RuleBasedStateMachine):
    """One cause from day to day, with people who acknowledge, snooze, silence and resolve."""

    @initialize(
        cause=st.sampled_from([Cause(CauseKind.INPUTS), Cause(CauseKind.COLUMN, "distance")])
    )
    def begin(self, cause: Cause) -> None:
        self.desk = Desk(MONITOR, cause)
        self.number = -1
        self.now = morning(-1)

    @rule(
        outcome=st.sampled_from([Outcome.FIRING, *Outcome]),
        level=st.sampled_from([Level.WARN, Level.CRITICAL]),
        priority=st.sampled_from(Priority),
    )
    def a_day_is_judged(self, outcome: Outcome, level: Level, priority: Priority) -> None:
        self.number += 1
        self.now = max(self.now, morning(self.number))
        told = set(self.desk.outbox)
        step = self.desk.judge(self.number, outcome, level, priority, self.now)
        self._nobody_was_called_while_muted(told)
        if step is Move.RESOLVE:
            self._was_clear_for_long_enough()
        before = self.desk.state()
        self.desk.judge(self.number, outcome, level, priority, self.now)
        assert self.desk.state() == before, "the same day judged again changes something"

    @rule(count=st.integers(3, 12), now_fires=st.booleans())
    def days_are_missed_and_judged_at_once(self, count: int, now_fires: bool) -> None:
        outcome = Outcome.FIRING if now_fires else Outcome.CLEAR
        self.now = max(self.now, morning(self.number + count))
        for _ in range(count):
            self.number += 1
            self.desk.judge(self.number, outcome, now=self.now)

    @rule(back=st.integers(1, 5))
    def an_old_day_is_judged_again_as_it_was(self, back: int) -> None:
        when = day(self.number - back)
        if when in self.desk.history:
            known = self.desk.history[when]
            before = set(self.desk.outbox)
            self.desk.judge(self.number - back, known.outcome, known.level, Priority.P2, self.now)
            assert not {self.desk.outbox[k].kind for k in set(self.desk.outbox) - before} & {
                Kind.ROOT,
                Kind.REOPENING,
                Kind.RESOLUTION,
            }

    @rule(hours=st.sampled_from([1, 5, 26, 80, 400]))
    def time_passes(self, hours: int) -> None:
        self.now += dt.timedelta(hours=hours)
        told = set(self.desk.outbox)
        self.desk.attend(self.now)
        self._nobody_was_called_while_muted(told)
        new = [self.desk.outbox[key].kind for key in set(self.desk.outbox) - told]
        assert len([kind for kind in new if kind in (Kind.REMINDER, Kind.ESCALATION)]) <= 1
        before = self.desk.state()
        self.desk.attend(self.now)
        assert self.desk.state() == before, "attending twice changes something"
        latest = self.desk.latest
        if latest is not None and latest.is_open and self.desk.mute(self.now) is None:
            is_minor = latest.is_late or latest.priority is Priority.P4
            assert is_minor or f"root:{latest.ref}:1" in self.desk.outbox

    @rule()
    def somebody_acknowledges(self) -> None:
        self.desk.acknowledge(self.now)

    @rule(hours=st.integers(1, 100))
    def somebody_snoozes(self, hours: int) -> None:
        self.desk.snooze(self.now + dt.timedelta(hours=hours), self.now)

    @rule(hours=st.integers(1, 200))
    def somebody_silences(self, hours: int) -> None:
        ends = self.now + dt.timedelta(hours=hours)
        self.desk.silences.append(Silence(1, "flights", "*", self.now, ends, "ada", "work"))

    @rule()
    def somebody_resolves(self) -> None:
        self.desk.resolve(self.now)
        for number in range(max(0, self.number - 3), self.number + 1):
            known = self.desk.history.get(day(number))
            if known is not None and self.desk.latest is not None:
                refs, was = set(self.desk.incidents), self.desk.latest.is_open
                if day(number) <= self.desk.latest.last_day:
                    self.desk.judge(number, known.outcome, known.level, now=self.now)
                    assert set(self.desk.incidents) == refs
                    assert self.desk.latest.is_open == was

    @invariant()
    def at_most_one_incident_is_open(self) -> None:
        assert sum(incident.is_open for incident in self.desk.incidents.values()) <= 1

    @invariant()
    def every_life_is_told_in_order(self) -> None:
        for ref, events in self.desk.events.items():
            turns = [
                e.kind
                for e in events
                if e.kind in (EventKind.OPENED, EventKind.RESOLVED, EventKind.REOPENED)
            ]
            assert turns[0] is EventKind.OPENED
            assert all(
                (kind is EventKind.RESOLVED) == bool(place % 2) for place, kind in enumerate(turns)
            ), ref

    @invariant()
    def replies_follow_a_root(self) -> None:
        keys = list(self.desk.outbox)
        for place, key in enumerate(keys):
            row = self.desk.outbox[key]
            if row.kind not in (Kind.DIGEST, Kind.ROOT):
                assert keys.index(f"root:{row.payload['ref']}:1") < place

    @invariant()
    def each_return_and_end_is_told_once_at_most(self) -> None:
        for ref, incident in self.desk.incidents.items():
            for kind, most in (
                (Kind.ROOT, 1),
                (Kind.REOPENING, incident.reopened),
                (Kind.RESOLUTION, incident.reopened + (not incident.is_open)),
            ):
                rows = [r for r in self.desk.outbox.values() if r.kind is kind]
                assert len([r for r in rows if r.payload["ref"] == ref]) <= most

    def _nobody_was_called_while_muted(self, told: set[str]) -> None:
        new = {self.desk.outbox[key].kind for key in set(self.desk.outbox) - told}
        if self.desk.mute(self.now) is not None:
            assert not new & CALLS

    def _was_clear_for_long_enough(self) -> None:
        judged = [j for j in sorted(self.desk.history.values()) if j.outcome.is_judged]
        last = judged[-self.desk.rules.close_after_days :]
        assert [j.outcome for j in last] == [Outcome.CLEAR] * self.desk.rules.close_after_days


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
