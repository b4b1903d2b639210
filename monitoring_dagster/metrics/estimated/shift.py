"""Covariate shift: how much more often each reference row would come today.

A classifier tells the day's rows from the reference's; its odds are the density ratio. What the
weights are used for is `calibrator` and the tasks' packages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.performance.binary.roc_auc import delong

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

HEAVIEST = 20.0
"""No row weighs more than this many average rows: a few rows must not speak for a day. Light rows
stay as light as they are; cut at 1/20, they cost F1 on the MA data a tenth of the gain."""

LEVEL = 2.576
"""Deviates above 0.5 from which on the classifier's area is a shift: 5 in 1,000 days without."""

MINIMUM_ROWS = 100
"""Rows of either side without which no classifier is trained."""

_TREES: dict[str, Any] = {
    "max_iter": 30,
    "max_leaf_nodes": 8,
    "learning_rate": 0.2,
    "min_samples_leaf": 20,
    "early_stopping": False,
}


@dataclass(frozen=True)
class Shift:
    """How the day's rows differ from the reference's.

    `weights` (reference rows,) have mean 1, and are all 1 where no shift is found. `separation`
    is the classifier's held-out ROC AUC, 0.5 where the day's inputs are the reference's.
    """

    weights: Floats
    separation: float
    is_found: bool

    @property
    def effective_rows(self) -> float:
        """As many unweighted rows say as much (Kish 1965, Survey Sampling, section 8.2)."""
        return float(self.weights.sum() ** 2 / (self.weights @ self.weights))

    def told(self) -> str:
        """In words: is there a shift, and how much of the reference speaks for the day."""
        area, n = f"{self.separation:.3f}", len(self.weights)
        if not self.is_found:
            return (
                "no shift of the inputs beyond noise, so this equals the plain estimate; a "
                f"classifier tells the day from the reference with ROC AUC {area}; effective "
                f"sample size {n} of {n} reference rows"
            )
        return (
            f"effective sample size {self.effective_rows:.0f} of {n} reference rows; a classifier "
            f"tells the day from the reference with ROC AUC {area}"
        )

    @classmethod
    def fit(
        cls, reference: Floats, current: Floats, *, seed: int, max_rows: int | None = 20_000
    ) -> Shift:
        """Weigh the reference's rows as PAPE does, guarded against shifts that are not there.

        Two classifiers are trained on half of the rows each; every row gets the odds of the one
        that did not see it. The odds are then shrunk to what they are worth on rows held out
        (Platt's slope, at most 1), so that few rows lead to weights near 1, and used only if the
        held-out area lies above 0.5 beyond noise.

        Args:
            reference: the reference's features, shape (n, features), NaN for null.
            current: the day's, shape (m, features).
            seed: cuts the halves.
            max_rows: rows of either side that are trained on; all get a weight.

        Source: Białek et al. 2024, arXiv 2401.08348, section 4; density ratio by classification:
        Bickel, Brückner and Scheffer 2009, JMLR 10:2137-2155.
        """
        from sklearn.ensemble import (  # pyright: ignore[reportMissingTypeStubs] - it has none
            HistGradientBoostingClassifier,
        )

        random = np.random.default_rng(seed)
        halves = _halves(len(reference), max_rows, random), _halves(len(current), max_rows, random)
        logits = np.zeros(len(reference)), np.zeros(len(current))
        for fold in (0, 1):
            train = [
                rows[half == fold] for rows, half in zip((reference, current), halves, strict=True)
            ]
            size = [len(rows) for rows in train]
            model: Any = HistGradientBoostingClassifier(**_TREES, random_state=seed)
            # Not weighted: with weights scikit-learn 1.9 takes four times as long to cut features.
            model.fit(np.concatenate(train), np.repeat([0, 1], size))
            # Odds of 1 mean no difference, whatever the sizes of the sides are.
            prior = np.log(size[1] / size[0])
            for side, rows in enumerate((reference, current)):
                unseen = halves[side] != fold
                # Rows that neither has seen get the mean of both.
                share = np.where(halves[side][unseen] < 0, 0.5, 1.0)
                logits[side][unseen] += share * (model.decision_function(rows[unseen]) - prior)
        separation, deviate = _separation(logits, halves)
        if deviate <= LEVEL:
            return cls(np.ones(len(reference)), separation, is_found=False)
        odds = np.exp(_slope(*logits) * logits[0])
        return cls(_cut(odds / odds.mean()), separation, is_found=True)


def _halves(rows: int, most: int | None, random: np.random.Generator) -> Ints:
    """0 or 1 for the half that a row trains, -1 for rows beyond `most`."""
    halves = np.arange(rows) % 2
    if most is not None and rows > most:
        halves[most:] = -1
    return random.permutation(halves)


def _separation(logits: tuple[Floats, Floats], halves: tuple[Ints, Ints]) -> tuple[float, float]:
    """Mean held-out area of both classifiers, and its deviate if there is no shift.

    The variance without shift is Mann and Whitney's, (n + m + 1) / (12 n m).
    """
    areas: list[float] = []
    variance = 0.0
    for fold in (0, 1):
        sides = [logit[half == fold] for logit, half in zip(logits, halves, strict=True)]
        n, m = (len(side) for side in sides)
        _, at = np.unique(np.concatenate(sides), return_inverse=True)
        table = np.bincount(at * 2 + np.repeat([0, 1], [n, m]), minlength=2 * (at.max() + 1))
        areas.append(delong(table.reshape(-1, 2))[0])
        variance += (n + m + 1) / (12 * n * m) / 4
    mean = float(np.mean(areas))
    return mean, (mean - 0.5) / float(np.sqrt(variance))


def _slope(reference: Floats, current: Floats) -> float:
    """By how much held-out log-odds overstate: the slope of a logistic regression, in [0, 1].

    Source: Platt 1999, Advances in Large Margin Classifiers; Newton's method with both sides
    weighing the same.

    >>> random = np.random.default_rng(0)
    >>> noise = random.standard_normal(20_000)  # log-odds that mean nothing
    >>> _slope(noise[:10_000], noise[10_000:])
    0.0
    """
    logits = np.concatenate([reference, current])
    is_current = np.repeat([0.0, 1.0], [len(reference), len(current)])
    weights = np.where(is_current == 1.0, len(reference) / len(current), 1.0)
    design = np.stack([np.ones_like(logits), logits])
    fitted = np.array([0.0, 1.0])
    for _ in range(10):
        chance = 1 / (1 + np.exp(-np.clip(fitted @ design, -30, 30)))
        gradient = design @ (weights * (is_current - chance))
        curvature = (design * (weights * chance * (1 - chance))) @ design.T
        fitted = fitted + np.linalg.lstsq(curvature, gradient)[0]
    slope = round(float(fitted[1]), 2) if np.isfinite(fitted[1]) else 0.0
    return min(max(slope, 0.0), 1.0)


def _cut(weights: Floats) -> Floats:
    """Weights of mean 1, cut at `HEAVIEST`, and brought back to mean 1."""
    cut = np.minimum(weights, HEAVIEST)
    return cut / cut.mean()
