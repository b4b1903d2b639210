"""The model of a monitor: fetched, and answering in the monitor's words.

Its columns by the monitor's names, the probability of the monitor's positive class, classes in
the monitor's order. Reading models is `loading`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from monitoring_dagster.errors import ModelRefused, ModelUnavailable
from monitoring_dagster.models import open_inference, registry
from monitoring_dagster.models.allowed import REGISTERED_ONLY, Allowed
from monitoring_dagster.models.endpoint import Connection, EndpointModel
from monitoring_dagster.models.loading import load
from monitoring_dagster.models.served import Served
from monitoring_dagster.models.simple_protocol import SimpleProtocol
from monitoring_dagster.monitors.contract import Monitor, Role, Task

AnyModel = TypeVar("AnyModel", bound=Served[Any])


def model_of(
    monitor: Monitor,
    *,
    tracking_uri: str | None,
    trusted: Sequence[str] = (),
    version: str | None = None,
    allowed: Allowed = REGISTERED_ONLY,
) -> Served[Any]:
    """Fetch the model that the monitor's document names.

    Args:
        monitor: the monitor.
        tracking_uri: address of the MLflow registry.
        trusted: full names of types that a model may consist of beyond `trust.TRUSTED`.
        version: of the registered model that the document names, instead of the one it names:
            a challenger, or a former champion.
        allowed: where else models may lie, what of them is trusted, who may answer.

    Raises:
        ModelUnavailable: the document names none, it has no such version, or it cannot be fetched.
        ModelRefused: it may not be read, or does not fit the monitor.
    """
    uri = monitor.model.uri
    if uri is None:
        raise ModelUnavailable(
            f"monitor {monitor.name} names no model; give model.uri as models:/NAME@ALIAS"
        )
    if version is not None:
        uri = f"models:/{_registered(monitor)}/{version}"
    if uri.startswith(("http://", "https://")):
        return _endpoint(monitor, uri, allowed)
    model = load(uri, tracking_uri=tracking_uri, trusted=trusted, allowed=allowed)
    return fitted_to(model, monitor)


def version_of(monitor: Monitor, alias: str, *, tracking_uri: str | None) -> str | None:
    """The version of the monitor's registered model that has an alias; None where none has it.

    Raises:
        ModelUnavailable: the document names no registered model, or the registry does not answer.
    """
    return registry.aliased(_registered(monitor), alias, tracking_uri)


def _registered(monitor: Monitor) -> str:
    name = registry.name_of(monitor.model.uri or "")
    if name is None:
        raise ModelUnavailable(
            f"monitor {monitor.name} names {monitor.model.uri or 'no model'}, which has no "
            "versions; give model.uri as models:/NAME@ALIAS"
        )
    return name


def fitted_to(model: AnyModel, monitor: Monitor) -> AnyModel:
    """The same model in the monitor's words.

    Raises:
        ModelRefused: it reads columns that are no features of the monitor, or has another task
            or other classes.
    """
    if model.classes is None:
        model = replace(model, classes=_numbered(monitor))
    return replace(model, columns=_columns(model, monitor), chosen=_chosen(model, monitor))


def _numbered(monitor: Monitor) -> tuple[int, ...]:
    """Classes of a model that does not name them: the numbers from 0 on."""
    count = {Task.BINARY: 2, Task.MULTICLASS: len(monitor.model.classes)}
    return tuple(range(count.get(monitor.model.task, 0)))


def _endpoint(monitor: Monitor, url: str, allowed: Allowed) -> EndpointModel:
    """The model behind a URL, which by its contract answers in the monitor's words."""
    task = monitor.model.task
    if task is Task.RANKING:
        raise ModelRefused("a ranking has no score per row; an endpoint cannot be asked for one")
    scoring = allowed.scoring
    scoring.checked(url)
    names = {monitor.columns[n].source_name or n: n for n in monitor.with_role(Role.FEATURE)}
    read: Sequence[str] = list(names)
    exchange: Any = SimpleProtocol(url)
    if open_inference.is_spoken_at(url):
        exchange = open_inference.found_at(url, scoring, read, task is not Task.REGRESSION)
        read = open_inference.inputs_of(exchange, read)
    classes: Sequence[Any] = {
        Task.BINARY: (f"not {monitor.model.positive_label}", monitor.model.positive_label),
        Task.MULTICLASS: monitor.model.classes,
    }.get(task, ())
    return EndpointModel(
        Connection(scoring, exchange),
        dict.fromkeys(read, ""),
        {name: names[name] for name in read},
        classes,
        (1,) if task is Task.BINARY else None,
    )


def _columns(model: Served[Any], monitor: Monitor) -> dict[str, str]:
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


def _chosen(model: Served[Any], monitor: Monitor) -> tuple[int, ...] | None:
    """Which of the model's classes the monitor asks for, in its order."""
    task = monitor.model.task
    known = model.classes or ()
    if (task is Task.REGRESSION) != (not known) or task is Task.RANKING:
        told = "a classifier" if known else "a regression"
        raise ModelRefused(
            f"{monitor.model.uri} is {told}, and monitor {monitor.name} has the task {task}; "
            "correct model.uri or model.task"
        )
    if task is Task.REGRESSION:
        return None
    wanted = (monitor.model.positive_label,) if task is Task.BINARY else monitor.model.classes
    found = [_position(value, known) for value in wanted]
    if -1 in found:
        raise ModelRefused(
            f"{monitor.model.uri} has the classes {list(known)}, and monitor "
            f"{monitor.name} asks for {wanted[found.index(-1)]!r}; correct model.positive_label "
            "or model.classes, or let a model that knows its classes as numbers name them: "
            "metadata={'classes': [...]}"
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
