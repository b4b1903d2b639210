"""Sample documents as text, and the means to change one thing in them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitoring_dagster.errors import MonitorInvalid
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.loader import load_text

CHURN = """\
# Which customers will leave within the month?
schema_version: 1
name: churn
owner: team:retention
time_zone: Europe/Paris
model:
  task: binary
  threshold: 0.5
  positive_label: 1
telemetry:
  features:
    kind: parquet
    path: telemetry/features/{date}.parquet
  predictions:
    kind: csv
    path: telemetry/predictions/{date}.csv
    delimiter: ";"
  labels:
    source:
      kind: sql
      url_env: LABELS_URL
      table: crm.churned
    maturity_days: 30
columns:
  request_id: {role: id}
  scored_at: {role: timestamp, in: [features, predictions]}
  customer: {role: entity, privacy: direct}
  plan: {role: feature, type: category}
  tenure: {role: feature, type: integer}
  spend: {role: feature, type: number}
  score: {role: score}
  latency: {role: latency, unit: seconds}
  churned: {role: label, type: integer}
reference:
  first_day: 2026-01-01
  last_day: 2026-01-31
first_day: 2026-02-01
segments:
  - columns: [plan]
quality:
  expectations:
    - expect: between
      column: tenure
      minimum: 0
      maximum: 600
slos:
  - name: discrimination
    metric: roc_auc
    at_least: 0.7
    kpi:
      name: customers lost
      cost_per_unit: 1e3
      currency: EUR
"""


@pytest.fixture
def churn() -> str:
    """A valid document of 55 lines."""
    return CHURN


@pytest.fixture
def churn_monitor() -> Monitor:
    """What that document declares."""
    return load_text(CHURN, "churn.yaml")


@pytest.fixture
def edited() -> Callable[[str, str], str]:
    """Replaces the one place where a text occurs in the document."""

    def edit(old: str, new: str) -> str:
        assert CHURN.count(old) == 1, f"{old!r} must occur once"
        return CHURN.replace(old, new)

    return edit


@pytest.fixture
def refusals() -> Callable[[str], list[str]]:
    """The lines of the refusal of a document; none where it is valid."""

    def refuse(text: str) -> list[str]:
        try:
            load_text(text, "churn.yaml")
        except MonitorInvalid as error:
            return str(error).splitlines()
        return []

    return refuse
