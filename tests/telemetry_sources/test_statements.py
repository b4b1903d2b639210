"""SQL text of sources: two parameters, nothing else special, and the period of a day."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from monitoring_dagster.errors import SourceRefused
from monitoring_dagster.monitors.calendar import window
from monitoring_dagster.monitors.contract import Kind, SqlSource
from monitoring_dagster.telemetry.sources.statements import (
    Period,
    period,
    rows_in,
    source_rows,
)
from tests.telemetry_sources.conftest import COLUMNS, DAY, monitor_of

MONITOR = monitor_of()
SPAN = window(MONITOR, DAY)
START = "CAST('2026-03-04 00:00:00+00:00' AS TIMESTAMP WITH TIME ZONE)"
END = "CAST('2026-03-05 00:00:00+00:00' AS TIMESTAMP WITH TIME ZONE)"


def compiled(query: str) -> str:
    """A query as PostgreSQL gets it, without what is put around it."""
    source = SqlSource(kind="sql", url_env="URL", query=query)
    rows = source_rows(source, ["id"], SPAN, "postgresql")
    statement = sa.select(rows.c.id).select_from(rows)
    text = statement.compile(
        dialect=postgresql.dialect(paramstyle="named"), compile_kwargs={"literal_binds": True}
    ).string
    inner = text[text.index("(") + 1 : text.rindex(")")]
    return " ".join(inner.split())


BOUNDS = "at >= :day_start AND at < :day_end"
BOUND = f"at >= {START} AND at < {END}"


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        pytest.param("x::int = 1", "x::int = 1", id="a cast"),
        pytest.param(":day_start::date = d", f"{START} ::date = d", id="a cast of a parameter"),
        pytest.param("a[1:2] = b", "a[1:2] = b", id="a slice"),
        pytest.param("t = ':day_start'", "t = ':day_start'", id="a text with the name of one"),
        pytest.param("t = 'it''s :day_end'", "t = 'it''s :day_end'", id="a text with a quote"),
        pytest.param(r"t = E'\':day_end'", r"t = E'\':day_end'", id="a text with an escape"),
        pytest.param("t = $$:day_end;$$", "t = $$:day_end;$$", id="a text in dollars"),
        pytest.param("t = $q$:day_end$q$", "t = $q$:day_end$q$", id="a text in named dollars"),
        pytest.param('":day_end" = 1', '":day_end" = 1', id="an identifier"),
        pytest.param("t = ';'", "t = ';'", id="a semicolon in a text"),
        pytest.param(":day_started = 1", ":day_started = 1", id="a longer name"),
        pytest.param("t LIKE '100%'", "t LIKE '100%'", id="a per cent sign"),
        pytest.param("t = 'a:b' -- :day_end", "t = 'a:b'", id="a comment at the end"),
        pytest.param("/* ; :day_end */ t = 1", "t = 1", id="a comment in between"),
        pytest.param("t = 1 ; ", "t = 1", id="a semicolon at the end"),
        pytest.param("t = 1; -- done;", "t = 1", id="a semicolon before a last comment"),
        pytest.param("t BETWEEN:day_start AND 1", "t BETWEEN:day_start AND 1", id="no separation"),
    ],
)
def test_only_the_two_parameters_are_replaced(extra, expected):
    query = f"SELECT id FROM t WHERE {BOUNDS} AND {extra}"
    assert compiled(query) == f"SELECT id FROM t WHERE {BOUND} AND {expected}"


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT 1; DELETE FROM t WHERE {BOUNDS}",
        f"SELECT id FROM t WHERE {BOUNDS}) AS x; COMMIT; DROP TABLE t; SELECT * FROM (SELECT 1",
        f"SELECT id FROM t WHERE {BOUNDS} -- x\n; COMMIT",
    ],
    ids=["two statements", "breaking out of the subquery", "behind a comment"],
)
def test_a_second_statement_is_refused(query):
    with pytest.raises(SourceRefused, match="';' outside of a text"):
        compiled(query)


def test_sqlite_gets_texts_that_sort_right_with_and_without_fractions():
    source = SqlSource(kind="sql", url_env="URL", query=f"SELECT id FROM t WHERE {BOUNDS}")
    rows = source_rows(source, ["id"], SPAN, "sqlite")
    parameters = sa.select(rows.c.id).compile(dialect=sqlite.dialect()).params
    assert parameters == {"day_start": "2026-03-04 00:00:00", "day_end": "2026-03-05 00:00:00"}
    assert parameters["day_start"] <= "2026-03-04 00:00:00.000000"
    assert parameters["day_end"] <= "2026-03-05 00:00:00.000000"


def labelled(**labels: object):
    source = {"kind": "sql", "url_env": "URL", "table": "labels"}
    telemetry = {
        "predictions": {"kind": "parquet", "path": "nowhere/{date}"},
        "features": {"kind": "parquet", "path": "nowhere/{date}"},
        "labels": {"source": source, "maturity_days": 2, "accepted_days": 5} | labels,
    }
    columns = COLUMNS | {"known": {"role": "timestamp", "in": ["labels"]}}
    return monitor_of(columns, telemetry=telemetry, time_zone="America/New_York")


def test_labels_of_a_prediction_day_may_arrive_until_they_are_no_longer_accepted():
    monitor = labelled()
    got = period(monitor, Kind.LABELS, window(monitor, DAY))
    assert (got.first_day, got.end_day) == (dt.date(2026, 3, 3), dt.date(2026, 3, 13))
    # Midnight in New York, before and after its clocks change on the 8th.
    assert got.start == dt.datetime(2026, 3, 3, 5, tzinfo=dt.UTC)
    assert got.end == dt.datetime(2026, 3, 13, 4, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("kind", "labels"),
    [(Kind.LABELS, {"filed_under": "arrival_day"}), (Kind.FEATURES, {})],
    ids=["labels by day of arrival", "features"],
)
def test_all_else_happened_on_its_day(kind, labels):
    monitor = labelled(**labels)
    span = window(monitor, DAY)
    expected = Period(DAY, DAY + dt.timedelta(days=1), span.start, span.end)
    assert period(monitor, kind, span) == expected


naive = dt.datetime.fromisoformat


def bounds(kind: sa.types.TypeEngine[Any], zone: str, wanted: Period) -> list[object]:
    condition = rows_in(sa.column("at"), kind, zone, wanted, "postgresql")
    return list(condition.compile(dialect=postgresql.dialect()).params.values())


def test_the_bounds_have_the_type_of_the_column():
    wanted = Period(DAY, DAY + dt.timedelta(days=1), SPAN.start, SPAN.end)
    assert bounds(sa.DateTime(timezone=True), "Asia/Tokyo", wanted) == [SPAN.start, SPAN.end]
    assert bounds(sa.Date(), "Asia/Tokyo", wanted) == [wanted.first_day, wanted.end_day]
    assert bounds(sa.DateTime(), "Asia/Tokyo", wanted) == [
        naive("2026-03-04T09:00"),
        naive("2026-03-05T09:00"),
    ]


def test_an_hour_that_a_clock_shows_twice_is_asked_for_twice():
    # Clocks in Havana go back from 01:00 to 00:00 on 1 November 2026: two midnights.
    monitor = monitor_of(time_zone="America/Havana")
    day = dt.date(2026, 10, 31)
    span = window(monitor, day)
    wanted = Period(day, day + dt.timedelta(days=1), span.start, span.end)
    first = span.end
    next_day = window(monitor, day + dt.timedelta(days=1))
    after = Period(next_day.day, next_day.day, first, next_day.end)
    assert next_day.hours == 25
    assert bounds(sa.DateTime(), "America/Havana", wanted)[1] == naive("2026-11-01T00:00")
    assert bounds(sa.DateTime(), "America/Havana", after)[0] == naive("2026-11-01T00:00")
    # A day cut elsewhere that begins in the first of the two hours: the second shows less.
    late = Period(day, day, first + dt.timedelta(minutes=30), next_day.end)
    assert bounds(sa.DateTime(), "America/Havana", late)[0] == naive("2026-11-01T00:00")
