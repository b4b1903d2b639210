"""What a sample of telemetry shows about its columns: types, nulls, ranges, frequent values.

Only facts; what they are taken for is `guesses`.
"""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitoring_dagster.errors import SourceMissing, SourceUnreadable
from monitoring_dagster.monitors.vocabulary import ColumnType

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAX_ROWS = 1_000_000
"""Rows of the sample that are looked at."""

MAX_LISTED = 50
"""Columns with at most so many distinct values have them listed."""

_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
_PHONE = r"\+?[0-9][0-9 ()/.-]{6,18}[0-9]"
_OFFSET = r":\d\d([.]\d+)? ?(Z|[+-]\d\d(:?\d\d)?)$"
_INSTANT = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.]\d+)?)? ?(Z|[+-]\d\d(:?\d\d)?)?"
_TYPES = {
    "BOOLEAN": ColumnType.BOOLEAN,
    "FLOAT": ColumnType.NUMBER,
    "DOUBLE": ColumnType.NUMBER,
    "VARCHAR": ColumnType.TEXT,
    "UUID": ColumnType.TEXT,
    "DATE": ColumnType.TIMESTAMP,
} | {
    f"{sign}{size}": ColumnType.INTEGER
    for sign in ("", "U")
    for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
}


@dataclass(frozen=True, slots=True)
class Facts:
    """One column of the sample; `values` holds the distinct values by frequency, if they are few.

    `low` and `high` bound finite numbers, `first_day` and `last_day` times (as UTC days);
    shares are of the values that are not null. `type` is None for nested columns.
    """

    name: str
    type: ColumnType | None
    rows: int
    nulls: int
    distinct: int
    values: tuple[tuple[str | int | float | bool, int], ...] = ()
    low: float | None = None
    high: float | None = None
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    has_offset: bool = False
    email_share: float = 0.0
    phone_share: float = 0.0
    space_share: float = 0.0

    @property
    def is_unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.rows > 0 and self.distinct == self.rows

    @property
    def null_share(self) -> float:
        """Share of rows without a value."""
        return self.nulls / self.rows if self.rows else 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """A file of telemetry, as far as it was looked at."""

    path: Path
    format: str
    delimiter: str
    rows: int
    columns: tuple[Facts, ...]


def look_at(path: Path) -> Sample:
    """The facts of a CSV or Parquet file.

    Raises:
        SourceMissing: no such file.
        SourceUnreadable: it is not what its name says, or has no rows.
    """
    import duckdb

    if not path.is_file():
        raise SourceMissing(f"{path} is not a file; give a CSV or Parquet file of telemetry")
    form = "parquet" if path.suffix.lower() in (".parquet", ".pq") else "csv"
    with duckdb.connect() as connection:
        try:
            delimiter = "," if form == "parquet" else _delimiter(connection, path)
            _read(connection, path, form, delimiter)
            types = connection.execute("DESCRIBE sample").fetchall()
            names = _names(path, form, delimiter)
            if len(names) != len(types):
                raise SourceUnreadable(
                    f"{path}: the first line names {len(names)} columns, the rows have "
                    f"{len(types)}; give every column a name"
                )
            columns = tuple(
                _facts(connection, name, str(row[0]), str(row[1]))
                for name, row in zip(names, types, strict=True)
            )
        except duckdb.Error as error:
            said = str(error).splitlines()[0]
            raise SourceUnreadable(f"{path} cannot be read as {form}: {said}") from None
        rows = _one(connection, "SELECT count(*) FROM sample")[0]
    if not rows:
        raise SourceUnreadable(f"{path} has no rows; a draft needs a sample of telemetry")
    return Sample(path, form, delimiter, rows, columns)


def _delimiter(connection: DuckDBPyConnection, path: Path) -> str:
    return str(_one(connection, "SELECT Delimiter FROM sniff_csv(?)", [str(path)])[0])


def _read(connection: DuckDBPyConnection, path: Path, form: str, delimiter: str) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    reader = "read_parquet(?)" if form == "parquet" else "read_csv(?, header = true, delim = ?)"
    connection.execute(
        f"CREATE TEMP TABLE sample AS SELECT * FROM {reader} LIMIT {MAX_ROWS}",
        [str(path)] if form == "parquet" else [str(path), delimiter],
    )


def _names(path: Path, form: str, delimiter: str) -> list[str]:
    """The names as the file has them; DuckDB renames those that differ in case only."""
    if form == "parquet":
        parquet: Any = import_module("pyarrow.parquet")  # it has no type stubs
        return list(parquet.read_schema(path).names)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return next(csv.reader(stream, delimiter=delimiter))


def _facts(connection: DuckDBPyConnection, name: str, stored_name: str, declared: str) -> Facts:
    kind = _type_of(declared)
    column = '"' + stored_name.replace('"', '""') + '"'
    if kind is None:
        return Facts(name, None, 0, 0, 0)
    if kind is ColumnType.TEXT and (declared_time := _time_type(connection, column)):
        connection.execute(f"ALTER TABLE sample ALTER {column} TYPE {declared_time}")
        kind, declared = ColumnType.TIMESTAMP, declared_time
    rows, filled, distinct = _one(
        connection, f"SELECT count(*), count({column}), count(DISTINCT {column}) FROM sample"
    )
    facts: dict[str, Any] = {}
    if kind in (ColumnType.INTEGER, ColumnType.NUMBER):
        number = f"CAST({column} AS DOUBLE)"
        facts["low"], facts["high"] = _one(
            connection,
            f"SELECT min({number}), max({number}) FROM sample WHERE isfinite({number})",
        )
    elif kind is ColumnType.TIMESTAMP:
        first, last = _one(
            connection, f"SELECT epoch_us(min({column})), epoch_us(max({column})) FROM sample"
        )
        facts["first_day"], facts["last_day"] = _utc_day(first), _utc_day(last)
        facts["has_offset"] = declared.endswith("WITH TIME ZONE")
    elif kind is ColumnType.TEXT:
        shares = _one(connection, _text_shares(column), [_EMAIL, _PHONE])
        names = ("email_share", "phone_share", "space_share")
        facts |= {share: value or 0.0 for share, value in zip(names, shares, strict=True)}
    if distinct <= MAX_LISTED and kind is not ColumnType.TIMESTAMP:
        facts["values"] = tuple(connection.execute(_value_counts(column, kind)).fetchall())
    return Facts(name, kind, rows, rows - filled, distinct, **facts)


def _time_type(connection: DuckDBPyConnection, column: str) -> str | None:
    """The type of text that holds an instant in every row, as JSON leaves it in Parquet."""
    text = f"CAST({column} AS VARCHAR)"
    filled, times, offsets = _one(
        connection,
        f"SELECT count({column}), count(TRY_CAST({text} AS TIMESTAMPTZ)) "
        f"FILTER (regexp_full_match({text}, ?)), count(*) FILTER (regexp_matches({text}, ?)) "
        "FROM sample",
        [_INSTANT, _OFFSET],
    )
    if not filled or times < filled:
        return None
    return "TIMESTAMP WITH TIME ZONE" if offsets == filled else "TIMESTAMP"


def _text_shares(column: str) -> str:
    text = f"CAST({column} AS VARCHAR)"
    return (
        f"SELECT avg(regexp_full_match({text}, ?)::INT), avg(regexp_full_match({text}, ?)::INT), "
        f"avg(contains({text}, ' ')::INT) FROM sample"
    )


def _value_counts(column: str, kind: ColumnType) -> str:
    value = f"CAST({column} AS VARCHAR)" if kind is ColumnType.TEXT else column
    value = f"CAST({column} AS DOUBLE)" if kind is ColumnType.NUMBER else value
    return (
        f"SELECT {value} AS value, count(*) AS n FROM sample WHERE {column} IS NOT NULL "
        "GROUP BY 1 ORDER BY n DESC, value"
    )


def _type_of(declared: str) -> ColumnType | None:
    if declared.startswith("TIMESTAMP"):
        return ColumnType.TIMESTAMP
    if declared.startswith("DECIMAL"):
        return ColumnType.NUMBER
    if declared.startswith("ENUM"):
        return ColumnType.TEXT
    return _TYPES.get(declared)


def _utc_day(microseconds: int | None) -> dt.date | None:
    if microseconds is None:
        return None
    return (dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=microseconds)).date()  # noqa: DTZ001 - only the day is kept


def _one(
    connection: DuckDBPyConnection, query: str, parameters: list[str] | None = None
) -> tuple[Any, ...]:
    row = connection.execute(query, parameters).fetchone()
    return () if row is None else row
