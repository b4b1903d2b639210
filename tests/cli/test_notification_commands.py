"""What people were not told is listed with the reason, and goes once more when it is mended."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from monitoring_dagster.store.response_tables import destination, outbox
from tests.cli.conftest import MENDED, Terminal

ROOT = "root:MD-000001:1"


def refuse(terminal: Terminal, **more: object) -> None:
    """The root of MD-000001 was refused in every form."""
    values = {"status": "quarantined", "form": "text", "attempts": 3, "failures": 3}
    statement = sa.update(outbox).where(outbox.c.key == ROOT)
    terminal.store.write(
        lambda connection: connection.execute(
            statement.values({**values, "last_error": "invalid_blocks", **more})
        )
    )


def row_of(terminal: Terminal) -> sa.Row[tuple[object, ...]]:
    query = sa.select(outbox).where(outbox.c.key == ROOT)
    return terminal.store.read(lambda connection: connection.execute(query).one())


def test_what_waits_and_what_was_refused_is_listed_with_the_reason(terminal: Terminal) -> None:
    terminal.open("MD-000001")
    terminal.open("MD-000002", "labels")
    refuse(terminal)
    _, refused, waiting, count = terminal.call("notifications", "list").splitlines()
    assert refused.split()[:2] == [ROOT, "quarantined"]
    assert "invalid_blocks" in refused
    assert waiting.split()[:2] == ["root:MD-000002:1", "pending"]
    assert count == "1 pending, 1 quarantined"


def test_a_place_that_takes_nothing_is_named(terminal: Terminal) -> None:
    closed = {
        "channel": "slack", "name": "#alerts", "next_free_at": terminal.now, "failures": 1,
        "blocked_since": dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC),
        "blocked_because": "not_in_channel",
    }  # fmt: skip
    terminal.store.write(lambda c: c.execute(sa.insert(destination).values(closed)))
    assert terminal.call("notifications", "list").splitlines() == [
        "#alerts takes nothing by slack since 2026-01-02 03:04 UTC: not_in_channel",
        "everything was told",
    ]


def test_a_refused_notice_goes_once_more_in_its_full_form(terminal: Terminal) -> None:
    terminal.open("MD-000001")
    refuse(terminal)
    said = terminal.call("notifications", "retry", ROOT, "--by", "ann")
    assert said == f"{ROOT} goes once more, at the next look of the sensor `delivery`.\n"
    row = row_of(terminal)
    assert (row.status, row.form, row.failures) == ("pending", "full", 0)
    assert row.due_at >= terminal.now
    (logged,) = terminal.logged("notice.retried")
    assert (logged.actor, logged.subject_id) == ("user:ann", ROOT)


def test_one_that_a_fallback_told_stays_told(terminal: Terminal) -> None:
    terminal.open("MD-000001")
    refuse(terminal, sent_at=terminal.now, sent_by="file")
    terminal.call("notifications", "retry", ROOT, "--by", "ann")
    assert row_of(terminal).status == "relayed"


def test_only_what_was_refused_goes_once_more(terminal: Terminal) -> None:
    terminal.open("MD-000001")
    for key in (ROOT, "root:MD-999999:1"):
        told = terminal.call("notifications", "retry", key, "--by", "ann", code=MENDED)
        assert told.startswith(f"no notice '{key}' was refused")
    assert terminal.logged("notice.retried") == []
