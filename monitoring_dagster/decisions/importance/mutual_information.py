"""Mutual information: how much of the answer a feature tells, when the model cannot be asked.

On coarse cells, in bits, corrected for the cells that chance fills. Cells of values are `cells`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def mutual_information(columns: Mapping[str, Ints], score_cells: Ints) -> dict[str, float]:
    """Bits that each column's cell tells of the score's cell.

    The plug-in estimate is too high by about (cells - 1)(score cells - 1) / 2n nats. Each entropy
    is corrected by (m - 1) / 2n nats for its m filled cells (Miller 1955, "Note on the bias of
    information estimates"), and the difference is not let below 0.

    Args:
        columns: per column (n,) cells of its values, counted from 0.
        score_cells: (n,) cells of the score.

    Returns:
        Bits per column, 0 without rows.

    >>> halves = np.repeat([0, 1], 500)
    >>> mutual_information({"same": halves, "none": np.tile([0, 1], 500)}, halves)
    {'same': 1.0, 'none': 0.0}
    """
    own = _entropy(score_cells)
    found: dict[str, float] = {}
    for name, cells in columns.items():
        width = int(score_cells.max(initial=0)) + 1
        joint = cells * width + score_cells
        found[name] = float(max(0.0, _entropy(cells) + own - _entropy(joint)))
    return found


def _entropy(cells: Ints) -> float:
    """Entropy in bits, by Miller and Madow."""
    _, counts = np.unique(cells, return_counts=True)
    if not counts.size:
        return 0.0
    shares = counts / counts.sum()
    plug_in = -float(np.sum(shares * np.log2(shares)))
    return plug_in + (counts.size - 1) / (2 * int(counts.sum()) * np.log(2))
