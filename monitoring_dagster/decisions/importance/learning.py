"""Learning the importance of features from a sample of the reference.

By permutation where the model answers and labels are known, else by what the features tell of
the logged answers. The sample is drawn by `profiles.reference_rows`, the model read by `models`.
"""

# Arrow has no stubs: what comes from it has no type that a strict check could know.
# pyright: standard

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_dagster.decisions.importance.cells import (
    Floats,
    Ints,
    floats,
    is_numeric,
    of_column,
)
from monitoring_dagster.decisions.importance.mutual_information import mutual_information
from monitoring_dagster.decisions.importance.permutation import permutation
from monitoring_dagster.decisions.importance.ranking import Importance
from monitoring_dagster.decisions.importance.scoring import score_of
from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models import Model
from monitoring_dagster.monitors.contract import Column, Monitor, Role, Task
from monitoring_dagster.profiles.lookup import positions
from monitoring_dagster.profiles.outcome_tallies import is_value

MOST_ROWS = 5_000
"""Rows that the model is asked about, three times per feature: 0.6 s for the 13 features of the
flights, whose losses of AUC then vary by .001 to .008 between samples."""

FEWEST_LABELS = 100
"""With fewer labels, or fewer of either class than a tenth of these, losses are noise."""


def learn(
    monitor: Monitor,
    rows: pa.Table,
    model: Model | None,
    *,
    why_no_model: str = "",
    seed: int = 0,
    most: int = MOST_ROWS,
    repeats: int = 3,
) -> Importance:
    """The importance of every feature of the monitor.

    Args:
        monitor: says what is predicted from what.
        rows: a sample of the reference, as `reference_rows.sample` draws it.
        model: the monitored one; None where it cannot be asked.
        why_no_model: told when there is none.
        seed: of the shuffles.
        most: rows that the model is asked about.
        repeats: shuffles per feature.

    Returns:
        Losses by permutation; bits by mutual information when there is no model, it refuses the
        rows, or too few labels are known; without values when there are no scores either.
    """
    features = monitor.with_role(Role.FEATURE)
    if model is None:
        return _told(monitor, rows, features, why_no_model or "the model cannot be asked")
    labels, is_labelled = _labels(monitor, rows)
    why = _too_few(monitor, labels[is_labelled])
    if why:
        return _told(monitor, rows, features, why)
    known = rows.filter(pa.array(is_labelled))
    rng = np.random.default_rng(seed)
    places = np.sort(rng.permutation(known.num_rows)[:most])
    read = [name for name in features if name in model.features]
    try:
        losses = permutation(
            model.predict,
            known.take(pa.array(places)).combine_chunks(),
            labels[is_labelled][places],
            read,
            score_of(monitor.model.task),
            rng,
            repeats=repeats,
        )
    except ModelRefused as refused:
        return _told(monitor, rows, features, str(refused))
    if not np.isfinite(list(losses.values())).all():
        return _told(monitor, rows, features, "the model's answers cannot be scored")
    return Importance({name: losses.get(name, 0.0) for name in features}, "permutation")


def _told(monitor: Monitor, rows: pa.Table, features: list[str], why: str) -> Importance:
    """Importance from the logged answers."""
    answers = _answers(monitor, rows)
    if answers is None:
        return Importance({}, "mutual_information", f"{why}; no scores of the reference are left")
    cells, is_answered = answers
    answered = rows.filter(pa.array(is_answered))
    columns = {name: of_column(answered.column(name)) for name in features}
    return Importance(mutual_information(columns, cells[is_answered]), "mutual_information", why)


def _answers(monitor: Monitor, rows: pa.Table) -> tuple[Ints, NDArray[np.bool_]] | None:
    """Coarse cells of the logged answers, and where there is one; None without any."""
    scores = monitor.with_role(Role.SCORE)
    prediction = monitor.with_role(Role.PREDICTION)
    if len(scores) > 1 and not prediction:
        values = np.stack([floats(rows.column(name)) for name in scores])
        is_answered = np.isfinite(values).all(axis=0)
        cells = np.argmax(np.where(np.isfinite(values), values, 0.0), axis=0)
    else:
        # One score says more than the decision that was made of it, several less.
        name = next(iter(scores if len(scores) == 1 else prediction), None)
        if name is None:
            return None
        column = rows.column(name)
        cells = of_column(column)
        is_answered = ~np.isnan(floats(column)) if is_numeric(column) else _is_known(column)
    return (cells.astype(np.int64), np.asarray(is_answered)) if is_answered.any() else None


def _is_known(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(column.is_valid().to_numpy(), dtype=np.bool_)


def _labels(monitor: Monitor, rows: pa.Table) -> tuple[Floats, NDArray[np.bool_]]:
    """Labels as the task's score takes them, and where one is known."""
    name = monitor.the(Role.LABEL)
    if name is None:
        return np.zeros(rows.num_rows), np.zeros(rows.num_rows, dtype=bool)
    column: Any = rows.column(name).combine_chunks()
    declared: Column = monitor.columns[name]
    is_known = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)
    if monitor.model.task is Task.BINARY:
        return is_value(column, declared, monitor.model.positive_label).astype(float), is_known
    if monitor.model.task is Task.MULTICLASS:
        words = [str(c).lower() if isinstance(c, bool) else str(c) for c in monitor.model.classes]
        codes = positions(column, pa.array(words, pa.string()), null=-1, other=-1)
        return codes.astype(float), codes >= 0
    values = floats(rows.column(name))
    return values, np.isfinite(values)


def _too_few(monitor: Monitor, labels: Floats) -> str:
    """Why the known labels do not suffice; empty when they do."""
    if monitor.model.task is Task.RANKING:
        return "a ranking has no score per row"
    if len(labels) < FEWEST_LABELS:
        return f"only {len(labels)} labels of the reference are known ({FEWEST_LABELS} needed)"
    _, counts = np.unique(labels, return_counts=True)
    fewest = FEWEST_LABELS // 10
    if len(counts) < 2:
        return "all labels of the reference are the same"
    if monitor.model.task is Task.BINARY and counts.min() < fewest:
        return f"only {counts.min()} labels of one class are known ({fewest} needed)"
    return ""
