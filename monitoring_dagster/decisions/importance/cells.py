"""Coarse cells of a sample's values: about ten, with missing values in one of their own.

The cells that days are counted on are the grid's; these serve one sample and are forgotten.
"""

# Arrow has no stubs: what comes from it has no type that a strict check could know.
# pyright: standard

from __future__ import annotations

from typing import cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_dagster.telemetry.kernels import pc

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_CELLS = 10
MOST_CATEGORIES = 20


def is_numeric(column: pa.ChunkedArray) -> bool:
    """Whether values are told apart by size; text, booleans and points in time are names."""
    return pa.types.is_integer(column.type) or pa.types.is_floating(column.type)


def floats(column: pa.ChunkedArray) -> Floats:
    """Numbers as floats; NaN for null."""
    values = column.cast(pa.float64(), safe=False).fill_null(float("nan"))
    return cast("Floats", values.to_numpy())


def of_column(column: pa.ChunkedArray) -> Ints:
    """The cell of each value: tenths of the sample, or its 20 heaviest categories and the rest."""
    return of_numbers(floats(column)) if is_numeric(column) else of_categories(column)


def of_numbers(values: Floats) -> Ints:
    """Cells of equal weight, closed above; the last one holds NaN.

    >>> of_numbers(np.array([1.0, 2.0, 3.0, np.nan])).tolist()
    [0, 3, 6, 10]
    """
    known = values[~np.isnan(values)]
    if not known.size:
        return np.zeros(len(values), dtype=np.int64)
    inner = np.arange(1, MOST_CELLS) / MOST_CELLS
    borders = np.quantile(known, inner, method="inverted_cdf")
    return np.where(np.isnan(values), MOST_CELLS, np.searchsorted(borders, values))


def of_categories(column: pa.ChunkedArray) -> Ints:
    """Cells of the heaviest categories, null being one of them; the last holds the others.

    >>> of_categories(pa.chunked_array([["b", "a", "b", None]])).tolist()
    [0, 1, 0, 2]
    """
    codes, _ = category_codes(column)
    _, codes, counts = np.unique(codes, return_inverse=True, return_counts=True)
    places = np.empty(len(counts), dtype=np.int64)
    places[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.minimum(places[codes], MOST_CATEGORIES)


def category_codes(column: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    """Each value's position among the distinct ones in their order, null last; and those."""
    values = pc.unique(column.drop_null())
    values = values.take(pc.sort_indices(values))
    codes = pc.index_in(column, value_set=values).fill_null(len(values))
    return codes.to_numpy().astype(np.int64), values
