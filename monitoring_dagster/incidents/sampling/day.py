"""The requests of one day, joined by id from its snapshots, a few columns or a few rows at a time.

Only stored snapshots are read, and never a whole day at once. Which rows are wanted is `strata`.
"""

# Arrow has no stubs: what comes from it has no type that a strict check could know.
# pyright: standard

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_dagster.errors import SnapshotError
from monitoring_dagster.incidents.sampling.strata import Choice
from monitoring_dagster.monitors.contract import Kind, Monitor, Role
from monitoring_dagster.profiles import reference
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.profiles.rows import BATCH_ROWS, database, pattern, quoted
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.casts import STORED
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import Manifest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation


@dataclass(frozen=True)
class Requests:
    """The day's traffic, and where each declared column of it is read from.

    A request is a row of the predictions, or of the features where there are none. What its
    twins in the other snapshots do not say is null, and so is a column that no snapshot holds
    with the type that is declared now.
    """

    monitor: Monitor
    base: Kind
    paths: Mapping[Kind, Path]
    homes: Mapping[str, Kind]

    @classmethod
    def of(cls, monitor: Monitor, day: DaySnapshots) -> Requests | None:
        """The requests of a day; None where it has none that an id tells apart."""
        found = {kind: path for kind in Kind if (path := day.path(kind)) is not None}
        held = {kind: _held(monitor, day, kind, path) for kind, path in found.items()}
        key = monitor.the(Role.ID) or ""
        base = day.traffic_kind
        if base is None or key not in held[base]:
            return None
        joinable = [kind for kind in Kind if key in held.get(kind, ())]
        homes = {
            name: next(kind for kind in joinable if name in held[kind])
            for name in monitor.columns
            if any(name in held[kind] for kind in joinable)
        }
        return cls(monitor, base, found, homes | {key: base})

    def nothing(self, columns: Sequence[str]) -> pa.Table:
        """No row, with these columns."""
        return self._complete(pa.table({}), columns)

    def narrow(self, db: DuckDBPyConnection, columns: Sequence[str]) -> Iterator[pa.Table]:
        """All rows in batches, in no order, with some of the columns."""
        for batch in self._joined(db, columns, None).to_arrow_reader(BATCH_ROWS):
            yield self._complete(pa.Table.from_batches([batch]), columns)

    def whole(self, db: DuckDBPyConnection, ids: Sequence[object]) -> pa.Table:
        """The rows with these ids, with every declared column."""
        columns = list(self.monitor.columns)
        return self._complete(self._joined(db, columns, ids).to_arrow_table(), columns)

    def _joined(
        self, db: DuckDBPyConnection, columns: Sequence[str], ids: Sequence[object] | None
    ) -> DuckDBPyRelation:
        """Rows of the base with what their twins say, cut down to `ids` before they are joined."""
        key = self.monitor.the(Role.ID) or ""
        here = list(dict.fromkeys(c for c in columns if c in self.homes))
        kinds = dict.fromkeys([self.base, *(self.homes[name] for name in here)])
        params: dict[str, object] = {kind.value: pattern(self.paths[kind]) for kind in kinds}
        params |= {} if ids is None else {"ids": list(ids)}
        among = "" if ids is None else f" WHERE {quoted(key)} IN (SELECT unnest($ids))"
        tables = [f"(SELECT * FROM read_parquet(${kind}){among}) AS {kind}" for kind in kinds]
        joins = [
            f" LEFT JOIN {table} ON {self.base}.{quoted(key)} = {kind}.{quoted(key)}"
            for kind, table in zip(kinds, tables, strict=True)
            if kind is not self.base
        ]
        picked = ", ".join(f"{self.homes[n]}.{quoted(n)} AS {quoted(n)}" for n in here)
        return db.sql(f"SELECT {picked} FROM {tables[0]}{''.join(joins)}", params=params)

    def _complete(self, table: pa.Table, columns: Sequence[str]) -> pa.Table:
        """The table with these columns in this order, each of its declared type."""
        declared = self.monitor.columns
        fields = [pa.field(name, STORED[declared[name].stored_type]) for name in columns]
        nothing = {f.name: pa.nulls(table.num_rows, f.type) for f in fields}
        found = {name: table.column(name) for name in table.column_names}
        whole = pa.table({name: (nothing | found)[name] for name in columns})
        return whole.cast(pa.schema(fields))


def opened(
    monitor: Monitor, lake: Lake, day: dt.date, stack: ExitStack
) -> tuple[Requests | None, str]:
    """The requests of a day, whose files stay open as long as `stack`, or why there are none."""
    manifests: dict[Kind, Manifest | None] = {}
    for kind in Kind:
        # A damaged manifest is told where the day is counted; here its snapshot holds no rows.
        with contextlib.suppress(SnapshotError):
            manifests[kind] = snapshots.manifest(lake, monitor.name, kind, day)
    found, why = reference.open_day(monitor, day, manifests, lake, stack)
    if found.traffic_kind is None:
        return None, why or "no snapshot"
    return Requests.of(monitor, found), "no column of the snapshot tells its rows apart"


def sampled(requests: Requests, choice: Choice, lake: Lake) -> pa.Table:
    """The rows that `choice` takes of a day, read twice: what decides of all, then all of a few.

    Memory holds one batch and four strata of candidates, and what the database may take for the
    join, which spills to the lake's scratch folder.
    """
    columns = choice.columns
    held = requests.nothing(columns)
    with lake.scratch() as scratch, database(scratch) as db:
        for batch in requests.narrow(db, columns):
            held = choice.candidates(pa.concat_tables([held, batch]))
        if held.num_rows:
            held = requests.whole(db, held.column(columns[0]).to_pylist())
        return choice.chosen(held)


def _held(monitor: Monitor, day: DaySnapshots, kind: Kind, path: Path) -> set[str]:
    """The declared columns that the file holds with the type they are declared with."""
    stored = pq.read_schema(path)
    return {
        name
        for name, column in monitor.columns_of(kind).items()
        if day.carries(monitor, kind, name)
        and name in stored.names
        and stored.field(name).type == STORED[column.stored_type]
    }
