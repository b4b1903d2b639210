"""The grid: per column, the cells that values are counted in, frozen from the reference.

A grid only says where cells lie. Counting on it is `engine`, adding up is `profile`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.monitors.contract import content_hash

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class NumericCells:
    """Cells of a numeric column.

    `edges` (k + 1 strictly increasing finite floats) bound k inner cells. Cells are closed
    above: inner cell i holds `edges[i] < x <= edges[i + 1]`. Cell 0 holds `x <= edges[0]`
    (below the reference's range), cell k + 1 holds `x > edges[-1]` (above it), so there are
    k + 2 cells. `is_discrete` means that every inner cell holds one value of the reference.
    """

    edges: tuple[float, ...]
    is_discrete: bool = False
    kind: Literal["numeric"] = "numeric"

    @property
    def cell_count(self) -> int:
        """Number of cells, the two outer ones included."""
        return len(self.edges) + 1

    @cached_property
    def borders(self) -> Floats:
        """The edges as an array, made once: metrics read it thousands of times a day."""
        return np.asarray(self.edges, dtype=np.float64)


@dataclass(frozen=True)
class CategoryCells:
    """Cells of a categorical column: one per category of the reference, and one for the rest.

    Cell i holds `categories[i]` (most frequent first, ties by name); the last cell holds every
    value that the reference did not have or that was beyond the limit of categories.
    """

    categories: tuple[str, ...]
    kind: Literal["category"] = "category"

    @property
    def cell_count(self) -> int:
        """Number of cells, the one for unseen values included."""
        return len(self.categories) + 1


Cells = NumericCells | CategoryCells


@dataclass(frozen=True)
class Grid:
    """The cells of every counted column, and the segment values that are told apart.

    `segments` maps a segment's columns, joined by `*`, to the value tuples that get a segment
    of their own; other values are counted under `(other)`.
    """

    columns: Mapping[str, Cells]
    segments: Mapping[str, tuple[tuple[str, ...], ...]]

    @cached_property
    def id(self) -> str:
        """Content hash; profiles add up only when they share it."""
        return content_hash(
            {
                "columns": {
                    name: list(cells.edges) if isinstance(cells, NumericCells) else cells.categories
                    for name, cells in self.columns.items()
                },
                "segments": {name: list(map(list, v)) for name, v in self.segments.items()},
            }
        )
