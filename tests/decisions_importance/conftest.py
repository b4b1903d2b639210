"""Monitors, and a small deployment whose reference is frozen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from monitoring_dagster.monitors.contract import Monitor

SOURCE = {"kind": "parquet", "path": "telemetry/{date}.parquet"}


@pytest.fixture(scope="session")
def monitor_of() -> Callable[..., Monitor]:
    """A monitor with an id and these columns."""

    def build(columns: Mapping[str, Mapping[str, Any]], **model: Any) -> Monitor:
        content = {
            "schema_version": 1,
            "name": "loans",
            "owner": "team:risk",
            "model": model,
            "telemetry": {"features": SOURCE, "predictions": SOURCE, "labels": {"source": SOURCE}},
            "columns": {"id": {"role": "id"}, **columns},
            "reference": {
                "first_day": dt.date(2026, 1, 1),
                "last_day": dt.date(2026, 1, 10),
            },
            "first_day": dt.date(2026, 3, 2),
        }
        return Monitor.model_validate(content, strict=False)

    return build
