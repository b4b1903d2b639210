"""Appending, reading and erasing, by one and by many at once."""

from __future__ import annotations

import datetime as dt
import json
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import chain
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitoring_dagster.errors import StoreError
from monitoring_dagster.store import Store
from monitoring_dagster.store.audit import Entry, Head, append, entries, erase, export_lines, head
from monitoring_dagster.store.audit.tables import audit, audit_head, audit_payload
from monitoring_dagster.store.tables import new_normal
from tests.store_audit.builders import (
    AT,
    append_and_die,
    append_often,
    attack,
    checked,
    entry,
    log,
    told_of,
)

REFUSED = "what was logged is never changed"


def test_what_is_logged_is_read_back_in_order(store: Store) -> None:
    assert log(store, 7) == [1, 2, 3, 4, 5, 6, 7]
    found = store.read(entries)
    assert [row.seq for row in found] == [1, 2, 3, 4, 5, 6, 7]
    assert found[2] == (3, AT, *entry(3)[:4], dict(entry(3).payload))
    assert checked(store).is_intact
    assert told_of(store).code == 0


def test_people_find_rows_by_subject_actor_action_and_time(store: Store) -> None:
    log(store, 4)
    later = AT + dt.timedelta(hours=1)
    silence = Entry("user:ann", "silence_created", "silence", "7", {"because": "planned"})
    store.write(lambda connection: append(connection, [silence, entry(2)], later))

    def seqs(*subject: str, **wanted: object) -> list[int]:
        found = store.read(lambda connection: entries(connection, *subject, **wanted))  # type: ignore[arg-type]
        return [row.seq for row in found]

    assert seqs("incident", "INC-2") == [2, 6]
    assert seqs("silence") == seqs(actor="user:ann") == seqs(action="silence_created") == [5]
    assert seqs(since=later) == [5, 6]
    assert seqs(until=later, limit=2) == [3, 4]


def test_an_empty_log_is_intact(store: Store) -> None:
    assert store.read(head) == Head(0, bytes(32))
    assert checked(store).is_intact
    assert told_of(store).code == 0
    assert store.write(lambda connection: append(connection, [], AT)) == []


def test_texts_that_no_database_holds_are_logged_apart_and_verify(store: Store) -> None:
    strange = ["\0", "\ud800", "é" * 400, "x" * 5_000, "", "a\nb", "𝔘"]
    some = [Entry(text, text, text, text, {text: [text, None, 1.5]}) for text in strange]
    store.write(lambda connection: append(connection, some, AT))
    found = store.read(entries)
    assert len({row.subject_id for row in found}) == len(strange)
    assert [row.payload for row in found] == [dict(e.payload) for e in some]
    assert checked(store).is_intact
    assert told_of(store).code == 0


@pytest.mark.parametrize("year", [1, 1969, 2026, 9999])
def test_an_instant_of_any_year_verifies(store: Store, year: int) -> None:
    log(store, 2, at=dt.datetime(year, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC))
    assert checked(store).is_intact
    assert told_of(store).code == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'somebody else' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 2",
        "UPDATE audit_payload SET payload = '{}' WHERE seq = 2",
    ],
)
def test_the_database_refuses_to_change_what_was_logged(store: Store, statement: str) -> None:
    log(store, 3)
    with pytest.raises(StoreError, match=f"refused what was written.*{REFUSED}"):
        store.write(lambda connection: connection.execute(sa.text(statement)))
    assert checked(store).is_intact


@pytest.mark.parametrize("table", ["audit", "audit_payload"])
def test_postgresql_refuses_to_empty_the_log(postgres_store: Store, table: str) -> None:
    log(postgres_store, 3)
    with pytest.raises(StoreError, match=REFUSED):
        postgres_store.write(lambda connection: connection.execute(sa.text(f"TRUNCATE {table}")))


@pytest.mark.parametrize("column", ["seq", "prev", "hash"])
def test_sqlite_refuses_to_replace_a_row(sqlite_store: Store, column: str) -> None:
    log(sqlite_store, 3)
    taken = {"seq": "9", "prev": "x'01'", "hash": "x'02'"} | {
        column: f"(SELECT {column} FROM audit WHERE seq = 2)"
    }
    statement = (
        "REPLACE INTO audit SELECT {seq}, at, actor, action, subject_type, 'x', payload_commit, "
        "{prev}, {hash} FROM audit WHERE seq = 1"
    ).format(**taken)
    with pytest.raises(StoreError, match=REFUSED):
        sqlite_store.write(lambda connection: connection.execute(sa.text(statement)))
    replace = sa.text("REPLACE INTO audit_payload VALUES (2, x'00', '{}')")
    with pytest.raises(StoreError, match=REFUSED):
        sqlite_store.write(lambda connection: connection.execute(replace))


def test_a_fork_is_refused_even_without_the_lock(store: Store) -> None:
    log(store, 3)
    fork = sa.text(
        "INSERT INTO audit SELECT 9, at, actor, action, subject_type, subject_id, payload_commit, "
        "prev, payload_commit FROM audit WHERE seq = 2"
    )
    with pytest.raises(StoreError, match="refused what was written"):
        store.write(lambda connection: connection.execute(fork))


def test_without_a_head_nothing_is_logged(store: Store) -> None:
    attack(store, "DELETE FROM audit_head")
    with pytest.raises(StoreError, match=r"has no head.*audit verify"):
        log(store, 1)


def test_threads_that_append_at_once_make_one_chain(store: Store, store_url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        seqs = list(pool.map(append_often, [store_url] * 6, range(6), [12] * 6))
    assert sorted(chain.from_iterable(seqs)) == list(range(1, 145))
    assert checked(store).rows == 144
    assert checked(store).is_intact


def test_processes_that_append_at_once_make_one_chain(
    store: Store, store_url: str, processes: ForkServerContext
) -> None:
    with ProcessPoolExecutor(3, mp_context=processes) as pool:
        seqs = list(pool.map(append_often, [store_url] * 3, range(3), [12] * 3))
    assert sorted(chain.from_iterable(seqs)) == list(range(1, 73))
    assert checked(store).is_intact
    assert told_of(store).code == 0


def test_a_log_that_grows_meanwhile_is_found_intact_and_exported_whole(
    store: Store, store_url: str
) -> None:
    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(append_often, store_url, n, 20) for n in range(2)]
        while not all(writer.done() for writer in writers):
            assert checked(store).is_intact
            assert told_of(store).code == 0
    assert checked(store).rows == 78


def test_a_writer_killed_in_mid_transaction_leaves_neither_business_nor_audit(
    store: Store, store_url: str, processes: ForkServerContext
) -> None:
    log(store, 3)
    writer = processes.Process(target=append_and_die, args=(store_url,))
    writer.start()
    writer.join()
    assert writer.exitcode == -signal.SIGKILL
    assert store.read(lambda connection: connection.execute(sa.select(new_normal)).all()) == []
    assert checked(store).rows == 3
    assert log(store, 3, first=4) == [4, 5, 6]
    assert checked(store).is_intact


def test_an_entry_that_cannot_be_logged_takes_its_business_back(store: Store) -> None:
    def work(connection: sa.Connection) -> None:
        accepted = {"monitor": "flights", "since": AT.date(), "because": "", "accepted_by": "ann"}
        connection.execute(sa.insert(new_normal), {**accepted, "accepted_at": AT})
        append(connection, [entry(1), entry(2)._replace(payload={"x": float("nan")})], AT)

    with pytest.raises(StoreError, match="no JSON"):
        store.write(work)
    assert store.read(lambda connection: connection.execute(sa.select(new_normal)).all()) == []
    assert checked(store).rows == 0


def erased(store: Store, seqs: list[int]) -> int:
    return store.write(
        lambda connection: erase(connection, seqs, actor="user:dpo", because="request 9", at=AT)
    )


def test_an_erased_payload_is_gone_and_the_chain_verifies(store: Store) -> None:
    log(store, 9)
    assert erased(store, [2, 3, 4, 8]) == 4
    found = store.read(entries)
    assert [row.seq for row in found if row.payload is None] == [2, 3, 4, 8]
    said = {"because": "request 9", "count": 4, "seqs": [[2, 4], [8, 8]]}
    assert found[-1] == (10, AT, "user:dpo", "payload_erased", "audit", "payload", said)
    verification = checked(store)
    assert (verification.is_intact, verification.rows, verification.erased) == (True, 10, 4)
    assert "erased on record" not in " ".join(verification.warnings)
    assert told_of(store).code == 0


def test_erasing_twice_is_erasing_once(store: Store) -> None:
    log(store, 3)
    assert erased(store, [2]) == 1
    before = store.read(head)
    assert erased(store, [2]) == 0
    assert store.read(head) == before


def test_what_was_erased_stays_known(store: Store) -> None:
    log(store, 3)
    erased(store, [2])
    with pytest.raises(StoreError, match="audit row 4 says which payloads were erased, and stays"):
        erased(store, [1, 4])
    assert store.read(entries)[0].payload is not None


def test_a_payload_that_was_deleted_without_a_record_is_warned_of(store: Store) -> None:
    log(store, 5)
    erased(store, [2])
    delete = sa.delete(audit_payload).where(audit_payload.c.seq == 3)
    store.write(lambda connection: connection.execute(delete))
    verification = checked(store)
    assert verification.is_intact
    assert "2 payloads are not there, and only 1 were erased on record" in verification.warnings[-1]


def test_an_erased_text_is_no_longer_in_the_file(sqlite_store: Store, tmp_path: Path) -> None:
    canary = entry(1)._replace(payload={"name": "canary-4711"})
    sqlite_store.write(lambda connection: append(connection, [canary, entry(2)], AT))
    erased(sqlite_store, [1])
    engine = sqlite_store._database.engine
    with engine.connect().execution_options(begin="") as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    files = [path.read_bytes() for path in tmp_path.glob("store.db*")]
    assert files
    assert not any(b"canary-4711" in content for content in files)


def test_a_clock_that_went_back_is_a_warning_and_no_tampering(store: Store) -> None:
    log(store, 3)
    log(store, 3, first=4, at=AT - dt.timedelta(hours=1))
    verification = checked(store)
    assert verification.is_intact
    assert "the clock went back 1 times, first at row 4" in verification.warnings


def test_salts_are_fresh_and_can_be_given(store: Store) -> None:
    log(store, 3)
    same = [entry(1), entry(1)]
    given = iter([b"a" * 16, b"b" * 16])
    store.write(lambda connection: append(connection, same, AT, salts=lambda _: next(given)))
    query = sa.select(audit_payload.c.salt).order_by(audit_payload.c.seq)
    salts = store.read(lambda connection: connection.scalars(query).all())
    assert len(set(salts)) == 5
    assert list(salts[3:]) == [b"a" * 16, b"b" * 16]
    commits = store.read(lambda c: c.scalars(sa.select(audit.c.payload_commit)).all())
    assert len(set(commits)) == 5


def test_the_export_has_the_columns_that_are_documented(store: Store) -> None:
    log(store, 2)
    rows = [json.loads(line) for line in store.read(lambda c: list(export_lines(c)))]
    text = (Path(__file__).parents[2] / "docs/audit.md").read_text(encoding="utf-8")
    listed = text.split("## The export", 1)[1].split("\n## ", 1)[0]
    documented = [line.split("`")[1] for line in listed.splitlines() if line.startswith("| `")]
    assert list(rows[0]) == documented
    assert rows[-1] == {"seq": 2, "hash": rows[1]["hash"]}


def test_the_head_has_one_row(store: Store) -> None:
    second = sa.insert(audit_head).values(id=2, seq=0, hash=b"")
    with pytest.raises(StoreError, match="refused what was written"):
        store.write(lambda connection: connection.execute(second))
