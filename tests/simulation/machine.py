"""Two models, their incidents, two workers and a Slack that lies, in any order of events.

The store, the desk, the delivery, the channel and the audit log are the real ones; the clock, the
people and Slack are not. What must hold all the while is `promises`.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from monitoring_dagster.incidents import answering
from monitoring_dagster.incidents.desk import Desk
from monitoring_dagster.incidents.hours import A_DAY
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.monitors.calendar import taken_at
from monitoring_dagster.notifications.pacing import LANDING_DELAY, STANDARD, Rules
from monitoring_dagster.notifications.slack import SlackChannel
from tests.notifications_delivery.wall import START
from tests.simulation.models import CALM, MONITORS, Said, sayings
from tests.simulation.promises import Ending, Promises, Shown
from tests.simulation.workers import Mishap, mishaps
from tests.simulation.world import WORKERS, Site, World

FIRST = START.date() - A_DAY
"""The first day that is judged as it should be; those before it are history."""

PACE = replace(STANDARD, storm_roots=3)
"""As it is, but for storms: with a few causes there are never many roots at once."""

WRITES = frozenset({"chat.postMessage", "chat.update"})
LOOKS = frozenset({"auth.test", "conversations.history", "conversations.replies"})

FAULTS = (
    "429",
    "429:date",
    "429:3600",
    "500_before",
    "500_after:503",
    "reset_before",
    "reset_after_accept",
    "timeout_before",
    "html_200",
    "html_200_after",
    "truncated_json_after",
    "cut_off_after",
    "ok_false:internal_error",
    "ok_false_after:fatal_error",
    "ok_false:invalid_blocks",
    "ok_false:msg_too_long",
    "ok_false:not_in_channel",
)
SLOW = st.integers(0, int(LANDING_DELAY.total_seconds())).map("slow_then_landed:{}".format)

MISHAPS = ("none", "none", "dies", "sleeps", "is overtaken", "loses the store")

models = st.sampled_from(sorted(MONITORS))
workers = st.sampled_from(WORKERS)
seconds = st.sampled_from([1, 5, 30, 60, 130, 700])
budgets = st.sampled_from([2, 20, 90]).map(lambda s: dt.timedelta(seconds=s))


class Simulation(RuleBasedStateMachine):
    """Anything that happens, in any order."""

    site: ClassVar[Site]
    pace: ClassVar[Rules] = PACE
    channel: ClassVar[type[SlackChannel]] = SlackChannel

    def __init__(self) -> None:
        super().__init__()
        self._before = sys.exception()
        self.world = World(self.site, self.pace, self.channel)
        self.promises = Promises(self.world.view, self.world.held, self.pace)
        self.days = dict.fromkeys(MONITORS, FIRST)
        self.said: dict[str, dict[dt.date, Said]] = {name: {} for name in MONITORS}
        self.deleted: set[str] = set()

    # --- days -----------------------------------------------------------------------------------

    @rule(model=models, said=sayings(), late=st.sampled_from([0, 0, 0, 5, 60]), told=st.booleans())
    def a_day_is_judged(self, model: str, said: Said, late: int, told: bool) -> None:
        """On its next morning, or some hours later."""
        day = self.days[model]
        morning = taken_at(MONITORS[model], day) + dt.timedelta(hours=late)
        self.world.clock.now = max(self.world.clock.now, morning)
        self.days[model] = day + A_DAY
        self._judge(model, {day: said})
        if told:
            self._deliver("one")

    @rule(model=models, back=st.integers(1, 4), said=st.none() | sayings(), dies=st.booleans())
    def a_day_is_judged_again(
        self, model: str, back: int, said: Said | None, dies: bool
    ) -> None:
        """As it was, or otherwise; the run may be killed before its end, and be run again."""
        day = self.days[model] - back * A_DAY
        if day not in self.said[model]:
            return
        again = {day: said or self.said[model][day]}
        if dies:
            self.world.respond(MONITORS[model], again, "", dies=True)
        self._judge(model, again)

    @rule(model=models, sayings=st.lists(sayings(), min_size=2, max_size=6))
    def days_are_missed_and_judged_at_once(self, model: str, sayings: list[Said]) -> None:
        """After a downtime: the first of them may be too old to call anybody for."""
        first = self.days[model]
        days = {first + i * A_DAY: said for i, said in enumerate(sayings)}
        self.days[model] = first + len(days) * A_DAY
        morning = taken_at(MONITORS[model], max(days))
        self.world.clock.now = max(self.world.clock.now, morning)
        self._judge(model, days)

    @rule(model=models, back=st.integers(5, 60), sayings=st.lists(sayings(), min_size=1, max_size=6))
    def history_is_backfilled(self, model: str, back: int, sayings: list[Said]) -> None:
        """Days before the first one, in a run of their own."""
        first = FIRST - back * A_DAY
        days = {first + i * A_DAY: said for i, said in enumerate(sayings)}
        self._judge(model, {d: s for d, s in days.items() if d < FIRST}, batch=f"backfill-{back}")

    def _judge(self, model: str, days: dict[dt.date, Said], batch: str = "") -> None:
        self.world.respond(MONITORS[model], days, batch)
        self.said[model].update(days)

    # --- time and workers ---------------------------------------------------------------------

    @rule(seconds=seconds)
    def a_while_passes(self, seconds: int) -> None:
        self.world.clock.move(seconds=seconds)

    @rule(hours=st.sampled_from([1, 5, 26, 80]), worker=workers)
    def hours_pass(self, hours: int, worker: str) -> None:
        """And somebody attends to what time brings."""
        self.world.clock.move(hours=hours)
        with self.world.shift.working():
            assert self.world.upkeep[worker].attend() == []

    @rule(worker=workers, budget=budgets, mishap=st.sampled_from(MISHAPS), at=st.integers(0, 30), length=seconds)
    def somebody_delivers(
        self, worker: str, budget: dt.timedelta, mishap: str, at: int, length: int
    ) -> None:
        self._deliver(worker, budget, self._mishap(worker, mishap, at, length))

    @rule(worker=workers, mishap=st.sampled_from(MISHAPS), at=st.integers(0, 9), length=seconds)
    def somebody_listens(self, worker: str, mishap: str, at: int, length: int) -> None:
        with self.world.shift.working(self._mishap(worker, mishap, at, length)):
            self.world.upkeep[worker].hear()

    def _deliver(
        self,
        worker: str,
        budget: dt.timedelta = PACE.budget,
        mishap: Mishap | None = None,
    ) -> None:
        with self.world.shift.working(mishap):
            self.world.upkeep[worker].deliver(budget)

    def _mishap(self, worker: str, kind: str, at: int, length: int) -> Mishap | None:
        other = next(name for name in WORKERS if name != worker)
        return mishaps(
            self.world.shift,
            self.world.clock,
            kind,
            at,
            dt.timedelta(seconds=length),
            lambda: self._deliver(other, dt.timedelta(seconds=3)),
        )

    # --- Slack --------------------------------------------------------------------------------

    @rule(faults=st.lists(st.sampled_from(FAULTS) | SLOW, min_size=1, max_size=3), looks=st.booleans())
    def slack_fails(self, faults: list[str], looks: bool) -> None:
        """The next calls."""
        methods = WRITES | LOOKS if looks else WRITES
        self.world.slack.faults.script(faults, methods)

    @rule(share=st.sampled_from([0.0, 0.4]), seed=st.integers(0, 99))
    def slack_fails_now_and_then(self, share: float, seed: int) -> None:
        self.world.slack.faults.calm()
        if share:
            faults = [*FAULTS, "slow_then_landed:20", "slow_then_landed:60"]
            self.world.slack.faults.rate(share, faults, seed)

    @rule(error=st.sampled_from(["", "token_revoked", "account_inactive"]))
    def the_token_is_taken_away_or_given_back(self, error: str) -> None:
        self.world.bot.error = error if not self.world.bot.error else ""

    @rule(room=st.integers(0, 2))
    def a_room_is_archived_or_opened_again(self, room: int) -> None:
        place = self.world.rooms[room]
        if self.world.slack.state.rooms[place].is_archived:
            self.world.slack.human.unarchive(place)
        else:
            self.world.slack.human.archive(place)

    @rule()
    def the_line_goes_down_or_comes_back(self) -> None:
        self.world.line.is_down = not self.world.line.is_down

    # --- people -------------------------------------------------------------------------------

    @precondition(lambda self: self.world.view.roots())
    @rule(
        place=st.integers(0, 9),
        emoji=st.sampled_from(["eyes", "no_bell", "white_check_mark"]),
        who=st.integers(0, 1),
    )
    def somebody_reacts(self, place: int, emoji: str, who: int) -> None:
        """Or takes a reaction back."""
        root, user = self._root(place), self.world.people[who]
        human = self.world.slack.human
        if user in root.message.reactions.get(emoji, []):
            human.unreact(user, root.message.ts, emoji)
        else:
            human.react(user, root.message.ts, emoji)

    @precondition(lambda self: self.world.view.roots())
    @rule(place=st.integers(0, 9))
    def somebody_deletes_a_message(self, place: int) -> None:
        ts = self._root(place).message.ts
        self.deleted.add(ts)
        self.world.slack.human.delete(ts)

    @rule(place=st.integers(0, 9), act=st.sampled_from(["acknowledge", "resolve", "snooze"]), hours=st.integers(1, 50))
    def somebody_acts(self, place: int, act: str, hours: int) -> None:
        """At the terminal."""
        refs = [ref for (ref,) in self.world.held.execute("SELECT ref FROM incident ORDER BY id")]
        if not refs:
            return

        def acts(desk: Desk, ref: str) -> Incident:
            if act == "acknowledge":
                return answering.acknowledge(desk, ref, "user:ann")
            if act == "resolve":
                return answering.resolve(desk, ref, "mended", "user:ann")
            return answering.snooze(desk, ref, desk.now + dt.timedelta(hours=hours), "user:ann")

        self.world.upkeep["one"].answer(refs[-1 - place % len(refs)], acts)

    @rule(
        model=st.sampled_from([*sorted(MONITORS), "*"]),
        cause=st.sampled_from(["*", "inputs", "column:*", "performance"]),
        hours=st.sampled_from([1, 20, 100]),
    )
    def somebody_silences(self, model: str, cause: str, hours: int) -> None:
        length = dt.timedelta(hours=hours)
        self.world.upkeep["one"].silence(model, cause, length, by="user:ann", because="holidays")

    def _root(self, place: int) -> Shown:
        roots = self.world.view.roots()
        return roots[-1 - place % len(roots)]

    # --- what holds ---------------------------------------------------------------------------

    @invariant()
    def promises_are_kept(self) -> None:
        self.promises.hold()

    def teardown(self) -> None:
        try:
            if sys.exception() is self._before:  # not where a step has failed
                self._settle()
        finally:
            self.world.held.close()

    def _settle(self) -> None:
        """Everything is mended, and there is time enough."""
        world = self.world
        world.slack.faults.calm()
        world.line.is_down, world.bot.error = False, ""
        for room in world.rooms:
            world.slack.human.unarchive(room)
        quiet = 0
        for _ in range(12):
            world.clock.move(minutes=3)
            with world.shift.working():
                world.upkeep["one"].attend()
                done = world.upkeep["one"].deliver(dt.timedelta(minutes=20))
                quiet = 0 if done.counts else quiet + 1
            if quiet == 2:
                break
        self.promises.hold()
        world.store.read(
            lambda connection: Ending(connection, world.view, self.deleted).hold(world.clock())
        )
