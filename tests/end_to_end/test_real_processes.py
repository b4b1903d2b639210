"""A day through the public interface: real code server, webserver, daemon and PostgreSQL."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from monitoring_dagster.store import Store
from tests.end_to_end.processes import Dagster, running_dagster
from tests.postgres import fresh_database
from tests.small_world import SmallWorld, days_from

PARTITIONS = """
query Partitions($path: [String!]!) {
  assetOrError(assetKey: {path: $path}) {
    ... on Asset { assetMaterializations { partition } }
  }
}"""


def test_a_day_is_launched_measured_and_done_again_when_its_labels_come(
    tmp_path: Path, postgres_server: str
) -> None:
    today = dt.datetime.now(dt.UTC).date()
    days = days_from(today - dt.timedelta(days=5), 4)
    world = SmallWorld(tmp_path, reference=days_from(today - dt.timedelta(days=12), 7), days=days)
    early, late, never = days[0], days[1], days[2]
    world.write_labels(early)
    with fresh_database(postgres_server) as dagster_url, fresh_database(postgres_server) as url:
        env = world.env | {
            "MONITORING_DAGSTER_STORE_URL": url,
            "MONITORING_DAGSTER_SENSOR_SECONDS": "2",
        }
        store = Store(url)
        store.upgrade()
        with running_dagster(tmp_path, dagster_url, env) as dagster:
            for day in (early, late, never):
                dagster.launch("small_daily", day)
            runs = dagster.until("three daily runs", lambda: dagster.finished("small_daily", 3))
            assert {run["status"] for run in runs} == {"SUCCESS"}
            assert materialised(dagster, "performance") == {str(d) for d in (early, late, never)}
            assert auc(store, early)["status"] == "ok"
            assert auc(store, late)["reason"] == "no_labels"

            world.write_labels(late)
            again = dagster.until(
                "the late labels' run", lambda: dagster.finished("small_late_labels", 1)
            )

        assert [(run["status"], partition(run)) for run in again] == [("SUCCESS", str(late))]
        assert auc(store, late)["status"] == "ok"
        assert auc(store, late)["coverage"] == 1.0
        assert auc(store, never)["reason"] == "no_labels"


def partition(run: dict[str, Any]) -> str:
    return {tag["key"]: tag["value"] for tag in run["tags"]}["dagster/partition"]


def materialised(dagster: Dagster, stage: str) -> set[str]:
    asset = dagster.query(PARTITIONS, path=["small", stage])["assetOrError"]
    return {event["partition"] for event in asset["assetMaterializations"]}


def auc(store: Store, day: dt.date) -> dict[str, Any]:
    table = store.measurements(
        "small", metric="roc_auc", segment="all", model_version="all", first_day=day, last_day=day
    )
    (row,) = table.to_pylist()
    return row
