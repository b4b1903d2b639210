"""A small deployment whose model stops being right on a day, with its registry, on SQLite.

The home of a deployment can be copied: what a copy holds, it can do.
"""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.loader import load_text
from monitoring_dagster.retraining.connecting import connect, reached
from monitoring_dagster.store import Store
from tests.small_world import SmallWorld, days_from

REFERENCE = days_from(dt.date(2026, 1, 1), 20)
DAYS = days_from(dt.date(2026, 1, 21), 31)
CHANGES_ON = DAYS[4]
"""From this day on the young are those who were the old before."""

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
quality: {{learn: false}}
retraining:
  trainer: "tests.retraining_performing.trainers:logistic"
  parameters: {{folder: "{folder}"}}
  minimum_labels: 200
  window: {{kind: since_change, validation_days: 7}}
  gate: {{latency_ratio: 100, negative_flips: 1, newest_days: 5}}
segments:
  - columns: [region]
"""


@dataclass
class Factory(SmallWorld):
    """The deployment's folder, its registry and its model."""

    rows: int = 120

    def __post_init__(self) -> None:
        super().__post_init__()
        for day in self.days:
            self.write_labels(day)

    @classmethod
    def built(cls, home: Path) -> Factory:
        """A deployment with telemetry and a registered champion."""
        return cls(home, list(REFERENCE), list(DAYS))

    def write_monitor(self, name: str | None = None, **changes: str) -> Path:
        """Write the document; `changes` replaces pieces of its text."""
        text = DOCUMENT.format(
            reference_first=self.reference[0],
            reference_last=self.reference[-1],
            first=self.days[0],
            folder=self.home,
        )
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        path = self.monitors / "small.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    @property
    def monitor(self) -> Monitor:
        """The document as it is now."""
        path = self.monitors / "small.yaml"
        return load_text(path.read_text(encoding="utf-8"), path.name)

    @property
    def store(self) -> Store:
        return Store(f"sqlite:///{self.home / 'store.db'}")

    @property
    def registry(self) -> str:
        """Address of MLflow."""
        return f"sqlite:///{self.home / 'mlflow' / 'mlflow.db'}"

    def frame(self, day: dt.date) -> dict[str, np.ndarray]:
        """Everything about a day's rows, drawn from the day's own seed."""
        random = np.random.default_rng(day.toordinal())
        n = self.rows
        age, income = random.normal(45, 15, n), random.lognormal(10, 0.5, n)
        probability = 1 / (1 + np.exp(-champion(age)))
        turned = -1 if day >= CHANGES_ON else 1
        chance = 1 / (1 + np.exp(-turned * champion(age)))
        seconds = np.sort(random.integers(0, 86_400, n)).astype("timedelta64[s]")
        return {
            "request": np.array([f"{day}-{i:05d}" for i in range(n)]),
            "at": np.datetime64(day, "us") + seconds,
            "age": age,
            "income": income,
            "region": random.choice(["north", "south", "west"], n, p=[0.4, 0.3, 0.3]),
            "probability": probability,
            "outcome": (random.random(n) < chance).astype(np.int64),
        }

    def write_inputs(self, day: dt.date, **replaced: object) -> None:
        """Write what was asked and answered on a day."""
        frame = self.frame(day) | replaced
        at = pa.array(frame["at"], type=pa.timestamp("us", tz="UTC"))
        asked = {name: frame[name] for name in ("request", "age", "income", "region")}
        self._write("features", day, pa.table({**asked, "asked_at": at}))
        answered = {name: frame[name] for name in ("request", "probability")}
        version = frame.get("version", ["1"] * self.rows)
        self._write("predictions", day, pa.table({**answered, "version": version}))

    def run(self, first: dt.date, last: dt.date) -> Any:
        """Relive days, in this process."""
        from monitoring_dagster.running import run_days

        return run_days(self.monitor, first, last, replay=True)


def champion(age: np.ndarray) -> np.ndarray:
    """The logit that the first model answers."""
    return 0.1 * (age - 45)


def register_champion(uri: str, artifacts: Path) -> None:
    """Register the first model as version 1, with the alias `champion`."""
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(7)
    rows = pd.DataFrame({"age": random.normal(45, 15, 200), "income": random.normal(10, 1, 200)})
    model = LogisticRegression().fit(rows, rows["age"] > 45)
    model.coef_, model.intercept_ = np.array([[0.1, 0.0]]), np.array([-4.5])
    folder = artifacts / "first"
    with reached():
        import mlflow.sklearn
        from mlflow.models import infer_signature

        mlflow.sklearn.save_model(
            model,
            str(folder),
            signature=infer_signature(rows, model.predict_proba(rows)),
            serialization_format="skops",
            pip_requirements=["scikit-learn"],
        )
        client = connect(uri)
        client.create_registered_model("small")
        made = client.create_model_version("small", folder.as_uri())
        client.set_registered_model_alias("small", "champion", str(made.version))


def moved(home: Path, to: Path) -> None:
    """Copy a home; MLflow keeps addresses as a whole, and has to be told of the new ones."""
    shutil.copytree(home, to)
    with sqlite3.connect(to / "mlflow" / "mlflow.db") as database:
        tables = [r[0] for r in database.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for table in tables:
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            for column in columns:
                database.execute(
                    f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) '
                    f'WHERE typeof("{column}") = \'text\' AND instr("{column}", ?) > 0',
                    (str(home), str(to), str(home)),
                )
    database.close()
    for document in (to / "monitors").glob("*.yaml"):
        text = document.read_text(encoding="utf-8")
        document.write_text(text.replace(str(home), str(to)), encoding="utf-8")
