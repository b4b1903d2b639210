"""Logistic regression of labels on the log odds of the scores, fitted to counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary.confusion import one_class_only
from monitoring_dagster.metrics.performance.binary.score_cells import (
    blurred,
    no_scores,
    not_probabilities,
)
from monitoring_dagster.profiles.outcomes import BinaryCounts

Floats = NDArray[np.float64]

CLIP = 1e-6
"""Scores are kept this far from 0 and 1, whose log odds are infinite."""


def log_odds(scores: Floats) -> Floats:
    """ln(score / (1 - score)) of clipped scores."""
    clipped = np.clip(scores, CLIP, 1 - CLIP)
    return np.log(clipped / (1 - clipped))


def unusable(counts: BinaryCounts, scores: Floats) -> Estimate | None:
    """Why calibration cannot be fitted to these counts, or None where it can."""
    if not counts.scores.any():
        return no_scores(counts)
    if problem := not_probabilities(scores):
        return problem
    negatives, positives = counts.scores.sum(axis=0).tolist()
    if positives == 0 or negatives == 0:
        return one_class_only(positives, negatives)
    return blurred(counts.scores)


def fit(design: Floats, offset: Floats, counts: Floats, start: Floats) -> tuple[Floats, Floats]:
    """Coefficients and their covariance by Newton's method with bounded steps.

    `design` has shape (cells, coefficients), `offset` (cells,), `counts[cell, label]` (cells, 2),
    `start` (coefficients,). The covariance is the inverse of the information matrix.
    Source: McCullagh and Nelder, Generalized Linear Models, section 4.4.

    Raises:
        ArithmeticError: no maximum was found in 100 steps.
    """
    rows, positives = counts.sum(axis=1), counts[:, 1]

    def likelihood(at: Floats) -> float:
        linear = offset + design @ at
        return float(positives @ linear - rows @ np.logaddexp(0, linear))

    coefficients: Floats = start
    reached = likelihood(start)
    for _ in range(100):
        linear: Floats = offset + design @ coefficients
        # Of both signs of the exponent the one that keeps small chances, and so the information.
        small = np.exp(-np.abs(linear))
        chances = np.where(linear < 0, small, 1.0) / (1 + small)
        information: Floats = design.T @ (design * (rows * small / (1 + small) ** 2)[:, None])
        covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
        step: Floats = covariance @ (design.T @ (positives - rows * chances))
        if float(np.abs(step).max()) < 1e-8 * (1 + float(np.abs(coefficients).max())):
            return coefficients + step, covariance
        # A full step from far away lands where all chances are 0 or 1 and nothing is to be learnt.
        step = step / max(1.0, float(np.abs(design @ step).max()) / 4)
        while (proposed := likelihood(coefficients + step)) < reached - 1e-9 * abs(reached):
            step = step / 2
        coefficients, reached = coefficients + step, proposed
    raise ArithmeticError("the logistic fit did not converge in 100 steps")
