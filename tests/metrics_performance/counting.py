"""Counts rows the slow and obvious way, and builds the small monitors that tests measure.

Independent of the engine on purpose: what both agree on is the contract of `profiles.outcomes`.
"""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.grid import Grid, NumericCells
from monitoring_dagster.profiles.outcomes import (
    CALIBRATION_BINS,
    BinaryCounts,
    MulticlassCounts,
    RegressionCounts,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def quantile_cells(values: Floats, cells: int = 1_000) -> NumericCells:
    """Cells between quantiles of `values`, the smallest value in the first inner cell."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, cells + 1)))
    edges[0] = np.nextafter(edges[0], -np.inf)
    return NumericCells(tuple(edges.tolist()))


def cell_of(values: Floats, cells: NumericCells) -> Ints:
    """Cells are closed above."""
    return np.searchsorted(np.asarray(cells.edges), values, side="left")


def count_binary(
    labels: Ints, scores: Floats, cells: NumericCells, decisions: Ints | None = None
) -> BinaryCounts:
    """Rows of label, score and deployed decision (score >= 0.5 unless given)."""
    decisions = (scores >= 0.5).astype(int) if decisions is None else decisions
    table = np.zeros((cells.cell_count, 2), dtype=np.int64)
    np.add.at(table, (cell_of(scores, cells), labels), 1)
    confusion = np.zeros((2, 2), dtype=np.int64)
    np.add.at(confusion, (labels, decisions), 1)
    bins = np.minimum((scores * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    chance = np.clip(np.where(labels == 1, scores, 1 - scores), 1e-15, 1 - 1e-15)
    return BinaryCounts(
        scores=table,
        decisions=confusion,
        bin_rows=np.bincount(bins, minlength=CALIBRATION_BINS),
        bin_scores=np.bincount(bins, weights=scores, minlength=CALIBRATION_BINS),
        bin_positives=np.bincount(bins, weights=labels, minlength=CALIBRATION_BINS).astype(int),
        log_loss=float(-np.log(chance).sum()),
        squared_error=float(((scores - labels) ** 2).sum()),
    )


def decided(tn: int, fp: int, fn: int, tp: int) -> BinaryCounts:
    """Only a confusion matrix: no scores were logged."""
    empty = BinaryCounts.empty(0)
    return BinaryCounts(**{**vars(empty), "decisions": np.array([[tn, fp], [fn, tp]])})


def scored(table: Ints) -> BinaryCounts:
    """Only scores by cell and label."""
    empty = BinaryCounts.empty(len(table))
    return BinaryCounts(**{**vars(empty), "scores": np.asarray(table)})


def count_multiclass(
    labels: Ints, predictions: Ints, scores: Floats | None, k: int
) -> MulticlassCounts:
    """Rows of label, prediction and one score per class."""
    empty = MulticlassCounts.empty(k)
    np.add.at(empty.confusion, (labels, predictions), 1)
    if scores is None:
        return empty
    cells = np.clip(np.ceil(scores * 1_000).astype(int) - 1, 0, 999)
    for c in range(k):
        np.add.at(empty.scores, (c, cells[:, c], (labels == c).astype(int)), 1)
    chance = np.clip(scores[np.arange(len(labels)), labels], 1e-15, 1 - 1e-15)
    return MulticlassCounts(
        empty.confusion, empty.scores, len(labels), float(-np.log(chance).sum())
    )


def count_regression(
    targets: Floats,
    predictions: Floats,
    residual: NumericCells,
    absolute: NumericCells,
    reference_mean: float = 0.0,
) -> RegressionCounts:
    """Rows of target and prediction."""
    errors = predictions - targets
    centred = targets - reference_mean
    nonzero = targets != 0
    ape = np.abs(errors[nonzero]) / np.abs(targets[nonzero])
    size = np.abs(targets) + np.abs(predictions)
    sape = np.divide(2 * np.abs(errors), size, out=np.zeros_like(size), where=size > 0)
    return RegressionCounts(
        n=len(targets),
        error=float(errors.sum()),
        absolute_error=float(np.abs(errors).sum()),
        squared_error=float((errors**2).sum()),
        cubed_error=float((errors**3).sum()),
        fourth_error=float((errors**4).sum()),
        target=float(centred.sum()),
        squared_target=float((centred**2).sum()),
        ape=float(ape.sum()),
        squared_ape=float((ape**2).sum()),
        zero_targets=int((~nonzero).sum()),
        sape=float(sape.sum()),
        squared_sape=float((sape**2).sum()),
        residuals=np.bincount(cell_of(errors, residual), minlength=residual.cell_count),
        absolute_residuals=np.bincount(
            cell_of(np.abs(errors), absolute), minlength=absolute.cell_count
        ),
    )


def probabilities(n: int, seed: int, base: float = -0.5) -> tuple[Ints, Floats]:
    """Labels and calibrated scores."""
    rng = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-(base + 1.5 * rng.standard_normal(n))))
    return (rng.random(n) < scores).astype(int), scores


MODELS = {
    "binary": {"task": "binary", "threshold": 0.5},
    "multiclass": {"task": "multiclass", "classes": ["ant", "bee", "cat"]},
    "regression": {"task": "regression"},
    "ranking": {"task": "ranking"},
}


def monitor(task: str, *, score: bool = True) -> Monitor:
    """The smallest monitor of a task, cut by region."""
    columns = {
        "id": {"role": "id"},
        "region": {"role": "segment", "in": ["predictions"]},
        "guess": {"role": "prediction", "type": "number"},
        "outcome": {"role": "label", "type": "number"},
    }
    if task == "binary" and score:
        columns["chance"] = {"role": "score"}
    document = {
        "schema_version": 1,
        "name": "small",
        "owner": "team:tests",
        "model": MODELS[task],
        "telemetry": {
            "predictions": {"kind": "parquet", "path": "p/{date}.parquet"},
            "labels": {"source": {"kind": "parquet", "path": "l/{date}.parquet"}},
        },
        "columns": columns,
        "reference": {"first_day": "2026-01-01", "last_day": "2026-01-31"},
        "first_day": "2026-02-01",
        "segments": [{"columns": ["region"]}],
    }
    return Monitor.model_validate_json(json.dumps(document))


def grid(columns: dict[str, NumericCells], regions: tuple[str, ...] = ("north", "south")) -> Grid:
    """A grid of these cells that tells two regions apart."""
    return Grid(columns, {"region": tuple((region,) for region in regions)})
