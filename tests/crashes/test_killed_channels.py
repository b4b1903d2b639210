"""Killed right after a message went out by a file, a webhook or a mail: whoever reads it knows it
as one message, and misses none.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitoring_dagster.notifications.file import threads
from monitoring_dagster.store import Store
from monitoring_dagster.store.response_tables import outbox
from tests.crashes.channels import FILE, MAIL, WEBHOOK, deliver, rehearse
from tests.crashes.days import NAMES, START, evaluate, monitors
from tests.slack.clock import HandClock
from tests.slack.fixtures import furnished
from tests.slack.mail import running_mail_server
from tests.slack.server import running_slack
from tests.slack.sink import running_sink

Told = Callable[[], Counter[str]]
"""How often readers got each message, by the name by which they know it again."""


@contextlib.contextmanager
def readers(at: str, folder: Path) -> Iterator[tuple[str, Told]]:
    """Where a channel delivers to, and what arrived."""
    if at == FILE:
        path = folder / "messages.jsonl"
        yield str(path), lambda: Counter(thread.root.key for thread in threads(path))
    elif at == WEBHOOK:
        with running_sink() as sink:
            yield sink.url, lambda: Counter(r.headers["Idempotency-Key"] for r in sink.requests)
    else:
        with running_mail_server() as box:
            told = lambda: Counter(str(m.content["Message-ID"]) for m in box.mails)  # noqa: E731
            yield f"{box.host}:{box.port}", told


@pytest.mark.parametrize("at", [FILE, WEBHOOK, MAIL])
def test_a_message_whose_sender_was_killed_is_known_as_one(
    processes: ForkServerContext, store_url: str, tmp_path: Path, at: str
) -> None:
    with contextlib.closing(Store(store_url)) as store, readers(at, tmp_path) as (target, told):
        evaluate(store, monitors()[NAMES[0]], 0, START)
        dies = processes.Process(
            target=deliver, args=(store_url, at, target, START), kwargs={"dies": True}
        )
        dies.start()
        dies.join()
        assert dies.exitcode == -signal.SIGKILL
        assert told().total() == 1
        for minutes in range(3, 60, 3):
            now = START + dt.timedelta(minutes=minutes)
            if not deliver(store_url, at, target, now, dies=False):
                break
        roots = sa.select(sa.func.count()).where(outbox.c.kind == "root")
        assert len(told()) == store.read(lambda c: c.execute(roots).scalar_one())
        # What cannot be asked whether it has a message is told again, and knows it by its name.
        assert told().total() == len(told()) + (at != FILE)


def test_a_rehearsal_that_was_killed_at_its_end_leaves_nothing_and_can_be_done_again(
    processes: ForkServerContext,
) -> None:
    workspace, token, channel = furnished(HandClock(START.timestamp()))
    with running_slack(workspace) as slack:
        dies = processes.Process(
            target=rehearse, args=(slack.url, token, "first"), kwargs={"dies": True}
        )
        dies.start()
        dies.join()
        assert dies.exitcode == -signal.SIGKILL
        assert workspace.visible()[channel] == []
        assert all(step.is_well for step in rehearse(slack.url, token, "second", dies=False))
        assert workspace.visible()[channel] == []
