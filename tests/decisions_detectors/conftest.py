"""Oracles: the Markov chain of a CUSUM, and the e-detector's normal limit; and a monitor."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm

from monitoring_dagster.decisions.detectors.e_detector import BETS, WEIGHTS
from monitoring_dagster.monitors.contract import Monitor


def _chain(h: float, k: float, shift: float, states: int) -> np.ndarray:
    """Transitions between `states` cells of [0, h) (Brook and Evans 1972, Biometrika 59)."""
    width = 2 * h / (2 * states - 1)
    middle = np.arange(states) * width
    upper = middle + width / 2
    reached = norm.cdf(upper[None, :] - middle[:, None] + k - shift)
    return np.diff(reached, axis=1, prepend=0.0)


@pytest.fixture(scope="session")
def chain_run_length() -> Callable[..., float]:
    """Mean days until a one-sided CUSUM alarms."""

    def run_length(h: float, k: float, shift: float = 0.0, states: int = 300) -> float:
        transitions = _chain(h, k, shift, states)
        return float(np.linalg.solve(np.eye(states) - transitions, np.ones(states))[0])

    return run_length


@pytest.fixture(scope="session")
def normal_limit() -> Callable[..., np.ndarray]:
    """log M of the e-detector on standard normal days, shape (days, streams)."""

    def simulate(rng: np.random.Generator, below: np.ndarray, days: int) -> np.ndarray:
        bets, weights = np.array(BETS)[:, None], np.array(WEIGHTS)[:, None]
        logs = np.zeros((len(BETS), below.size))
        reached = np.empty((days, below.size))
        for day in range(days):
            x = rng.standard_normal(below.size) - below
            logs = np.minimum(np.logaddexp(0, logs + bets * x - bets * bets / 2), 25.0)
            reached[day] = np.log(np.maximum((weights * np.exp(logs)).sum(axis=0) - 1, 1e-12))
        return reached

    return simulate


DOCUMENT = {
    "schema_version": 1,
    "name": "flights",
    "owner": "team:ops",
    "model": {"task": "binary", "threshold": 0.5},
    "telemetry": {
        "features": {"kind": "parquet", "path": "features/{date}.parquet"},
        "predictions": {"kind": "parquet", "path": "predictions/{date}.parquet"},
    },
    "columns": {
        "flight": {"role": "id"},
        "scored_at": {"role": "timestamp", "in": ["predictions"]},
        "distance": {"role": "feature", "type": "number"},
        "score": {"role": "score"},
    },
    "reference": {"first_day": "2026-01-01", "last_day": "2026-01-31"},
    "first_day": "2026-02-01",
}


@pytest.fixture(scope="session")
def monitor_stating() -> Callable[[str, int | None], Monitor]:
    """A monitor with a materiality and, where one is stated, a budget."""

    def build(materiality: str, days: int | None) -> Monitor:
        alerting = {} if days is None else {"days_between_false_pages": days}
        document = DOCUMENT | {"materiality": materiality, "alerting": alerting}
        return Monitor.model_validate_json(json.dumps(document))

    return build
