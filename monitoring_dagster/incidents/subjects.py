"""Subjects and signals, read back: what a signal is about, and which of several counts most.

Nothing is decided here; which cause a subject belongs to is `themes`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from monitoring_dagster.decisions.verdict import Level, Rule, Subject
from monitoring_dagster.incidents.incident import Signal, SignalState
from monitoring_dagster.profiles.profile import ALL

GRAVEST = (
    Level.CRITICAL,
    Level.ERROR,
    Level.WARN,
    Level.NO_DATA,
    Level.SUPPRESSED,
    Level.NOT_ENOUGH_DATA,
    Level.OK,
)
"""Levels from the one that counts most."""


def subject_of(key: str, columns: Collection[str] = ()) -> Subject:
    """The subject that a signal's key was made of.

    Names from telemetry may hold the sign that the key is joined by. Then a column of `columns`,
    the declared ones, is looked for first, and after that for what reads like a segment.

    >>> subject_of("drift|psi|temp|carrier=UA|all|").segment
    'carrier=UA'
    >>> subject_of("drift|psi|a|b|all|all|", ["a", "a|b"]).column
    'a|b'
    """
    rule, metric, rest = key.split("|", 2)
    rest, _, name = rest.rpartition("|")
    rest, _, version = rest.rpartition("|")
    column, segment = _split(rest, columns)
    return Subject(Rule(rule), metric, column, segment, version, name)


def _split(text: str, columns: Collection[str]) -> tuple[str, str]:
    parts = text.split("|")
    splits = [("|".join(parts[:i]), "|".join(parts[i:])) for i in range(1, len(parts))]
    known = [s for s in splits if s[0] in columns]
    readable = [s for s in splits if s[1] == ALL or "=" in s[1].partition("|")[0]]
    return (known[-1:] or readable[:1] or splits[:1] or [(text, ALL)])[0]


def is_whole(subject: Subject) -> bool:
    """Whether it is about all traffic of all versions."""
    return subject.segment == ALL and subject.model_version == ALL


def worst(levels: Iterable[Level]) -> Level:
    """The level that counts most; `ok` of none.

    >>> worst([Level.WARN, Level.CRITICAL, Level.OK]).value
    'critical'
    """
    return min(levels, key=GRAVEST.index, default=Level.OK)


def ranked(signals: Iterable[Signal]) -> list[Signal]:
    """The gravest first; of equal ones the whole traffic, then the largest impact."""
    return sorted(signals, key=_rank)


def _rank(signal: Signal) -> tuple[int, bool, bool, float, float, str]:
    subject = subject_of(signal.subject)
    return (
        GRAVEST.index(signal.level),
        subject.rule is not Rule.OBJECTIVE,  # what was promised, before what has changed
        not is_whole(subject),
        -(signal.impact or 0.0),
        -abs(signal.effect or 0.0),
        signal.subject,
    )


def counting(signals: Sequence[Signal]) -> list[Signal]:
    """The signals that an incident is judged by, ranked: those that fire; of none, those that did.

    What something upstream explains never counts for itself.
    """
    for state in (SignalState.FIRING, SignalState.CLEARED):
        if found := [s for s in signals if s.state is state]:
            return ranked(found)
    return []


def columns_of(signals: Iterable[Signal], columns: Collection[str] = ()) -> list[str]:
    """The columns that signals are about, each once, in their order; snapshots are none."""
    return list(dict.fromkeys(_columns(signals, columns)))


def _columns(signals: Iterable[Signal], columns: Collection[str]) -> Iterator[str]:
    for signal in signals:
        column = subject_of(signal.subject, columns).column
        if column and not column.startswith("@"):
            yield column
