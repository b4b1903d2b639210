"""The profile: the counts of one partition on the grid, per segment and model version.

Profiles add up: `profile(a) + profile(b) == profile(a ∪ b)`, associative and commutative, with
the empty profile as identity. Reading rows is `engine`, files are `storage`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.errors import GridMismatch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ALL = "all"
"""Segment, and model version, that stands for the whole traffic."""


class Group(NamedTuple):
    """Which rows were counted: `segment` is `all` or such as `carrier=UA,origin=JFK`."""

    model_version: str
    segment: str


EVERYTHING = Group(ALL, ALL)
"""The group of all traffic of all model versions."""


@dataclass(frozen=True)
class ColumnCounts:
    """What was counted of one column in one group.

    `cells` is aligned with the grid's cells of the column. `rows` is everything, nulls
    included; NaN and the infinities are in no cell. `total` and `total_squares` are sums of the
    finite values and of their squares; `minimum` and `maximum` are NaN when there is no finite
    value. `unseen` holds the heaviest values outside the reference's categories (at most 20).
    """

    cells: Ints
    rows: int
    nulls: int = 0
    nans: int = 0
    positive_infinities: int = 0
    negative_infinities: int = 0
    total: float = 0.0
    total_squares: float = 0.0
    minimum: float = float("nan")
    maximum: float = float("nan")
    unseen: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def n(self) -> int:
        """Values that lie in a cell."""
        return int(self.cells.sum())

    def __add__(self, other: Self) -> ColumnCounts:
        if self.cells.shape != other.cells.shape:
            raise GridMismatch(
                f"counts on {self.cells.size} and on {other.cells.size} cells do not add up; "
                "count both partitions on the same grid"
            )
        unseen = dict(self.unseen)
        for value, count in other.unseen.items():
            unseen[value] = unseen.get(value, 0) + count
        return ColumnCounts(
            cells=self.cells + other.cells,
            rows=self.rows + other.rows,
            nulls=self.nulls + other.nulls,
            nans=self.nans + other.nans,
            positive_infinities=self.positive_infinities + other.positive_infinities,
            negative_infinities=self.negative_infinities + other.negative_infinities,
            total=self.total + other.total,
            total_squares=self.total_squares + other.total_squares,
            minimum=float(np.fmin(self.minimum, other.minimum)),
            maximum=float(np.fmax(self.maximum, other.maximum)),
            unseen=unseen,
        )


@dataclass(frozen=True)
class GroupCounts:
    """What was counted of one group: its columns, and its traffic by hour of the day.

    `requests` and `failures` have 25 entries, one per elapsed hour of the day (23 or 24 of them
    used on most days); `failures` counts requests whose status is not one of the ok values.
    """

    rows: int
    columns: Mapping[str, ColumnCounts]
    requests: Ints = field(default_factory=lambda: np.zeros(25, dtype=np.int64))
    failures: Ints = field(default_factory=lambda: np.zeros(25, dtype=np.int64))

    def __add__(self, other: Self) -> GroupCounts:
        columns = dict(self.columns)
        for name, counts in other.columns.items():
            columns[name] = columns[name] + counts if name in columns else counts
        return GroupCounts(
            rows=self.rows + other.rows,
            columns=columns,
            requests=self.requests + other.requests,
            failures=self.failures + other.failures,
        )


@dataclass(frozen=True)
class Profile:
    """The counts of one partition.

    Holds every (model version, segment) pair that had rows, plus the sums over model versions
    under `all`. `missing` names columns that the snapshot did not carry, with the reason.
    """

    grid_id: str
    groups: Mapping[Group, GroupCounts]
    missing: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def empty(cls, grid_id: str) -> Self:
        """The identity of addition."""
        return cls(grid_id, {})

    def __add__(self, other: Self) -> Profile:
        if self.grid_id != other.grid_id:
            raise GridMismatch(
                f"profiles of grid {self.grid_id} and of grid {other.grid_id} do not add up; "
                "count both partitions on the same grid"
            )
        groups = dict(self.groups)
        for group, counts in other.groups.items():
            groups[group] = groups[group] + counts if group in groups else counts
        return Profile(self.grid_id, groups, {**self.missing, **other.missing})

    def column(self, name: str, group: Group = EVERYTHING) -> ColumnCounts | None:
        """Counts of one column in one group, or None where nothing was counted."""
        counts = self.groups.get(group)
        return None if counts is None else counts.columns.get(name)

    @property
    def model_versions(self) -> list[str]:
        """The model versions that served, `all` left out."""
        return sorted({g.model_version for g in self.groups} - {ALL})
