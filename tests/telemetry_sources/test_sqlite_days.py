"""SQL sources on SQLite, which keeps any value in any column, and times as texts."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest

from monitoring_dagster.errors import SourceMissing, SourceRefused, SourceUnreadable
from monitoring_dagster.monitors.contract import Kind, SqlSource
from monitoring_dagster.telemetry.sources import sql as sql_days
from tests.telemetry_sources.conftest import monitor_of

TABLE = SqlSource(kind="sql", url_env="SOURCE_URL", table="events")
QUERY = SqlSource(
    kind="sql",
    url_env="SOURCE_URL",
    query="SELECT * FROM events WHERE at >= :day_start AND at < :day_end",
)


@pytest.fixture
def database(tmp_path: Path):
    with sqlite3.connect(tmp_path / "events.db") as connection:
        connection.execute(
            "CREATE TABLE events (id TEXT, at TIMESTAMP, x REAL, y INTEGER, secret TEXT)"
        )
        yield connection
    connection.close()


@pytest.fixture
def sql(room, database, tmp_path):
    return room.limited(env={"SOURCE_URL": f"sqlite:///{tmp_path}/events.db"})


def insert(database: sqlite3.Connection, *rows: tuple[object, ...]) -> None:
    database.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows)
    database.commit()


def events(*times: str) -> list[tuple[object, ...]]:
    return [(f"e{i}", at, i / 2, i, "s") for i, at in enumerate(times)]


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("{} {}", "a blank"),
        ("{} {}.000000", "a fraction"),
        ("{}T{}", "a T"),
        ("{}T{}Z", "a Z"),
        ("{}T{}.000+00:00", "an offset"),
    ],
)
def test_a_day_has_its_first_instant_and_not_its_last(form, name, sql, database):
    rows = events(
        form.format("2026-03-03", "23:59:59"),
        form.format("2026-03-04", "00:00:00"),
        form.format("2026-03-04", "23:59:59"),
        form.format("2026-03-05", "00:00:00"),
    )
    insert(database, *rows)
    assert sql.read(TABLE)["id"].to_pylist() == ["e1", "e2"]


def test_times_without_offset_are_on_the_clock_of_the_monitor(sql, database):
    times = ["2026-03-04 00:00:00", "2026-03-03T15:00:00Z", "2026-03-04T14:59:59+00:00"]
    insert(database, *events(*times))
    tokyo = sql.but(monitor=monitor_of(time_zone="Asia/Tokyo"))
    assert tokyo.read(TABLE)["id"].to_pylist() == ["e0", "e1", "e2"]


def test_only_declared_columns_are_selected(sql, database):
    insert(database, *events("2026-03-04 01:00:00"))
    reading = sql.open(TABLE)
    assert reading.undeclared == ("secret",)
    assert reading.schema.names == ["id", "at", "x", "y", "secret"]
    assert [b.to_pylist() for b in reading.batches] == [
        [{"id": "e0", "at": "2026-03-04 01:00:00", "x": 0.0}]
    ]


def test_a_value_that_does_not_fit_its_column_arrives_as_text(sql, database):
    insert(
        database,
        ("a", "2026-03-04 01:00:00", 1.5, 1, ""),
        ("b", "2026-03-04 02:00:00", "one", 1, ""),
    )
    assert sql.read(TABLE)["x"].to_pylist() == ["1.5", "one"]


def test_a_query_gets_its_bounds(sql, database):
    insert(database, *events("2026-03-03 23:00:00", "2026-03-04 00:00:00", "2026-03-05 00:00:00"))
    reading = sql.open(QUERY)
    assert [b["id"].to_pylist() for b in reading.batches] == [["e1"]]
    assert reading.undeclared == ("secret",)


def test_a_query_has_the_types_of_its_first_rows(sql, database):
    insert(database, *events("2026-03-04 00:00:00", "2026-03-04 01:00:00"))
    source = QUERY.model_copy(
        update={"query": QUERY.query.replace("*", "id, at, y AS x, NULL AS y")}  # type: ignore[union-attr]
    )
    assert sql.open(source).schema.field("x").type == pa.int64()
    assert sql.read(source)["x"].to_pylist() == [0, 1]


@pytest.mark.parametrize(
    "name",
    ['a"b', "a'b", "a;DROP TABLE events;--", "select", "Upper", "a b", "100%", "a:b", "ü`[]"],
)
def test_any_column_name_is_quoted(name, room, tmp_path):
    quoted = '"' + name.replace('"', '""') + '"'
    with sqlite3.connect(tmp_path / "odd.db") as database:
        database.execute(f"CREATE TABLE {quoted} (id TEXT, at TIMESTAMP, {quoted} REAL)")
        database.execute(f"INSERT INTO {quoted} VALUES ('a', '2026-03-04 00:00:00', 7.5)")
    database.close()
    columns = {
        "id": {"role": "id"},
        "at": {"role": "timestamp", "in": ["features", "predictions"]},
        "x": {"role": "feature", "type": "number", "source_name": name},
        "score": {"role": "score"},
        "y": {"role": "label", "type": "integer"},
    }
    odd = room.limited(env={"SOURCE_URL": f"sqlite:///{tmp_path}/odd.db"})
    odd = odd.but(monitor=monitor_of(columns))
    source = SqlSource(kind="sql", url_env="SOURCE_URL", table=name)
    assert odd.read(source)[name].to_pylist() == [7.5]


def test_many_rows_come_in_batches(sql, database, monkeypatch):
    monkeypatch.setattr(sql_days, "_BATCH_ROWS", 50)
    insert(database, *events(*["2026-03-04 01:00:00"] * 120))
    assert [b.num_rows for b in sql.open(TABLE).batches] == [50, 50, 20]


def test_too_many_rows_are_refused_while_they_come(sql, database):
    insert(database, *events(*["2026-03-04 01:00:00"] * 11))
    with pytest.raises(SourceRefused, match="table events holds 11 rows"):
        list(sql.limited(max_rows=10).open(TABLE).batches)


def test_a_source_cannot_be_written_to(sql, database):
    insert(database, *events("2026-03-04 01:00:00"))
    deleting = "DELETE FROM events WHERE at >= :day_start AND at < :day_end RETURNING *"
    with pytest.raises(SourceUnreadable):
        sql.open(QUERY.model_copy(update={"query": deleting}))
    assert database.execute("SELECT count(*) FROM events").fetchone() == (1,)


def test_a_variable_that_is_not_set_is_named(room):
    with pytest.raises(SourceMissing, match="SOURCE_URL is not set"):
        room.open(TABLE)
    assert room.version(TABLE) is None


def test_a_text_that_is_no_url_is_not_repeated(room):
    with pytest.raises(SourceUnreadable, match="SOURCE_URL does not hold the URL") as unreadable:
        room.limited(env={"SOURCE_URL": "sesame open"}).open(TABLE)
    assert "sesame" not in str(unreadable.value)


def test_a_missing_database_is_not_created(room, tmp_path):
    missing = tmp_path / "missing.db"
    with pytest.raises(SourceMissing, match=r"missing\.db"):
        room.limited(env={"SOURCE_URL": f"sqlite:///{missing}"}).open(TABLE)
    assert not missing.exists()


def test_a_missing_table_is_missing(sql):
    with pytest.raises(SourceMissing, match="table nowhere does not exist"):
        sql.open(TABLE.model_copy(update={"table": "nowhere"}))


def test_a_missing_timestamp_says_which_columns_there_are(sql, database):
    database.execute("ALTER TABLE events RENAME COLUMN at TO happened")
    database.commit()
    with pytest.raises(SourceUnreadable, match=r"no column 'at'.*id, happened, x"):
        sql.open(TABLE)


def test_a_number_does_not_say_when(sql, database):
    database.execute("ALTER TABLE events RENAME COLUMN at TO text_at")
    database.execute("ALTER TABLE events RENAME COLUMN y TO at")
    database.commit()
    with pytest.raises(SourceUnreadable, match="'at' has role timestamp and type INTEGER"):
        sql.open(TABLE)


def test_a_missing_driver_is_named(room):
    url = "mysql+mysqldb://me:sesame@127.0.0.1/x"
    with pytest.raises(SourceUnreadable, match="driver that is not installed") as unreadable:
        room.limited(env={"SOURCE_URL": url}).open(TABLE)
    assert "sesame" not in str(unreadable.value)


class TestTheVersion:
    def test_is_none_without_rows_and_that_of_the_reading_with_rows(self, sql, database):
        assert sql.version(TABLE) is None
        insert(database, *events("2026-03-04 01:00:00"))
        assert sql.version(TABLE) == sql.open(TABLE).version
        assert sql.version(QUERY) == sql.open(QUERY).version

    def test_changes_with_rows_of_the_day_and_not_of_another(self, sql, database):
        insert(database, *events("2026-03-04 01:00:00"))
        before = sql.version(TABLE)
        insert(database, *events("2026-03-05 01:00:00"))
        assert sql.version(TABLE) == before
        insert(database, *events("2026-03-04 01:00:00"))
        assert sql.version(TABLE) != before

    def test_of_labels_changes_when_one_is_corrected(self, sql, database):
        labels = sql.but(kind=Kind.LABELS)
        insert(database, *events("2026-03-04 01:00:00", "2026-03-04 02:00:00"))
        before = labels.version(TABLE)
        database.execute("UPDATE events SET secret = 'other'")
        database.commit()
        assert labels.version(TABLE) == before
        database.execute("UPDATE events SET y = 1 - y")
        database.commit()
        assert labels.version(TABLE) != before
