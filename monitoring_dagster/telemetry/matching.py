"""Matching: which labels belong to which predictions, as known at one instant.

Questions asked of files that are written already, in a database of bounded memory. Which files,
and what becomes of the answers, is decided by `labels` and `arrivals`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from monitoring_dagster.monitors.contract import Kind, Monitor, Role
from monitoring_dagster.telemetry.duckdb_session import quoted

if TYPE_CHECKING:
    import duckdb

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

# What is asked of labels that have met their predictions. `arrival` is null where labels carry
# no time: then they are known as soon as they are there.
_KNOWN = "(arrival IS NULL OR (arrival <= $as_of AND arrival < accepted_before))"
_SHARE = f"""
    count(*) FILTER ({_KNOWN}) AS rows,
    (sum(digest::HUGEINT) FILTER ({_KNOWN}))::VARCHAR AS digest,
    epoch_us(max(arrival) FILTER ({_KNOWN})) AS known_until,
    epoch_us(min(arrival) FILTER (arrival > $as_of AND arrival < accepted_before)) AS next_known
"""


@dataclass(frozen=True)
class Share:
    """What one file of labels says about one day of predictions.

    `digest` is equal for equal rows in any order. `known_until` and `next_known_at` bound the
    instants at which exactly these rows are known; None where nothing bounds them.
    """

    rows: int = 0
    digest: str | None = None
    known_until: dt.datetime | None = None
    next_known_at: dt.datetime | None = None

    def holds(self, as_of: dt.datetime) -> bool:
        """Whether the same rows are known at `as_of`."""
        return (self.known_until is None or self.known_until <= as_of) and (
            self.next_known_at is None or as_of < self.next_known_at
        )


@dataclass(frozen=True)
class Matched:
    """The labels of one day of predictions.

    `winners` holds per file the ascending positions of the latest label of each id, `shares` what
    each file contributed. `duplicates` counts rows that repeat the winning label, `relabelled`
    ids whose label changed.
    """

    winners: Sequence[np.ndarray]
    shares: Sequence[Share]
    duplicates: int
    relabelled: int


def match(
    connection: duckdb.DuckDBPyConnection,
    monitor: Monitor,
    files: Sequence[Path],
    predictions: Path,
    *,
    as_of: dt.datetime,
    accepted_before: dt.datetime,
) -> Matched:
    """Match files of labels with one day of predictions; the latest known label of an id wins.

    Args:
        connection: of `duckdb_session`, allowed to read the files.
        monitor: the document.
        files: labels as stored, in order of their days: without times, the last row wins.
        predictions: the day's snapshot.
        as_of: the clock: labels that arrived later are not known.
        accepted_before: labels that arrived then or later are not accepted.
    """
    values = {"as_of": as_of}
    connection.execute(
        f"""CREATE TEMP TABLE matched AS
        SELECT *, $accepted::TIMESTAMPTZ AS accepted_before
        FROM ({_labels(monitor, files)})
        WHERE identifier IN
            (SELECT {_identifier(monitor)} FROM read_parquet($predictions))""",
        {
            "files": [str(file) for file in files],
            "accepted": accepted_before,
            "predictions": str(predictions),
        },
    )
    found = connection.execute(
        f"SELECT file, {_SHARE} FROM matched GROUP BY file", values
    ).fetchall()
    connection.execute(
        f"""CREATE TEMP TABLE ranked AS
        SELECT file, position, identifier, row_number() OVER newest AS place,
               payload = first_value(payload) OVER newest AS is_same
        FROM matched WHERE {_KNOWN}
        WINDOW newest AS (
            PARTITION BY identifier
            ORDER BY arrival DESC NULLS LAST, file DESC, position DESC
        )""",
        values,
    )
    winners = connection.execute(
        "SELECT file, position FROM ranked WHERE place = 1 ORDER BY file, position"
    ).fetchnumpy()
    duplicates, relabelled = connection.execute(
        """SELECT count(*) FILTER (place > 1 AND is_same),
                  count(DISTINCT identifier) FILTER (NOT is_same)
        FROM ranked"""
    ).fetchall()[0]
    shares = {file: _share(*row) for file, *row in found}
    by_file = np.asarray(winners["file"])
    positions = np.asarray(winners["position"])
    return Matched(
        winners=[positions[by_file == index] for index in range(len(files))],
        shares=[shares.get(index, Share()) for index in range(len(files))],
        duplicates=duplicates,
        relabelled=relabelled,
    )


def shares(
    connection: duckdb.DuckDBPyConnection,
    monitor: Monitor,
    file: Path,
    predictions: Mapping[dt.date, Path],
    accepted_before: Mapping[dt.date, dt.datetime],
    *,
    as_of: dt.datetime,
) -> dict[dt.date, Share]:
    """What one file of labels says about each of several days of predictions.

    Args:
        connection: of `duckdb_session`, allowed to read the files.
        monitor: the document.
        file: labels as stored.
        predictions: the snapshots, by day.
        accepted_before: by day, from when on labels are not accepted.
        as_of: the clock.
    """
    if not predictions:
        return {}
    days = sorted(predictions)
    paths = [str(predictions[day]) for day in days]
    found = connection.execute(
        f"""WITH prediction AS (
            SELECT list_position($paths, filename) AS day, {_identifier(monitor)} AS identifier
            FROM read_parquet($paths, filename = true, union_by_name = true)
        ), matched AS (
            SELECT prediction.day, label.*, $accepted[prediction.day] AS accepted_before
            FROM ({_labels(monitor, [file])}) AS label JOIN prediction USING (identifier)
        )
        SELECT day, {_SHARE} FROM matched GROUP BY day""",
        {
            "files": [str(file)],
            "paths": paths,
            "accepted": [accepted_before[day] for day in days],
            "as_of": as_of,
        },
    ).fetchall()
    known = {days[index - 1]: _share(*row) for index, *row in found}
    return {day: known.get(day, Share()) for day in days}


def count_orphans(
    connection: duckdb.DuckDBPyConnection,
    monitor: Monitor,
    file: Path,
    predictions: Sequence[Sequence[Path]],
    *,
    as_of: dt.datetime,
    accepted_before: dt.datetime,
) -> int:
    """Labelled ids, known by now, that are in none of the predictions or came too late.

    Args:
        connection: of `duckdb_session`, allowed to read the files.
        monitor: the document.
        file: labels as stored.
        predictions: snapshots in groups; a group is only read if ids are left over.
        as_of: the clock.
        accepted_before: labels that arrived then or later match nothing.
    """
    connection.execute(
        f"""CREATE TEMP TABLE orphan AS
        SELECT identifier, coalesce(min(arrival) >= $accepted, false) AS is_late
        FROM ({_labels(monitor, [file])})
        WHERE arrival IS NULL OR arrival <= $as_of GROUP BY identifier""",
        {"files": [str(file)], "as_of": as_of, "accepted": accepted_before},
    )
    for group in predictions:
        if not group:
            continue
        left = _left(connection)
        if not left:
            break
        connection.execute(
            f"""DELETE FROM orphan WHERE NOT is_late AND identifier IN (
                SELECT {_identifier(monitor)}
                FROM read_parquet($paths, union_by_name = true))""",
            {"paths": [str(path) for path in group]},
        )
    return _left(connection)


def _left(connection: duckdb.DuckDBPyConnection) -> int:
    return connection.execute("SELECT count(*) FROM orphan").fetchall()[0][0]


def _labels(monitor: Monitor, files: Sequence[Path]) -> str:
    """SELECT one row per stored row of `$files`, columns reduced to hashes."""
    # A file that was stored under an earlier contract may lack a column of today's.
    stored = {name for file in files for name in pq.read_schema(file).names}
    columns = [name for name in monitor.columns_of(Kind.LABELS) if name in stored]
    arrival = monitor.the(Role.TIMESTAMP, Kind.LABELS)
    identifier = monitor.the(Role.ID, Kind.LABELS)
    payload = [quoted(n) for n in columns if n not in (arrival, identifier)]
    return f"""SELECT
        list_position($files, filename) - 1 AS file, file_row_number AS position,
        {_identifier(monitor)} AS identifier,
        {quoted(arrival) if arrival in columns else "NULL::TIMESTAMPTZ"} AS arrival,
        hash({", ".join(payload) or "1"}) AS payload,
        hash({", ".join(map(quoted, columns))}) AS digest
    FROM read_parquet(
        $files, filename = true, file_row_number = true, union_by_name = true)"""


def _identifier(monitor: Monitor) -> str:
    return quoted(monitor.the(Role.ID, Kind.LABELS) or "")


def _share(rows: int, digest: str | None, until: int | None, following: int | None) -> Share:
    return Share(rows, digest, _instant(until), _instant(following))


def _instant(microseconds: int | None) -> dt.datetime | None:
    return None if microseconds is None else _EPOCH + dt.timedelta(microseconds=microseconds)
