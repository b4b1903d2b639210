"""The rules between the parts of a document: what may be combined, and what needs what.

Each rule names the place in the document that the user has to look at. The shape of a single
part is `contract`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from monitoring_dagster.monitors.problems import shown
from monitoring_dagster.monitors.vocabulary import (
    LOCATION,
    SINGLE_ROLES,
    ColumnType,
    Kind,
    LabelDay,
    Privacy,
    Role,
    Task,
)

if TYPE_CHECKING:
    from monitoring_dagster.monitors.contract import Column, FileSource, Monitor, SqlSource


class Disagreement(NamedTuple):
    """One broken rule: where in the document, and what is wrong."""

    path: tuple[str | int, ...]
    text: str


class Disagreements(ValueError):
    """Parts of a document contradict each other; `found` holds every broken rule."""

    def __init__(self, found: list[Disagreement]) -> None:
        super().__init__("; ".join(d.text for d in found))
        self.found = found


def of_column(column: Column) -> Iterator[Disagreement]:
    """Rules within one column."""
    role = column.role
    for name, value, owner in (
        ("class_label", column.class_label, Role.SCORE),
        ("unit", column.unit, Role.LATENCY),
        ("ok_values", column.ok_values, Role.STATUS),
    ):
        if value is not None and role is not owner:
            yield Disagreement((name,), f"{name} is for role {owner}; this column has role {role}")
    if column.type is None and not column.type_is_implied:
        yield Disagreement(
            ("type",),
            f"a column of role {role} needs a type: one of {', '.join(ColumnType)}",
        )
        return
    stored = column.stored_type
    if column.time_zone is not None and stored is not ColumnType.TIMESTAMP:
        yield Disagreement(
            ("time_zone",), f"time_zone is for type timestamp; this column has type {stored}"
        )
    if role is Role.TIMESTAMP and stored is not ColumnType.TIMESTAMP:
        yield Disagreement(("type",), "a column of role timestamp must have type timestamp")
    if role in (Role.SCORE, Role.LATENCY, Role.WEIGHT) and stored not in (
        ColumnType.NUMBER,
        ColumnType.INTEGER,
    ):
        yield Disagreement(("type",), f"a column of role {role} must have type number or integer")
    if column.privacy is Privacy.DIRECT and stored is not ColumnType.TEXT:
        yield Disagreement(
            ("type",), "a column of privacy direct becomes a pseudonym: give it type text"
        )
    if column.privacy is Privacy.DIRECT and role in (Role.FEATURE, Role.SEGMENT):
        yield Disagreement(
            ("privacy",),
            "a direct identifier cannot be a feature or a segment; use role entity, "
            "or lower its privacy class if it does not identify anybody",
        )


def of_monitor(monitor: Monitor) -> list[Disagreement]:
    """Rules between the sections of a whole document."""
    rules = (
        _name_is_free,
        _roles_are_unique,
        _names_are_distinct,
        _sources_have_what_they_need,
        _columns_have_sources,
        _labels_can_be_used,
        _task_has_what_it_needs,
        _days_are_in_order,
        _labels_find_their_predictions,
        _segments_are_countable,
        _expectations_hold_columns,
        _objectives_are_distinct,
    )
    return [broken for rule in rules for broken in rule(monitor)]


def _name_is_free(monitor: Monitor) -> Iterator[Disagreement]:
    if monitor.name == LOCATION:
        yield Disagreement(
            ("name",), f"{LOCATION} is what all monitors together are called; choose another name"
        )


def _roles_are_unique(monitor: Monitor) -> Iterator[Disagreement]:
    for role in SINGLE_ROLES:
        names = monitor.with_role(role)
        if len(names) > 1:
            yield Disagreement(
                ("columns", names[1], "role"),
                f"columns {', '.join(names)} all have role {role}; one may have it",
            )
    for kind in Kind:
        stamps = monitor.with_role(Role.TIMESTAMP, kind)
        if len(stamps) > 1:
            yield Disagreement(
                ("columns", stamps[1], "role"),
                f"{kind} has {len(stamps)} columns of role timestamp; one may have it "
                "(`in` says which kinds of telemetry carry a column)",
            )
    if monitor.the(Role.ID) is None:
        yield Disagreement(
            ("columns",), "no column has role id, which joins predictions with labels"
        )


def _names_are_distinct(monitor: Monitor) -> Iterator[Disagreement]:
    folded: dict[str, str] = {}
    for name in monitor.columns:
        other = folded.setdefault(name.casefold(), name)
        if other != name:
            yield Disagreement(
                ("columns", name), f"columns {other!r} and {name!r} differ in case only"
            )
        if name.startswith("@"):
            yield Disagreement(
                ("columns", name), f"column {name!r} begins with @, which is reserved"
            )


def _sources(monitor: Monitor) -> dict[Kind, FileSource | SqlSource | None]:
    telemetry = monitor.telemetry
    return {
        Kind.FEATURES: telemetry.features,
        Kind.PREDICTIONS: telemetry.predictions,
        Kind.LABELS: telemetry.labels.source if telemetry.labels else None,
    }


def _is_filed_by_day(source: FileSource | SqlSource) -> bool:
    if source.kind == "sql":
        return source.query is not None
    return "{date}" in source.path


def _sources_have_what_they_need(monitor: Monitor) -> Iterator[Disagreement]:
    sources = _sources(monitor)
    if sources[Kind.FEATURES] is None and sources[Kind.PREDICTIONS] is None:
        yield Disagreement(
            ("telemetry",), "telemetry needs a source of features, of predictions, or both"
        )
    labels = monitor.telemetry.labels
    needing = [Kind.FEATURES, Kind.PREDICTIONS]
    if labels is not None and labels.filed_under is LabelDay.ARRIVAL:
        needing.append(Kind.LABELS)
    for kind in needing:
        source = sources[kind]
        if (
            source is not None
            and not _is_filed_by_day(source)
            and monitor.the(Role.TIMESTAMP, kind) is None
        ):
            yield Disagreement(
                ("telemetry", kind),
                f"telemetry.{kind} is not filed by day, so {kind} needs a column of role timestamp",
            )


def _columns_have_sources(monitor: Monitor) -> Iterator[Disagreement]:
    sources = _sources(monitor)
    for name, column in monitor.columns.items():
        if all(sources[kind] is None for kind in column.telemetry_kinds):
            kinds = ", ".join(column.telemetry_kinds)
            yield Disagreement(
                ("columns", name),
                f"column {name!r} belongs to {kinds}, for which there is no source",
            )


def _labels_can_be_used(monitor: Monitor) -> Iterator[Disagreement]:
    if monitor.telemetry.labels is None:
        return
    where = ("telemetry", "labels")
    if monitor.telemetry.predictions is None:
        yield Disagreement(where, "telemetry.labels needs telemetry.predictions to be joined with")
    label = monitor.the(Role.LABEL, Kind.LABELS)
    if label is None:
        yield Disagreement(where, "telemetry.labels needs a column of role label")
    key = monitor.the(Role.ID)
    for kind in (Kind.PREDICTIONS, Kind.LABELS):
        if key is not None and kind not in monitor.columns[key].telemetry_kinds:
            yield Disagreement(
                ("columns", key, "in"),
                f"{kind} must carry the id {key!r}, which joins predictions with labels",
            )
    if label is not None and monitor.model.task is Task.BINARY:
        yield from _positive_label_can_occur(monitor, label)


def _positive_label_can_occur(monitor: Monitor, label: str) -> Iterator[Disagreement]:
    """The default, 1, would leave labels such as `yes` without positives, and nobody told."""
    stored, positive = monitor.columns[label].stored_type, monitor.model.positive_label
    fits = {
        ColumnType.BOOLEAN: isinstance(positive, bool) or positive in (0, 1),
        ColumnType.INTEGER: isinstance(positive, int),
        ColumnType.NUMBER: isinstance(positive, int),
        ColumnType.CATEGORY: isinstance(positive, str),
        ColumnType.TEXT: isinstance(positive, str),
        ColumnType.TIMESTAMP: False,
    }
    if not fits[stored]:
        yield Disagreement(
            ("model", "positive_label"),
            f"label {label!r} has type {stored} and the positive_label {shown(positive)} another, "
            "so that none may equal it; write it as the labels hold it, text in quotes",
        )


def _task_has_what_it_needs(monitor: Monitor) -> Iterator[Disagreement]:
    model = monitor.model
    scores = monitor.with_role(Role.SCORE)
    decides = monitor.the(Role.PREDICTION) is not None
    if model.task is not Task.BINARY and model.threshold is not None:
        yield Disagreement(
            ("model", "threshold"), f"threshold is for task binary; this task is {model.task}"
        )
    if model.task is not Task.BINARY and model.costs is not None:
        yield Disagreement(
            ("model", "costs"), f"costs are for task binary; this task is {model.task}"
        )
    if model.task is not Task.MULTICLASS and model.classes:
        yield Disagreement(
            ("model", "classes"), f"classes is for task multiclass; this task is {model.task}"
        )
    if model.task is Task.BINARY and scores and not decides and model.threshold is None:
        yield Disagreement(
            ("model", "threshold"),
            "a binary model that logs scores and no decision needs model.threshold "
            "(the score from which the deployed model decides positive)",
        )
    if model.task is Task.BINARY and len(scores) > 1:
        yield Disagreement(
            ("columns", scores[1], "role"), "a binary model has one column of role score"
        )
    if model.task is Task.REGRESSION and monitor.telemetry.labels is not None and not decides:
        yield Disagreement(
            ("columns",), "a regression model with labels needs a column of role prediction"
        )
    if model.task is Task.MULTICLASS:
        yield from _classes_match_scores(monitor, scores)


def _classes_match_scores(monitor: Monitor, scores: list[str]) -> Iterator[Disagreement]:
    classes = monitor.model.classes
    if len(classes) < 2:
        yield Disagreement(
            ("model", "classes"), "a multiclass model needs model.classes, at least two"
        )
    labels = [monitor.columns[name].class_label for name in scores]
    if labels and sorted(map(str, labels)) != sorted(map(str, classes)):
        yield Disagreement(
            ("columns", scores[0], "class_label"),
            "the scores of a multiclass model need one class_label for each of model.classes",
        )


def _days_are_in_order(monitor: Monitor) -> Iterator[Disagreement]:
    if monitor.last_day is not None and monitor.last_day < monitor.first_day:
        yield Disagreement(
            ("last_day",),
            f"last_day {monitor.last_day} lies before first_day {monitor.first_day}",
        )
    reference = monitor.reference
    if reference.snapshots and reference.first_day < monitor.first_day:
        yield Disagreement(
            ("reference", "snapshots"),
            f"snapshots begin on first_day {monitor.first_day}, the reference on "
            f"{reference.first_day}; move one of them, or read the reference from sources",
        )


def _labels_find_their_predictions(monitor: Monitor) -> Iterator[Disagreement]:
    labels, kept = monitor.telemetry.labels, monitor.retention.snapshots_days
    if labels is not None and kept < labels.maturity_days:
        yield Disagreement(
            ("retention", "snapshots_days"),
            f"snapshots are kept for {kept} days and labels come up to {labels.maturity_days} days "
            "late, so that they would find no predictions; keep snapshots longer",
        )


def _segments_are_countable(monitor: Monitor) -> Iterator[Disagreement]:
    seen: set[frozenset[str]] = set()
    for index, segment in enumerate(monitor.segments):
        where = ("segments", index, "columns")
        if len(set(segment.columns)) < len(segment.columns) or frozenset(segment.columns) in seen:
            yield Disagreement(where, f"segment {', '.join(segment.columns)} is declared twice")
        seen.add(frozenset(segment.columns))
        for name in segment.columns:
            column = monitor.columns.get(name)
            if column is None:
                yield Disagreement(
                    where,
                    f"segment column {name!r} is not declared in columns{_meant(name, monitor)}",
                )
            elif column.stored_type not in (
                ColumnType.CATEGORY,
                ColumnType.BOOLEAN,
                ColumnType.INTEGER,
            ):
                yield Disagreement(
                    where,
                    f"segment column {name!r} has type {column.stored_type}; "
                    "it must be category, boolean or integer",
                )


def _expectations_hold_columns(monitor: Monitor) -> Iterator[Disagreement]:
    for index, expectation in enumerate(monitor.quality.expectations):
        where = ("quality", "expectations", index)
        if expectation.column is None:
            continue
        column = monitor.columns_of(expectation.kind).get(expectation.column)
        if column is None:
            yield Disagreement(
                (*where, "column"),
                f"expectation {expectation.expect} is about {expectation.column!r}, "
                f"which {expectation.kind} does not carry"
                f"{_meant(expectation.column, monitor)}",
            )
        elif column.privacy is Privacy.DIRECT and expectation.expect not in ("not_null", "unique"):
            yield Disagreement(
                (*where, "expect"),
                f"{expectation.column!r} is stored as a pseudonym, so {expectation.expect} "
                "cannot be checked; not_null and unique can",
            )


def _meant(name: str, monitor: Monitor) -> str:
    """Which declared column may have been meant by a name that none has."""
    near = difflib.get_close_matches(name, list(monitor.columns), n=1)
    return f"; did you mean {near[0]}?" if near and name not in monitor.columns else ""


def _objectives_are_distinct(monitor: Monitor) -> Iterator[Disagreement]:
    seen: set[str] = set()
    for index, slo in enumerate(monitor.slos):
        if slo.name in seen:
            yield Disagreement(("slos", index, "name"), f"two SLOs are named {slo.name!r}")
        seen.add(slo.name)
