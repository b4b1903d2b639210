"""NannyML's bundled data as days of a monitor, counted as the system counts any other day.

The reference is one day, and every chunk of the analysis period another: the figures are of
chunks of as many rows.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks import bundled
from monitoring_dagster.metrics import drift, performance
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Status
from monitoring_dagster.monitors.calendar import window
from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.profiles import engine
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.profiles.freezing import freeze_grid

FIRST = dt.date(2026, 1, 1)
STORED = {
    "number": pa.float64(),
    "category": pa.string(),
    "boolean": pa.bool_(),
    "text": pa.string(),
}
SOURCE = {"kind": "parquet", "path": "telemetry/{date}.parquet"}

OUTCOMES = {"predictions": SOURCE, "labels": {"source": SOURCE}}

CAR_LOAN = {
    "telemetry": {"features": SOURCE, **OUTCOMES},
    "model": {"task": "binary", "threshold": 0.5, "positive_label": "1"},
    "columns": {
        "id": {"role": "id"},
        "car_value": {"role": "feature", "type": "number"},
        "salary_range": {"role": "feature", "type": "category"},
        "debt_to_income_ratio": {"role": "feature", "type": "number"},
        "loan_length": {"role": "feature", "type": "number"},
        "repaid_loan_on_prev_car": {"role": "feature", "type": "boolean"},
        "size_of_downpayment": {"role": "feature", "type": "category"},
        "driver_tenure": {"role": "feature", "type": "number"},
        "y_pred_proba": {"role": "score"},
        "y_pred": {"role": "prediction", "type": "category"},
        "repaid": {"role": "label", "type": "category"},
    },
}
CAR_PRICE = {
    "telemetry": OUTCOMES,
    "model": {"task": "regression"},
    "columns": {
        "id": {"role": "id"},
        "y_pred": {"role": "prediction", "type": "number"},
        "y_true": {"role": "label", "type": "number"},
    },
}


def monitor_of(document: Mapping[str, Any]) -> Monitor:
    return Monitor.model_validate_json(
        json.dumps(
            {
                "schema_version": 1,
                "name": "bundled",
                "owner": "team:tests",
                "reference": {"first_day": str(FIRST), "last_day": str(FIRST)},
                "first_day": str(FIRST + dt.timedelta(days=1)),
                **document,
            }
        )
    )


@dataclass(frozen=True)
class Bundled:
    """A data set as a monitor sees it: `rows[0]` is the reference, the others are its days."""

    monitor: Monitor
    rows: Sequence[pa.Table]
    folder: Path

    @classmethod
    def of(
        cls,
        document: Mapping[str, Any],
        reference: pa.Table,
        analysis: pa.Table,
        chunk: int,
        folder: Path,
    ) -> Bundled:
        chunks = [analysis.slice(at, chunk) for at in range(0, analysis.num_rows, chunk)]
        return cls(monitor_of(document), [reference, *chunks], folder)

    def column(self, day: int, name: str) -> np.ndarray:
        """The rows of one column."""
        return self.rows[day].column(name).to_numpy()

    @cached_property
    def days(self) -> dict[dt.date, DaySnapshots]:
        return {
            (day := FIRST + dt.timedelta(days=i)): DaySnapshots(
                window(self.monitor, day), *(self._stored(i, kind) for kind in Kind)
            )
            for i in range(len(self.rows))
        }

    def _stored(self, day: int, kind: Kind) -> Path | None:
        if getattr(self.monitor.telemetry, kind) is None:
            return None
        table = pa.table(
            {
                name: pc.cast(self.rows[day].column(name), STORED[column.stored_type])
                for name, column in self.monitor.columns_of(kind).items()
            }
        )
        path = self.folder / f"{kind}-{day}.parquet"
        pq.write_table(table, path)
        return path

    @cached_property
    def _frozen(self):
        return freeze_grid(self.monitor, [self.days[FIRST]])

    @property
    def grid(self):
        return self._frozen[0]

    @cached_property
    def profiles(self):
        counted = engine.count(self.monitor, self.grid, self.days)
        return [counted[day] for day in self.days]

    @cached_property
    def outcomes(self):
        grid, mean = self._frozen
        found = dict(engine.each_outcomes(self.monitor, grid, self.days, target_mean=mean))
        return [found[day] for day in self.days]

    @cached_property
    def drift(self) -> list[dict[tuple[str, str], Estimate]]:
        """Per analysis day: the drift of (column, metric)."""
        reference, *days = self.profiles
        return [
            by_name(drift.measure(self.monitor, self.grid, reference, profile)) for profile in days
        ]

    @cached_property
    def performance(self) -> list[dict[tuple[str, str], Estimate]]:
        """Per day, the reference first: the performance metric ("", metric)."""
        against = performance.Performance(self.monitor, self.grid, None)
        return [by_name(against.measure(day, maturity="final")) for day in self.outcomes]


def by_name(measured: Sequence[Measurement]) -> dict[tuple[str, str], Estimate]:
    return {(m.column, m.metric): m.estimate for m in measured if m.estimate.status is Status.OK}


@pytest.fixture(scope="session")
def car_loan(tmp_path_factory: pytest.TempPathFactory) -> Bundled:
    """Car loans: 50,000 reference rows and ten chunks of 5,000, of which the last five drifted."""
    reference = bundled.read("synthetic_car_loan_reference")
    at = reference.column_names.index("repaid")
    reference = reference.set_column(at, "repaid", pc.cast(reference.column("repaid"), pa.int64()))
    labels = bundled.read("synthetic_car_loan_analysis_target")
    analysis = bundled.read("synthetic_car_loan_analysis")
    assert labels.column("id").equals(analysis.column("id"))
    analysis = analysis.append_column("repaid", labels.column("repaid"))
    return Bundled.of(CAR_LOAN, reference, analysis, 5_000, tmp_path_factory.mktemp("car_loan"))


@pytest.fixture(scope="session")
def car_price(tmp_path_factory: pytest.TempPathFactory) -> Bundled:
    """Car prices: 60,000 reference rows and ten chunks of 6,000."""
    labels = bundled.read("regression_synthetic_analysis_targets")
    analysis = bundled.read("regression_synthetic_analysis")
    assert labels.column("id").equals(analysis.column("id"))
    return Bundled.of(
        CAR_PRICE,
        bundled.read("regression_synthetic_reference"),
        analysis.append_column("y_true", labels.column("y_true")),
        6_000,
        tmp_path_factory.mktemp("car_price"),
    )
