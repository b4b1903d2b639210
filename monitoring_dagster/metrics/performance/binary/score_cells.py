"""What the cells of the score column stand for, and when they cannot be used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.performance.estimates import no_labels
from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.outcomes import BinaryCounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def cell_scores(cells: NumericCells | None) -> Floats:
    """One score for each cell, shape (cells,): its middle, or its value where it has only one.

    The outer cells stand at the border of the reference's range. Empty without cells.

    >>> cell_scores(NumericCells((0.0, 0.5, 1.0)))
    array([0.  , 0.25, 0.75, 1.  ])
    >>> cell_scores(NumericCells((0.0, 0.5, 1.0), is_discrete=True))
    array([0. , 0.5, 1. , 1. ])
    """
    if cells is None:
        return np.array([])
    edges = np.asarray(cells.edges, dtype=np.float64)
    inner = edges[1:] if cells.is_discrete else (edges[:-1] + edges[1:]) / 2
    return np.concatenate([edges[:1], inner, edges[-1:]])


def occupied(counts: BinaryCounts, scores: Floats) -> tuple[BinaryCounts, Floats]:
    """The counts and cell scores without the cells that hold no row; the outer cells stay."""
    if not len(scores) or len(scores) != len(counts.scores):
        return counts, scores
    kept = counts.scores.sum(axis=1) > 0
    kept[[0, -1]] = True
    return replace(counts, scores=counts.scores[kept]), scores[kept]


def blurred(scores: Ints) -> Estimate | None:
    """Why the order of these scores is lost, or None where the cells keep it.

    `scores[cell, label]` tells nothing about the order inside the two outer cells, beyond the
    reference's range. Half the pairs of a positive and a negative row that share one of them are
    what the area can be wrong by; a hundredth is too much.
    """
    of_class = scores.sum(axis=0)
    outer = scores[[0, -1]]
    pairs = float(of_class[0]) * float(of_class[1])
    lost = float(outer[0, 0]) * float(outer[0, 1]) + float(outer[1, 0]) * float(outer[1, 1])
    if lost <= 0.02 * pairs:
        return None
    below, above = outer.sum(axis=1).tolist()
    n = int(of_class.sum())
    return Estimate.without(
        Status.NO_DATA,
        Reason.BEYOND_GRID,
        f"of {n} scores {below} lie below and {above} above the cells of the reference, "
        "which do not tell them apart",
        n,
    )


def no_scores(counts: BinaryCounts) -> Estimate:
    """Why no labelled row carries a score."""
    labelled = int(counts.decisions.sum())
    if labelled == 0:
        return no_labels()
    return Estimate.without(
        Status.NO_DATA,
        Reason.NO_SCORES,
        f"none of {labelled} labelled rows carries a finite score",
    )


def not_probabilities(scores: Floats) -> Estimate | None:
    """Why these scores cannot be read as probabilities, or None where they can."""
    low, high = float(scores.min()), float(scores.max())
    # The grid may put an edge one float below 0, so that a threshold of 0 is exact.
    if low >= -1e-9 and high <= 1 + 1e-9:
        return None
    return Estimate.without(
        Status.NO_DATA,
        Reason.BEYOND_GRID,
        f"the scores of the reference reach from {low:.4g} to {high:.4g}; "
        "a probability between 0 and 1 is required",
    )
