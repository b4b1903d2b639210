"""Each row's group: segment columns and model versions, also where the other snapshot has them.

A day's features and predictions are two files that share ids. Keys that one file lacks are
looked up in the other; only ids and keys go through that join, never what is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from monitoring_dagster.monitors.contract import Kind, Monitor, Role
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.profiles.grid import Grid, Ints
from monitoring_dagster.profiles.grouped import Groups
from monitoring_dagster.profiles.lookup import text
from monitoring_dagster.profiles.rows import (
    Columns,
    RowGroup,
    batches,
    matched,
    pattern,
    quoted,
    row_count,
)
from monitoring_dagster.profiles.segments import KeyValues, cuts, key_values

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAX_VERSIONS = 100
"""Model versions per day that are told apart; a column of unique values is no version."""

VERSION = "@version"
"""The key that stands for the model version, beside the segment columns' own names."""

KINDS = (Kind.FEATURES, Kind.PREDICTIONS)


@dataclass(frozen=True)
class Keys:
    """The keys of one day: the column that each is read from, and the values told apart."""

    columns: Mapping[str, str]
    values: Mapping[str, KeyValues]
    groups: Groups

    @classmethod
    def of(
        cls, db: DuckDBPyConnection, monitor: Monitor, grid: Grid, snapshots: DaySnapshots
    ) -> Keys:
        """The keys that every snapshot of the day carries or can look up in the other."""
        values = key_values(monitor, grid)
        present = [k for k in KINDS if snapshots.path(k) is not None]
        id_column = monitor.the(Role.ID) or ""
        is_joinable = all(snapshots.carries(monitor, k, id_column) for k in present)

        def is_known(name: str) -> bool:
            having = [snapshots.carries(monitor, k, name) for k in present]
            return any(having) if is_joinable else bool(having) and all(having)

        usable = cuts(monitor, grid, filter(is_known, values))
        used = {name for cut in usable for name in cut.columns}
        columns = {name: name for name in values if name in used}
        chosen = {name: values[name] for name in columns}
        version = monitor.the(Role.MODEL_VERSION)
        if version is not None and is_known(version):
            columns[VERSION] = version
            chosen[VERSION] = _versions(db, monitor, snapshots, version)
        return cls(columns, chosen, Groups(usable, chosen.get(VERSION)))


def _versions(
    db: DuckDBPyConnection, monitor: Monitor, snapshots: DaySnapshots, column: str
) -> KeyValues:
    """The day's most frequent model versions."""
    kinds = [k for k in reversed(KINDS) if snapshots.carries(monitor, k, column)]
    path = snapshots.path(kinds[0])
    assert path is not None  # noqa: S101  `carries` says so
    found = db.sql(
        f"SELECT {quoted(column)} AS value FROM read_parquet($path) "
        f"WHERE {quoted(column)} IS NOT NULL "
        "GROUP BY value ORDER BY count(*) DESC, value LIMIT $most",
        params={"path": pattern(path), "most": MAX_VERSIONS},
    )
    return KeyValues.of(text(found.to_arrow_table().column(0).combine_chunks()).to_pylist())


@dataclass(frozen=True)
class KeyedRows:
    """The rows of one snapshot, each with its group in every cut."""

    path: Path
    id_column: str
    keys: Keys
    looked_up: Mapping[str, Ints]

    @classmethod
    def of(
        cls,
        db: DuckDBPyConnection,
        monitor: Monitor,
        snapshots: DaySnapshots,
        kind: Kind,
        keys: Keys,
    ) -> KeyedRows:
        """The rows of `kind`, with the keys that they lack looked up in the other snapshot."""
        path = snapshots.path(kind)
        if path is None:
            raise ValueError(f"there is no snapshot of {kind} on {snapshots.day}")
        id_column = monitor.the(Role.ID) or ""
        lacking = [
            key
            for key, column in keys.columns.items()
            if not snapshots.carries(monitor, kind, column)
        ]
        other = snapshots.path(next(k for k in KINDS if k is not kind))
        codes: dict[str, Ints] = {}
        if lacking and other is not None:
            codes = _looked_up(
                db, path, other, id_column, {k: keys.columns[k] for k in lacking}, keys
            )
        return cls(path, id_column, keys, codes)

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[slice, pa.RecordBatch, list[Ints]]]:
        """Batches with their place among the file's rows, and each row's group per cut."""
        start = 0
        for batch in batches(self.path, self._with_keys(columns)):
            place = slice(start, start + batch.num_rows)
            yield place, batch, self._codes(place, batch.column)
            start = place.stop

    @contextmanager
    def row_groups(self, columns: Sequence[str]) -> Iterator[Iterator[tuple[RowGroup, list[Ints]]]]:
        """Row groups whose `columns` threads may read, with each row's group per cut."""
        with Columns(self.path, self._with_keys(columns)) as file:
            yield (
                (part, self._codes(slice(part.start, part.start + part.rows), part.column))
                for part in file.row_groups()
            )

    def _with_keys(self, columns: Sequence[str]) -> list[str]:
        # Something must be read for rows to be seen at all.
        return list(dict.fromkeys([*columns, *self._own.values()])) or [self.id_column]

    @property
    def _own(self) -> dict[str, str]:
        """The columns of the keys that the file itself has."""
        return {k: c for k, c in self.keys.columns.items() if k not in self.looked_up}

    def _codes(
        self, place: slice, column: Callable[[str], pa.Array | pa.ChunkedArray]
    ) -> list[Ints]:
        codes = {
            k: known[place].astype(np.int64, copy=False) for k, known in self.looked_up.items()
        }
        codes |= {k: self.keys.values[k].codes(column(c)) for k, c in self._own.items()}
        return self.keys.groups.codes(codes, codes.get(VERSION), place.stop - place.start)


def _looked_up(
    db: DuckDBPyConnection,
    path: Path,
    other: Path,
    id_column: str,
    columns: Mapping[str, str],
    keys: Keys,
) -> dict[str, Ints]:
    """Codes of the keys in `columns` for every row of `path`, from the row's twin in `other`."""
    rows = row_count(path)
    codes: dict[str, Ints] = {}
    for key in columns:
        values = keys.values[key]
        null = len(values.values)
        # A row without a twin has no key: null. Narrow codes, since this is as long as the day.
        codes[key] = np.full(rows, null, dtype=np.min_scalar_type(null + 1))
    wanted = list(dict.fromkeys(columns.values()))
    for at, batch in matched(db, path, other, id_column, wanted):
        for key, column in columns.items():
            codes[key][at] = keys.values[key].codes(batch.column(1 + wanted.index(column)))
    return codes
