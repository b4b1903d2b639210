"""SQL sources on PostgreSQL: through ADBC and through SQLAlchemy the same arrives."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Callable

import pyarrow as pa
import pytest
import sqlalchemy as sa

from monitoring_dagster.errors import SourceMissing, SourceRefused, SourceUnreadable
from monitoring_dagster.monitors.contract import Kind, SqlSource
from monitoring_dagster.telemetry.sources import postgres
from tests.telemetry_sources.conftest import DAY, monitor_of

TABLE = SqlSource(kind="sql", url_env="SOURCE_URL", table="events")
BOUNDS = "at >= :day_start AND at < :day_end"
QUERY = SqlSource(
    kind="sql", url_env="SOURCE_URL", query=f"SELECT * FROM events WHERE {BOUNDS} ORDER BY id"
)


@pytest.fixture(params=["ADBC", "SQLAlchemy"])
def way(request, monkeypatch) -> str:
    """Both ways into PostgreSQL."""
    monkeypatch.setattr(postgres, "has_adbc", lambda: request.param == "ADBC")
    return request.param


@pytest.fixture
def execute(postgres_url) -> Callable[..., None]:
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")

    def run(*statements: str) -> None:
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    return run


@pytest.fixture
def sql(room, postgres_url, execute):
    execute("CREATE TABLE events (id text, at timestamptz, x double precision, y int, secret text)")
    return room.limited(env={"SOURCE_URL": postgres_url})


def values(*times: str) -> str:
    rows = (f"('e{i}', '{at}', {i / 2}, {i}, 's')" for i, at in enumerate(times))
    return f"INSERT INTO events VALUES {', '.join(rows)}"


def many(rows: int) -> str:
    """Rows of 500 bytes."""
    return (
        "INSERT INTO events SELECT repeat('x', 500), '2026-03-04Z', i, i, ''"
        f" FROM generate_series(1, {rows}) i"
    )


MIDNIGHTS = (
    "2026-03-03 23:59:59.999999Z",
    "2026-03-04Z",
    "2026-03-04 23:59:59.999999Z",
    "2026-03-05Z",
)


@pytest.mark.parametrize("source", [TABLE, QUERY], ids=["a table", "a query"])
def test_a_day_has_its_first_instant_and_not_its_last(source, way, sql, execute):
    execute("SET TIME ZONE 'Asia/Tokyo'", values(*MIDNIGHTS))
    reading = sql.open(source)
    table = pa.Table.from_batches(list(reading.batches))
    assert table["id"].to_pylist() == ["e1", "e2"]
    assert table.schema.names == ["id", "at", "x"]
    assert table.schema.field("at").type == pa.timestamp("us", "UTC")
    assert table["at"].to_pylist()[0] == dt.datetime(2026, 3, 4, tzinfo=dt.UTC)
    assert reading.undeclared == ("secret",)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("timestamp", ["e0", "e1"]),
        ("date", ["e0", "e1"]),
    ],
    ids=["times without offset", "dates"],
)
def test_other_clocks_are_those_of_the_monitor(kind, expected, way, sql, execute):
    times = ["2026-03-04 00:00:00", "2026-03-04 23:00:00", "2026-03-05 00:00:00"]
    execute(f"ALTER TABLE events ALTER at TYPE {kind}", values(*times))
    tokyo = sql.but(monitor=monitor_of(time_zone="Asia/Tokyo"))
    assert tokyo.read(TABLE)["id"].to_pylist() == expected


def test_a_text_does_not_say_when(way, sql, execute):
    execute("ALTER TABLE events ALTER at TYPE text")
    with pytest.raises(SourceUnreadable, match="'at' has role timestamp and type TEXT"):
        sql.open(TABLE)


CASES: dict[str, tuple[str, str, pa.DataType, object]] = {
    "a small integer": ("smallint", "7", pa.int64(), 7),
    "a big integer": ("bigint", str(2**62), pa.int64(), 2**62),
    "a real": ("real", "0.1", pa.float64(), 0.10000000149011612),
    "a double": ("double precision", "'-Infinity'", pa.float64(), -math.inf),
    "a decimal": ("numeric(10,2)", "-3.25", pa.decimal128(10, 2), decimal.Decimal("-3.25")),
    "a decimal that is no number": ("numeric(10,2)", "'NaN'", pa.decimal128(10, 2), None),
    "a number without a scale": (
        "numeric",
        "1.23456789012345678901234567890",
        pa.string(),
        "1.23456789012345678901234567890",
    ),
    "a boolean": ("boolean", "true", pa.bool_(), True),
    "a date": ("date", "'2026-03-04'", pa.date32(), DAY),
    "a time with a zone": (
        "timestamptz",
        "'2026-03-04 01:00+02'",
        pa.timestamp("us", "UTC"),
        dt.datetime(2026, 3, 3, 23, tzinfo=dt.UTC),
    ),
    "a time without a zone": (
        "timestamp",
        "'2026-03-04 01:00:00.123456'",
        pa.timestamp("us"),
        dt.datetime.fromisoformat("2026-03-04T01:00:00.123456"),
    ),
    "a text": ("varchar(5)", "'50 %%'", pa.string(), "50 %"),
    "a padded text": ("char(4)", "'a'", pa.string(), "a   "),
    "an enumeration": ("mood", "'so so'", pa.string(), "so so"),
    "a domain": ("positive", "3", pa.int64(), 3),
    "a uuid": (
        "uuid",
        "'12345678-1234-1234-1234-123456789012'",
        pa.string(),
        "12345678-1234-1234-1234-123456789012",
    ),
    "json": ("jsonb", "'{\"a\": [1]}'", pa.string(), '{"a": [1]}'),
    "an array": ("int[]", "'{1,2}'", pa.string(), "{1,2}"),
    "an interval": ("interval", "'1 day'", pa.string(), "1 day"),
    "an address": ("inet", "'10.0.0.1'", pa.string(), "10.0.0.1/32"),
}


@pytest.mark.parametrize("source", [TABLE, QUERY], ids=["of a table", "of a query"])
def test_every_type_arrives_as_the_same_type_both_ways(source, way, sql, execute):
    names = [f"c{i}" for i in range(len(CASES))]
    columns = {name: {"role": "feature", "type": "number"} for name in names}
    columns |= {
        "id": {"role": "id"},
        "at": {"role": "timestamp", "in": ["features", "predictions"]},
        "score": {"role": "score"},
        "y": {"role": "label", "type": "integer"},
    }
    types = ", ".join(f"{n} {case[0]}" for n, case in zip(names, CASES.values(), strict=True))
    row = ", ".join(case[1] for case in CASES.values())
    nulls = ", ".join(["NULL"] * len(CASES))
    execute(
        "DROP TABLE events",
        "CREATE TYPE mood AS ENUM ('so so')",
        "CREATE DOMAIN positive AS int CHECK (value > 0)",
        f"CREATE TABLE events ({types}, id text, at timestamptz)",
        f"INSERT INTO events VALUES ({row}, 'a', '2026-03-04Z'), ({nulls}, 'b', '2026-03-04Z')",
    )
    reading = sql.but(monitor=monitor_of(columns)).open(source)
    table = pa.Table.from_batches(list(reading.batches))
    got = {
        case: (table.schema.field(name).type, *table[name].to_pylist())
        for case, name in zip(CASES, names, strict=True)
    }
    assert got == {case: (kind, value, None) for case, (_, _, kind, value) in CASES.items()}
    assert all(reading.schema.field(name).type == table.schema.field(name).type for name in names)


ODD_NAMES = ('a"b', "a'b", "a;DROP TABLE events;--", "select", "Upper", "a b", "100%", "a:b", "ü$1")


def test_any_name_is_quoted(way, sql, execute):
    for name in ODD_NAMES:
        quoted = '"' + name.replace('"', '""') + '"'
        raw = quoted.replace("%", "%%")
        execute(
            f"CREATE SCHEMA {raw}",
            f"CREATE TABLE {raw}.{raw} (id text, at timestamptz, {raw} int)",
            f"INSERT INTO {raw}.{raw} VALUES ('a', '2026-03-04Z', 7)",
        )
        columns = {
            "id": {"role": "id"},
            "at": {"role": "timestamp", "in": ["features", "predictions"]},
            "x": {"role": "feature", "type": "number", "source_name": name},
            "score": {"role": "score"},
            "y": {"role": "label", "type": "integer"},
        }
        odd = sql.but(monitor=monitor_of(columns))
        query = f"SELECT {quoted}, id FROM {quoted}.{quoted} WHERE {BOUNDS}"
        for source in (
            TABLE.model_copy(update={"table": f"{name}.{name}"}),
            QUERY.model_copy(update={"query": query}),
        ):
            assert odd.read(source)[name].to_pylist() == [7]


def test_a_query_may_use_casts_texts_and_comments(way, sql, execute):
    execute(values(*MIDNIGHTS))
    query = f"""
        WITH picked AS (
            SELECT id, at, (x::numeric(8,3))::float8 AS x, '100% :day_start;' AS note -- :day_end
            FROM events WHERE {BOUNDS} AND at::date = :day_start::date AND id LIKE 'e%'
        )
        SELECT * FROM picked WHERE at < :day_start + interval '1 day' ORDER BY at DESC; -- all
    """
    reading = sql.open(QUERY.model_copy(update={"query": query}))
    table = pa.Table.from_batches(list(reading.batches))
    assert table["id"].to_pylist() == ["e2", "e1"]
    assert reading.undeclared == ("note",)


def test_a_view_is_read_like_a_table(way, sql, execute):
    execute(values(*MIDNIGHTS), "CREATE VIEW seen AS SELECT * FROM events")
    assert sql.read(TABLE.model_copy(update={"table": "seen"})).num_rows == 2
    assert sql.read(TABLE.model_copy(update={"table": "public.seen"})).num_rows == 2


def test_a_day_without_declared_columns_still_has_its_rows(way, sql, execute):
    execute(values(*MIDNIGHTS))
    query = f"SELECT secret FROM events WHERE {BOUNDS}"
    reading = sql.open(QUERY.model_copy(update={"query": query}))
    assert [(b.num_rows, b.num_columns) for b in reading.batches] == [(2, 0)]


def test_many_rows_come_in_several_batches(way, sql, execute):
    execute(many(60_000))
    rows = [b.num_rows for b in sql.open(TABLE).batches]
    assert sum(rows) == 60_000
    assert len(rows) > 1


def test_who_stops_early_leaves_no_connection_behind(way, sql, execute, postgres_url):
    execute(many(60_000))
    batches = sql.open(TABLE).batches
    next(batches)
    batches.close()
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    others = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
    )
    with engine.connect() as connection:
        # The server notices in its own time, but at once by any human measure.
        assert any(connection.execute(others).scalar() == 0 for _ in range(10_000))


@pytest.mark.parametrize("url", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_each_way_to_write_the_url_is_accepted(url, way, sql, execute, postgres_url):
    execute(values(*MIDNIGHTS))
    sql = sql.limited(env={"SOURCE_URL": postgres_url.replace("postgresql+psycopg2", url)})
    assert sql.read(TABLE).num_rows == 2


def test_a_query_cannot_write(way, sql, execute):
    execute(
        values(*MIDNIGHTS),
        "CREATE FUNCTION wipe() RETURNS text LANGUAGE sql AS 'DELETE FROM events; SELECT ''x'''",
    )
    query = f"SELECT wipe() AS id FROM events WHERE {BOUNDS}"
    with pytest.raises(SourceUnreadable, match="read-only transaction"):
        list(sql.open(QUERY.model_copy(update={"query": query})).batches)
    assert sql.read(TABLE).num_rows == 2


def test_a_statement_that_takes_too_long_is_ended(way, sql, execute, monkeypatch):
    short = tuple(s.replace("'30min'", "'1ms'") for s in postgres.SESSION)
    execute(many(60_000))
    reading = sql.open(TABLE)
    monkeypatch.setattr(postgres, "SESSION", short)
    with pytest.raises(SourceRefused, match="took too long"):
        list(reading.batches)


def test_too_many_rows_are_refused_while_they_come(way, sql, execute):
    execute(values(*MIDNIGHTS))
    with pytest.raises(SourceRefused, match="table events holds 2 rows"):
        list(sql.limited(max_rows=1).open(TABLE).batches)


def test_what_is_not_there_is_missing(way, sql):
    for table in ("nowhere", "no_schema.events", "Events"):
        with pytest.raises(SourceMissing, match=f"table {table} does not exist"):
            sql.open(TABLE.model_copy(update={"table": table}))
    query = QUERY.model_copy(update={"query": f"SELECT * FROM nowhere WHERE {BOUNDS}"})
    with pytest.raises(SourceMissing, match="does not exist"):
        sql.open(query)


def test_what_disappears_before_it_is_read_is_missing(way, sql, execute):
    reading = sql.open(TABLE)
    execute("DROP TABLE events")
    with pytest.raises(SourceMissing, match="does not exist"):
        list(reading.batches)


def test_what_may_not_be_read_is_refused(way, sql, execute, postgres_url):
    role = f"reader_{sa.make_url(postgres_url).database}"
    execute(f"CREATE ROLE {role} LOGIN PASSWORD 'sesame'")
    url = sa.make_url(postgres_url).set(username=role, password="sesame")  # noqa: S106
    reader = sql.limited(env={"SOURCE_URL": url.render_as_string(hide_password=False)})
    try:
        with pytest.raises(SourceRefused, match="grant SELECT"):
            reader.open(TABLE)
    finally:
        execute(f"DROP ROLE {role}")


@pytest.mark.parametrize("password", ["sesame", "s@me/+ %"], ids=["plain", "odd"])
def test_a_server_that_does_not_answer_says_so_without_the_password(password, way, room):
    url = sa.URL.create("postgresql+psycopg2", "me", password, "127.0.0.1", 1, "lake")
    text = url.render_as_string(hide_password=False)
    with pytest.raises(SourceUnreadable, match=r"cannot be read: .*[Cc]onnect") as unreadable:
        room.limited(env={"SOURCE_URL": text}).open(TABLE)
    error: BaseException | None = unreadable.value
    assert error.__suppress_context__
    assert error.__cause__ is None
    assert password not in str(error)
    assert url.set(drivername="postgresql").render_as_string(hide_password=False) not in str(error)


class TestTheVersion:
    @pytest.fixture(autouse=True)
    def _both_ways(self, way) -> None:
        """The version does not depend on how rows are read, but is asked for both ways."""

    def test_is_none_without_rows_and_that_of_the_reading_with_rows(self, sql, execute):
        assert sql.version(TABLE) is None
        execute(values(*MIDNIGHTS))
        assert sql.version(TABLE) == sql.open(TABLE).version
        assert sql.version(QUERY) == sql.open(QUERY).version

    def test_changes_with_rows_of_the_day_and_not_of_another(self, sql, execute):
        execute(values(*MIDNIGHTS))
        before = sql.version(TABLE)
        execute(values("2026-03-06Z"))
        assert sql.version(TABLE) == before
        execute(values("2026-03-04Z"))
        assert sql.version(TABLE) != before

    def test_of_labels_changes_when_two_are_swapped_and_not_when_rows_move(self, sql, execute):
        labels = sql.but(kind=Kind.LABELS)
        execute(values(*MIDNIGHTS))
        before = labels.version(TABLE)
        execute("UPDATE events SET secret = 'moved' WHERE id = 'e1'")
        assert labels.version(TABLE) == before
        execute("UPDATE events SET y = 3 - y")
        assert labels.version(TABLE) != before
