"""Incidents through public interfaces: two daemons at once, PostgreSQL, and a Slack that lies.

What a message looks like is tested with its room; here, that people are told of everything once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from monitoring_dagster.store.audit import entries, verify
from tests.end_to_end.office import OF_READING, Office, open_office, rows
from tests.end_to_end.processes import Dagster, running_dagster
from tests.end_to_end.recent_world import RecentWorld
from tests.slack.seeing import Seen
from tests.small_world import days_from

IDENTIFIER = "@example.org"
"""Part of every raw identifier in the telemetry."""


class ColumnsOffice(Office):
    """What the store and the channel have about columns."""

    def incident(self, column: str) -> dict[str, Any] | None:
        """The latest incident about a column, as the store has it."""
        query = sa.text(
            "SELECT * FROM monitoring.incident WHERE cause_name = :column ORDER BY id DESC LIMIT 1"
        )
        found = self.store.read(lambda c: c.execute(query, {"column": column}).mappings().first())
        return None if found is None else dict(found)

    def roots(self, column: str) -> list[Seen]:
        """The messages in the channel, outside of threads, about a column."""
        seen = self.workspace.visible()[self.channel]
        return [root for root in seen if f"Column {column} has no values" in root.blocks_text]

    def root(self, column: str, *phrases: str) -> Seen | None:
        """The message about a column, once there is one and it says all of this."""
        said = [r for r in self.roots(column) if all(p in r.blocks_text for p in phrases)]
        return said[0] if said else None

    def reply(self, column: str, *phrases: str) -> Seen | None:
        """The reply in the thread of that message which says all of this, once it is there."""
        root = self.root(column)
        replies = root.replies if root else ()
        said = [r for r in replies if all(p in r.blocks_text for p in phrases)]
        return said[0] if said else None


@pytest.fixture(name="office")
def _office(postgres_server: str) -> Iterator[ColumnsOffice]:
    with open_office(postgres_server) as opened:
        yield ColumnsOffice(**vars(opened))


def test_people_are_told_of_everything_once(tmp_path: Path, office: ColumnsOffice) -> None:
    today = dt.datetime.now(dt.UTC).date()
    first, second = days = days_from(today - dt.timedelta(days=2), 2)
    world = RecentWorld(tmp_path, reference=days_from(today - dt.timedelta(days=9), 7), days=days)
    # It may become midnight meanwhile.
    world.write_monitor(**{"segments:": "alerting: {old_after_hours: 96}\nsegments:"})
    world.lose(first, "income", "probability")
    world.lose(second, "age", "probability")
    for day in days:
        world.write_labels(day)
    office.store.upgrade()
    with running_dagster(
        tmp_path, office.dagster_url, world.env | office.env, daemons=2
    ) as dagster:
        what_breaks_is_told(dagster, office, first)
        somebody_deals_with_it(dagster, office)
        what_is_silenced_is_not_told_and_what_is_whole_again_is(dagster, office, second)
        messages_show_how_things_stand(dagster, office)
        somebody_says_that_it_is_over(dagster, office)
    nothing_is_told_twice(office)
    everything_is_in_the_audit_log(office)
    nothing_secret_is_told(tmp_path, office)


def what_breaks_is_told(dagster: Dagster, office: ColumnsOffice, day: dt.date) -> None:
    dagster.launch("small_daily", day)
    root = dagster.until("the message about income", lambda: office.root("income"))
    assert "P3 open · small: Column income has no values" in root.blocks_text
    assert "react: 👀 acknowledge" in root.blocks_text
    root = dagster.until("the message about the score", lambda: office.root("probability"))
    assert "P2 open · small: Column probability has no values" in root.blocks_text
    assert "none of 200 rows has a value" in root.blocks_text


def somebody_deals_with_it(dagster: Dagster, office: ColumnsOffice) -> None:
    (root,) = office.roots("probability")
    office.workspace.human.react(office.person, root.ts, "eyes")

    def acknowledged() -> dict[str, Any] | None:
        found = office.incident("probability")
        return found if found and found["status"] == "acknowledged" else None

    found = dagster.until("the acknowledgement", acknowledged)
    assert found["acknowledged_by"] == f"slack:{office.person}"


def what_is_silenced_is_not_told_and_what_is_whole_again_is(
    dagster: Dagster, office: ColumnsOffice, day: dt.date
) -> None:
    asked = {"monitor": "small", "cause": "column:age", "hours": 1.0, "because": "known"}
    answer(dagster, "silence_incidents", asked)
    dagster.launch("small_daily", day)
    dagster.until("the resolution", lambda: office.reply("income", "Resolved"))
    found = office.incident("age")
    assert found is not None
    assert (found["status"], found["alerted_at"]) == ("open", None)


def messages_show_how_things_stand(dagster: Dagster, office: ColumnsOffice) -> None:
    root = dagster.until("the edit of what is over", lambda: office.root("income", "P3 resolved"))
    assert root.is_edited
    root = dagster.until(
        "the edit of what somebody deals with",
        lambda: office.root("probability", "P2 acknowledged"),
    )
    assert root.is_edited


def somebody_says_that_it_is_over(dagster: Dagster, office: ColumnsOffice) -> None:
    found = office.incident("probability")
    assert found is not None
    asked = {"incident": found["ref"], "because": "the writer is mended"}
    answer(dagster, "resolve_incident", asked)
    dagster.until(
        "the other resolution", lambda: office.reply("probability", "the writer is mended")
    )


def answer(dagster: Dagster, job: str, asked: dict[str, object]) -> None:
    dagster.launch(job, config=asked | {"by": "ada"})
    (run,) = dagster.until(job, lambda: dagster.finished(job, 1))
    assert run["status"] == "SUCCESS"


def nothing_is_told_twice(office: ColumnsOffice) -> None:
    workspace = office.workspace
    assert set(workspace.copies("key").values()) == {1}
    for column in ("income", "probability"):
        (root,) = office.roots(column)
        assert len([r for r in root.replies if "Resolved" in r.blocks_text]) == 1
    assert office.roots("age") == []
    faults = {fault.partition(":")[0] for fault in OF_READING}
    assert {c.method for c in workspace.calls if c.outcome in faults} >= {
        "chat.postMessage", "reactions.get",
    }  # fmt: skip


def everything_is_in_the_audit_log(office: ColumnsOffice) -> None:
    verification = office.store.read(verify)
    assert verification.is_intact, verification.text
    logged = office.store.read(lambda connection: list(entries(connection)))
    done = {(entry.actor, entry.action) for entry in logged}
    assert done >= {
        (f"slack:{office.person}", "incident.acknowledged"),
        ("user:ada", "silence.created"),
        ("user:ada", "incident.resolved"),
    }


def nothing_secret_is_told(home: Path, office: ColumnsOffice) -> None:
    told = [str(office.workspace.visible()), str(office.workspace.landed)]
    written = [*home.glob("*.log"), *(p for p in (home / "dagster").rglob("*") if p.is_file())]
    told += [path.read_text(errors="replace") for path in written]
    told += [*rows(office.dagster_url), *rows(office.store_url)]
    for secret in (office.token, IDENTIFIER):
        assert not [text[:500] for text in told if secret in text]
