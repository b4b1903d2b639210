"""Tables and queries of a SQL database as batches of Arrow, one day at a time.

Connecting, describing and reading live here; the text of statements is `statements`, the fast
way into PostgreSQL is `postgres`.
"""

from __future__ import annotations

import decimal
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
import sqlalchemy.exc

from monitoring_dagster.errors import SourceMissing, SourceUnreadable
from monitoring_dagster.monitors.calendar import Window
from monitoring_dagster.monitors.contract import Kind, Monitor, Role, SqlSource
from monitoring_dagster.telemetry.sources import postgres, statements
from monitoring_dagster.telemetry.sources.access import Access
from monitoring_dagster.telemetry.sources.database_errors import translated
from monitoring_dagster.telemetry.sources.reading import (
    Reading,
    declared_names,
    undeclared_names,
    within_budget,
)

_BATCH_ROWS = 50_000
_SAMPLE_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class _Day:
    """One day of one source, connected to nothing yet."""

    source: SqlSource
    monitor: Monitor
    kind: Kind
    window: Window
    url: sa.URL

    @property
    def what(self) -> str:
        """The source in words, for texts."""
        if self.source.table is not None:
            return f"table {self.source.table}"
        return f"the query of the {self.kind}"

    @property
    def dialect(self) -> str:
        return self.url.get_backend_name()


def open_day(
    source: SqlSource, monitor: Monitor, kind: Kind, window: Window, access: Access
) -> Reading:
    """Describe the source and prepare reading it; rows flow when `batches` is iterated.

    Raises:
        SourceMissing: the variable is not set, or table or database do not exist.
        SourceRefused: the user may not read it, or it took too long.
        SourceUnreadable: the database does not answer, or the query is wrong.
    """
    day = _day(source, monitor, kind, window, access)
    with _connected(day) as connection:
        types = _types(day, connection)
        names = [name for name in declared_names(monitor, kind) if name in types]
        version = _version(day, connection, types, names)
    schema = pa.schema([pa.field(name, arrow_type(kind)) for name, kind in types.items()])
    batches = _batches(day, types, pa.schema([schema.field(name) for name in names]))
    return Reading(
        schema=schema,
        undeclared=undeclared_names(monitor, types),
        version=version,
        batches=within_budget(batches, day.what, access),
    )


def version_of(
    source: SqlSource, monitor: Monitor, kind: Kind, window: Window, access: Access
) -> str | None:
    """Fingerprint of the day's rows; None where there are none."""
    try:
        day = _day(source, monitor, kind, window, access)
        with _connected(day) as connection:
            types = _types(day, connection)
            names = [name for name in declared_names(monitor, kind) if name in types]
            version = _version(day, connection, types, names)
    except SourceMissing:
        return None
    return None if version.startswith("0-") else version


def arrow_type(kind: sa.types.TypeEngine[Any]) -> pa.DataType:
    """The Arrow type that a column of a database arrives as.

    NUMERIC without a declared scale and everything unusual (uuid, json, arrays, ...) arrives as
    text, which loses nothing.
    """
    kind = getattr(kind, "data_type", kind)  # a PostgreSQL domain is read as what it is made of
    if isinstance(kind, sa.Boolean):
        return pa.bool_()
    if isinstance(kind, sa.Integer):
        return pa.int64()
    if isinstance(kind, sa.Float):
        return pa.float64()
    if isinstance(kind, sa.Numeric) and kind.precision is not None and kind.scale is not None:
        if 0 <= kind.scale <= kind.precision <= 38:
            return pa.decimal128(kind.precision, kind.scale)
        return pa.string()
    if isinstance(kind, sa.DateTime):
        return pa.timestamp("us", "UTC" if kind.timezone else None)
    return pa.date32() if isinstance(kind, sa.Date) else pa.string()


def _day(source: SqlSource, monitor: Monitor, kind: Kind, window: Window, access: Access) -> _Day:
    text = access.env.get(source.url_env, "").strip()
    if not text:
        raise SourceMissing(
            f"the environment variable {source.url_env} is not set; it must hold the URL of the "
            f"database of the {kind}"
        )
    try:
        url = sa.make_url(text)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise SourceUnreadable(
            f"the environment variable {source.url_env} does not hold the URL of a database, "
            "such as postgresql+psycopg2://user:password@host/database"
        ) from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg2")
    if url.get_backend_name() == "postgresql" and "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": "10"})
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        # SQLite would create it.
        raise SourceMissing(
            f"the database {url.database} of {source.url_env} does not exist; check the path"
        )
    return _Day(source, monitor, kind, window, url)


@contextmanager
def _connected(day: _Day) -> Iterator[sa.Connection]:
    """A connection that cannot write, closed afterwards."""
    with translated(day.what, day.url):
        engine = sa.create_engine(day.url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            if day.dialect == "postgresql":
                for setting in postgres.SESSION:
                    connection.exec_driver_sql(setting)
            elif day.dialect == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only = ON")
            yield connection


def _types(day: _Day, connection: sa.Connection) -> dict[str, sa.types.TypeEngine[Any]]:
    """Name and type of every column of the source."""
    if day.source.table is not None:
        schema, name = statements.table_of(day.source)
        columns = sa.inspect(connection).get_columns(name, schema=schema)
        return {column["name"]: column["type"] for column in columns}
    everything = sa.select(sa.text("*")).select_from(
        statements.source_rows(day.source, [], day.window, day.dialect)
    )
    if day.dialect != "postgresql":
        return _sampled_types(connection.execute(everything.limit(_SAMPLE_ROWS)))
    cursor: Any = connection.execute(everything.limit(0)).cursor
    return {column.name: _postgres_type(column) for column in cursor.description}


def _postgres_type(column: Any) -> sa.types.TypeEngine[Any]:
    if column.type_code == postgres.NUMERIC_OID and column.precision not in (None, 65535):
        return sa.Numeric(column.precision, column.scale)
    return postgres.TYPES_BY_OID.get(column.type_code, sa.types.NullType())


def _sampled_types(result: sa.CursorResult[Any]) -> dict[str, sa.types.TypeEngine[Any]]:
    """Types by the first rows, for databases that describe a query by names only."""
    names = list(result.keys())
    columns = list(zip(*result.fetchall(), strict=True)) or [()] * len(names)
    return {
        name: _sampled_type({type(v) for v in values if v is not None})
        for name, values in zip(names, columns, strict=True)
    }


def _sampled_type(seen: set[type]) -> sa.types.TypeEngine[Any]:
    if seen and seen <= {int, float}:
        return sa.BigInteger() if seen == {int} else sa.Float()
    return sa.Boolean() if seen == {bool} else sa.Text()


def _select(
    day: _Day, types: dict[str, sa.types.TypeEngine[Any]], names: Sequence[str]
) -> sa.Select[Any]:
    """The declared columns of the day's rows."""
    rows = statements.source_rows(day.source, list(types), day.window, day.dialect)
    columns = [_selected(rows.c[name], types[name], day.dialect) for name in names]
    # A day of a source that has no declared column still has rows.
    statement = sa.select(*(columns or [sa.literal_column("1").label("row")])).select_from(rows)
    condition = _condition(day, rows, types)
    return statement if condition is None else statement.where(condition)


def _selected(
    column: sa.ColumnElement[Any], kind: sa.types.TypeEngine[Any], dialect: str
) -> sa.ColumnElement[Any]:
    if dialect == "postgresql" and isinstance(kind, sa.REAL):
        # As text a REAL is rounded, in binary it is not; both ways shall give the same.
        return sa.cast(column, sa.Double()).label(column.name)
    plain = isinstance(kind, (sa.Boolean, sa.Integer, sa.Float, sa.Date, sa.DateTime, sa.String))
    if dialect == "postgresql" and not plain and arrow_type(kind) == pa.string():
        return sa.cast(column, sa.Text()).label(column.name)
    return column


def _condition(
    day: _Day, rows: sa.FromClause, types: dict[str, sa.types.TypeEngine[Any]]
) -> sa.ColumnElement[bool] | None:
    name = day.monitor.the(Role.TIMESTAMP, day.kind)
    if day.source.table is None or name is None:
        return None
    column = day.monitor.columns[name]
    source_name = column.source_name or name
    if source_name not in types:
        raise SourceUnreadable(
            f"{day.what} has no column {source_name!r}, which says on which day a row happened; "
            f"it has {', '.join(types)}: correct source_name of column {name!r}"
        )
    wanted = statements.period(day.monitor, day.kind, day.window)
    # The contract reads times without an offset by the same rule.
    zone = column.time_zone or day.monitor.time_zone
    return statements.rows_in(rows.c[source_name], types[source_name], zone, wanted, day.dialect)


def _version(
    day: _Day,
    connection: sa.Connection,
    types: dict[str, sa.types.TypeEngine[Any]],
    names: Sequence[str],
) -> str:
    """`rows-digest`: count and latest time; for labels, which are corrected in place, content."""
    inner = _select(day, types, names).subquery("day")
    stamp = day.monitor.the(Role.TIMESTAMP, day.kind)
    measures: list[Any] = [sa.func.count()]
    if stamp is not None:
        source_name = day.monitor.columns[stamp].source_name or stamp
        if source_name in names:
            measures.append(sa.func.max(inner.c[source_name]))
    if day.kind is Kind.LABELS and names and day.dialect == "postgresql":
        row = sa.cast(sa.func.row(*(inner.c[name] for name in names)), sa.Text)
        measures.append(sa.func.sum(sa.func.hashtextextended(row, 0)))
    seen = list(connection.execute(sa.select(*measures)).one())
    if day.kind is Kind.LABELS and day.dialect != "postgresql":
        seen.append(_content(connection.execute(sa.select(inner))))
    digest = hashlib.sha256(repr([str(value) for value in seen]).encode()).hexdigest()[:24]
    return f"{seen[0]}-{digest}"


def _content(rows: sa.CursorResult[Any]) -> int:
    """A sum over the rows that does not depend on their order."""
    digests = (hashlib.sha256(repr(tuple(row)).encode()).digest() for row in rows)
    return sum(int.from_bytes(digest[:16], "big") for digest in digests) % 2**128


def _batches(
    day: _Day, types: dict[str, sa.types.TypeEngine[Any]], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    statement = _select(day, types, schema.names)
    with translated(day.what, day.url):
        if day.dialect == "postgresql" and postgres.has_adbc():
            for batch in postgres.stream(day.url, statement):
                arrays = [_planned(batch.column(f.name), f.type) for f in schema]
                yield _record_batch(arrays, schema.names, batch.num_rows)
            return
    with _connected(day) as connection:
        result = connection.execution_options(stream_results=True).execute(statement)
        for rows in result.partitions(_BATCH_ROWS):
            columns = list(zip(*rows, strict=True))
            arrays = [_array(values, f.type) for values, f in zip(columns, schema, strict=False)]
            yield _record_batch(arrays, schema.names, len(rows))


def _record_batch(arrays: list[pa.Array], names: list[str], rows: int) -> pa.RecordBatch:
    if names:
        return pa.RecordBatch.from_arrays(arrays, names=names)
    return pa.RecordBatch.from_arrays([pa.nulls(rows)], names=["row"]).select([])


def _planned(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """A column of ADBC as the planned type; decimals come as text with a type of their own."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_decimal(kind):
        # A decimal knows no not-a-number; the column keeps its type and the value is absent.
        array = _without_nan(array)
    return array if array.type == kind else array.cast(kind)


def _without_nan(array: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    is_nan = pc.call_function("equal", [pc.call_function("utf8_lower", [array]), pa.scalar("nan")])
    return pc.call_function("if_else", [is_nan, pa.scalar(None, array.type), array])


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """A column of Python values as the planned type, or as text where one does not fit.

    SQLite puts any value into any column; what cannot be used is for the contract to refuse,
    row by row.
    """
    if pa.types.is_decimal(kind):
        values = [v if _is_number(v) else None for v in values]
    if pa.types.is_boolean(kind):
        values = [bool(v) if v in (0, 1) else v for v in values]
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return pa.array([None if v is None else str(v) for v in values], pa.string())


def _is_number(value: Any) -> bool:
    return not isinstance(value, decimal.Decimal) or value.is_finite()
