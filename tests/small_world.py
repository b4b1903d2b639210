"""A small monitored model on disk: telemetry of some days, a monitor, a deployment's settings.

Rows are drawn from one seed; labels follow the score, so that AUC is well above one half.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DOCUMENT = """\
schema_version: 1
name: {name}
description: A small model for tests.
owner: team:tests
time_zone: UTC
model:
  task: binary
  threshold: 0.5
telemetry:
  features:
    kind: parquet
    path: telemetry/features/{{date}}.parquet
  predictions:
    kind: parquet
    path: telemetry/predictions/{{date}}.parquet
  labels:
    source:
      kind: parquet
      path: telemetry/labels/{{date}}.parquet
    maturity_days: 1
    accepted_days: 10
columns:
  request: {{role: id, type: text}}
  asked_at: {{role: timestamp, in: [features]}}
  answered_at: {{role: timestamp, in: [predictions]}}
  customer: {{role: entity, privacy: direct}}
  age: {{role: feature, type: integer}}
  income: {{role: feature, type: number}}
  region: {{role: feature, type: category}}
  probability: {{role: score}}
  version: {{role: model_version}}
  latency_ms: {{role: latency}}
  status: {{role: status}}
  outcome: {{role: label, type: integer}}
reference:
  first_day: {reference_first}
  last_day: {reference_last}
first_day: {first}
segments:
  - columns: [region]
"""


@dataclass
class SmallWorld:
    """The deployment's folder and the days it has telemetry for."""

    home: Path
    reference: list[dt.date]
    days: list[dt.date]
    name: str = "small"
    rows: int = 200
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.monitors = self.home / "monitors"
        self.monitors.mkdir(parents=True, exist_ok=True)
        self.env = {
            "MONITORING_DAGSTER_HOME": str(self.home),
            "MONITORING_DAGSTER_MONITORS": str(self.monitors),
            "DAGSTER_HOME": str(self.home / "dagster"),
            "MONITORING_DAGSTER_PSEUDONYM_KEY": "a key of this test alone, long enough",
        } | self.env
        self.write_monitor()
        for day in [*self.reference, *self.days]:
            self.write_inputs(day)
        for day in self.reference:
            self.write_labels(day)

    def write_monitor(self, name: str | None = None, **changes: str) -> Path:
        """Write the monitor's document; `changes` replaces pieces of its text."""
        text = DOCUMENT.format(
            name=name or self.name,
            reference_first=self.reference[0],
            reference_last=self.reference[-1],
            first=self.days[0],
        )
        for old, new in changes.items():
            text = text.replace(old, new)
        path = self.monitors / f"{name or self.name}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def frame(self, day: dt.date) -> dict[str, np.ndarray]:
        """Everything about a day's rows, drawn from the day's own seed."""
        random = np.random.default_rng(day.toordinal())
        n = self.rows
        income = random.lognormal(10, 0.5, n)
        age = random.integers(18, 80, n)
        probability = 1 / (1 + np.exp(-(0.05 * (age - 45) + random.normal(0, 0.5, n))))
        seconds = np.sort(random.integers(0, 86_400, n)).astype("timedelta64[s]")
        return {
            "request": np.array([f"{day}-{i:05d}" for i in range(n)]),
            "at": np.datetime64(day, "us") + seconds,
            "customer": np.array([f"customer-{i % 97}@example.org" for i in range(n)]),
            "age": age,
            "income": income,
            "region": random.choice(["north", "south", "west"], n, p=[0.5, 0.3, 0.2]),
            "probability": probability,
            "latency_ms": random.lognormal(3, 0.4, n),
            "outcome": (random.random(n) < probability).astype(np.int64),
        }

    def write_inputs(self, day: dt.date, **replaced: object) -> None:
        """Write the features and predictions of a day; a column given as None is left out."""
        frame = self.frame(day)
        at = pa.array(frame["at"], type=pa.timestamp("us", tz="UTC"))
        features = {
            "request": frame["request"],
            "asked_at": at,
            "customer": frame["customer"],
            "age": frame["age"],
            "income": frame["income"],
            "region": frame["region"],
            "undeclared": frame["age"],
        }
        predictions = {
            "request": frame["request"],
            "answered_at": at,
            "probability": frame["probability"],
            "version": ["1"] * self.rows,
            "latency_ms": frame["latency_ms"],
            "status": ["ok"] * self.rows,
        }
        for kind, columns in (("features", features), ("predictions", predictions)):
            columns |= {k: v for k, v in replaced.items() if k in columns}
            kept = {k: v for k, v in columns.items() if v is not None}
            self._write(kind, day, pa.table(kept))

    def write_labels(self, day: dt.date, share: float = 1.0) -> None:
        """Write the labels of the first `share` of a day's rows."""
        frame = self.frame(day)
        known = round(self.rows * share)
        self._write(
            "labels",
            day,
            pa.table({"request": frame["request"][:known], "outcome": frame["outcome"][:known]}),
        )

    def source(self, kind: str, day: dt.date) -> Path:
        """The file of one kind and day."""
        return self.home / "telemetry" / kind / f"{day}.parquet"

    def _write(self, kind: str, day: dt.date, table: pa.Table) -> None:
        path = self.source(kind, day)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)


def days_from(first: dt.date, count: int) -> list[dt.date]:
    """`count` days from `first` on."""
    return [first + dt.timedelta(days=i) for i in range(count)]
