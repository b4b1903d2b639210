"""Alerts told by processes that die to a Slack that lies: how many are lost, how many repeated.

`python -m benchmarks.delivery [--rounds N]` prints the table. What a round is stands in
`tests/crashes`; here is what it is compared with: a sender that posts straight from the evaluation.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import multiprocessing as mp
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.tables import Table
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.incidents.desk import EMBEDDED
from monitoring_dagster.notifications import markers
from monitoring_dagster.notifications.configuration import Channels
from monitoring_dagster.notifications.file import FileChannel
from monitoring_dagster.notifications.message import Form
from monitoring_dagster.notifications.rendering import render
from monitoring_dagster.store import Store
from monitoring_dagster.store.outbox import PICTURE, Notice
from monitoring_dagster.store.response_tables import outbox
from monitoring_dagster.upkeep import Upkeep
from tests.crashes.clocks import Clock
from tests.crashes.databases import Fresh, on_postgres, on_sqlite
from tests.crashes.days import PLACE, monitors
from tests.crashes.rounds import FAILPOINTS, FAULT_SHARE, Outcome, Round
from tests.crashes.wire import UNANSWERED, Travel
from tests.crashes.workers import TICK_SECONDS, Fate, Place
from tests.postgres import running_server

ROUNDS = 200
AT_ONCE = 3

DEATHS = 2
"""How often each process that tells people is killed."""

POSTED = ("slack.posted", "delivery.posted", "slack.edited", "delivery.edited", "slack.attached")
RECORDED = ("delivery.recorded", "delivery.edit_recorded")
BEFORE = tuple(name for name in FAILPOINTS if name not in POSTED + RECORDED)
"""Where a simple sender is when ours is at these points."""

Play = Callable[[ForkServerContext, str, int, str], Outcome]
"""A round at a failpoint, with a seed, on a database."""


def ours(processes: ForkServerContext, at: str, seed: int, url: str) -> Outcome:
    """Two daemons that deliver from the outbox."""
    return Round(processes, [at] * DEATHS, seed).play(url)


def simple(processes: ForkServerContext, at: str, seed: int, url: str) -> Outcome:
    """One sender that posts straight from the evaluation; two would say everything twice."""
    with tempfile.TemporaryDirectory() as folder:
        cursor = Path(folder) / "cursor.json"
        return Round(
            processes,
            [at] * DEATHS,
            seed,
            teller=post_straight,
            daemons=1,
            is_told=lambda store: not store.read(lambda c: _after(c, _progress(cursor)["after"])),
            more=(cursor,),
        ).play(url)


def post_straight(clock: Clock, place: Place, seed: int, fate: Fate, cursor: Path) -> None:
    """Post what is new with slack_sdk as it comes, and remember how far that got.

    What fails is begun again from there at the next turn, as a failed run is.
    """
    logging.disable()
    os.environ["no_proxy"] = "127.0.0.1"
    client = _client(place, Travel(clock, random.Random(seed)))  # noqa: S311 - of a simulation
    store, now = Store(place.store), clock
    nobody = Channels(FileChannel(cursor.with_name("none"), clock=clock), (), "")
    upkeep = Upkeep(store, monitors(place.names), nobody, EMBEDDED, now, now)
    turn = 0
    while True:
        fate.comes(turn)
        upkeep.attend()
        with contextlib.suppress(Exception):
            _post_all(client, store, cursor)
        clock.pause(TICK_SECONDS)
        turn += 1


def _post_all(client: Any, store: Store, cursor: Path) -> None:
    done = _progress(cursor)
    for notice in store.read(lambda c: _after(c, done["after"])):
        _reach(BEFORE)
        message = store.read(lambda c, notice=notice: render(c, notice, Form.FULL))
        posted = client.chat_postMessage(
            channel=f"#{PLACE}",
            thread_ts=done["threads"].get(str(notice.incident_id)),
            **markers.content(message, notice.key),
        )
        _reach(POSTED)
        done["after"] = notice.id
        done["threads"].setdefault(str(notice.incident_id), posted["ts"])
        cursor.write_text(json.dumps(done))
        _reach(RECORDED)


def _reach(names: Sequence[str]) -> None:
    for name in names:
        failpoint(name)


def _progress(cursor: Path) -> dict[str, Any]:
    return json.loads(cursor.read_text()) if cursor.exists() else {"after": 0, "threads": {}}


def _after(connection: sa.Connection, last: int) -> list[Notice]:
    c = outbox.c
    query = sa.select(outbox).where(c.id > last, c.kind != PICTURE).order_by(c.id)
    return [Notice.of(row) for row in connection.execute(query)]


def _client(place: Place, travel: Travel) -> Any:
    """slack_sdk's client with its defaults, whose calls take their time on the round's clock."""
    from slack_sdk import WebClient

    class Client(WebClient):
        def _perform_urllib_http_request_internal(self, url: str, req: Any) -> dict[str, Any]:
            travel.pass_by()
            found = super()._perform_urllib_http_request_internal(url, req)
            if UNANSWERED in found["headers"]:
                travel.clock.pause(self.timeout)
                raise TimeoutError("timed out")
            travel.pass_by()
            return found

    return Client(place.token, base_url=place.slack)


def played(
    play: Play, fresh: Fresh, rounds: Sequence[int], processes: ForkServerContext
) -> list[Outcome]:
    """Rounds on databases of their own, some at once; each failpoint in turn."""

    def one(number: int) -> Outcome:
        with fresh() as url:
            return play(processes, FAILPOINTS[number % len(FAILPOINTS)], number, url)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, rounds))


def row(who: str, where: str, outcomes: Sequence[Outcome]) -> list[str]:
    """A line of the table."""
    calls, failed = sum(o.calls for o in outcomes), sum(o.failed for o in outcomes)
    seeings = [outcome.seeing for outcome in outcomes]
    owed, lost, repeated = (
        sum(len(part) for part in parts)
        for parts in zip(*((s.owed, s.lost, s.repeated) for s in seeings), strict=True)
    )
    stuck = sum(not outcome.is_quiet for outcome in outcomes)
    kills = sum(outcome.kills.total() for outcome in outcomes)
    figures = (len(outcomes), kills, calls, failed, owed, lost, repeated, stuck)
    return [who, where, *(f"{figure:,}" for figure in figures)]


def table(rounds: int = ROUNDS) -> Table:
    """Half of the rounds on each database, by ours and by a simple sender."""
    processes = mp.get_context("forkserver")
    processes.set_forkserver_preload(
        ["benchmarks.delivery", "slack_sdk", "matplotlib.figure", "matplotlib.backends.backend_agg"]
    )
    half = [range(rounds // 2), range(rounds // 2, rounds)]
    rows = [
        row(who, where, played(play, fresh, numbers, processes))
        for (where, fresh), numbers in zip(_databases(), half, strict=True)
        for who, play in (("ours", ours), ("posted straight", simple))
    ]
    header = (
        "sender", "store", "rounds", "killed", "calls", "failed", "owed", "lost", "repeated",
        "unfinished",
    )  # fmt: skip
    return Table("Alerts by processes that die, to a Slack that lies", header, rows, NOTES)


def _databases() -> Iterator[tuple[str, Fresh]]:
    with on_sqlite() as fresh:
        yield "SQLite", fresh
    with running_server() as server, on_postgres(server) as fresh:
        yield "PostgreSQL", fresh


NOTES = (
    (
        "A round: two monitors are evaluated on three days, so that incidents open, worsen, end "
        "and come back. Those who tell people of it meanwhile are killed with SIGKILL at one of "
        f"{len(FAILPOINTS)} named points between verdict and Slack, each in turn, and begun again."
    ),
    (
        f"For nine minutes {FAULT_SHARE:.0%} of all calls meet a fault (429; 5xx, resets and "
        "time-outs before and after the message landed; messages that land up to 55 s later; "
        "HTML and half of an answer); then all is well until nothing is left to do."
    ),
    (
        "Ours: two daemons at once. Posted straight: slack_sdk with its defaults, which begins "
        "again from its cursor after a crash or a failure; one at a time, since two would say "
        "everything twice. It gets the same incidents, faults and deaths."
    ),
    (
        "Lost: a message that nobody sees, a reply that is not below its root. Repeated: copies "
        "that people see beside the first. Failed: calls that met a fault or a limit of Slack's."
    ),
    (
        "Real processes, databases and connections; the clock they live by moves while all of "
        "them wait, so that leases, time-outs and landings last what they last."
    ),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    print(table(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
