"""The people's side of an end-to-end test: a Slack that lies, and the databases of a deployment."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from monitoring_dagster.store import Store
from tests.postgres import fresh_database
from tests.slack.server import running_slack
from tests.slack.workspace import Workspace

FAULTY_SHARE = 0.4

# What may have been posted is left alone for two minutes, too long for these tests: what meets a
# message surely posted nothing. What only reads fails in every way.
OF_WRITING = ["429:1"]
OF_READING = ["429:1", "500_before", "html_200", "reset_before", "ok_false:internal_error"]
READING = {"auth.test", "conversations.list", "reactions.get"}
WRITING = {"chat.postMessage", "chat.update"}


@dataclass(frozen=True)
class Office:
    """The people's Slack, the databases, and what the processes have to know of them."""

    workspace: Workspace
    channel: str
    person: str
    token: str
    slack_url: str
    store_url: str
    dagster_url: str

    @property
    def env(self) -> dict[str, str]:
        """For the processes."""
        return {
            "MONITORING_DAGSTER_STORE_URL": self.store_url,
            "MONITORING_DAGSTER_SENSOR_SECONDS": "2",
            "MONITORING_DAGSTER_SLACK_TOKEN": self.token,
            "MONITORING_DAGSTER_SLACK_BASE_URL": self.slack_url,
            "MONITORING_DAGSTER_SLACK_ALLOW_INSECURE": "1",
            "MONITORING_DAGSTER_SLACK_CHANNEL": "#model-alerts",
        }

    @property
    def store(self) -> Store:
        """The deployment's."""
        return Store(self.store_url)


@contextlib.contextmanager
def open_office(postgres_server: str) -> Iterator[Office]:
    """A workspace over HTTP whose answers often fail, and two empty databases."""
    workspace = Workspace(time.time)
    token = workspace.install()
    channel = workspace.add_channel("model-alerts", bots=[token])
    workspace.faults.script([None])
    workspace.faults.rate(FAULTY_SHARE, OF_WRITING, seed=1, methods=WRITING)
    workspace.faults.rate(FAULTY_SHARE, OF_READING, seed=2, methods=READING)
    with (
        running_slack(workspace) as slack,
        fresh_database(postgres_server) as dagster_url,
        fresh_database(postgres_server) as store_url,
    ):
        person = workspace.add_user("ada")
        yield Office(workspace, channel, person, token, slack.url, store_url, dagster_url)


def rows(url: str) -> Iterator[str]:
    """Every row of a database as text."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    tables = sa.text(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
        "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    with engine.connect() as connection:
        for table in connection.scalars(tables).all():
            yield from connection.scalars(sa.text(f"SELECT t::text FROM {table} t"))
