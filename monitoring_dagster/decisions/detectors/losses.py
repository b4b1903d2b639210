"""A day's losses between 0 and 1 by their sums, and what is tolerated of them.

Errors, missed objectives and clipped absolute errors come in this form. What a sequence of such
days proves is the `e_detector`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Losses:
    """`n` losses in [0, 1], their sum and the sum of their squares."""

    n: float
    total: float
    total_squares: float

    @classmethod
    def of_errors(cls, errors: float, n: float) -> Self:
        """Losses of 0 and 1: `errors` of `n` were 1.

        >>> Losses.of_errors(50, 500).mean
        0.1
        """
        return cls(n, errors, errors)

    @classmethod
    def clipped(cls, mean: float, second_moment: float, n: float, bound: float) -> Self:
        """Losses in [0, `bound`] by their mean and mean square, in units of the bound.

        >>> Losses.clipped(2.0, 6.0, 10, bound=10.0)
        Losses(n=10, total=2.0, total_squares=0.6)
        """
        return cls(n, n * mean / bound, n * second_moment / (bound * bound))

    @property
    def mean(self) -> float:
        """The mean loss; NaN of no losses."""
        return self.total / self.n if self.n else math.nan

    @property
    def is_usable(self) -> bool:
        """Whether these can be the sums of losses in [0, 1], of one at least.

        Squares of such losses add up to at most their sum, and to at least sum² / n.
        """
        if not all(map(math.isfinite, (self.n, self.total, self.total_squares))) or self.n <= 0:
            return False
        room = 1e-9 * (self.n + 1)
        least = self.total * self.total / self.n
        return -room <= self.total <= self.n + room and (
            least - room <= self.total_squares <= self.total + room
        )


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The mean loss that is tolerated, and the standard deviation of a single loss."""

    mean: float
    deviation: float

    @classmethod
    def of(
        cls, reference: Losses, *, quantile: float, phi: float = 1.0, slack: float = 0.0
    ) -> Self | None:
        """What the reference's losses allow, or None where they are unusable.

        The reference's mean is an estimate, and a detector that adds up days proves its error in
        the end. Tolerated is therefore the upper end of its score interval at the normal quantile
        `quantile` (`Budget.reference_quantile`), on n / `phi` rows because days differ by more
        than samples do (below 1 or NaN it counts as 1). `slack` is an increase that nobody minds:
        the mean plus the slack is tolerated where that is more. It is not added to the upper end,
        since without any change the upper end alone keeps the promise, and both together would
        hide an increase of both.

        Wilson's interval (1927) where losses are 0 or 1; in general the root of
        (m - mean)² n = quantile² (q m - m²), with q = sum of squares / sum, the same for both.
        A tolerance of 0 or 1 would make one error infinitely surprising, or none.

        >>> Tolerance.of(Losses.of_errors(2_000, 20_000), quantile=1.959964)
        Tolerance(mean=0.10424, deviation=0.30557)
        """
        if not reference.is_usable:
            return None
        n, mean = reference.n / (phi if phi > 1 else 1.0), min(max(reference.mean, 0.0), 1.0)
        ratio = min(reference.total_squares / reference.total, 1.0) if reference.total > 0 else 1.0
        square = quantile * quantile
        middle = 2 * n * mean + square * ratio
        root = math.sqrt(max(middle * middle - 4 * n * mean * mean * (n + square), 0.0))
        upper = max((middle + root) / (2 * (n + square)), mean + slack)
        upper = min(max(upper, 1e-9), 1 - 1e-9)
        return cls(upper, math.sqrt(max(ratio * upper - upper * upper, 1e-12)))
