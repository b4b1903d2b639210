"""Breaks: data that is missing, condemned or suddenly full of nulls, and what that explains.

A break is a fact. What is measured of broken data on the same day, and what follows from it, is
told as its consequence and opens nothing of its own.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitoring_dagster.decisions.verdict import Level, Rule, Subject, Verdict
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.memory import Memory, upstream_first
from monitoring_dagster.incidents.subjects import is_whole, worst
from monitoring_dagster.incidents.themes import BROKEN, Clue, Theme, carrier
from monitoring_dagster.monitors.contract import Kind, Monitor, Role
from monitoring_dagster.profiles.profile import ALL

MANY_COLUMNS = 2
"""Columns that break together have one cause in the snapshot that brings them."""

MANY_SEGMENTS = 3
"""What so many segments show on one day is no matter of a segment."""

_MEASURED_OF = {
    Kind.FEATURES: {
        CauseKind.TRAFFIC,
        CauseKind.INPUTS,
        CauseKind.PREDICTIONS,
        CauseKind.PERFORMANCE,
    },
    Kind.PREDICTIONS: {
        CauseKind.TRAFFIC,
        CauseKind.LABELS,
        CauseKind.OPERATIONS,
        CauseKind.PREDICTIONS,
        CauseKind.PERFORMANCE,
    },
    Kind.LABELS: {CauseKind.LABELS, CauseKind.PERFORMANCE},
}
"""What a snapshot that cannot be used explains: what is measured of it, and what follows."""

_MODEL = frozenset({CauseKind.PREDICTIONS, CauseKind.PERFORMANCE})
_OUTCOMES = frozenset({CauseKind.LABELS, CauseKind.PERFORMANCE})

_FOLLOWS_FROM = {
    Role.FEATURE: _MODEL,
    Role.SCORE: _MODEL,
    Role.PREDICTION: _MODEL,
    Role.LABEL: _OUTCOMES,
    Role.ID: _OUTCOMES,
}
"""What follows from a broken column, besides what is measured of itself."""


@dataclass(frozen=True, slots=True)
class Break:
    """Broken data of one day.

    Args:
        cause: of what kind, and which.
        kind: the telemetry that it is part of.
        columns: the columns that are broken.
        is_whole: whether the snapshot itself cannot be used.
        level: the gravest of its verdicts.
        since: first day on which it was broken, as far as it is still open.
    """

    cause: Cause
    kind: Kind
    columns: frozenset[str]
    is_whole: bool
    level: Level
    since: dt.date


def segments_of(clues: Iterable[Clue]) -> Counter[Theme]:
    """In how many segments each theme fires."""
    found = {(c.theme, c.subject.segment) for c in clues if c.subject.segment != ALL}
    return Counter(theme for theme, _ in found)


def homes(monitor: Monitor, clues: Sequence[Clue], memory: Memory) -> dict[Theme, Cause]:
    """The cause of everything that is broken today, by its theme.

    A column that an open incident holds stays there. Of the others, those that break together,
    or together with their snapshot, are one cause.
    """
    in_segments = segments_of(clues)
    found: dict[Theme, Cause] = {}
    fresh: dict[Kind, list[Theme]] = {}
    for theme in sorted({c.theme for c in clues if c.theme.family in BROKEN}):
        holder = memory.holder(theme, BROKEN)
        if theme.family is CauseKind.SNAPSHOT:
            found[theme] = Cause(CauseKind.SNAPSHOT, theme.about)
        elif holder is not None:
            found[theme] = holder
        elif in_segments[theme] >= MANY_SEGMENTS or _fires_whole(theme, clues):
            fresh.setdefault(carrier(monitor, theme.about), []).append(theme)
    for kind, themes in fresh.items():
        snapshot = Cause(CauseKind.SNAPSHOT, kind)
        is_shared = len(themes) >= MANY_COLUMNS or snapshot in found.values()
        found |= {t: snapshot if is_shared else Cause(CauseKind.COLUMN, t.about) for t in themes}
    return found


def _fires_whole(theme: Theme, clues: Iterable[Clue]) -> bool:
    # What a check condemned stands at the first metric that it withheld, which may be a segment's.
    return any(
        c.theme == theme and (is_whole(c.subject) or c.subject.rule is Rule.DATA) for c in clues
    )


def breaks(
    monitor: Monitor,
    day: dt.date,
    clues: Sequence[Clue],
    home: Mapping[Theme, Cause],
    memory: Memory,
) -> list[Break]:
    """What is broken on the day, the most upstream first."""
    by_cause: dict[Cause, list[Clue]] = {}
    for clue in clues:
        if clue.theme in home:
            by_cause.setdefault(home[clue.theme], []).append(clue)
    return [
        _break(monitor, cause, by_cause[cause], memory.since(cause, day))
        for cause in sorted(by_cause, key=upstream_first)
    ]


def _break(monitor: Monitor, cause: Cause, clues: Sequence[Clue], since: dt.date) -> Break:
    is_snapshot = cause.kind is CauseKind.SNAPSHOT
    return Break(
        cause,
        Kind(cause.name) if is_snapshot else carrier(monitor, cause.name),
        frozenset(c.theme.about for c in clues if c.theme.family is CauseKind.COLUMN),
        any(c.theme.family is CauseKind.SNAPSHOT for c in clues),
        worst(c.verdict.level for c in clues),
        since,
    )


def explaining(
    monitor: Monitor, clue: Clue, began: dt.date, broken: Sequence[Break]
) -> Break | None:
    """The break of the same day that a finding follows from, the most upstream one; or None.

    What began before the break is not its consequence, and a page is explained by nothing that
    only warns. An objective is, where every bad day of its window lies within the break.
    """
    return next((b for b in broken if _follows(monitor, clue, began, b)), None)


def _follows(monitor: Monitor, clue: Clue, began: dt.date, broken: Break) -> bool:
    verdict = clue.verdict
    if verdict.level is Level.CRITICAL and broken.level is not Level.CRITICAL:
        return False
    if began < broken.since:
        return False
    if verdict.subject.rule is Rule.OBJECTIVE and _owes_other_days(verdict):
        return False
    if clue.theme.family is CauseKind.METRIC:
        return False
    return _reaches(monitor, clue, broken)


def _owes_other_days(verdict: Verdict) -> bool:
    return verdict.days == 0 or verdict.details.get("bad_days") != verdict.days


def _reaches(monitor: Monitor, clue: Clue, broken: Break) -> bool:
    """Whether a finding is about the broken data, or about what is made of it."""
    subject, family = clue.subject, clue.theme.family
    if subject.column in broken.columns or is_cut_by(subject, broken.columns):
        return True
    if broken.is_whole and family in BROKEN:
        return carrier(monitor, clue.theme.about) is broken.kind
    if broken.is_whole and subject.column.startswith("@"):
        return subject.column == f"@{broken.kind}"
    if broken.is_whole:
        return family in _MEASURED_OF[broken.kind]
    declared = [monitor.columns[c].role for c in broken.columns if c in monitor.columns]
    return any(family in _FOLLOWS_FROM.get(role, ()) for role in declared)


def is_cut_by(subject: Subject, columns: Collection[str]) -> bool:
    """Whether the segment is told apart by one of the columns.

    >>> is_cut_by(Subject(Rule.DRIFT, "psi", "temp", "carrier=UA,origin=JFK"), ["origin"])
    True
    """
    return any(f",{column}=" in f",{subject.segment}" for column in columns)
