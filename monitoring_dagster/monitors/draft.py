"""A monitor's document written from a sample of telemetry, every guess with its reason.

What the columns look like is `sample`, what they are taken for is `guesses`. A draft is a valid
document; it is right only where its owner agrees.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

from monitoring_dagster.errors import MonitorInvalid
from monitoring_dagster.monitors.guesses import (
    Guess,
    LeftOut,
    TaskGuess,
    guess_columns,
    guess_task,
)
from monitoring_dagster.monitors.loader import load_text
from monitoring_dagster.monitors.sample import Sample, look_at
from monitoring_dagster.monitors.schema import MODELINE
from monitoring_dagster.monitors.vocabulary import (
    DEFAULT_KINDS,
    DEFAULT_TYPES,
    ColumnType,
    Kind,
    Privacy,
    Role,
    Task,
)

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_PLAIN_TEXT = re.compile(r"[A-Za-z_/][A-Za-z0-9_./{}-]*")
_NOT_TEXT = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def draft(sample: Path, name: str, owner: str, *, base: Path | None = None) -> str:
    """Write a commented document from a CSV or Parquet file of telemetry.

    The first million rows are looked at. The document loads as it is; identifiers, free text
    and rare values of the sample are never quoted in it. Its path starts from `base`, where
    relative paths of sources start, if the sample lies below it.

    Raises:
        SourceMissing, SourceUnreadable: the sample is not there, or not what its name says.
        MonitorInvalid: no document can be written from it; the text says what it lacks.
    """
    seen = look_at(sample)
    guesses, left_out = guess_columns(seen.columns)
    task, guesses, dropped = guess_task(guesses)
    guesses, unused = _usable_labels(task, guesses)
    days = _days_of_usable(seen, guesses)
    parts = (
        _head(seen, name, owner),
        _model(task, guesses),
        _telemetry(seen, guesses, base),
        _columns(guesses, [*left_out, *dropped, *unused]),
        _reference(*days),
        _segments(guesses),
        _quality(seen, guesses),
        _objectives(),
    )
    text = "\n\n".join("\n".join(lines) for part in parts if (lines := list(part))) + "\n"
    load_text(text, f"{name}.yaml")
    return text


def _usable_labels(task: TaskGuess, guesses: list[Guess]) -> tuple[list[Guess], list[LeftOut]]:
    """Labels need answers to be compared with, and times of arrival need labels."""
    roles = {g.role for g in guesses}
    answers = {Role.PREDICTION} if task.task is Task.REGRESSION else {Role.PREDICTION, Role.SCORE}
    keeps_labels = Role.LABEL in roles and bool(roles & answers)
    kept = [g for g in guesses if keeps_labels or not (g.role is Role.LABEL or g.is_label_arrival)]
    why = "there is nothing to compare it with" if Role.LABEL in roles else "there is no label"
    return kept, [LeftOut(g.name, why) for g in guesses if g not in kept]


def _days_of_usable(sample: Sample, guesses: list[Guess]) -> tuple[dt.date, dt.date]:
    """First and last day of a sample that has what a monitor needs."""
    if not any(g.role is Role.ID for g in guesses):
        raise MonitorInvalid(
            f"{sample.path}: no column has a value of its own in every row; required is an id, "
            "which joins predictions with labels. Add one to the sample"
        )
    if not (_kinds(guesses) - {Kind.LABELS}):
        raise MonitorInvalid(
            f"{sample.path}: no column looks like a feature or an answer of the model; "
            "take a sample that has them"
        )
    days = _days(sample, guesses)
    if days is None:
        raise MonitorInvalid(
            f"{sample.path}: no column holds the time of every row; required is a timestamp, "
            "or a date such as 2026-01-31 in the file's name. Add one"
        )
    return days


def _head(sample: Sample, name: str, owner: str) -> Iterator[str]:
    yield MODELINE
    yield f"# Drafted from {sample.rows:,} rows of {_comment(sample.path.name)}. Each comment says"
    yield "# why something is guessed; what must be checked is marked CHECK."
    yield "schema_version: 1"
    yield f"name: {_yaml(name)}"
    yield 'description: "" # CHECK: say what the model decides, and for whom'
    yield f"owner: {_yaml(owner)}"
    yield "materiality: medium # CHECK: high where much depends on the model"
    yield "time_zone: UTC # CHECK: the zone in which a business day begins"


def _model(task: TaskGuess, guesses: list[Guess]) -> Iterator[str]:
    yield "model:"
    yield f"  task: {task.task} # {'' if task.is_told else 'CHECK: '}{_comment(task.why)}"
    if task.task is Task.BINARY and any(g.role is Role.SCORE for g in guesses):
        yield "  threshold: 0.5 # CHECK: the score from which the deployed model decides positive"
    if task.positive_label is not None:
        yield f"  positive_label: {_yaml(task.positive_label)} # {task.positive_why}"
    if task.classes:
        yield f"  classes: [{', '.join(map(_yaml, task.classes))}] # the values in the sample"


def _telemetry(sample: Sample, guesses: list[Guess], base: Path | None) -> Iterator[str]:
    path, why = _path(sample, base)
    source = [f"kind: {sample.format}", f"path: {_yaml(path)} # CHECK: {why}"]
    if sample.delimiter != ",":
        source.append(f"delimiter: {_yaml(sample.delimiter)} # as in the sample")
    kinds = _kinds(guesses)
    yield "telemetry:"
    for kind in (Kind.FEATURES, Kind.PREDICTIONS):
        if kind in kinds:
            yield f"  {kind}:"
            yield from (f"    {line}" for line in source)
    if Kind.LABELS in kinds:
        yield "  labels:"
        yield "    source:"
        yield from (f"      {line}" for line in source)
        yield "    filed_under: prediction_day # label and prediction are in one row of the sample"
        yield "    maturity_days: 1 # CHECK: days after which the labels of a day are expected"


def _columns(guesses: list[Guess], left_out: list[LeftOut]) -> Iterator[str]:
    kinds = _kinds(guesses)
    yield "columns:"
    for guess in guesses:
        yield f"  {_yaml(guess.name)}:"
        yield f"    role: {guess.role} # {_comment(guess.why)}"
        yield from (f"    {line}" for line in _column(guess, kinds))
    if left_out:
        yield "  # Not declared, and so never read:"
        for column in left_out:
            yield f"  #   {_comment(column.name)}: {column.why}"


def _column(guess: Guess, kinds: set[Kind]) -> Iterator[str]:
    if DEFAULT_TYPES.get(guess.role) is not guess.type:
        yield f"type: {guess.type} # as in the sample"
    if guess.privacy is Privacy.DIRECT:
        yield "privacy: direct # stored as a pseudonym only; CHECK whether it identifies anybody"
    elif guess.privacy is not Privacy.NONE:
        yield f"privacy: {guess.privacy} # CHECK: by its name"
    if guess.is_label_arrival:
        yield "in: [labels]"
    elif guess.role is Role.ENTITY and Kind.FEATURES not in kinds:
        yield "in: [predictions]"
    if guess.type is ColumnType.TIMESTAMP and not guess.facts.has_offset:
        yield "time_zone: UTC # CHECK: the times have no offset; the zone they are written in"
    if guess.unit is not None:
        yield f"unit: {guess.unit} # CHECK"
    if guess.class_label is not None:
        yield f"class_label: {_yaml(guess.class_label)} # by the column's name"


def _reference(first: dt.date, last: dt.date) -> Iterator[str]:
    span = (last - first).days + 1
    length = max(1, min(28, span // 2))
    end = first + dt.timedelta(days=length - 1)
    yield "# CHECK: the days on which the model was validated, unseen in training."
    yield f"reference: # the first {length} of the {span} days in the sample"
    yield f"  first_day: {first}"
    yield f"  last_day: {end}"
    yield f"first_day: {end + dt.timedelta(days=1)} # the day after the reference"


def _segments(guesses: list[Guess]) -> Iterator[str]:
    cuts = [
        g
        for g in guesses
        if g.role in (Role.FEATURE, Role.VARIANT)
        and g.type in (ColumnType.CATEGORY, ColumnType.BOOLEAN)
        and 2 <= g.facts.distinct <= 20
    ]
    protected = [g for g in cuts if g.privacy is Privacy.SENSITIVE]
    others = sorted((g for g in cuts if g not in protected), key=lambda g: g.facts.distinct)[:3]
    if cuts:
        yield "segments: # CHECK: columns of few values by which the traffic may be cut"
    for guess in [*others, *protected]:
        yield f"  - columns: [{_yaml(guess.name)}] # {guess.facts.distinct} values"
        if guess in protected:
            yield "    protected: true # by its name a group that must be treated fairly"


def _quality(sample: Sample, guesses: list[Guess]) -> Iterator[str]:
    lines = [line for guess in guesses for line in _expectations(guess)]
    if lines:
        yield f"quality: # what held in {sample.rows:,} rows; CHECK whether it must hold"
        yield "  expectations:"
        yield from lines


def _objectives() -> Iterator[str]:
    yield "# slos: nothing in a sample says how good the model must be, for example:"
    yield "#   - {name: available, metric: error_rate, at_most: 0.01}"


def _expectations(guess: Guess) -> Iterator[str]:
    """What people would be surprised to see broken; sensitive and personal columns say nothing."""
    if guess.privacy is not Privacy.NONE or guess.role not in (Role.FEATURE, Role.SCORE):
        return
    of = "" if guess.role is Role.FEATURE else "of: predictions, "
    about = f"{of}column: {_yaml(guess.name)}"
    facts = guess.facts
    if facts.null_share == 0:
        yield f"    - {{expect: not_null, {about}}} # no null in the sample"
    elif facts.null_share < 0.5:
        # Twice the share of the sample, rounded up to whole percents.
        mostly = 1 - math.ceil(200 * facts.null_share) / 100
        if mostly > 0:
            yield (
                f"    - {{expect: not_null, {about}, mostly: {mostly:.2f}}} "
                f"# {facts.null_share:.1%} of the sample are null"
            )
    bounds = _bounds(guess)
    if bounds:
        yield f"    - {{expect: between, {about}, {bounds}}} # a wide range around the sample's"
    allowed = _allowed(guess)
    if allowed:
        yield f"    - {{expect: in_set, {about}, values: [{allowed}]}} # all values of the sample"


def _bounds(guess: Guess) -> str:
    low, high = guess.facts.low, guess.facts.high
    if low is None or high is None or guess.facts.distinct < 3:
        return ""
    if low >= 0 and high <= 1:
        return "minimum: 0, maximum: 1"
    margin = (high - low) / 2
    minimum = 0 if low >= 0 else _outwards(low - margin, up=False)
    return f"minimum: {minimum}, maximum: {_outwards(high + margin, up=True)}"


def _outwards(value: float, *, up: bool) -> str:
    """A bound with two digits, rounded away from the sample, so that no raw value is quoted."""
    if value == 0:
        return "0"
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    rounded = (math.ceil if up else math.floor)(value / unit) * unit
    return f"{rounded:.2g}" if abs(rounded) < 1 else f"{rounded:.0f}"


def _allowed(guess: Guess) -> str:
    """The values of a category, where each is frequent enough to say nothing about a person."""
    values = guess.facts.values
    if guess.type is not ColumnType.CATEGORY or not 2 <= len(values) <= 12:
        return ""
    if any(count < 10 for _, count in values):
        return ""
    return ", ".join(sorted(_yaml(str(value)) for value, _ in values))


def _kinds(guesses: list[Guess]) -> set[Kind]:
    """The kinds of telemetry that the sample holds; id, time and entities join any of them."""
    joining = (Role.ID, Role.TIMESTAMP, Role.ENTITY)
    return {k for g in guesses if g.role not in joining for k in DEFAULT_KINDS[g.role]}


def _days(sample: Sample, guesses: list[Guess]) -> tuple[dt.date, dt.date] | None:
    """First and last day of the sample, by its timestamps or else by its name."""
    for guess in guesses:
        facts = guess.facts
        is_scoring = guess.role is Role.TIMESTAMP and not guess.is_label_arrival
        if is_scoring and facts.first_day is not None and facts.last_day is not None:
            return facts.first_day, facts.last_day
    found = _DATE.search(sample.path.name)
    if found is None:
        return None
    day = dt.date.fromisoformat(found.group())
    return day, day


def _path(sample: Sample, base: Path | None) -> tuple[str, str]:
    path = sample.path.absolute()
    if base is not None and path.is_relative_to(base):
        path = path.relative_to(base)
    named = _DATE.sub("{date}", path.name, count=1)
    if named != path.name:
        return (
            path.parent / named
        ).as_posix(), "the date in the sample's name is taken for its day"
    return path.as_posix(), "the sample; put the source here, with {date} if there is a file a day"


def _yaml(value: str | int | bool) -> str:
    """A value as YAML, in quotes wherever it could be read as something else."""
    if isinstance(value, str):
        is_plain = _PLAIN_TEXT.fullmatch(value) and value.casefold() not in _NOT_TEXT
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def _comment(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
