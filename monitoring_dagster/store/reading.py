"""Reading evaluations, measurements and verdicts back, as Arrow tables of stable shape.

Only SELECTs; what the columns mean is documented in docs/measurements.md.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from monitoring_dagster.store.evaluations import KEY_BYTES, SHORT_KEY_BYTES
from monitoring_dagster.store.tables import evaluation, measurement, verdict
from monitoring_dagster.store.values import UTCDateTime, join_number, key_text

if TYPE_CHECKING:
    import pyarrow as pa

_KEY_LIMITS = {"column": KEY_BYTES, "segment": KEY_BYTES}


def measurements(
    connection: sa.Connection,
    monitor: str,
    *,
    first_day: dt.date | None,
    last_day: dt.date | None,
    equal: dict[str, str | None],
) -> pa.Table:
    """Measurements of one monitor, ordered by day, metric, column, segment, model version.

    NaN and the infinities are numbers again in `value`; null means that there is no value.
    """
    c = measurement.c
    table = _selected(
        connection,
        measurement,
        _within(measurement, monitor, first_day, last_day, equal),
        [c.day, c.metric, c["column"], c.segment, c.model_version],
    )
    states = table.column("value_state").to_pylist()
    if set(states) <= {"finite", "none"}:
        return table
    values = map(join_number, table.column("value").to_pylist(), states)
    position = table.schema.get_field_index("value")
    field = table.schema.field(position)
    return table.set_column(position, field, _array(list(values), field.type))


def verdicts(
    connection: sa.Connection,
    monitor: str,
    *,
    first_day: dt.date | None,
    last_day: dt.date | None,
    equal: dict[str, str | None],
) -> pa.Table:
    """Verdicts of one monitor, ordered by day and subject."""
    c = verdict.c
    return _selected(
        connection,
        verdict,
        _within(verdict, monitor, first_day, last_day, equal),
        [c.day, c.rule, c.metric, c["column"], c.segment, c.model_version, c.name],
    )


def evaluations(
    connection: sa.Connection,
    monitor: str,
    *,
    first_day: dt.date | None,
    last_day: dt.date | None,
    equal: dict[str, str | None],
) -> pa.Table:
    """Every evaluation of one monitor, ordered by day, stage and revision."""
    c = evaluation.c
    return _selected(
        connection,
        evaluation,
        _within(evaluation, monitor, first_day, last_day, equal),
        [c.day, c.stage, c.revision],
    )


class ReasonCount(NamedTuple):
    """How many measurements have one reason, and on how many days; values have no `detail`."""

    status: str
    reason: str
    detail: str
    measurements: int
    days: int
    first_day: dt.date
    last_day: dt.date


def reasons(
    connection: sa.Connection,
    monitor: str,
    *,
    first_day: dt.date | None,
    last_day: dt.date | None,
) -> list[ReasonCount]:
    """The reasons of the measurements of one monitor, the most frequent first."""
    c = measurement.c
    # Without bound values, since PostgreSQL would take two of them for two expressions.
    is_ok, nothing = c.status == sa.literal_column("'ok'"), sa.literal_column("''")
    detail = sa.case((is_ok, nothing), else_=c.detail)
    count = sa.func.count()
    days = sa.func.count(c.day.distinct()), sa.func.min(c.day), sa.func.max(c.day)
    query = (
        sa.select(c.status, c.reason, detail, count, *days)
        .where(*_within(measurement, monitor, first_day, last_day, {}))
        .group_by(c.status, c.reason, detail)
        .order_by(count.desc(), c.reason, detail)
    )
    return [ReasonCount(*row) for row in connection.execute(query)]


def known(connection: sa.Connection, monitor: str | None, column: str) -> list[str]:
    """The distinct values of a column, such as `metric`, over one monitor or all of them."""
    query = sa.select(measurement.c[column]).distinct()
    if monitor is not None:
        query = query.where(*_within(measurement, monitor, None, None, {}))
    return sorted(connection.scalars(query))


def latest_days(connection: sa.Connection, monitor: str) -> dict[str, dt.date]:
    """The last day that each stage has evaluated."""
    query = (
        sa.select(evaluation.c.stage, sa.func.max(evaluation.c.day))
        .where(evaluation.c.monitor == key_text(monitor, max_bytes=SHORT_KEY_BYTES))
        .group_by(evaluation.c.stage)
        .order_by(evaluation.c.stage)
    )
    return {stage: day for stage, day in connection.execute(query)}  # noqa: C416 - rows, not tuples


def _within(
    table: sa.Table,
    monitor: str,
    first_day: dt.date | None,
    last_day: dt.date | None,
    equal: dict[str, str | None],
) -> list[sa.ColumnElement[bool]]:
    wanted = [table.c.monitor == key_text(monitor, max_bytes=SHORT_KEY_BYTES)]
    wanted += [
        table.c[name] == key_text(text, max_bytes=_KEY_LIMITS.get(name, SHORT_KEY_BYTES))
        for name, text in equal.items()
        if text is not None
    ]
    if first_day is not None:
        wanted.append(table.c.day >= first_day)
    if last_day is not None:
        wanted.append(table.c.day <= last_day)
    return wanted


def _selected(
    connection: sa.Connection,
    table: sa.Table,
    wanted: list[sa.ColumnElement[bool]],
    order: list[sa.Column[Any]],
) -> pa.Table:
    import pyarrow as pa  # writers do not need it

    # Text is ordered by its bytes in SQLite; PostgreSQL would ask the database's language.
    if connection.dialect.name == "postgresql":
        ordered = [c.collate("C") if isinstance(c.type, sa.Text) else c for c in order]
    else:
        ordered = order
    rows = connection.execute(sa.select(table).where(*wanted).order_by(*ordered)).all()
    columns = list(zip(*rows, strict=True)) or [()] * len(table.c)
    schema = pa.schema([pa.field(c.name, _arrow_type(c.type)) for c in table.c])
    arrays = [_array(v, f.type) for v, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(values: Any, type_: Any) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, type=type_, from_pandas=False)


def _arrow_type(type_: sa.types.TypeEngine[Any]) -> pa.DataType:
    import pyarrow as pa

    if isinstance(type_, UTCDateTime):
        return pa.timestamp("us", tz="UTC")
    if isinstance(type_, sa.Date):
        return pa.date32()
    if isinstance(type_, sa.Integer):
        return pa.int64()
    return pa.float64() if isinstance(type_, sa.Float) else pa.string()
