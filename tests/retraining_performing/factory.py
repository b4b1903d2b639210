"""A small deployment whose model stops being right on a day, with its registry, on SQLite.

The home of a deployment can be copied: what it holds, its copy can do.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_dagster.models import Model
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.loader import load_text
from monitoring_dagster.retraining.connecting import ENVIRONMENT, connect, reached
from monitoring_dagster.store import Store
from tests.small_world import days_from

REFERENCE = days_from(dt.date(2026, 1, 7), 14)
DAYS = days_from(REFERENCE[-1] + dt.timedelta(days=1), 19)
CHANGES_ON = DAYS[2]
"""From this day on the young are what the old were before, but in the west."""

ASKED_AFTER = DAYS[11]
"""The last day that is judged before the retraining is asked for."""

NEXT = DAYS[12:]
"""The days after it; on the first of them the retraining is asked for."""

TRAINER = "tests.retraining_performing.trainers:by_region"

ROWS = 120
KEY = "a key of this test alone, long enough"

DOCUMENT = """\
schema_version: 1
name: small
owner: team:tests
time_zone: UTC
materiality: medium
model: {{task: binary, threshold: 0.5, uri: "models:/small@champion"}}
telemetry:
  features: {{kind: parquet, path: "telemetry/features/{{date}}.parquet"}}
  predictions: {{kind: parquet, path: "telemetry/predictions/{{date}}.parquet"}}
  labels:
    source: {{kind: parquet, path: "telemetry/labels/{{date}}.parquet"}}
    maturity_days: 1
    accepted_days: 1
columns:
  request: {{role: id, type: text}}
  asked_at: {{role: timestamp, in: [features]}}
  age: {{role: feature, type: number}}
  income: {{role: feature, type: number}}
  region: {{role: feature, type: category}}
  probability: {{role: score}}
  version: {{role: model_version}}
  outcome: {{role: label, type: integer}}
reference: {{first_day: {reference_first}, last_day: {reference_last}}}
first_day: {first}
last_day: {last}
quality: {{learn: false}}
retraining:
  trainer: "{trainer}"
  parameters: {{ledger: "{ledger}"}}
  minimum_labels: 200
  shadow_days: 0
  window: {{kind: since_change, validation_days: 7}}
  gate: {{latency_ratio: 100, negative_flips: 1, newest_days: 5}}
segments:
  - {{columns: [region], protected: false}}
"""


@dataclass(frozen=True)
class Factory:
    """The deployment's folder.

    Args:
        home: the folder; a copy of it is another deployment.
        ledger: where trainers leave a line for each training, outside of it.
    """

    home: Path
    ledger: Path

    def build(self) -> None:
        """Give it telemetry, a document and a registered champion."""
        self.write_monitor()
        for day in [*REFERENCE, *DAYS]:
            self.write_day(day)
        register_champion(self.registry, self.home / "mlflow" / "artifacts")

    def copied(self, home: Path) -> Factory:
        """A copy; MLflow keeps addresses as a whole, and has to be told of the new ones."""
        shutil.copytree(self.home, home)
        replace(home / "mlflow" / "mlflow.db", str(self.home), str(home))
        return Factory(home, self.ledger)

    @property
    def environment(self) -> dict[str, str]:
        """What a process of the deployment finds in its environment; MLflow is not waited for."""
        return {
            **ENVIRONMENT,
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
            "MONITORING_DAGSTER_HOME": str(self.home),
            "MONITORING_DAGSTER_MONITORS": str(self.home / "monitors"),
            "DAGSTER_HOME": str(self.home / "dagster"),
            "MONITORING_DAGSTER_PSEUDONYM_KEY": KEY,
        }

    @property
    def store(self) -> Store:
        return Store(f"sqlite:///{self.home / 'store.db'}")

    @property
    def registry(self) -> str:
        """Address of MLflow."""
        return f"sqlite:///{self.home / 'mlflow' / 'mlflow.db'}"

    @property
    def trainings(self) -> int:
        """How many trainings of any deployment with this ledger have begun."""
        return len(self.ledger.read_text().splitlines()) if self.ledger.exists() else 0

    # --- the document -------------------------------------------------------------------------

    @property
    def monitor(self) -> Monitor:
        """The document as it is now."""
        path = self.home / "monitors" / "small.yaml"
        return load_text(path.read_text(encoding="utf-8"), path.name)

    @property
    def monitors(self) -> dict[str, Monitor]:
        return {"small": self.monitor}

    def write_monitor(self, changes: Mapping[str, str] | None = None) -> Monitor:
        """Write the document, and read it; `changes` replaces pieces of its text."""
        text = DOCUMENT.format(
            reference_first=REFERENCE[0],
            reference_last=REFERENCE[-1],
            first=DAYS[0],
            last=DAYS[-1],
            trainer=TRAINER,
            ledger=self.ledger,
        )
        for old, new in (changes or {}).items():
            assert old in text
            text = text.replace(old, new)
        (self.home / "monitors").mkdir(parents=True, exist_ok=True)
        (self.home / "monitors" / "small.yaml").write_text(text, encoding="utf-8")
        return self.monitor

    # --- telemetry ----------------------------------------------------------------------------

    def serve(self, day: dt.date, version: str, model: Model) -> None:
        """Let a model answer what is asked on a day."""
        rows = frame(day)
        asked = pa.table({name: rows[name] for name in ("age", "income", "region")})
        self.write_day(day, version, model.predict(asked))

    def write_day(
        self, day: dt.date, version: str = "1", probability: np.ndarray | None = None
    ) -> None:
        """Write what was asked, answered and true on a day."""
        rows = frame(day)
        if probability is not None:
            rows["probability"] = probability
        at = pa.array(rows["at"], type=pa.timestamp("us", tz="UTC"))
        asked = {name: rows[name] for name in ("request", "age", "income", "region")}
        answered = {name: rows[name] for name in ("request", "probability")}
        self._write("features", day, {**asked, "asked_at": at})
        self._write("predictions", day, {**answered, "version": [version] * ROWS})
        self._write("labels", day, {name: rows[name] for name in ("request", "outcome")})

    def _write(self, kind: str, day: dt.date, columns: Mapping[str, Any]) -> None:
        path = self.home / "telemetry" / kind / f"{day}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(dict(columns)), path)


def frame(day: dt.date) -> dict[str, np.ndarray]:
    """Everything about a day's rows, drawn from the day's own seed."""
    random = np.random.default_rng(day.toordinal())
    age, income = random.normal(45, 15, ROWS), random.lognormal(10, 0.5, ROWS)
    region = random.choice(["north", "south", "west"], ROWS, p=[0.4, 0.3, 0.3])
    seconds = np.sort(random.integers(0, 86_400, ROWS)).astype("timedelta64[s]")
    is_turned = (region != "west") & (day >= CHANGES_ON)
    chance = 1 / (1 + np.exp(-np.where(is_turned, -1, 1) * 0.1 * (age - 45)))
    return {
        "request": np.array([f"{day}-{i:05d}" for i in range(ROWS)]),
        "at": np.datetime64(day, "us") + seconds,
        "age": age,
        "income": income,
        "region": region,
        "probability": 1 / (1 + np.exp(-0.1 * (age - 45))),
        "outcome": (random.random(ROWS) < chance).astype(np.int64),
    }


def register_champion(uri: str, artifacts: Path) -> None:
    """Register the first model, which knows age alone, as version 1 with the alias `champion`."""
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    rows = pd.DataFrame({name: frame(REFERENCE[0])[name] for name in ("age", "income")})
    model = LogisticRegression().fit(rows, rows["age"] > 45)
    model.coef_, model.intercept_ = np.array([[0.1, 0.0]]), np.array([-4.5])
    client = connect(uri)
    with reached():
        import mlflow.sklearn as flavor
        from mlflow.models import infer_signature

        flavor.save_model(
            model,
            str(artifacts / "first"),
            signature=infer_signature(rows, model.predict_proba(rows)),
            serialization_format="skops",
            pip_requirements=["scikit-learn"],
        )
        client.create_registered_model("small")
        made = client.create_model_version("small", (artifacts / "first").as_uri())
        client.set_registered_model_alias("small", "champion", str(made.version))


def replace(database: Path, old: str, new: str) -> None:
    """Replace a text wherever it is in a SQLite file."""
    with contextlib.closing(sqlite3.connect(database)) as opened, opened:
        tables = opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for _, column, *_ in opened.execute(f"PRAGMA table_info({table})").fetchall():
                opened.execute(
                    f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) '
                    f'WHERE typeof("{column}") = \'text\' AND instr("{column}", ?) > 0',
                    (old, new, old),
                )
