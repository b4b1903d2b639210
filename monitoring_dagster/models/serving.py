"""The model of a monitor: fetched, and answering in the monitor's words.

Its columns by the monitor's names, the probability of the monitor's positive class, classes in
the monitor's order. Reading models is `loading`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from monitoring_dagster.errors import ModelRefused, ModelUnavailable
from monitoring_dagster.models.loading import load
from monitoring_dagster.models.sklearn_model import SklearnModel
from monitoring_dagster.monitors.contract import Monitor, Role, Task


def model_of(
    monitor: Monitor, *, tracking_uri: str | None, trusted: Sequence[str] = ()
) -> SklearnModel:
    """Fetch the model that the monitor's document names.

    Raises:
        ModelUnavailable: the document names none, or it cannot be fetched.
        ModelRefused: it may not be read, or does not fit the monitor.
    """
    if monitor.model.uri is None:
        raise ModelUnavailable(
            f"monitor {monitor.name} names no model; give model.uri as models:/NAME@ALIAS"
        )
    return fitted_to(load(monitor.model.uri, tracking_uri=tracking_uri, trusted=trusted), monitor)


def fitted_to(model: SklearnModel, monitor: Monitor) -> SklearnModel:
    """The same model in the monitor's words.

    Raises:
        ModelRefused: it reads columns that are no features of the monitor, or has another task
            or other classes.
    """
    return replace(model, columns=_columns(model, monitor), chosen=_chosen(model, monitor))


def _columns(model: SklearnModel, monitor: Monitor) -> dict[str, str]:
    features = monitor.with_role(Role.FEATURE)
    by_source = {monitor.columns[name].source_name: name for name in features}
    columns = {name: name if name in features else by_source.get(name) for name in model.inputs}
    unknown = [name for name, column in columns.items() if column is None]
    if unknown:
        raise ModelRefused(
            f"{monitor.model.uri} reads {', '.join(unknown)}, which monitor {monitor.name} does "
            "not declare as features; declare the columns, or correct model.uri"
        )
    return {name: column for name, column in columns.items() if column is not None}


def _chosen(model: SklearnModel, monitor: Monitor) -> tuple[int, ...] | None:
    """Which of the model's classes the monitor asks for, in its order."""
    task = monitor.model.task
    if (task is Task.REGRESSION) != (not model.classes) or task is Task.RANKING:
        told = "a classifier" if model.classes else "a regression"
        raise ModelRefused(
            f"{monitor.model.uri} is {told}, and monitor {monitor.name} has the task {task}; "
            "correct model.uri or model.task"
        )
    if task is Task.REGRESSION:
        return None
    wanted = (monitor.model.positive_label,) if task is Task.BINARY else monitor.model.classes
    found = [_position(value, model.classes) for value in wanted]
    if -1 in found:
        raise ModelRefused(
            f"{monitor.model.uri} has the classes {list(model.classes)}, and monitor "
            f"{monitor.name} asks for {wanted[found.index(-1)]!r}; correct model.positive_label "
            "or model.classes"
        )
    return tuple(found)


def _position(value: Any, classes: Sequence[Any]) -> int:
    """Where a class is among others, whatever types say it; -1 if nowhere.

    >>> _position(1, [False, True]), _position("1", [0, 1]), _position("b", ["a"])
    (1, 1, -1)
    """
    wanted = _words(value)
    return next((i for i, one in enumerate(classes) if wanted & _words(one)), -1)


def _words(value: Any) -> set[str]:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    for names in ({"0", "0.0", "false"}, {"1", "1.0", "true"}):
        if text in names:
            return names
    return {text}
