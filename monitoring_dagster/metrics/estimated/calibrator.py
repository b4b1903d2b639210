"""Chances by score: what share of the reference's rows with a score was positive.

Isotonic regression on counts. What a day's rows make of the chances is `binary` and `multiclass`;
where importance weights come from is `shift`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PRIOR_ROWS = 100.0
"""As how many rows the whole reference speaks for a segment, so that a small one is not fitted to
its noise: of 1,000 rows in a segment the whole weighs 9 %."""


class Chances(Protocol):
    """The chance of a positive by score, and the variance of a weighted sum of chances."""

    def __call__(self, scores: Floats) -> Floats:
        """The chance at each score."""
        ...

    def variance(self, scores: Floats, weights: Floats) -> float:
        """Of sum(weights × chances), both of shape (scores,)."""
        ...


@dataclass(frozen=True)
class Calibrator:
    """Chances that never fall with the score; between known scores they are interpolated.

    `scores` (k,) rise, `chances` (k,) belong to them, `blocks` (k,) says which scores were pooled,
    and `spread` (blocks,) is the variance of a block's chance.
    """

    scores: Floats
    chances: Floats
    blocks: Ints
    spread: Floats

    @classmethod
    def fit(cls, counts: Floats, scores: Floats, squares: Floats | None = None) -> Calibrator:
        """The isotonic regression of the label on the score.

        Args:
            counts: rows, or sums of weights, by cell and label, shape (cells, 2), not all zero.
            scores: the score of each cell, rising, shape (cells,).
            squares: sums of squared weights by cell, where rows are weighted.

        Source: Zadrozny and Elkan 2002, KDD, section 3.2; the fit is the pool-adjacent-violators
        algorithm of Busing 2022, Journal of Statistical Software 102, in scipy.

        >>> rows = np.array([[9.0, 1.0], [4.0, 6.0], [5.0, 5.0], [0.0, 4.0]])
        >>> Calibrator.fit(rows, np.array([0.1, 0.4, 0.6, 0.9])).chances
        array([0.1 , 0.55, 0.55, 1.  ])
        """
        from scipy.optimize import (  # pyright: ignore[reportMissingTypeStubs] - scipy has none
            isotonic_regression,  # pyright: ignore[reportUnknownVariableType]
        )

        rows = counts.sum(axis=1)
        seen = rows > 0
        rows, positives = rows[seen], counts[seen, 1]
        fitted: Any = isotonic_regression(positives / rows, weights=rows)
        blocks: Ints = np.asarray(fitted.blocks, dtype=np.int64)
        starts = blocks[:-1]
        sizes = np.diff(blocks)
        weight = np.add.reduceat(rows, starts)
        squared = weight if squares is None else np.add.reduceat(squares[seen], starts)
        independent = weight**2 / squared
        # Half a row of each label (Jeffreys) keeps the variance of a block without one above zero.
        chance = (np.add.reduceat(positives, starts) / weight * independent + 0.5) / (
            independent + 1
        )
        return cls(
            scores[seen],
            np.asarray(fitted.x, dtype=np.float64),
            np.repeat(np.arange(len(starts)), sizes),
            chance * (1 - chance) / independent,
        )

    def __call__(self, scores: Floats) -> Floats:
        """The chance at each score; beyond the known scores that of the nearest."""
        return np.interp(scores, self.scores, self.chances)

    def summed(self, scores: Floats, weights: Floats) -> Floats:
        """`weights` summed by the block that each score falls in, shape (blocks,)."""
        at = np.clip(np.searchsorted(self.scores, scores), 0, len(self.scores) - 1)
        found = np.bincount(self.blocks[at], weights=weights, minlength=len(self.spread))
        return found.astype(np.float64)

    def variance(self, scores: Floats, weights: Floats) -> float:
        """Of sum(weights × chances): blocks err independently, the scores of one alike."""
        return float(self.spread @ self.summed(scores, weights) ** 2)


@dataclass(frozen=True)
class Shifted:
    """The chances `all_rows` gives, moved by what weighting a sample of the rows changes.

    The difference of `weighted` and `unweighted`, both fitted on the sample, carries the shift;
    the level comes from all of the reference, so that a sample costs little precision. With no
    shift to speak of the difference is nearly zero and so is its noise.
    """

    all_rows: Calibrator
    weighted: Calibrator
    unweighted: Calibrator

    def __call__(self, scores: Floats) -> Floats:
        """The chance at each score."""
        moved = self.all_rows(scores) + self.weighted(scores) - self.unweighted(scores)
        return np.clip(moved, 0.0, 1.0)

    def variance(self, scores: Floats, weights: Floats) -> float:
        """Of sum(weights × chances), the error of the weights themselves left out.

        A block's weighted mean less its plain mean has p (1 - p) (1 / effective - 1 / rows).
        """
        more = self.weighted.variance(scores, weights) - self.unweighted.variance(scores, weights)
        return self.all_rows.variance(scores, weights) + max(more, 0.0)


def with_prior(counts: Floats, whole: Floats, rows: float = PRIOR_ROWS) -> Floats:
    """A segment's counts and `rows` more, spread as in the whole reference."""
    return counts + whole * (rows / whole.sum())
