"""Runs in processes of their own, which die where they are told to; and what is left in the end.

Imported by processes that are started, too: everything they need is an argument.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from monitoring_dagster.failpoints import VARIABLE
from monitoring_dagster.retraining.action import Action
from monitoring_dagster.store.action_tables import action, approval, tenure
from tests.effects.tables import acted, payloads, tables
from tests.retraining_performing.factory import Factory
from tests.retraining_performing.working import Hands

OF_ATTEMPTS = frozenset(
    {
        *("id", "attempt", "tries", "run_id", "launched_at", "alive_at", "mlflow_run"),
        *("ended_at", "seconds_to_decision"),  # later by the wall clock, if it was tried again
    }
)
"""Columns of an action that tell how it was tried, and not what came of it."""


def act_and_die(
    factory: Factory,
    now: dt.datetime,
    lived: dt.datetime | None,
    asked: Action,
    failpoint: str,
) -> None:
    """Do an attempt of an action; die at the failpoint."""
    os.environ[VARIABLE] = f"{failpoint}=kill" if failpoint else ""
    hands = Hands(factory, now, lived)
    hands.performing("run").perform(asked.id, asked.attempt)


def remembered(hands: Hands) -> dict[str, Any]:
    """What the store, the registry and the lake hold in the end.

    Of the store: what evaluations, incidents and messages wrote (`tests.effects.tables`), actions,
    approvals, tenures and the audit log.
    """

    def work(connection: sa.Connection) -> dict[str, Any]:
        return {
            "action": [_told(row) for row in connection.execute(sa.select(action))],
            "approval": connection.execute(sa.select(approval)).all(),
            "tenure": connection.execute(sa.select(tenure)).all(),
        }

    return {
        **tables(hands.store),
        **hands.store.read(work),
        "audit": acted(hands.store),
        "payloads": payloads(hands.store),
        "versions": hands.versions(),
        "runs": Counter(map(_run, hands.runs())),
        "lake": _files(hands.factory.home / "lake"),
    }


def differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """What is not the same in both; nothing where all of it is."""
    return {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}


def _told(row: sa.Row[Any]) -> dict[str, Any]:
    told = {name: at for name, at in row._asdict().items() if name not in OF_ATTEMPTS}
    plan = json.loads(told.pop("plan"))
    return told | {"plan": {k: v for k, v in plan.items() if k != "trained"}}


def _run(run: Any) -> tuple[Any, ...]:
    """A run by what it says, with the files that it has."""
    figures = sorted(run.data.metrics.items())
    folder = Path(urlsplit(run.info.artifact_uri).path)
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    tags = [run.data.tags[f"monitoring.{n}"] for n in ("decision", "challenger", "champion")]
    return run.info.status, *figures, *files, *tags


def _files(folder: Path) -> set[str]:
    """What the lake holds; a snapshot's name holds its digest."""
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
