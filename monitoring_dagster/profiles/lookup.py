"""From values to cells: which cell of the grid each value of a batch lies in.

Four cells beyond the grid's hold what lies in no cell: null, NaN and the infinities. Adding
the cells up is `grouped`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from monitoring_dagster.profiles.grid import Floats, Ints

NULL, NAN, POSITIVE_INFINITY, NEGATIVE_INFINITY = range(4)
"""Offsets, from the grid's cell count, of the cells for values that lie in none."""

BEYOND = 4
"""How many such cells there are."""

STEP = 16_384
"""Values looked up at a time, so that what is computed on the way stays in the first caches."""

_WORTH_A_TABLE = 8_192
"""Values up to which the search alone is over before a table is made."""

_FEWEST_BUCKETS, _BUCKETS_PER_EDGE, _MOST_BUCKETS = 16_384, 10, 262_144

Spread = Callable[[Floats], Floats]


class NumericLookup:
    """Cells of numbers: `searchsorted(edges, x)`, by a table once there are enough of them.

    >>> NumericLookup((0.0, 1.0, 2.0))(np.array([-5.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.1]))
    array([0, 0, 1, 1, 2, 2, 3])
    """

    def __init__(self, edges: Sequence[float]) -> None:
        # Adding zero makes one of the two zeros, which `exponents` tells apart.
        self._edges = np.asarray(edges, dtype=np.float64) + 0.0
        self._seen = 0
        self._table: Table | None = None

    def __call__(self, values: Floats) -> Ints:
        """The cell of each of `values`, which must be finite."""
        self._seen += len(values)
        if self._seen > _WORTH_A_TABLE and self._table is None:
            self._table = Table(self._edges)
        return np.searchsorted(self._edges, values) if self._table is None else self._table(values)


class Table:
    """A table in front of the search among `edges`.

    Values are spread over equal buckets. Spreading keeps their order, rounding included, so an
    edge in a lower bucket is below x and one in a higher bucket above it; only edges in x's own
    bucket are compared, and with at most one of them no search is needed. (1,000 quantiles of a
    normal column: 3 ns a value; the search alone 60.)
    """

    def __init__(self, edges: Floats) -> None:
        self._edges = edges
        self._buckets = _best(edges)
        if self._buckets is None:
            return
        buckets = self._buckets(edges)
        size = self._buckets.count
        inside = np.bincount(buckets, minlength=size)
        self._below = np.cumsum(inside) - inside
        only = np.full(size, np.inf)
        only[buckets] = edges
        # NaN marks a bucket with several edges, whose values have to be searched for.
        only[inside > 1] = np.nan
        self._only = only
        self._is_searched = bool((inside > 1).any())

    def __call__(self, values: Floats) -> Ints:
        """The cell of each of `values`, which must be finite."""
        if self._buckets is None:
            return np.searchsorted(self._edges, values)
        cells = np.empty(len(values), np.int64)
        for start in range(0, len(values), STEP):
            stop = start + STEP
            self._look_up(self._buckets, values[start:stop], cells[start:stop])
        return cells

    def _look_up(self, buckets: Buckets, values: Floats, cells: Ints) -> None:
        bucket = buckets(values)
        # Every bucket is in the table, so nothing wraps; to say so spares a check per value.
        only = self._only.take(bucket, mode="wrap")
        self._below.take(bucket, mode="wrap", out=cells)
        cells += values > only
        if self._is_searched:
            searched = np.flatnonzero(np.isnan(only))
            cells[searched] = np.searchsorted(self._edges, values[searched])


@dataclass(frozen=True)
class Buckets:
    """Equal buckets of what `spread` makes of values; the outer ones hold all that is beyond."""

    count: int
    spread: Spread
    low: np.float64
    scale: np.float64

    @classmethod
    def of(cls, edges: Floats, spread: Spread, trimmed: int) -> Buckets:
        """Buckets from the edge after the `trimmed` lowest to the one before as many highest."""
        wanted = 1 << (_BUCKETS_PER_EDGE * len(edges)).bit_length()
        count = min(max(wanted, _FEWEST_BUCKETS), _MOST_BUCKETS)
        low, high = spread(edges[[trimmed, -1 - trimmed]])
        with np.errstate(over="ignore", divide="ignore"):
            return cls(count, spread, low, np.float64(count) / (high - low))

    def __call__(self, values: Floats) -> Ints:
        """The bucket of each value."""
        with np.errstate(over="ignore"):
            scaled = self.spread(values) - self.low
            scaled *= self.scale
        np.clip(scaled, 0, self.count - 1, out=scaled)
        return scaled.astype(np.int64)


def _best(edges: Floats) -> Buckets | None:
    """The buckets that leave the least to the search; None where none can be made.

    Outermost edges can lie far out, and leaving them to the search keeps buckets narrow.
    """
    tried = [
        Buckets.of(edges, spread, trimmed)
        for spread in (evenly, exponents)
        for trimmed in dict.fromkeys((0, len(edges) // 400, len(edges) // 100))
    ]
    usable = [b for b in tried if np.isfinite(b.scale) and b.scale > 0]
    return min(usable, key=lambda buckets: _cost(buckets, edges), default=None)


def _cost(buckets: Buckets, edges: Floats) -> float:
    """Edges left to the search; `exponents` costs as much as searching for one value in 50."""
    inside = np.bincount(buckets(edges))
    return inside[inside > 1].sum() + (len(edges) / 50 if buckets.spread is exponents else 0)


def evenly(values: Floats) -> Floats:
    """Values as they are."""
    return values


def exponents(values: Floats) -> Floats:
    """Values on a scale that is nearly logarithmic on both sides of zero, in the same order.

    The bits of a positive float, read as an integer, grow with it by 2^52 whenever it doubles;
    a negative float's have to be turned round. For columns whose values span decades.

    >>> exponents(np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 4.0])) / 2**52
    array([-1024., -1023.,     0.,  1023.,  1024.,  1025.])
    """
    bits = np.ascontiguousarray(values).view(np.int64)
    turned = (bits >> 63).view(np.uint64) >> np.uint64(1)
    return (bits ^ turned.view(np.int64)).astype(np.float64)


def numbers(
    array: pa.Array | pa.ChunkedArray, factor: float = 1.0
) -> tuple[Floats, np.ndarray | None]:
    """The values of a numeric array as floats divided by `factor`, and where it is null.

    Nulls read NaN; the mask is None when there are none. Integers beyond 2^53 are rounded to
    the nearest float.
    """
    nulls = None
    if array.null_count:
        nulls = np.asarray(array.is_null().to_numpy(zero_copy_only=False))
    values = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return (values if factor == 1.0 else values / factor), nulls


def numeric_cells(
    lookup: NumericLookup,
    cell_count: int,
    values: Floats,
    nulls: np.ndarray | None,
    finite: np.ndarray | None,
) -> Ints:
    """The cell of each value, those beyond the grid's cells included.

    `finite` says which values are finite; None where all are.
    """
    if finite is None:
        return lookup(values)
    cells = lookup(np.where(finite, values, 0.0))
    cells[np.isnan(values)] = cell_count + NAN
    cells[values == np.inf] = cell_count + POSITIVE_INFINITY
    cells[values == -np.inf] = cell_count + NEGATIVE_INFINITY
    if nulls is not None:
        cells[nulls] = cell_count + NULL
    return cells


def finite_ones(values: Floats) -> np.ndarray | None:
    """Where values are finite; None where all are, which their extremes tell in no memory.

    >>> finite_ones(np.array([1.0, 2.0])), finite_ones(np.array([1.0, np.nan])).tolist()
    (None, [True, False])
    """
    if not values.size or (np.isfinite(values.min()) and np.isfinite(values.max())):
        return None
    return np.isfinite(values)


def positions(array: pa.Array | pa.ChunkedArray, known: pa.Array, *, null: int, other: int) -> Ints:
    """The position of each text of `array` in `known`; `null` for null, `other` for the rest."""
    import pyarrow.compute as pc

    if isinstance(array, pa.ChunkedArray):
        parts = [positions(chunk, known, null=null, other=other) for chunk in array.chunks]
        return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.int64), *parts])
    if isinstance(array, pa.DictionaryArray):
        words = text(array.dictionary)
        table = np.append(positions(words, known, null=null, other=other), null)
        indices = array.indices.fill_null(len(table) - 1).to_numpy(zero_copy_only=False)
        return table.take(indices, mode="wrap")
    if pa.types.is_integer(array.type) or pa.types.is_boolean(array.type):
        # Only distinct values are written out as text, which takes longer than all the rest.
        return positions(array.dictionary_encode(), known, null=null, other=other)
    found = pc.index_in(text(array), value_set=known)  # pyright: ignore[reportAttributeAccessIssue]
    result = found.fill_null(other).to_numpy(zero_copy_only=False).astype(np.int64)
    if array.null_count:
        result[array.is_null().to_numpy(zero_copy_only=False)] = null
    return result


def text(array: pa.Array) -> pa.Array:
    """Values as the text that names them: `true` and `false`, decimal integers.

    >>> text(pa.array([True, None])).to_pylist(), text(pa.array([7, -1])).to_pylist()
    (['true', None], ['7', '-1'])
    """
    return array if pa.types.is_string(array.type) else array.cast(pa.string())
