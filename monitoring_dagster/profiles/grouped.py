"""Counts and sums per group: every cut of the traffic times every model version, at once.

What is counted comes as arrays aligned with the rows of a batch. Which rows exist is `rows`,
what the numbers are for is `engine` and `matching`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import prod
from operator import add
from typing import Protocol, Self, TypeVar

import numpy as np

from monitoring_dagster.profiles.grid import Floats, Ints
from monitoring_dagster.profiles.profile import ALL, Group
from monitoring_dagster.profiles.segments import Cut, KeyValues


@dataclass(frozen=True)
class Groups:
    """The groups of one day: its cuts, and its model versions where they are known."""

    cuts: Sequence[Cut]
    versions: KeyValues | None

    @property
    def version_labels(self) -> tuple[str, ...]:
        """What the leading axis of every sum stands for; `all` alone without versions."""
        return (ALL,) if self.versions is None else self.versions.labels

    @property
    def sizes(self) -> list[int]:
        """Groups per cut."""
        return [len(self.version_labels) * len(cut.labels) for cut in self.cuts]

    def codes(
        self, column_codes: Mapping[str, Ints], version_codes: Ints | None, rows: int
    ) -> list[Ints]:
        """The group of each row, per cut: version code × segments of the cut + segment code."""
        found = [cut.codes(column_codes, rows) for cut in self.cuts]
        if version_codes is None:
            return found
        return [
            version_codes * len(cut.labels) + codes
            for cut, codes in zip(self.cuts, found, strict=True)
        ]


class Sums:
    """Named arrays of counts and sums per group.

    `template` gives the arrays of an empty group. Everything is summed densely, so memory is
    groups × cells; `freezing` bounds the number of segments accordingly.
    """

    def __init__(self, groups: Groups, template: Mapping[str, np.ndarray]) -> None:
        self._groups = groups
        self._template = template
        self._sums: dict[tuple[str, int], np.ndarray] = {}
        self._added_up: dict[str, bool] = {}

    def add(
        self,
        name: str,
        codes: Sequence[Ints | int],
        cells: Ints | None = None,
        *,
        weights: Floats | None = None,
    ) -> None:
        """Add one, or its weight, for each row to cell `cells` of `name` in the row's groups.

        A code that is one number stands for all rows, which then need `cells`.
        """
        width = self._template[name].size
        for cut, (code, size) in enumerate(zip(codes, self._groups.sizes, strict=True)):
            if cut == 0 and weights is None and self._is_added_up(name, codes):
                continue
            if cells is None:
                index = np.asarray(code)
            else:
                index = cells if size == 1 else code * width + cells
            self._add(name, cut, index, weights, size * width)

    def _is_added_up(self, name: str, codes: Sequence[Ints | int]) -> bool:
        """Whether the whole traffic's counts come from the next cut's, in the end and at once.

        Every row is in one segment of a cut, and whole numbers do not round. Not worth it where
        segments have more cells than rows; the first batch decides.
        """
        if name not in self._added_up:
            cuts, sizes = self._groups.cuts, self._groups.sizes
            rows = max(np.size(code) for code in codes)
            self._added_up[name] = (
                len(cuts) > 1
                and not cuts[0].columns
                and sizes[1] * self._template[name].size <= rows
            )
        return self._added_up[name]

    def _add(self, name: str, cut: int, index: Ints, weights: Floats | None, length: int) -> None:
        sums = self._sums.get((name, cut))
        if weights is None and index.size * _CELLS_PER_ROW < length:
            if sums is None:
                sums = self._sums[name, cut] = np.zeros(length, np.int64)
            np.add.at(sums, index, 1)
            return
        added = np.bincount(index, weights, minlength=length)
        if sums is None:
            self._sums[name, cut] = added
        else:
            sums += added

    def of_cut(self, cut: int) -> dict[str, np.ndarray]:
        """The sums of one cut by name: [group, *shape of the template]."""
        size = self._groups.sizes[cut]
        result: dict[str, np.ndarray] = {}
        for name, empty in self._template.items():
            sums = self._sums.get((name, cut))
            if cut == 0 and self._added_up.get(name):
                versions = len(self._groups.version_labels)
                sums = self._sums[name, 1].reshape(versions, -1, empty.size).sum(axis=1)
            elif sums is None:
                sums = np.zeros(size * empty.size, empty.dtype)
            result[name] = sums.reshape(size, *empty.shape)
        return result


_CELLS_PER_ROW = 8
"""Cells per row beyond which rows are added one by one: `bincount` goes through all cells."""

MAX_RUNS = 4_096
"""Runs of a batch up to which cuts share them; beyond, each run is too short to be worth it."""


@dataclass(frozen=True)
class Runs:
    """The rows of a batch in runs that lie in the same groups of some of the cuts.

    `order` sorts rows by run (None where they already are), `starts` are the first sorted rows
    of the runs, and `codes` each run's group per cut of `cuts`. One reduction by run then serves
    all of these cuts.
    """

    cuts: Sequence[int]
    order: Ints | None
    starts: Ints
    codes: list[Ints]

    @classmethod
    def of(cls, codes: Sequence[Ints], sizes: Sequence[int]) -> list[Runs]:
        """Runs for every cut; as few as are short enough. A batch has rows."""
        limit = 2**62 if len(codes[0]) <= MAX_RUNS else MAX_RUNS
        together: list[list[int]] = []
        product = limit + 1
        for cut, size in enumerate(sizes):
            product *= size
            if product > limit:
                together.append([])
                product = size
            together[-1].append(cut)
        return [cls._of_cuts(cuts, codes, sizes) for cuts in together]

    @classmethod
    def _of_cuts(cls, cuts: list[int], codes: Sequence[Ints], sizes: Sequence[int]) -> Runs:
        combined = codes[cuts[0]]
        for cut in cuts[1:]:
            combined = combined * sizes[cut] + codes[cut]
        if combined.min() == combined.max():
            return cls(cuts, None, np.zeros(1, np.int64), [codes[cut][:1] for cut in cuts])
        if prod(sizes[cut] for cut in cuts) <= 2**16:
            combined = combined.astype(np.uint16)  # numpy sorts these by radix, 5 times faster
        order = np.argsort(combined, kind="stable")
        in_order = combined[order]
        starts = np.flatnonzero(np.append(True, in_order[1:] != in_order[:-1]))
        return cls(cuts, order, starts, [codes[cut][order[starts]] for cut in cuts])


@dataclass(frozen=True)
class Placed:
    """Where the rows of a batch lie: in which group of each cut, and which lie together.

    A code is one number where all rows lie in one group.
    """

    codes: list[Ints | int]
    runs: list[Runs]

    @classmethod
    def of(cls, codes: Sequence[Ints], sizes: Sequence[int]) -> Placed:
        """The places of rows with these group codes per cut. A batch has rows."""
        runs = Runs.of(codes, sizes)
        shared: list[Ints | int] = list(codes)
        for together in runs:
            for cut, of_run in zip(together.cuts, together.codes, strict=True):
                if (of_run == of_run[0]).all():
                    shared[cut] = int(of_run[0])
        return cls(shared, runs)


@dataclass
class Moments:
    """Sum, sum of squares, minimum and maximum of finite values per group of each cut."""

    sizes: Sequence[int]
    total: list[Floats] = field(init=False)
    total_squares: list[Floats] = field(init=False)
    minimum: list[Floats] = field(init=False)
    maximum: list[Floats] = field(init=False)

    def __post_init__(self) -> None:
        self.total = [np.zeros(n) for n in self.sizes]
        self.total_squares = [np.zeros(n) for n in self.sizes]
        self.minimum = [np.full(n, np.inf) for n in self.sizes]
        self.maximum = [np.full(n, -np.inf) for n in self.sizes]

    def add(self, values: Floats, finite: np.ndarray | None, batch: Sequence[Runs]) -> None:
        """Add the finite ones of `values`; squares beyond the range of floats become inf."""
        low = high = values
        if finite is not None:
            low = np.where(finite, values, np.inf)
            high = np.where(finite, values, -np.inf)
            values = np.where(finite, values, 0.0)
        for runs in batch:
            if runs.order is None:
                self._add(runs, values, low, high)
            else:
                in_order = values[runs.order]
                is_finite = finite is None
                lows = in_order if is_finite else low[runs.order]
                highs = in_order if is_finite else high[runs.order]
                self._add(runs, in_order, lows, highs)

    def _add(self, runs: Runs, values: Floats, low: Floats, high: Floats) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            total = np.add.reduceat(values, runs.starts)
            squares = np.add.reduceat(values * values, runs.starts)
        lows, highs = np.minimum.reduceat(low, runs.starts), np.maximum.reduceat(high, runs.starts)
        for cut, codes in zip(runs.cuts, runs.codes, strict=True):
            size = self.sizes[cut]
            self.total[cut] += np.bincount(codes, total, minlength=size)
            self.total_squares[cut] += np.bincount(codes, squares, minlength=size)
            np.minimum.at(self.minimum[cut], codes, lows)
            np.maximum.at(self.maximum[cut], codes, highs)


class Additive(Protocol):
    """What adds up."""

    def __add__(self, other: Self) -> Self: ...


T = TypeVar("T", bound=Additive)


def collected(
    groups: Groups, cut: int, rows: Ints, make: Callable[[int], T]
) -> Iterator[tuple[Group, T]]:
    """What `make` says of every group of a cut that has rows, sums over versions last.

    Args:
        groups: the groups of the day.
        cut: which of its cuts.
        rows: rows per group of the cut.
        make: from a group's position to what was counted of it.
    """
    segments = groups.cuts[cut].labels
    present = np.flatnonzero(rows.reshape(-1, len(segments)).any(axis=0))
    for segment in present:
        parts: list[T] = []
        for position in range(segment, len(rows), len(segments)):
            if rows[position]:
                parts.append(make(position))
                if groups.versions is not None:
                    version = groups.version_labels[position // len(segments)]
                    yield Group(version, segments[segment]), parts[-1]
        yield Group(ALL, segments[segment]), reduce(add, parts)
