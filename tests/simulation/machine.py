"""Two models, their incidents, two workers and a Slack that lies, in any order of events.

The store, the desk, the delivery, the channel and the audit log are the real ones; the clock, the
people and Slack are not. What must hold all the while is `promises`.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from monitoring_dagster.incidents import answering
from monitoring_dagster.incidents.desk import Desk
from monitoring_dagster.incidents.hours import A_DAY
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.monitors.calendar import taken_at
from monitoring_dagster.notifications.pacing import LANDING_DELAY, STANDARD, Rules
from monitoring_dagster.notifications.slack import SlackChannel
from tests.notifications_delivery.wall import START
from tests.simulation.models import MONITORS, Said, sayings
from tests.simulation.promises import Ending, Promises, Shown
from tests.simulation.workers import MISHAPS, UNPLUGGED, Mishap, mishap
from tests.simulation.world import WORKERS, Site, World

FIRST = START.date() - A_DAY
"""The first day that is judged as it should be; those before it are history."""

PACE = replace(STANDARD, storm_roots=3)
"""As it is, but for storms: of a few causes there are never many roots at once."""

WRITES = frozenset({"chat.postMessage", "chat.update"})

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
    "ok_false:not_in_channel",
)
LANDINGS = st.integers(0, int(LANDING_DELAY.total_seconds()))

model = st.sampled_from(sorted(MONITORS))
worker = st.sampled_from(WORKERS)
teller = st.sampled_from([*WORKERS, "", ""])
"""Who delivers what follows, if anybody."""
seconds = st.sampled_from([1, 5, 30, 60, 130, 700])
budget = st.sampled_from([2, 20, 90])
place = st.integers(0, 9)
"""Counted from the latest."""

WITHIN_SECONDS = dt.timedelta(seconds=3)


class Simulation(RuleBasedStateMachine):
    """Anything that can happen, in any order."""

    site: ClassVar[Site]
    pace: ClassVar[Rules] = PACE
    channel: ClassVar[type[SlackChannel]] = SlackChannel

    def __init__(self) -> None:
        super().__init__()
        self._raised_before = sys.exception()
        self.world = World(self.site, self.pace, self.channel)
        self.promises = Promises(self.world.view, self.world.held, self.pace)
        self.next_day = dict.fromkeys(MONITORS, FIRST)
        self.said: dict[str, dict[dt.date, Said]] = {name: {} for name in MONITORS}
        self.mended_at: dict[str, dt.datetime] = {}
        self.deleted: set[str] = set()

    # --- days -----------------------------------------------------------------------------------

    @initialize(flights=sayings(3), parcels=sayings(3), teller=teller)
    def something_is_wrong_to_begin_with(self, flights: Said, parcels: Said, teller: str) -> None:
        self._judge_next("flights", [flights], 0, "")
        self._judge_next("parcels", [parcels], 0, teller)

    @rule(model=model, said=sayings(), late=st.sampled_from([0, 0, 0, 5, 60]), teller=teller)
    def a_day_is_judged(self, model: str, said: Said, late: int, teller: str) -> None:
        """On its next morning, or some hours later."""
        self._judge_next(model, [said], late, teller)

    @rule(model=model, said=st.lists(sayings(), min_size=2, max_size=5), teller=teller)
    def days_are_missed_and_judged_at_once(self, model: str, said: list[Said], teller: str) -> None:
        """After a downtime: the first of them may be too old to call anybody for."""
        self._judge_next(model, said, 0, teller)

    @rule(
        model=model,
        back=st.integers(1, 4),
        said=st.none() | sayings(),
        dies=st.booleans(),
        teller=teller,
    )
    def a_day_is_judged_again(
        self, model: str, back: int, said: Said | None, dies: bool, teller: str
    ) -> None:
        """As it was, or otherwise; the run may be killed before its end, and be run again."""
        day = self.next_day[model] - back * A_DAY
        if day in self.said[model]:
            days = {day: said or self.said[model][day]}
            if dies:
                self.world.respond(MONITORS[model], days, dies=True)
            self._judge(model, days)
            self._deliver(teller)

    @rule(
        model=model,
        back=st.integers(5, 60),
        said=st.lists(sayings(), min_size=1, max_size=5),
        teller=teller,
    )
    def history_is_backfilled(self, model: str, back: int, said: list[Said], teller: str) -> None:
        """Days before the first one, in a run of their own."""
        first = FIRST - back * A_DAY
        days = {first + i * A_DAY: words for i, words in enumerate(said)}
        self._judge(model, days, f"backfill-{back}")
        self._deliver(teller)

    def _judge_next(self, model: str, said: list[Said], late: int, teller: str) -> None:
        first = self.next_day[model]
        days = {first + i * A_DAY: words for i, words in enumerate(said)}
        self.next_day[model] = first + len(days) * A_DAY
        morning = taken_at(MONITORS[model], max(days)) + dt.timedelta(hours=late)
        self.world.clock.now = max(self.world.clock.now, morning)
        self._judge(model, days)
        self._deliver(teller)

    def _judge(self, model: str, days: dict[dt.date, Said], batch: str = "") -> None:
        self.world.respond(MONITORS[model], days, batch)
        self.said[model].update(days)

    # --- time and workers -----------------------------------------------------------------------

    @rule(seconds=seconds, teller=teller)
    def a_while_passes(self, seconds: int, teller: str) -> None:
        self.world.clock.move(seconds=seconds)
        self._deliver(teller, WITHIN_SECONDS)

    @rule(hours=st.sampled_from([1, 5, 26, 80]), worker=worker)
    def hours_pass(self, hours: int, worker: str) -> None:
        """And somebody does what a sensor does all the time."""
        self.world.clock.move(hours=hours)
        self._work(worker, None)

    @rule(worker=worker, budget=budget)
    def somebody_delivers(self, worker: str, budget: int) -> None:
        self._deliver(worker, dt.timedelta(seconds=budget))

    @rule(
        worker=worker,
        kind=st.sampled_from(sorted(MISHAPS)),
        at=st.integers(0, 15),
        length=seconds,
        is_tick=st.booleans(),
        changes=st.booleans(),
    )
    def somebody_has_a_mishap(
        self, worker: str, kind: str, at: int, length: int, is_tick: bool, changes: bool
    ) -> None:
        """While delivering, or while doing all that a sensor does; perhaps with much to edit."""
        if changes:
            self._change_the_latest(1)
            self.world.clock.now += PACE.coalesce
        struck = mishap(
            kind,
            at,
            dt.timedelta(seconds=length),
            self.world,
            lambda: self._meanwhile(worker),
        )
        if is_tick:
            self._work(worker, struck)
        else:
            self._deliver(worker, mishap=struck)
        self._ending(Ending.nothing_is_out_of_date)

    def _meanwhile(self, worker: str) -> None:
        """Something changes, and the other worker tells it."""
        self._change_the_latest(100)
        self._deliver(next(name for name in WORKERS if name != worker))

    def _change_the_latest(self, hours: int) -> None:
        for ref in self.promises.refs[-3:]:
            self._act("snooze", ref, hours)

    def _work(self, worker: str, mishap: Mishap | None) -> None:
        self._mend(self.world.clock())
        with self.world.shift.working(mishap):
            done = self.world.upkeep[worker].tick(PACE.budget)
            assert all(UNPLUGGED in failure for failure in done.failures), done.failures

    def _deliver(
        self,
        worker: str,
        budget: dt.timedelta = PACE.budget,
        mishap: Mishap | None = None,
    ) -> None:
        self._mend(self.world.clock())
        if worker:
            with self.world.shift.working(mishap):
                self.world.upkeep[worker].deliver(budget)

    # --- Slack ----------------------------------------------------------------------------------

    @rule(
        faults=st.lists(
            st.sampled_from(FAULTS) | LANDINGS.map("slow_then_landed:{}".format),
            min_size=1,
            max_size=3,
        ),
        every=st.booleans(),
        teller=teller,
    )
    def slack_fails(self, faults: list[str], every: bool, teller: str) -> None:
        """The next calls, or the next that write."""
        self.world.slack.faults.script(faults, () if every else WRITES)
        self._deliver(teller)

    @rule(
        what=st.sampled_from(["the line", "the token", "a room", "many calls"]),
        minutes=st.sampled_from([1, 15, 300]),
        teller=teller,
    )
    def something_is_out_of_order(self, what: str, minutes: int, teller: str) -> None:
        """For a while."""
        world = self.world
        self.mended_at[what] = world.clock() + dt.timedelta(minutes=minutes)
        if what == "the line":
            world.line.is_down = True
        elif what == "the token":
            world.bot.error = "token_revoked"
        elif what == "a room":
            world.slack.human.archive(world.rooms[minutes % len(world.rooms)])
        else:
            world.slack.faults.rate(0.4, [*FAULTS, "slow_then_landed:60"], minutes)
        self._deliver(teller)

    def _mend(self, now: dt.datetime) -> None:
        """What has been out of order for long enough."""
        world = self.world
        over = [what for what, until in self.mended_at.items() if until <= now]
        for what in over:
            del self.mended_at[what]
            if what == "the line":
                world.line.is_down = False
            elif what == "the token":
                world.bot.error = ""
            elif what == "a room":
                for room in world.rooms:
                    world.slack.human.unarchive(room)
            else:
                world.slack.faults.calm()

    # --- people ---------------------------------------------------------------------------------

    @precondition(lambda self: self.promises.roots)
    @rule(
        place=place,
        emoji=st.sampled_from(["eyes", "no_bell", "white_check_mark"]),
        who=st.integers(0, 1),
        worker=worker,
    )
    def somebody_reacts(self, place: int, emoji: str, who: int, worker: str) -> None:
        """Or takes a reaction back; and is heard."""
        root, user = self._root(place), self.world.people[who]
        human = self.world.slack.human
        if user in root.message.reactions.get(emoji, []):
            human.unreact(user, root.message.ts, emoji)
        else:
            human.react(user, root.message.ts, emoji)
        self._work(worker, None)

    @precondition(lambda self: self.promises.roots)
    @rule(place=place)
    def somebody_deletes_a_message(self, place: int) -> None:
        ts = self._root(place).message.ts
        self.deleted.add(ts)
        self.world.slack.human.delete(ts)

    @precondition(lambda self: self.promises.refs)
    @rule(
        place=place,
        act=st.sampled_from(["acknowledge", "resolve", "snooze"]),
        hours=st.integers(1, 50),
        teller=teller,
    )
    def somebody_acts(self, place: int, act: str, hours: int, teller: str) -> None:
        """At the terminal."""
        refs = self.promises.refs
        self._act(act, refs[-1 - place % len(refs)], hours)
        self._deliver(teller)

    def _act(self, act: str, ref: str, hours: int) -> None:
        def acts(desk: Desk, ref: str) -> Incident:
            if act == "acknowledge":
                return answering.acknowledge(desk, ref, "user:ann")
            if act == "resolve":
                return answering.resolve(desk, ref, "mended", "user:ann")
            return answering.snooze(desk, ref, desk.now + dt.timedelta(hours=hours), "user:ann")

        with self.world.shift.working():
            self.world.upkeep["one"].answer(ref, acts)

    @rule(
        model=st.sampled_from([*sorted(MONITORS), "*"]),
        cause=st.sampled_from(["*", "inputs", "column:*", "performance"]),
        hours=st.sampled_from([1, 20, 100]),
    )
    def somebody_silences(self, model: str, cause: str, hours: int) -> None:
        length = dt.timedelta(hours=hours)
        self.world.upkeep["one"].silence(model, cause, length, by="user:ann", because="holidays")

    def _root(self, place: int) -> Shown:
        roots = self.promises.roots
        return roots[-1 - place % len(roots)]

    # --- what holds -----------------------------------------------------------------------------

    @invariant()
    def promises_are_kept(self) -> None:
        self.promises.hold()
        for raised in self.world.problems.found:
            raise raised

    def teardown(self) -> None:
        try:
            if sys.exception() is self._raised_before:  # a step that failed has said enough
                self._settle()
        finally:
            self.world.held.close()

    def _settle(self) -> None:
        """Everything is mended, and there is time enough."""
        world, upkeep = self.world, self.world.upkeep["one"]
        self._mend(dt.datetime.max.replace(tzinfo=dt.UTC))
        world.slack.faults.calm()
        quiet, now = 0, world.clock()
        while quiet < 2:
            now = world.clock()
            assert upkeep.attend() == []
            done = upkeep.deliver(dt.timedelta(minutes=20))
            quiet = 0 if any(done.counts.values()) else quiet + 1
            world.clock.move(minutes=16)  # longer than any pause and any lease
        self.promises_are_kept()
        self._ending(lambda ending: ending.hold(now))

    def _ending(self, holds: Callable[[Ending], None]) -> None:
        world = self.world
        world.store.read(lambda connection: holds(Ending(connection, world.view, self.deleted)))
