"""Of one incident's life, each effect fails in turn; it ends as if nothing had happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.effects.conftest import copied_database
from tests.effects.failing import Effects, When
from tests.effects.life import STEPS, WITHOUT_A_COLUMN, Life, copied, lived
from tests.effects.office import SlackOffice
from tests.effects.tables import PICTURE, Acted, Rows, acted, differences, tables
from tests.slack.clock import HandClock

ANY = ("",)
CALLS = ("call",)
FILES = ("open", "write", "rename", "fsync")
LASTING = ("COMMIT", *CALLS, *FILES)
"""What is not undone when something else fails: a statement is rolled back, whether it was
carried out or not."""

BY_SLACK = {When.BEFORE: ANY, When.AFTER: LASTING, When.REFUSED: CALLS}
BY_FILE = {When.BEFORE: FILES, When.AFTER: FILES}
"""Which effects fail how; beside its files, the file's delivery does what Slack's does."""

DECISIONS = [i for i, step in enumerate(STEPS) if not step.is_delivery]
DELIVERIES = [i for i, step in enumerate(STEPS) if step.is_delivery]

ARRIVED = {"notification_sent", "notification_found"}
ATTEMPTED = {*ARRIVED, "notification_edited", "notification_ambiguous", "picture_given_up"}
"""What delivery writes down of its own attempts."""


def named(step: int) -> str:
    return STEPS[step].name


@pytest.mark.parametrize("when", BY_SLACK, ids=str)
@pytest.mark.parametrize("step", DECISIONS, ids=named)
def test_a_decision_that_failed_anywhere_is_taken_again_to_the_last_column(
    with_slack: list[Life], shelf: Path, step: int, when: When
) -> None:
    """All that comes later follows from the tables, and need not be looked at."""
    expected, entries = tables(with_slack[step + 1].store), acted(with_slack[step + 1].store)
    for life, effects in disturbed(with_slack[step], shelf, step, when, BY_SLACK[when]):
        lived(life, (STEPS[step],), effects)
        assert not differences(tables(life.store), expected), effects.failing
        assert acted(life.store) == entries, effects.failing


@pytest.mark.parametrize("when", BY_SLACK, ids=str)
@pytest.mark.parametrize("step", DELIVERIES, ids=named)
def test_a_delivery_that_failed_anywhere_tells_people_once_and_the_right_thing(
    with_slack: list[Life], shelf: Path, step: int, when: When
) -> None:
    """Then, and where an effect lasts, in the end, too."""
    soon, end = End.of(with_slack[step + 1]), End.of(with_slack[-1])
    for life, effects in disturbed(with_slack[step], shelf, step, when, BY_SLACK[when]):
        lived(life, (STEPS[step],), effects)
        soon.assert_equals(End.of(life), effects.failing)
        if effects.failing.startswith(LASTING):
            lived(life, STEPS[step + 1 :])
            end.assert_equals(End.of(life), effects.failing)
        assert set(life.office.workspace.copies("key").values()) == {1}, effects.failing


@pytest.mark.parametrize("when", BY_FILE, ids=str)
@pytest.mark.parametrize("step", [1, 7], ids=named)
def test_a_file_that_failed_anywhere_holds_every_message_once(
    with_file: list[Life], shelf: Path, step: int, when: When
) -> None:
    end = End.of(with_file[-1])
    for life, effects in disturbed(with_file[step], shelf, step, when, BY_FILE[when]):
        lived(life, STEPS[step:], effects)
        end.assert_equals(End.of(life), effects.failing)


def test_on_postgresql_a_life_with_a_broken_connection_ends_as_one_without(
    measured: Path, shelf: Path, measured_on_postgres: str
) -> None:
    """Of all its effects a sample, each before or after it happened, in turn."""
    names, end = _life_on_postgres(measured, shelf, measured_on_postgres, Effects(measured))
    for i, n in enumerate(range(5, len(names), 11)):
        effects = Effects(measured, n, When.AFTER if i % 2 else When.BEFORE)
        _, other = _life_on_postgres(measured, shelf, measured_on_postgres, effects)
        end.assert_equals(other, effects.failing)


def _life_on_postgres(
    measured: Path, shelf: Path, template: str, effects: Effects
) -> tuple[Sequence[str], End]:
    people = SlackOffice(HandClock(WITHOUT_A_COLUMN.timestamp()))
    with copied_database(template) as url:
        life = copied(Life(measured, template, people), shelf / "postgres", url)
        effects.folder = life.home
        lived(life, STEPS, effects)
        end = End.of(life)
        assert set(life.office.workspace.copies("key").values()) == {1}, effects.failing
        life.store.close()
    return effects.names, end


@dataclass(frozen=True)
class End:
    """What a life has come to, but for how often delivery tried."""

    tables: Mapping[str, Rows]
    shown: Sequence[Any]
    acted: Counter[Acted]

    @classmethod
    def of(cls, life: Life) -> End:
        return cls(tables(life.store, delivery=True), life.shown, acted(life.store))

    def assert_equals(self, other: End, failed: str) -> None:
        assert not differences(other.tables, self.tables), failed
        assert other.shown == self.shown, failed
        assert _decided(other.acted) == _decided(self.acted), failed
        assert _arrivals(other.acted) == _arrivals(self.acted), failed
        assert set(_arrivals(other.acted).values()) == {1}, failed


def _decided(entries: Counter[Acted]) -> Counter[Acted]:
    return Counter({e: n for e, n in entries.items() if e.action not in ATTEMPTED})


def _arrivals(entries: Counter[Acted]) -> Counter[str]:
    """How often each message is said to have arrived, or to have been found there.

    Not of pictures: one that may have been lost is given up.
    """
    arrived: Counter[str] = Counter()
    for entry, times in entries.items():
        if entry.action in ARRIVED and not entry.subject.startswith(f"{PICTURE}:"):
            arrived[entry.subject] += times
    return arrived


def disturbed(
    before: Life, shelf: Path, step: int, when: When, meant: Sequence[str]
) -> Iterator[tuple[Life, Effects]]:
    """The life before a step, again for every effect of it that can fail like this."""
    life = copied(before, shelf / "disturbed")
    counted = Effects(life.home)
    lived(life, (STEPS[step],), counted)
    for n, name in enumerate(counted.names, start=1):
        if name.startswith(tuple(meant)):
            life = copied(before, shelf / "disturbed")
            effects = Effects(life.home, n, when)
            yield life, effects
            assert effects.failing == name
