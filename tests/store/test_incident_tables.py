"""The documented tables of incidents: their columns, and the page's own SQL on both databases."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from monitoring_dagster.store import Store, incidents, outbox
from monitoring_dagster.store.response_tables import incident, incident_event, incident_signal
from monitoring_dagster.store.response_tables import outbox as outbox_table

PAGE = (Path(__file__).parents[2] / "docs/incidents.md").read_text(encoding="utf-8")
NOW = dt.datetime(2026, 2, 4, 6, tzinfo=dt.UTC)
DAY = dt.date(2026, 2, 3)


@pytest.mark.parametrize(
    "table", [incident, incident_signal, incident_event, outbox_table], ids=lambda t: t.name
)
def test_the_page_describes_every_column_once(table: sa.Table) -> None:
    text = PAGE.split(f"### `{table.name}`\n", 1)[1].split("\n### ", 1)[0]
    cells = re.findall(r"^\| (`.*?) \|", text, flags=re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(cells))) == sorted(table.c.keys())


@pytest.mark.parametrize("status", outbox.Status)
def test_the_page_names_every_status_of_a_message(status: str) -> None:
    assert f"`{status}`" in PAGE.split("### `outbox`\n", 1)[1]


def add(store: Store, number: int, **more: Any) -> None:
    row = {
        "ref": f"MD-00000{number}", "monitor": "flights", "dedup_key": f"KEY{number}",
        "cause_kind": "inputs", "cause_name": "", "status": "open", "priority": "P2",
        "title": "Inputs have moved", "since": DAY, "last_day": DAY, "opened_at": NOW,
        "alerted_at": NOW, "reopened": 0, "acknowledged_at": None, "acknowledged_by": None,
        "snoozed_until": None, "resolved_at": None, "resolved_because": None,
        "is_flapping": False, "is_late": False, "escalations": 0, "reminders": 0, "revision": 1,
        "context": "{}", "updated_at": NOW,
    }  # fmt: skip
    signal = {
        "subject": "performance|f1||all|all|", "state": "suppressed", "level": "warn",
        "reason": "lasting", "text": "f1 fell", "first_day": DAY, "last_day": DAY, "effect": None,
        "impact": None, "cost": None, "cost_low": None, "cost_high": None, "currency": None,
        "cost_of": None, "suppressed_by": "column:age",
    }  # fmt: skip
    notice = {
        "key": f"root:MD-00000{number}:1", "kind": "root", "digest_id": None, "destination": "#a",
        "priority": "P2", "payload": "{}", "created_at": NOW, "next_at": NOW,
    }  # fmt: skip

    def work(connection: sa.Connection) -> None:
        of = incidents.add(connection, {**row, **more}, [signal])
        outbox.enqueue(connection, [{**notice, "incident_id": of}])
        sent = {"status": "sent", "sent_at": NOW, "sent_by": "slack"}
        connection.execute(sa.update(outbox_table).values(sent))

    store.write(work)


def test_the_pages_examples_of_incidents_answer_their_questions(store: Store) -> None:
    add(store, 1, priority="P3")
    add(store, 2, priority="P1", acknowledged_by="user:ann", cause_kind="performance")
    add(store, 3, status="resolved", reopened=2)

    def asked(connection: sa.Connection) -> list[list[tuple[Any, ...]]]:
        examples = re.findall(r"```sql\n(.*?)```", PAGE, flags=re.DOTALL)
        return [[tuple(r) for r in connection.execute(sa.text(e))] for e in examples]

    waiting, returning, explained, messages = store.read(asked)
    assert [(row[0], row[-1]) for row in waiting] == [
        ("MD-000002", "user:ann"),
        ("MD-000001", None),
    ]
    assert [tuple(map(str, row)) for row in returning] == [
        ("flights", "inputs", "", "2", "2"),
        ("flights", "performance", "", "1", "0"),
    ]
    assert sorted(explained) == [(f"MD-00000{n}", "column:age", 1) for n in (1, 2, 3)]
    assert [row[:3] for row in messages] == [("root", "#a", 3)]
