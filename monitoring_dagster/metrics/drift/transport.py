"""Optimal transport on the line: the area between two distribution functions, and its slope.

Shared by the two Wasserstein measures, which differ in their unit only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.drift.moments import Moments
from monitoring_dagster.metrics.intervals import delta_variance, folding_bias
from monitoring_dagster.profiles.grid import NumericCells

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Transport:
    """The area between the distribution functions, in the column's unit.

    `potential` (cells,) is how much the area grows per unit of current mass at a cell's middle
    (an outer cell's border) and shrinks per unit of reference mass, up to a constant; `slopes`
    (cells,) is how fast it falls inside the cell. `bias` is what the noise of both samples adds to
    the distance where the two functions run close to each other, at most and at least.
    """

    distance: float
    bias: tuple[float, float]
    potential: Floats
    slopes: Floats
    outer_edges: tuple[float, float]

    def influence(self, side: Moments) -> Floats:
        """The potential where the values of each cell lie on one side, shape (cells,)."""
        values = self.potential.copy()
        values[0] -= self.slopes[0] * (side.centres[0] - self.outer_edges[0])
        values[-1] -= self.slopes[-1] * (side.centres[-1] - self.outer_edges[1])
        return values

    def variance(self, side: Moments, influence: Floats) -> float:
        """Variance of the mean influence of the side's values, those within a cell included."""
        within = float(side.shares @ (self.slopes * self.slopes * side.spreads))
        return delta_variance(influence, side.shares, side.n) + within / side.n


def transport(cells: NumericCells, reference: Moments, current: Moments) -> Transport:
    """Area between the distribution functions of two columns counted on `cells`.

    Between two borders both functions are straight (steps, for a discrete column; bent in the
    end cells as `places` says); beyond the outer borders the area is the difference of the first
    moments about the border. The area is never below the difference of the means, which the sums
    give exactly (Kantorovich duality; Villani, Optimal Transport, 2009, remark 6.5).
    """
    edges = cells.borders
    widths = edges[1:] - edges[:-1]
    gap = np.cumsum(current.shares - reference.shares)[:-1]
    left, right = gap[:-1], gap[1:]
    # How far each side's values lie below the cell's upper edge: 1/2 if even, 0 if discrete.
    before, after = ((edges[1:] - s.centres[1:-1]) / widths for s in (reference, current))
    signed = left + current.shares[1:-1] * after - reference.shares[1:-1] * before
    if cells.is_discrete:
        area, sign = np.abs(signed), np.sign(left)
    else:
        size = np.abs(left) + np.abs(right)
        safe = np.where(size > 0, size, 1.0)
        # Where straight lines cross, the two triangles do not cancel as the signed area has them.
        smaller = np.where(left * right < 0, np.minimum(np.abs(left), np.abs(right)), 0.0)
        area, sign = np.abs(signed) + smaller * smaller / safe, (left + right) / safe
    below = _tail(reference, current, edges[0], 0)
    above = _tail(reference, current, edges[-1], -1)
    distance = float(area @ widths) + abs(below) + abs(above)

    # Potential at the borders: what an upward step of the current function there adds.
    steps = sign * widths
    at_border = np.append(np.cumsum(steps[::-1])[::-1], 0.0)
    inner = at_border[1:] + steps * before
    return Transport(
        max(distance, abs(current.mean - reference.mean)),
        bias=_bias(gap, reference, current, edges),
        potential=np.concatenate([at_border[:1], inner, [0.0]]),
        slopes=np.concatenate([np.sign(gap[:1]), sign, np.sign(gap[-1:])]),
        outer_edges=(cells.edges[0], cells.edges[-1]),
    )


def _tail(reference: Moments, current: Moments, edge: float, cell: int) -> float:
    """Difference of the first moments about `edge` of what lies in an outer cell."""
    return float(
        current.shares[cell] * (current.centres[cell] - edge)
        - reference.shares[cell] * (reference.centres[cell] - edge)
    )


def _bias(gap: Floats, reference: Moments, current: Moments, edges: Floats) -> tuple[float, float]:
    """Area that noise adds to |F - G|, at most and at least, by the trapezoidal rule."""
    every = max(1, gap.size // 100)  # the noise changes slowly: 100 borders tell it
    noise = np.zeros(len(range(0, gap.size, every)))
    for side in (reference, current):
        reached = np.cumsum(side.shares[:-1])[::every]
        noise += reached * np.maximum(1 - reached, 0.0) / side.n
    added = folding_bias(gap[::every], noise)
    most, least = (added[:, :-1] + added[:, 1:]) @ np.diff(edges[::every]) / 2
    return float(most), float(least)
