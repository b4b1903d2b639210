"""A year as flights lived it: a season, storms, days without weather, and bad weeks."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from monitoring_dagster.decisions.verdict import Level, Verdict
from monitoring_dagster.incidents.cause import BREAKS, Cause
from monitoring_dagster.incidents.grouping import group, outcome
from monitoring_dagster.incidents.incident import CauseOfDay, Incident, Outcome
from tests.incidents_grouping.world import (
    FEATURES,
    MONITOR,
    drift,
    harm,
    incident,
    lost,
    nulls,
    objective,
    ok,
    snapshot,
)

START = dt.date(2026, 3, 1)
SEGMENTS = tuple(f"region={i}" for i in range(8))
SEASON = range(20, 230)
ODD_SEGMENT = range(10, 280)
WITHOUT_WEATHER = (92, 140, 143, 205, 207, 208, 270)
STORMS = (30, 150)
BAD_WEEKS = range(180, 200)
FEW_LABELS = range(100, 115)


def day_of(number: int) -> list[Verdict]:
    """The verdicts of one day, in an order that differs from the day before."""
    found = list(_verdicts(number))
    turn = number % max(len(found), 1)
    return found[turn:] + found[:turn]


def _verdicts(number: int) -> Iterator[Verdict]:
    season = drift("age", since=START + dt.timedelta(days=SEASON.start))
    yield season if number in SEASON else ok(season)
    yield ok(drift("income"))
    yield ok(snapshot("features"))
    yield from (drift("age", segment=s) for s in SEGMENTS[: max(0, number - 40) // 10]
                if number in SEASON)  # fmt: skip
    odd = drift("income", segment=SEGMENTS[0])
    yield odd if number in ODD_SEGMENT else ok(odd)
    for column in FEATURES:
        yield nulls(column) if number in WITHOUT_WEATHER else ok(nulls(column))
        if number == 280:
            yield lost(column)
    storm = harm(since=START + dt.timedelta(days=number - 4))
    yield storm if number in STORMS else ok(storm)
    bad = objective(level=Level.CRITICAL if number % 3 == 0 else Level.WARN)
    yield bad if number in BAD_WEEKS else ok(bad)
    few = objective("label_coverage", "outcomes_arrive", Level.WARN)
    yield few if number in FEW_LABELS else ok(few)


def live() -> tuple[list[Incident], Counter[str]]:
    """Incidents of a year that open at once or on the second day of three, and close after three.

    And how often a subject fired in two causes within three days.
    """
    open_: dict[Cause, Incident] = {}
    opened: list[Incident] = []
    says: dict[Cause, list[tuple[int, Outcome]]] = {}
    where: dict[str, tuple[int, Cause]] = {}
    hops: Counter[str] = Counter()
    for number in range(281):
        day, verdicts = START + dt.timedelta(days=number), day_of(number)
        found = {c.cause: c for c in group(MONITOR, day, verdicts, list(open_.values()))}
        for cause, subject in ((c, s.subject) for c, f in found.items() for s in f.signals):
            last, home = where.get(subject, (number, cause))
            hops[subject] += home != cause and number - last <= 3
            where[subject] = (number, cause)
        for cause in {**says, **found}:
            said = outcome(MONITOR, cause, verdicts, list(found.values()))
            days = says.setdefault(cause, [])
            days.append((number, said))
            if cause in open_ and [o for _, o in days[-3:]] == [Outcome.CLEAR] * 3:
                del open_[cause]
            elif cause in open_:
                open_[cause] = _longer(open_[cause], found.get(cause))
            elif cause in found and _opens(found[cause], days):
                open_[cause] = incident(cause, found[cause], since=day)
                opened.append(open_[cause])
    return opened, hops


def _opens(found: CauseOfDay, days: list[tuple[int, Outcome]]) -> bool:
    fired = sum(said is Outcome.FIRING for _, said in days[-3:])
    return found.level is Level.CRITICAL or found.cause.kind in BREAKS or fired > 1


def _longer(held: Incident, found: CauseOfDay | None) -> Incident:
    known = {s.subject: s for s in held.signals}
    for signal in found.signals if found else ():
        first = known.get(signal.subject, signal).first_day
        known[signal.subject] = replace(signal, first_day=first)
    return replace(held, signals=tuple(known.values()))


def test_a_year_is_a_handful_of_incidents_and_nothing_hops() -> None:
    opened, hops = live()
    assert Counter(str(i.cause) for i in opened) == {
        "inputs": 1,
        "segment:region=0": 1,
        "snapshot:features": 5,
        "labels": 1,
        "performance": 3,
    }
    assert +hops == Counter()
