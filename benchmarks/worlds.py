"""The bundled data sets as the system holds them: a monitor, a frozen reference, counted chunks.

Chunks of the reference stand for its days. What is measured on them is `estimates`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import bundled
from monitoring_dagster.metrics.estimated import Estimates, encode
from monitoring_dagster.metrics.estimated.rows import Rows, as_text
from monitoring_dagster.monitors.contract import Monitor, Role, Task
from monitoring_dagster.profiles.freezing import (
    PROBABILITY_CELLS,
    SCORE_QUANTILES,
    is_category,
    with_threshold,
)
from monitoring_dagster.profiles.grid import CategoryCells, Cells, Grid, NumericCells
from monitoring_dagster.profiles.outcomes import (
    BinaryCounts,
    LabelCounts,
    MulticlassCounts,
    OutcomeCounts,
    Outcomes,
    RegressionCounts,
)
from monitoring_dagster.profiles.profile import EVERYTHING, ColumnCounts, GroupCounts, Profile
from monitoring_dagster.profiles.reference import FrozenReference

FIRST_DAY = dt.date(2026, 1, 1)
_NUMBERS = {"int64": "integer", "double": "number", "bool": "boolean"}


@dataclass(frozen=True)
class DataSet:
    """One bundled data set, and how NannyML is to be called on it."""

    name: str
    files: tuple[str, str, str]
    task: Task
    label: str
    prediction: str
    chunk: int
    metrics: tuple[str, ...]
    scores: tuple[tuple[str, str], ...] = ()
    """Score columns with their class; the class is empty for a binary model."""
    ignored: tuple[str, ...] = ("id", "timestamp", "year")


SETS = (
    DataSet(
        "MA employment",
        ("employment_MA_reference", "employment_MA_analysis", "employment_MA_analysis_target"),
        Task.BINARY,
        "employed",
        "prediction",
        5_000,
        ("roc_auc", "accuracy", "f1"),
        (("predicted_probability", ""),),
    ),
    DataSet(
        "car loan",
        (
            "synthetic_car_loan_reference",
            "synthetic_car_loan_analysis",
            "synthetic_car_loan_analysis_target",
        ),
        Task.BINARY,
        "repaid",
        "y_pred",
        5_000,
        ("roc_auc", "average_precision", "accuracy", "precision", "recall", "specificity", "f1"),
        (("y_pred_proba", ""),),
    ),
    DataSet(
        "credit card",
        ("mc_reference", "mc_analysis", "mc_analysis_gt"),
        Task.MULTICLASS,
        "y_true",
        "y_pred",
        6_000,
        ("roc_auc_macro", "accuracy", "f1_macro", "precision_macro", "recall_macro"),
        tuple(
            (f"y_pred_proba_{c}", c) for c in ("prepaid_card", "highstreet_card", "upmarket_card")
        ),
    ),
    DataSet(
        "car price",
        (
            "regression_synthetic_reference",
            "regression_synthetic_analysis",
            "regression_synthetic_analysis_targets",
        ),
        Task.REGRESSION,
        "y_true",
        "y_pred",
        6_000,
        ("mae", "rmse"),
    ),
)


@dataclass(frozen=True)
class Chunk:
    """One chunk of the analysis part: what came in, and what the metrics turned out to be."""

    profile: Profile
    rows: Rows
    realised: dict[str, float]


@dataclass(frozen=True)
class World:
    """A data set as the system holds it: chunks of the reference are its days."""

    data: DataSet
    monitor: Monitor
    grid: Grid
    frozen: FrozenReference
    reference: Rows
    chunks: tuple[Chunk, ...]

    def estimates(self, **settings: Any) -> Estimates:
        """The estimates of this world; `settings` as for `Estimates`."""
        return Estimates(
            self.monitor, self.grid, self.frozen, reference_rows=self.reference, **settings
        )


def world(name: str) -> World:
    """One data set, read, joined by id, cut, and counted."""
    data = next(d for d in SETS if d.name == name)
    reference, analysis, target = (bundled.read(file) for file in data.files)
    if not np.array_equal(analysis["id"].to_numpy(), target["id"].to_numpy()):
        raise ValueError(f"the targets of {name} are in another order than its rows")
    if data.label in analysis.column_names:
        analysis = analysis.drop_columns([data.label])
    analysis = analysis.append_column(data.label, target[data.label])
    reference, analysis = _plain(reference), _plain(analysis)
    monitor = _monitor(data, reference)
    grid = _grid(monitor, reference)
    return World(
        data,
        monitor,
        grid,
        _frozen(data, monitor, grid, reference),
        encode(reference, monitor, grid),
        tuple(
            Chunk(profile(monitor, grid, part), encode(part, monitor, grid), realised(data, part))
            for part in _cut(analysis, data.chunk)
        ),
    )


def realised(data: DataSet, table: pa.Table) -> dict[str, float]:
    """What scikit-learn says of the rows."""
    from sklearn import metrics

    truth, guess = (_values(table, n) for n in (data.label, data.prediction))
    if data.task is Task.REGRESSION:
        return {
            "mae": float(metrics.mean_absolute_error(truth, guess)),
            "rmse": float(metrics.root_mean_squared_error(truth, guess)),
        }
    scores = np.column_stack([_values(table, name) for name, _ in data.scores])
    if data.task is Task.BINARY:
        return {
            "roc_auc": metrics.roc_auc_score(truth, scores[:, 0]),
            "average_precision": metrics.average_precision_score(truth, scores[:, 0]),
            "accuracy": metrics.accuracy_score(truth, guess),
            "precision": metrics.precision_score(truth, guess),
            "recall": metrics.recall_score(truth, guess),
            "specificity": metrics.recall_score(truth, guess, pos_label=0),
            "f1": metrics.f1_score(truth, guess),
        }
    classes = [c for _, c in data.scores]
    areas = [metrics.roc_auc_score(truth == c, scores[:, k]) for k, c in enumerate(classes)]
    return {
        "roc_auc_macro": float(np.mean(areas)),
        "accuracy": metrics.accuracy_score(truth, guess),
        "precision_macro": metrics.precision_score(truth, guess, average="macro"),
        "recall_macro": metrics.recall_score(truth, guess, average="macro"),
        "f1_macro": metrics.f1_score(truth, guess, average="macro"),
    }


def profile(monitor: Monitor, grid: Grid, table: pa.Table) -> Profile:
    """Count scores and predictions of the rows; estimates read no other column."""
    names = [*monitor.with_role(Role.SCORE), *monitor.with_role(Role.PREDICTION)]
    columns: dict[str, ColumnCounts] = {}
    for name in names:
        cells = grid.columns[name]
        columns[name] = ColumnCounts(_counted(cells, _values(table, name)), rows=table.num_rows)
    return Profile(grid.id, {EVERYTHING: GroupCounts(table.num_rows, columns)})


def score_cells(scores: np.ndarray, threshold: float | None = None) -> NumericCells:
    """Cells as they are frozen for a score: quantiles of the reference and equal cells."""
    values = np.unique(scores)
    if values.size > SCORE_QUANTILES:
        shares = np.linspace(0, 1, SCORE_QUANTILES + 1)[1:]
        quantiles = np.quantile(scores, shares, method="inverted_cdf")
        values = np.union1d(quantiles, np.linspace(0, 1, PROBABILITY_CELLS + 1))
        cells = NumericCells((np.nextafter(0.0, -1.0), *values.tolist()))
    else:
        start = float(np.nextafter(values[0], -np.inf))
        cells = NumericCells((start, *values.tolist()), is_discrete=True)
    return cells if threshold is None else with_threshold(cells, threshold)


def _plain(table: pa.Table) -> pa.Table:
    """Dictionaries and large strings as texts."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type) or pa.types.is_large_string(field.type):
            table = table.set_column(place, field.name, table[field.name].cast(pa.string()))
    return table.combine_chunks()


def _cut(table: pa.Table, rows: int) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)


def _monitor(data: DataSet, table: pa.Table) -> Monitor:
    scores = dict(data.scores)
    columns: dict[str, dict[str, object]] = {"id": {"role": "id"}}
    for field in table.schema:
        kind = _NUMBERS.get(str(field.type), "category")
        if field.name in scores:
            columns[field.name] = {"role": "score"}
            if scores[field.name]:
                columns[field.name]["class_label"] = scores[field.name]
        elif field.name == data.label:
            columns[field.name] = {"role": "label", "type": kind}
        elif field.name == data.prediction:
            columns[field.name] = {"role": "prediction", "type": kind}
        elif field.name not in data.ignored:
            columns[field.name] = {"role": "feature", "type": kind}
    model: dict[str, object] = {"task": data.task.value}
    if data.task is Task.MULTICLASS:
        model["classes"] = [c for _, c in data.scores]
    source = {"kind": "parquet", "path": "{date}.parquet"}
    document = {
        "schema_version": 1,
        "name": "bundled",
        "owner": "team:benchmarks",
        "model": model,
        "telemetry": {"features": source, "predictions": source, "labels": {"source": source}},
        "columns": columns,
        "reference": {"first_day": "2026-01-01", "last_day": "2026-01-31"},
        "first_day": "2026-02-01",
    }
    return Monitor.model_validate_json(json.dumps(document))


def _grid(monitor: Monitor, table: pa.Table) -> Grid:
    columns: dict[str, Cells] = {}
    for name, column in monitor.columns.items():
        if column.role not in (Role.FEATURE, Role.SCORE, Role.PREDICTION):
            continue
        if is_category(column):
            counts = table[name].cast(pa.string()).value_counts().to_pylist()
            found = [c for c in counts if c["values"] is not None]
            ordered = sorted(found, key=lambda c: (-c["counts"], c["values"]))
            columns[name] = CategoryCells(tuple(c["values"] for c in ordered))
            continue
        values = _values(table, name).astype(np.float64)
        values = values[np.isfinite(values)]
        if column.role is Role.SCORE:
            columns[name] = score_cells(values)
            continue
        edges = np.unique(np.quantile(values, np.linspace(0, 1, 1_001), method="inverted_cdf"))
        start = float(np.nextafter(edges[0], -np.inf))
        columns[name] = NumericCells((start, *edges.tolist()), len(edges) <= 1_000)
    return Grid(columns, {})


def _frozen(data: DataSet, monitor: Monitor, grid: Grid, table: pa.Table) -> FrozenReference:
    """The reference, its chunks standing for days."""
    days = {
        FIRST_DAY + dt.timedelta(days=number): _outcomes(data, monitor, grid, part)
        for number, part in enumerate(_cut(table, data.chunk))
    }
    total = Outcomes(grid.id, {})
    for outcomes in days.values():
        total += outcomes
    return FrozenReference(
        id="bundled",
        grid=grid,
        profile=profile(monitor, grid, table),
        outcomes=total,
        days={},
        daily_outcomes=days,
        target_mean=0.0,
        rows=table.num_rows,
        created_at=dt.datetime(2026, 2, 1, tzinfo=dt.UTC),
        unusable={},
    )


def _outcomes(data: DataSet, monitor: Monitor, grid: Grid, table: pa.Table) -> Outcomes:
    counted: dict[Task, Callable[[DataSet, Grid, pa.Table], OutcomeCounts]] = {
        Task.BINARY: _binary,
        Task.MULTICLASS: _multiclass,
        Task.REGRESSION: _regression,
    }
    n = table.num_rows
    labels = LabelCounts(n, n, np.zeros(0, dtype=np.int64))
    counts = counted[monitor.model.task](data, grid, table)
    return Outcomes(grid.id, {EVERYTHING: counts}, {EVERYTHING: labels})


def _binary(data: DataSet, grid: Grid, table: pa.Table) -> BinaryCounts:
    name = data.scores[0][0]
    cells = grid.columns[name]
    labels = _values(table, data.label).astype(np.int64)
    at = 2 * np.searchsorted(cells.borders, _values(table, name)) + labels
    scores = np.bincount(at, minlength=2 * cells.cell_count).reshape(-1, 2)
    decided = 2 * labels + _values(table, data.prediction).astype(np.int64)
    decisions = np.bincount(decided, minlength=4).reshape(2, 2)
    empty = vars(BinaryCounts.empty(cells.cell_count))
    return BinaryCounts(**{**empty, "scores": scores, "decisions": decisions})


def _multiclass(data: DataSet, grid: Grid, table: pa.Table) -> MulticlassCounts:
    del grid  # all classes share 1,000 equal cells
    classes = [c for _, c in data.scores]
    empty = MulticlassCounts.empty(len(classes))
    place = {c: i for i, c in enumerate(classes)}
    labels, guesses = (
        np.array([place[v] for v in table[n].to_pylist()]) for n in (data.label, data.prediction)
    )
    np.add.at(empty.confusion, (labels, guesses), 1)
    for k, (name, _) in enumerate(data.scores):
        cells = np.clip(np.ceil(_values(table, name) * 1_000).astype(int) - 1, 0, 999)
        np.add.at(empty.scores, (k, cells, (labels == k).astype(int)), 1)
    return MulticlassCounts(empty.confusion, empty.scores, table.num_rows, 0.0)


def _regression(data: DataSet, grid: Grid, table: pa.Table) -> RegressionCounts:
    del grid  # errors are summed, not counted on cells
    errors = _values(table, data.prediction) - _values(table, data.label)
    sums = {"absolute_error": float(np.abs(errors).sum()), "squared_error": float(errors @ errors)}
    return RegressionCounts(**{**vars(RegressionCounts.empty(0, 0)), "n": len(errors), **sums})


def _values(table: pa.Table, name: str) -> np.ndarray:
    return table[name].to_numpy()


def _counted(cells: Cells, values: np.ndarray) -> np.ndarray:
    if isinstance(cells, NumericCells):
        at = np.searchsorted(cells.borders, values.astype(np.float64))
    else:
        place = {c: i for i, c in enumerate(cells.categories)}
        at = np.array([place.get(as_text(v), len(place)) for v in values.tolist()])
    return np.bincount(at, minlength=cells.cell_count)
