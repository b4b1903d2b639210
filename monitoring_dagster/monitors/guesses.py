"""What the columns of a sample are taken for, and why: roles, types, privacy, the task.

Only guesses from facts, each with its reason; reading the sample is `sample`, writing the
document is `draft`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from monitoring_dagster.monitors import names
from monitoring_dagster.monitors.sample import Facts
from monitoring_dagster.monitors.vocabulary import (
    SINGLE_ROLES,
    ColumnType,
    LatencyUnit,
    Privacy,
    Role,
    Task,
)

_UNITS = {
    "ms": LatencyUnit.MILLISECONDS,
    "us": LatencyUnit.MICROSECONDS,
    "s": LatencyUnit.SECONDS,
    "seconds": LatencyUnit.SECONDS,
}
_ONCE = frozenset(SINGLE_ROLES) - {Role.ID}
_NUMERIC = (ColumnType.INTEGER, ColumnType.NUMBER)


@dataclass(frozen=True, slots=True)
class Guess:
    """A column as it will be declared, and why."""

    facts: Facts
    role: Role
    type: ColumnType
    why: str
    privacy: Privacy = Privacy.NONE
    unit: LatencyUnit | None = None
    class_label: str | int | bool | None = None
    is_label_arrival: bool = False

    @property
    def name(self) -> str:
        """The column's name."""
        return self.facts.name


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that will not be declared, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class TaskGuess:
    """What the model predicts, and why; `is_told` where the sample's labels or answers say it."""

    task: Task
    why: str
    positive_label: str | int | bool | None = None
    positive_why: str = ""
    classes: tuple[str | int | bool, ...] = ()
    is_told: bool = True


def guess_columns(columns: Sequence[Facts]) -> tuple[list[Guess], list[LeftOut]]:
    """A guess or a reason to leave it out for every column, in the order of the sample."""
    key = _id_of(columns)
    scored_at = _scored_at(columns)
    taken: set[Role] = set()
    seen: set[str] = set()
    guesses: list[Guess] = []
    left_out: list[LeftOut] = []
    for facts in columns:
        guess = _unusable(facts, seen) or _guess(facts, key, scored_at)
        seen.add(facts.name.casefold())
        if isinstance(guess, Guess) and guess.role in _ONCE and guess.role in taken:
            guess = LeftOut(facts.name, f"another column was taken for the {guess.role} already")
        if isinstance(guess, LeftOut):
            left_out.append(guess)
        else:
            taken.add(guess.role)
            guesses.append(guess)
    return _by_beginnings(guesses), left_out


def _by_beginnings(guesses: list[Guess]) -> list[Guess]:
    """A feature named like `actual_minutes` is the label, where no other column is."""
    for role, beginnings in names.BEGINNINGS.items():
        named = [g for g in guesses if _plain(g.name).startswith(beginnings)]
        named = [g for g in named if g.role is Role.FEATURE]
        if len(named) == 1 and _with_role(guesses, role) is None:
            changed = replace(named[0], role=role, why="CHECK: by how its name begins")
            guesses = [changed if g is named[0] else g for g in guesses]
    return guesses


def _unusable(facts: Facts, seen: Iterable[str]) -> LeftOut | None:
    if facts.type is None:
        return LeftOut(facts.name, "nested, binary or of no type; only flat columns are counted")
    if (
        not 1 <= len(facts.name) <= 128
        or facts.name.startswith("@")
        or not facts.name.isprintable()
    ):
        return LeftOut(facts.name, "its name cannot be declared; give it another one in the source")
    if facts.name.casefold() in seen:
        return LeftOut(facts.name, "its name differs from another one in case only")
    if facts.nulls == facts.rows:
        return LeftOut(facts.name, "it has no value in the sample")
    return None


def _guess(facts: Facts, key: str | None, scored_at: str | None) -> Guess | LeftOut:
    name = _plain(facts.name)
    kind = facts.type or ColumnType.TEXT
    if facts.name == key:
        return Guess(facts, Role.ID, ColumnType.TEXT, "every row has a value of its own")
    if kind is ColumnType.TIMESTAMP:
        return _time(facts, name, scored_at)
    personal = _personal(facts, name)
    if personal is not None:
        return personal
    for role, known in names.ROLES:
        if name in known and (role is not Role.SCORE or kind in _NUMERIC):
            stored = _NAMED_TYPES.get(role, _stored(kind))
            return Guess(facts, role, stored, "by its name")
    words = set(name.split("_"))
    if kind in _NUMERIC and words & names.LATENCY_WORDS:
        return _latency(facts, name)
    if kind is ColumnType.NUMBER and words & names.SCORE_WORDS:
        return Guess(facts, Role.SCORE, ColumnType.NUMBER, "by its name")
    return _feature(facts, words)


_NAMED_TYPES = {
    Role.SCORE: ColumnType.NUMBER,
    Role.WEIGHT: ColumnType.NUMBER,
    Role.MODEL_VERSION: ColumnType.CATEGORY,
    Role.VARIANT: ColumnType.CATEGORY,
    Role.STATUS: ColumnType.CATEGORY,
}


def _time(facts: Facts, name: str, scored_at: str | None) -> Guess | LeftOut:
    if facts.name == scored_at:
        return Guess(facts, Role.TIMESTAMP, ColumnType.TIMESTAMP, "taken for the time of scoring")
    if name in names.KNOWN_AT:
        return Guess(
            facts,
            Role.TIMESTAMP,
            ColumnType.TIMESTAMP,
            "by its name the time at which the label became known",
            is_label_arrival=True,
        )
    return LeftOut(facts.name, "a second time; it is not clear what for")


def _personal(facts: Facts, name: str) -> Guess | None:
    words = set(name.split("_"))
    if facts.email_share > 0.5:
        why = "most values look like e-mail addresses"
    elif facts.phone_share > 0.5 and facts.distinct > 50:
        why = "most values look like telephone numbers"
    elif words & names.PERSON_WORDS or name in names.PERSON_NAMES:
        why = "by its name it identifies a person"
    elif words & names.ID_WORDS and facts.distinct > 50 and facts.type is not ColumnType.NUMBER:
        why = f"by its name an identifier, with {facts.distinct:,} distinct values"
    elif (
        facts.type is ColumnType.TEXT
        and facts.distinct > max(50, 0.5 * (facts.rows - facts.nulls))
        and facts.space_share < 0.1
    ):
        why = f"looks like an identifier: {facts.distinct:,} distinct values without spaces"
    else:
        return None
    return Guess(facts, Role.ENTITY, ColumnType.TEXT, why, Privacy.DIRECT)


def _latency(facts: Facts, name: str) -> Guess:
    unit = _UNITS.get(name.rsplit("_", 1)[-1])
    why = "by its name" if unit else "by its name, in which the unit is missing"
    return Guess(facts, Role.LATENCY, ColumnType.NUMBER, why, unit=unit or LatencyUnit.MILLISECONDS)


def _feature(facts: Facts, words: set[str]) -> Guess | LeftOut:
    kind = facts.type or ColumnType.TEXT
    if kind is ColumnType.TEXT and facts.distinct > max(50, 0.5 * (facts.rows - facts.nulls)):
        return LeftOut(facts.name, "free text, which may name people")
    stored = _stored(kind)
    seen = f"{facts.distinct:,} distinct value{'s' if facts.distinct != 1 else ''}"
    if words & names.SENSITIVE_WORDS:
        return Guess(facts, Role.FEATURE, stored, "by its name sensitive", Privacy.SENSITIVE)
    if words & names.QUASI_WORDS:
        why = "by its name it narrows down who it is"
        return Guess(facts, Role.FEATURE, stored, why, Privacy.QUASI)
    return Guess(facts, Role.FEATURE, stored, seen)


def guess_task(guesses: list[Guess]) -> tuple[TaskGuess, list[Guess], list[LeftOut]]:
    """The task, and the columns as that task needs them.

    Scores of classes get their class label; a score that the task has no use for is left out.
    """
    label = _with_role(guesses, Role.LABEL)
    decision = _with_role(guesses, Role.PREDICTION)
    scores = [g for g in guesses if g.role is Role.SCORE]
    truth = label or decision
    if truth is None:
        why = "it logs a score" if scores else "nothing in the sample says what is predicted"
        task, kept, dropped = _binary(why, guesses, None)
        return replace(task, is_told=bool(scores)), kept, dropped
    values = truth.facts.values
    said = f"{truth.name} has {truth.facts.distinct:,} distinct values"
    if truth.facts.distinct <= 2 and (scores or len(values) == 2) and _is_class(truth):
        return _binary(said, guesses, label)
    if truth.type in (ColumnType.CATEGORY, ColumnType.BOOLEAN) or (
        truth.type is ColumnType.INTEGER and truth.facts.distinct <= 10
    ):
        return _multiclass(said, guesses, truth)
    return _regression(said, guesses)


_Parts = tuple[TaskGuess, list[Guess], list[LeftOut]]


def _binary(why: str, guesses: list[Guess], label: Guess | None) -> _Parts:
    scores = [g for g in guesses if g.role is Role.SCORE]
    kept = [g for g in guesses if g.role is not Role.SCORE or g is scores[0]]
    dropped = [LeftOut(g.name, "a binary model has one score") for g in scores[1:]]
    positive, positive_why = _positive(label) if label else (None, "")
    return TaskGuess(Task.BINARY, why, positive, positive_why), kept, dropped


def _positive(label: Guess) -> tuple[str | int | bool, str]:
    values = [_exact(value, label.type) for value, _ in label.facts.values]
    for value in values:
        if str(value).casefold() in names.POSITIVE_WORDS:
            return value, "CHECK: by its name"
    return values[-1], "CHECK: the rarer value"


def _multiclass(why: str, guesses: list[Guess], truth: Guess) -> _Parts:
    classes = tuple(sorted((_exact(v, truth.type) for v, _ in truth.facts.values), key=str))
    guesses = _with_choice(guesses, truth)
    ends = {str(c).casefold(): c for c in classes}
    labelled = {
        g.name: ends.get(_plain(g.name).split("_", 1)[-1]) for g in guesses if g.role is Role.SCORE
    }
    complete = len(classes) > 1 and sorted(map(str, labelled.values())) == list(map(str, classes))
    if complete:
        kept = [replace(g, class_label=labelled.get(g.name)) for g in guesses]
        return TaskGuess(Task.MULTICLASS, why, classes=classes), kept, []
    kept = [g for g in guesses if g.role is not Role.SCORE]
    dropped = [LeftOut(name, "not one score for each class") for name in labelled]
    return TaskGuess(Task.MULTICLASS, why, classes=classes), kept, dropped


def _with_choice(guesses: list[Guess], truth: Guess) -> list[Guess]:
    """The one feature that takes exactly the values of the label is the answer, where none is."""
    values = {value for value, _ in truth.facts.values}
    alike = [
        g
        for g in guesses
        if g.role is Role.FEATURE and {value for value, _ in g.facts.values} == values
    ]
    if len(alike) != 1 or _with_role(guesses, Role.PREDICTION) is not None:
        return guesses
    answer = replace(alike[0], role=Role.PREDICTION, why="CHECK: its values are the classes")
    return [answer if g is alike[0] else g for g in guesses]


def _regression(why: str, guesses: list[Guess]) -> _Parts:
    has_prediction = _with_role(guesses, Role.PREDICTION) is not None
    scores = [g for g in guesses if g.role is Role.SCORE]
    if not has_prediction and len(scores) == 1:
        guesses = [
            replace(g, role=Role.PREDICTION, why="the only output in the sample")
            if g.role is Role.SCORE
            else g
            for g in guesses
        ]
        return TaskGuess(Task.REGRESSION, why), guesses, []
    kept = [g for g in guesses if g.role is not Role.SCORE]
    dropped = [LeftOut(g.name, "a regression model has no score") for g in scores]
    return TaskGuess(Task.REGRESSION, why), kept, dropped


def _is_class(guess: Guess) -> bool:
    return guess.type is not ColumnType.NUMBER or all(
        float(value).is_integer() for value, _ in guess.facts.values
    )


def _exact(value: str | int | float | bool, kind: ColumnType) -> str | int | bool:
    if kind is ColumnType.CATEGORY:
        return str(value)
    return bool(value) if kind is ColumnType.BOOLEAN else int(value)


def _with_role(guesses: Iterable[Guess], role: Role) -> Guess | None:
    return next((g for g in guesses if g.role is role), None)


def _id_of(columns: Sequence[Facts]) -> str | None:
    """The unique column that looks most like the id of a request."""

    def rank(facts: Facts) -> int:
        words = set(_plain(facts.name).split("_"))
        if not words & names.ID_WORDS:
            return 2
        return 0 if words & names.REQUEST_WORDS or words == {"id"} else 1

    unique = [
        facts
        for facts in columns
        if facts.is_unique
        and facts.type in (ColumnType.TEXT, ColumnType.INTEGER)
        and (facts.type is ColumnType.TEXT or rank(facts) < 2)
        and facts.email_share < 0.5
    ]
    return min(unique, key=rank).name if unique else None


def _scored_at(columns: Sequence[Facts]) -> str | None:
    times = [
        facts
        for facts in columns
        if facts.type is ColumnType.TIMESTAMP
        and facts.nulls == 0
        and _plain(facts.name) not in names.KNOWN_AT
        and not set(_plain(facts.name).split("_")) & names.QUASI_WORDS
    ]

    def rank(facts: Facts) -> int:
        name = _plain(facts.name)
        return names.SCORED_AT.index(name) if name in names.SCORED_AT else len(names.SCORED_AT)

    return min(times, key=rank).name if times else None


def _plain(name: str) -> str:
    """A name in small letters and underscores, whatever its style.

    >>> _plain("CustomerID"), _plain("Scored At")
    ('customer_id', 'scored_at')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def _stored(kind: ColumnType) -> ColumnType:
    return ColumnType.CATEGORY if kind is ColumnType.TEXT else kind
