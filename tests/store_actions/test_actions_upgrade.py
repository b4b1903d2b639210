"""A store of the release before keeps what it holds, and learns of actions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from monitoring_dagster.store import Store, incidents
from monitoring_dagster.store.audit import Entry, append
from monitoring_dagster.store.migrations import HEAD
from monitoring_dagster.store.response_tables import incident
from tests.store_actions.builders import NOW, added

TRIGGERS = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
    "postgresql": "SELECT tgname, tgrelid::regclass::text FROM pg_trigger "
    "WHERE NOT tgisinternal ORDER BY 1, 2",
}


@pytest.fixture
def former(empty_url: str) -> Iterator[Store]:
    """A store of the release before, with an incident and a logged event."""
    with contextlib.closing(Store(empty_url, wait_seconds=20)) as store:

        def work(connection: sa.Connection) -> None:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("CREATE SCHEMA monitoring"))
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", "monitoring_dagster.store:migrations")
            command.upgrade(config, "0004")
            row = {
                "ref": "MD-000001", "monitor": "flights", "dedup_key": "KEY",
                "cause_kind": "performance", "cause_name": "", "status": "open", "priority": "P2",
                "title": "roc_auc fell", "since": NOW.date(), "last_day": NOW.date(),
                "opened_at": NOW, "reopened": 0, "is_flapping": False, "is_late": False,
                "escalations": 0, "reminders": 0, "revision": 4, "context": "{}",
                "updated_at": NOW,
            }  # fmt: skip
            columns = [c for c in incident.columns if c.name != "retraining"]
            former = sa.table("incident", *(sa.column(c.name, c.type) for c in columns))
            connection.execute(sa.insert(former).values(row))
            append(connection, [Entry("user:ann", "a.b", "incident", "MD-000001")], NOW)

        store._database.migrate(work)
        yield store


def triggers(store: Store) -> list[tuple[Any, ...]]:
    def work(connection: sa.Connection) -> list[tuple[Any, ...]]:
        return [tuple(r) for r in connection.execute(sa.text(TRIGGERS[connection.dialect.name]))]

    return store._database.read(work)


def test_an_upgrade_keeps_incidents_and_the_log(former: Store) -> None:
    before = triggers(former)
    assert before
    former.upgrade()
    assert former.revision() == HEAD
    assert triggers(former) == before
    kept = former.read(lambda connection: incidents.by_ref(connection, "MD-000001"))
    assert kept is not None
    assert (kept.row.revision, kept.row.title, kept.row.retraining) == (4, "roc_auc fell", "")
    assert added(former, incident_id=kept.id)
    with pytest.raises(Exception, match="what was logged is never changed"):
        former.write(lambda connection: connection.execute(sa.text("DELETE FROM audit")))
