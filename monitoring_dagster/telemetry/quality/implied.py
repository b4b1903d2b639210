"""Which expectations hold for a monitor: implied by its contract, learned, and its own.

How one is evaluated is `validation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from monitoring_dagster.monitors.contract import (
    Column,
    Expectation,
    Kind,
    Monitor,
    Role,
    Severity,
    Task,
)


def expectations(monitor: Monitor, learned: Sequence[Expectation]) -> list[Expectation]:
    """Everything that the day's snapshots are checked against.

    The more specific wins: where the document itself expects something of a column, nothing of
    that sort is learned, and where something was learned, nothing is implied. `learned` is left
    out when the document says `quality.learn: false`.
    """
    layers = [
        monitor.quality.expectations,
        learned if monitor.quality.learn else (),
        list(_implied(monitor)),
    ]
    chosen: list[Expectation] = []
    for layer in layers:
        taken = {(e.kind, e.column, e.expect) for e in chosen}
        chosen += [e for e in layer if (e.kind, e.column, e.expect) not in taken]
    return chosen


def _implied(monitor: Monitor) -> Iterator[Expectation]:
    for kind in Kind:
        if getattr(monitor.telemetry, kind) is None:
            continue
        for name, column in monitor.columns_of(kind).items():
            yield from _of_column(monitor, kind, name, column)


def _of_column(monitor: Monitor, kind: Kind, name: str, column: Column) -> Iterator[Expectation]:
    binary_or_multiclass = monitor.model.task in (Task.BINARY, Task.MULTICLASS)
    if column.role is Role.ID:
        because = "it joins features, predictions and labels"
        for expect in ("not_null", "unique"):
            yield _expect(expect, kind, name, severity=Severity.CRITICAL, because=because)
    if column.role is Role.TIMESTAMP and kind is not Kind.LABELS:
        because = "it says which day a row belongs to"
        yield _expect("not_null", kind, name, severity=Severity.CRITICAL, because=because)
    if any(name in segment.columns for segment in monitor.segments):
        because = "traffic is cut by it; a null is in no declared segment"
        yield _expect("not_null", kind, name, mostly=0.99, because=because)
    if column.role in (Role.PREDICTION, Role.SCORE):
        because = "a request without it is not watched"
        yield _expect("not_null", kind, name, mostly=0.99, because=because)
    if column.role is Role.SCORE and binary_or_multiclass:
        because = "a score is a probability"
        yield _expect("between", kind, name, minimum=0.0, maximum=1.0, because=because)
    if column.role in (Role.LATENCY, Role.WEIGHT):
        because = f"a {column.role} is never negative"
        yield _expect("between", kind, name, minimum=0.0, because=because)
    if column.role in (Role.PREDICTION, Role.LABEL) and monitor.model.task is Task.MULTICLASS:
        because = "model.classes names every class"
        yield _expect("in_set", kind, name, values=monitor.model.classes, because=because)


def _expect(expect: str, kind: Kind, column: str, **rest: object) -> Expectation:
    return Expectation.model_validate({"expect": expect, "of": kind, "column": column, **rest})
