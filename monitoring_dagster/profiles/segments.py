"""Segments: the declared cuts of the traffic, their labels, and which one a row belongs to.

A label reads `carrier=UA` or, for crossed columns, `carrier=UA,origin=JFK`. Null reads
`(null)`, values that the grid does not tell apart `(other)`. Counting per group is `grouped`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.grid import Grid, Ints
from monitoring_dagster.profiles.lookup import positions
from monitoring_dagster.profiles.profile import ALL

NULL = "(null)"
OTHER = "(other)"


def key(columns: Sequence[str]) -> str:
    """The name of a declared segment in the grid: its columns joined by `*`."""
    return "*".join(columns)


def label(columns: Sequence[str], values: Sequence[str]) -> str:
    """The name of one segment.

    >>> label(["carrier", "origin"], ["UA", "JFK"])
    'carrier=UA,origin=JFK'
    """
    return ",".join(f"{column}={value}" for column, value in zip(columns, values, strict=True))


def expected(monitor: Monitor, grid: Grid) -> list[str]:
    """`all` and every segment that the grid tells apart, in the document's order."""
    labels = [
        label(segment.columns, values)
        for segment in monitor.segments
        for values in grid.segments.get(key(segment.columns), ())
    ]
    return [ALL, *dict.fromkeys(labels)]


@dataclass(frozen=True)
class KeyValues:
    """The values of one key column (of a segment, or the model version) that are told apart."""

    values: tuple[str, ...]

    @classmethod
    def of(cls, values: Iterable[str]) -> KeyValues:
        """Distinct values in their order; those that read like a label of ours are left out."""
        return cls(tuple(dict.fromkeys(v for v in values if v not in (NULL, OTHER, ALL))))

    @property
    def labels(self) -> tuple[str, ...]:
        """What each code stands for."""
        return (*self.values, NULL, OTHER)

    @cached_property
    def _known(self) -> pa.Array:
        return pa.array(self.values, pa.string())

    def codes(self, array: pa.Array) -> Ints:
        """The code of each value: its position, then one code for null and one for the rest."""
        n = len(self.values)
        return positions(array, self._known, null=n, other=n + 1)


@dataclass(frozen=True)
class Cut:
    """One way to cut the traffic into segments; without columns it is all traffic at once.

    `known[i]` are the codes in `columns` of segment i, whose name is `labels[i]`; the last
    label is the one of all other rows.
    """

    columns: tuple[str, ...]
    known: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...]
    radices: tuple[int, ...]

    @classmethod
    def all_traffic(cls) -> Cut:
        """The cut that leaves traffic whole."""
        return cls((), (), (ALL,), ())

    @classmethod
    def of(
        cls,
        columns: tuple[str, ...],
        values: Sequence[tuple[str, ...]],
        keys: Mapping[str, KeyValues],
    ) -> Cut:
        """The cut by `columns` that tells `values` apart, and nulls when it is one column."""
        told = dict.fromkeys(values)
        if len(columns) == 1:
            told[(NULL,)] = None
        code = {c: {v: i for i, v in enumerate(keys[c].labels)} for c in columns}
        return cls(
            columns,
            tuple(tuple(code[c][v] for c, v in zip(columns, row, strict=True)) for row in told),
            (*(label(columns, row) for row in told), label(columns, [OTHER] * len(columns))),
            tuple(len(keys[c].labels) for c in columns),
        )

    @cached_property
    def _sorted(self) -> tuple[Ints, Ints]:
        codes = np.array([self._combined(row) for row in self.known], dtype=np.int64)
        order = np.argsort(codes)
        return codes[order], order

    def _combined(self, codes: Sequence[Ints] | Sequence[int]) -> Ints:
        combined = np.asarray(codes[0], dtype=np.int64)
        for radix, more in zip(self.radices[1:], codes[1:], strict=True):
            combined = combined * radix + more
        return combined

    def codes(self, column_codes: Mapping[str, Ints], rows: int) -> Ints:
        """The segment of each of `rows` rows, as a position in `labels`."""
        if not self.columns:
            return np.zeros(rows, dtype=np.int64)
        combined = self._combined([column_codes[c] for c in self.columns])
        codes, order = self._sorted
        if not order.size:
            return np.zeros(rows, dtype=np.int64)
        at = np.minimum(np.searchsorted(codes, combined), len(codes) - 1)
        return np.where(codes[at] == combined, order[at], len(order))


def cuts(monitor: Monitor, grid: Grid, available: Iterable[str]) -> list[Cut]:
    """All traffic, then each declared segment whose columns are all `available`."""
    usable = set(available)
    chosen = {key(s.columns): s.columns for s in monitor.segments if usable.issuperset(s.columns)}
    keys = key_values(monitor, grid)
    return [
        Cut.all_traffic(),
        *(Cut.of(columns, grid.segments.get(k, ()), keys) for k, columns in chosen.items()),
    ]


def key_values(monitor: Monitor, grid: Grid) -> dict[str, KeyValues]:
    """Per segment column, the values that some segment tells apart."""
    values: dict[str, list[str]] = {}
    for segment in monitor.segments:
        for row in grid.segments.get(key(segment.columns), ()):
            for column, value in zip(segment.columns, row, strict=True):
                values.setdefault(column, []).append(value)
        for column in segment.columns:
            values.setdefault(column, [])
    return {column: KeyValues.of(found) for column, found in values.items()}
