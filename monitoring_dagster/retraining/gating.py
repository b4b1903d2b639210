"""Gating: both models asked about the same unseen rows, and what the gate says of their answers.

Which rows those are is `frames`, how the gate decides `gate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_dagster.models import Model
from monitoring_dagster.monitors.contract import Monitor, Role
from monitoring_dagster.profiles import segments
from monitoring_dagster.profiles.grid import Grid
from monitoring_dagster.retraining.gate.compared import Compared, Segment, Side, encoded
from monitoring_dagster.retraining.gate.comparing import compare
from monitoring_dagster.retraining.gate.decision import Decision
from monitoring_dagster.retraining.handover import DAY

TIMED_ROWS, TIMINGS = 1_000, 15
"""Rows that are scored again and again to see how long one takes, and how often."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Contender:
    """A model, and from which score on it decides.

    Args:
        model: asked about the rows; None of a champion that cannot be asked, whose logged answers
            then count.
        threshold: binary: of its decisions.
    """

    model: Model | None
    threshold: float | None


@dataclass(frozen=True)
class Gated:
    """What the gate says, and the answers that it says it of."""

    decision: Decision
    compared: Compared


def gate(
    monitor: Monitor,
    grid: Grid,
    rows: pa.Table,
    champion: Contender,
    challenger: Contender,
    *,
    monotonic: Callable[[], float],
) -> Gated:
    """Hold the challenger against the champion.

    Args:
        monitor: the document; says task, segments and rules.
        grid: of the champion's reference; says which segments there are.
        rows: matured rows that neither was trained on, as `frames.compared_schema` has them.
        champion: the model in production.
        challenger: the model that wants its place.
        monotonic: a clock in seconds, by which the models are timed.

    Raises:
        ModelRefused: the challenger cannot answer such rows.
    """
    model, label = monitor.model, monitor.the(Role.LABEL) or ""
    theirs, ours = _timings(champion.model, challenger.model, rows, monotonic)
    compared = Compared(
        encoded(
            rows.column(label).to_pylist(),
            model.task,
            positive_label=model.positive_label,
            classes=model.classes,
        ),
        rows.column(DAY).to_numpy().astype("datetime64[D]"),
        _side(monitor, rows, champion, theirs),
        _side(monitor, rows, challenger, ours),
    )
    decision = compare(
        compared,
        monitor.retraining.gate,
        task=model.task,
        segments=dict(_segments(monitor, grid, rows)),
    )
    return Gated(decision, compared)


def _side(monitor: Monitor, rows: pa.Table, contender: Contender, seconds: Floats | None) -> Side:
    model = contender.model
    scores = _logged(monitor, rows) if model is None else model.predict(rows)
    return Side(scores, contender.threshold, seconds)


def _timings(
    champion: Model | None, challenger: Model | None, rows: pa.Table, monotonic: Callable[[], float]
) -> tuple[Floats, Floats] | tuple[None, None]:
    """Seconds per row of repeated scorings, the models in turn: other work slows both alike."""
    if champion is None or challenger is None or not rows.num_rows:
        return None, None
    few = rows.slice(0, TIMED_ROWS)
    taken: list[list[float]] = []
    for _ in range(TIMINGS):
        instants = [monotonic()]
        for model in (champion, challenger):
            model.predict(few)
            instants.append(monotonic())
        taken.append([(after - before) / few.num_rows for before, after in pairwise(instants)])
    theirs, ours = np.asarray(taken).T
    return theirs, ours


def _logged(monitor: Monitor, rows: pa.Table) -> Floats:
    """What the champion answered in production; NaN where nothing was logged."""
    scores = monitor.with_role(Role.SCORE) or monitor.with_role(Role.PREDICTION)
    order = {monitor.columns[name].class_label: name for name in scores}
    names = [order.get(label, "") for label in monitor.model.classes] or scores[:1]
    columns = [
        rows.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
        if name
        else np.full(rows.num_rows, np.nan)
        for name in names
    ]
    return np.column_stack(columns) if monitor.model.classes else columns[0]


def _segments(monitor: Monitor, grid: Grid, rows: pa.Table) -> Iterator[tuple[str, Segment]]:
    """The declared segments that the champion's reference tells apart, each with its rows."""
    for declared in monitor.segments:
        cut = segments.key(declared.columns)
        texts = {
            name: rows.column(name).cast(pa.string()).to_numpy(zero_copy_only=False)
            for name in declared.columns
        }
        for values in grid.segments.get(cut, ()):
            pairs = zip(declared.columns, values, strict=True)
            members = np.logical_and.reduce([texts[name] == value for name, value in pairs])
            yield (
                segments.label(declared.columns, values),
                Segment(members, declared.protected, cut),
            )
