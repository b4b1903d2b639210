"""SQL text of sources: which columns, which rows, and instants in a user's own query.

Only expressions are built here; connecting and running is `sql` and `postgres`. Identifiers are
quoted by the dialect, never by hand.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from monitoring_dagster.errors import SourceRefused, SourceUnreadable
from monitoring_dagster.monitors.calendar import Window, window
from monitoring_dagster.monitors.contract import Kind, LabelDay, Monitor, SqlSource

_LEXEMES = re.compile(
    r"""
    (?P<literal> \b[eE]'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*`
               | \$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$ )
    | (?P<comment> --[^\n]* | /\*.*?\*/ )
    | (?<![:\w]):(?P<name> day_start | day_end )\b
    | (?P<end> ; )
    """,
    re.VERBOSE | re.DOTALL,
)

_NOTHING = re.compile(r"(?:\s|;|--[^\n]*|/\*.*?\*/)*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Period:
    """The rows that are asked for: days, and the same as UTC instants; ends excluded."""

    first_day: dt.date
    end_day: dt.date
    start: dt.datetime
    end: dt.datetime


def period(monitor: Monitor, kind: Kind, day: Window) -> Period:
    """The period in which rows of `day` carry their timestamp.

    The timestamp of a label is its arrival. Labels that are filed under the prediction's day
    arrive until they are no longer accepted; whose labels they are, their ids tell.
    """
    labels = monitor.telemetry.labels
    if kind is not Kind.LABELS or labels is None or labels.filed_under is LabelDay.ARRIVAL:
        return Period(day.day, day.day + dt.timedelta(days=1), day.start, day.end)
    # A day of margin on both sides: clocks differ, and the day is taken the next morning.
    first = day.day - dt.timedelta(days=1)
    end = day.day + dt.timedelta(days=labels.maturity_days + labels.accepted_days + 2)
    return Period(first, end, window(monitor, first).start, window(monitor, end).start)


def table_of(source: SqlSource) -> tuple[str | None, str]:
    """Schema and name of the table."""
    schema, _, name = (source.table or "").rpartition(".")
    return schema or None, name


def source_rows(source: SqlSource, names: list[str], day: Window, dialect: str) -> sa.FromClause:
    """The table, or the query as a subquery with its instants bound, with the columns `names`."""
    columns = [sa.column(name) for name in names]
    if source.table is not None:
        schema, name = table_of(source)
        return sa.table(name, *columns, schema=schema)
    return _bound_query(source.query or "", day, dialect).columns(*columns).subquery("telemetry")


def _bound_query(query: str, day: Window, dialect: str) -> sa.TextClause:
    """The user's query with `:day_start` and `:day_end` bound, and no other colon special."""
    zoned = dialect == "postgresql"
    instants = {"day_start": day.start, "day_end": day.end}
    if not zoned:
        instants = {name: value.replace(tzinfo=None) for name, value in instants.items()}
    # SQLite compares texts: without a fraction, bounds sort right among both kinds of texts.
    values = (
        {name: sa.literal(value.isoformat(" "), sa.String) for name, value in instants.items()}
        if dialect == "sqlite"
        else {
            name: sa.literal(value, sa.DateTime(timezone=zoned)) for name, value in instants.items()
        }
    )
    statement = sa.text(_marked(query, zoned))
    return statement.bindparams(
        *(
            sa.bindparam(name, literal.value, type_=literal.type)
            for name, literal in values.items()
            if re.search(rf"(?<!\\):{name}\b", statement.text)
        )
    )


def _marked(query: str, zoned: bool) -> str:
    r"""Escape every colon but those of the two parameters; refuse a second statement.

    >>> _marked("SELECT ':day_start', x::int FROM t WHERE at >= :day_start;", zoned=False)
    "SELECT '\\:day_start', x\\:\\:int FROM t WHERE at >=  :day_start"
    """

    def replaced(match: re.Match[str]) -> str:
        if match["end"] is not None and not _NOTHING.fullmatch(query, match.end()):
            raise SourceRefused(
                "the query contains ';' outside of a text; one SELECT is read, nothing else: "
                "remove it"
            )
        if match["end"] is not None or match["comment"] is not None:
            return " "
        if match["name"] is None:
            return match[0]
        # A typed value: PostgreSQL reads an untyped one as an interval in `:day_start + ...`.
        name = f"\0{match['name']}"
        return f" CAST({name} AS TIMESTAMP WITH TIME ZONE) " if zoned else f" {name} "

    return _LEXEMES.sub(replaced, query).strip().replace(":", r"\:").replace("\0", ":")


def rows_in(
    column: sa.ColumnElement[Any],
    reflected: sa.types.TypeEngine[Any],
    zone: str,
    wanted: Period,
    dialect: str,
) -> sa.ColumnElement[bool]:
    """The condition that picks the rows of a period by the column that says when.

    Args:
        column: the column.
        reflected: its type in the database.
        zone: IANA zone of times without an offset.
        wanted: the period.
        dialect: of the database.

    Raises:
        SourceUnreadable: the column is of a type that does not say when.
    """
    if dialect == "sqlite":
        return _rows_in_sqlite(column, reflected, zone, wanted)
    if isinstance(reflected, sa.Date):
        low, high, kind = wanted.first_day, wanted.end_day, sa.Date()
    elif isinstance(reflected, sa.DateTime) and reflected.timezone:
        low, high, kind = wanted.start, wanted.end, sa.DateTime(timezone=True)
    elif isinstance(reflected, sa.DateTime):
        low, high = _naive(wanted, zone)
        kind = sa.DateTime()
    else:
        raise _no_time(column, reflected)
    return sa.and_(
        column >= sa.cast(sa.literal(low, kind), kind),
        column < sa.cast(sa.literal(high, kind), kind),
    )


def _rows_in_sqlite(
    column: sa.ColumnElement[Any],
    reflected: sa.types.TypeEngine[Any],
    zone: str,
    wanted: Period,
) -> sa.ColumnElement[bool]:
    """SQLite keeps times as texts, with a blank or a T, with or without fraction and offset.

    `strftime` turns those with an offset into UTC and leaves the others, so both readings of the
    period are asked for; the contract drops what is too much.
    """
    if isinstance(reflected, (sa.Integer, sa.Float)):
        raise _no_time(column, reflected)
    lows, highs = zip(_naive(wanted, zone), _naive(wanted, "UTC"), strict=True)
    low, high = (f"{at:%Y-%m-%d %H:%M:%S}.000" for at in (min(lows), max(highs)))
    at = sa.func.strftime("%Y-%m-%d %H:%M:%f", column)
    day = dt.timedelta(days=1)
    return sa.and_(
        at >= low,
        at < high,
        # The same once more, roughly, in a form that an index serves.
        column >= sa.literal((wanted.first_day - day).isoformat(), sa.String),
        column < sa.literal((wanted.end_day + 2 * day).isoformat(), sa.String),
    )


def _naive(wanted: Period, time_zone: str) -> tuple[dt.datetime, dt.datetime]:
    """The period on the clocks of a zone, without offset.

    A clock that is set back near a bound shows one hour twice; the outermost readings count.
    """
    zone = ZoneInfo(time_zone)
    steps = [dt.timedelta(minutes=30 * i) for i in range(7)]
    return (
        min((wanted.start + step).astimezone(zone).replace(tzinfo=None) for step in steps),
        max((wanted.end - step).astimezone(zone).replace(tzinfo=None) for step in steps),
    )


def _no_time(
    column: sa.ColumnElement[Any], reflected: sa.types.TypeEngine[Any]
) -> SourceUnreadable:
    return SourceUnreadable(
        f"column {getattr(column, 'name', column)!r} has role timestamp and type {reflected}; it "
        "must be a timestamp or a date: give a query that converts it"
    )
