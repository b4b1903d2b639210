"""Many writers at once, and writers that die."""

from __future__ import annotations

import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.context import ForkServerContext

import pytest

from monitoring_dagster.store import Store
from tests.store.builders import evaluation, rows, write_and_die, write_days


def check_that_nothing_is_lost(store: Store, writers: int) -> None:
    for writer in range(writers):
        table = store.measurements(f"monitor_{writer}")
        assert table.num_rows == 200
        assert len(set(table["day"].to_pylist())) == 10
    shared = store.evaluations("flights")
    assert shared["revision"].to_pylist() == list(range(1, writers + 1))
    last = shared["input_fingerprint"].to_pylist()[-1]
    values = store.measurements("flights")["value"].to_pylist()
    assert values == [float(last.removeprefix("writer "))] * 20


def test_eight_threads_that_write_at_once_lose_nothing(store: Store, store_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write_days, [store_url] * 8, range(8)))
    check_that_nothing_is_lost(store, writers=8)


def test_threads_may_share_a_store(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        recorded = list(pool.map(lambda _: store.record(evaluation(), rows(20)), range(8)))
    assert sum(r.written for r in recorded) == 1
    assert len({r.evaluation_id for r in recorded}) == 1


def test_eight_processes_that_write_at_once_lose_nothing(
    store: Store, store_url: str, processes: ForkServerContext
) -> None:
    with ProcessPoolExecutor(8, mp_context=processes) as pool:
        list(pool.map(write_days, [store_url] * 8, range(8)))
    check_that_nothing_is_lost(store, writers=8)


# BEGIN or lock, revision, latest, evaluation, delete, insert, COMMIT: a few more than there are.
@pytest.mark.parametrize("statement", range(1, 10))
def test_a_writer_killed_at_any_statement_leaves_the_old_or_the_new(
    store: Store, store_url: str, processes: ForkServerContext, statement: int
) -> None:
    store.record(evaluation("first"), rows(20, value=1.0))
    writer = processes.Process(target=write_and_die, args=(store_url, statement))
    writer.start()
    writer.join()
    assert writer.exitcode in (-signal.SIGKILL, 0)

    values = store.measurements("flights")["value"].to_pylist()
    revisions = store.evaluations("flights")["revision"].to_pylist()
    if writer.exitcode == 0:
        assert (values, revisions) == ([2.0] * 30, [1, 2])
    else:
        assert (values, revisions) == ([1.0] * 20, [1])

    store.record(evaluation("second"), rows(30, value=2.0))
    assert store.measurements("flights")["value"].to_pylist() == [2.0] * 30
    assert store.evaluations("flights")["revision"].to_pylist() == [1, 2]


def test_a_killed_writer_dies_in_the_middle_of_its_transaction(
    store: Store, store_url: str, processes: ForkServerContext
) -> None:
    """So that the test above cannot pass by never killing anybody."""
    exits = []
    for statement in (1, 5, 30):
        writer = processes.Process(target=write_and_die, args=(store_url, statement))
        writer.start()
        writer.join()
        exits.append(writer.exitcode)
    assert exits == [-signal.SIGKILL, -signal.SIGKILL, 0]
