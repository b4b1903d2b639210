"""Drawn days: 13 features, a score, labels and latencies, with all that real days have.

Weekdays differ, days have effects of their own that carry over to the next (AR(1)), rows of a day
resemble one another (overdispersion), and features are correlated. The score is the true chance
of the label, by a known logistic function.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.detection.world import OK, Floats, Frame, Victims, World, calendar
from monitoring_dagster.monitors.contract import Monitor

FIRST_DAY = dt.date(2024, 1, 1)
WEIGHTS = (0.8, -0.6, 0.5, 0.4, -0.4, 0.3, 0.0, 0.3, -0.2, 0.0)
"""What a standard deviation of each number adds to the log odds."""

INTERCEPT = -1.0
CATEGORIES = {
    "region": {"north": 0.5, "south": 0.3, "west": 0.2},
    "product": {"a": 0.3, "b": 0.22, "c": 0.16, "d": 0.12, "e": 0.09, "f": 0.06, "g": 0.05},
    "device": {"phone": 0.55, "desktop": 0.3, "tablet": 0.15},
}
LIFT = {"south": 0.4, "b": -0.3, "e": 0.6, "tablet": 0.5}
"""What a category adds to the log odds."""

NUMBERS = tuple(f"x{i}" for i in range(len(WEIGHTS)))
LOGARITHMIC, COUNTED = ("x4", "x5"), ("x8",)
"""Numbers that are exponentials of normal ones, and whole numbers; the others are normal."""

WEEKDAY_LOG_ROWS = (0.05, 0.1, 0.1, 0.05, 0.0, -0.2, -0.25)
CORRELATION = 0.3
CARRIED_OVER = 0.5
"""Of a day's effect, what is left of it on the next."""

VICTIMS = Victims(
    number="x0",
    numbers=("x0", "x1", "x2", "x3", "x6", "x7"),
    frozen="x7",
    category="product",
    segment=("region", "south"),
)


@dataclass(frozen=True)
class Variation:
    """How much days differ: standard deviations in those of the features, and of logarithms.

    `days` and `weekdays` move features, `label` the log odds, `rows` the size of a day, and
    `share` is how many rows a category's daily shares are worth (infinite: always the same).
    """

    days: float = 0.06
    weekdays: float = 0.06
    label: float = 0.1
    rows: float = 0.05
    latency: float = 0.05
    shares: float = 2_000.0
    has_weekly_rows: bool = True


STILL = Variation(0.0, 0.0, 0.0, 0.0, 0.0, np.inf, has_weekly_rows=False)
"""Days that differ by chance alone, each of exactly as many rows as asked for."""


def generated(
    rows_per_day: int,
    *,
    reference_days: int,
    days: int,
    seed: int,
    variation: Variation = Variation(),
) -> World:
    """`days` days of about `rows_per_day` rows each, from Monday, 1 January 2024 on."""
    random = np.random.default_rng([seed, rows_per_day, reference_days])
    dates = [FIRST_DAY + dt.timedelta(days=i) for i in range(days)]
    effects = _effects(len(dates), variation, random)
    frames = {
        date: _rows(date, _size(date, rows_per_day, variation, random), effect, variation, random)
        for date, effect in zip(dates, effects, strict=True)
    }
    return World(
        "generated",
        calendar(monitor(), FIRST_DAY, reference_days, days),
        frames,
        score,
        VICTIMS,
    )


def score(rows: Frame) -> Floats:
    """The model: the chance of the label, given the features. A missing value adds nothing."""
    odds = np.full(len(rows), INTERCEPT)
    for name, weight in zip(NUMBERS, WEIGHTS, strict=True):
        if weight:
            odds += weight * np.nan_to_num(_standard(name, rows[name].to_numpy(np.float64)))
    for name in CATEGORIES:
        odds += rows[name].map(LIFT).fillna(0.0).to_numpy(np.float64)
    return _logistic(odds)


def monitor() -> Monitor:
    """The monitor of the drawn model, at its defaults."""
    features = {name: {"role": "feature", "type": "number"} for name in NUMBERS}
    features |= {name: {"role": "feature", "type": "category"} for name in CATEGORIES}
    sources = {
        kind: {"kind": "parquet", "path": f"{kind}/{{date}}.parquet"}
        for kind in ("features", "predictions")
    }
    labels = {"source": {"kind": "parquet", "path": "labels/{date}.parquet"}}
    document = {
        "schema_version": 1,
        "name": "generated",
        "owner": "team:benchmarks",
        "model": {"task": "binary", "threshold": 0.5},
        "telemetry": {**sources, "labels": labels},
        "columns": {
            "request": {"role": "id"},
            "asked_at": {"role": "timestamp", "in": ["features", "predictions"]},
            **features,
            "score": {"role": "score"},
            "decision": {"role": "prediction", "type": "integer"},
            "latency_ms": {"role": "latency"},
            "status": {"role": "status", "ok_values": [OK]},
            "outcome": {"role": "label", "type": "integer"},
        },
        "reference": {"first_day": "2024-01-01", "last_day": "2024-03-30"},
        "first_day": "2024-03-31",
        "segments": [{"columns": ["region"]}],
    }
    return Monitor.model_validate_json(json.dumps(document))


def _effects(days: int, variation: Variation, random: np.random.Generator) -> Floats:
    """What each day adds to each feature, days × features: the weekday's part and its own."""
    weekdays = random.normal(0, 1, (7, len(NUMBERS))) * variation.weekdays
    fresh = random.normal(0, 1, (days, len(NUMBERS))) * variation.days
    own = np.zeros_like(fresh)
    for day in range(days):
        before = own[day - 1] if day else 0.0
        own[day] = CARRIED_OVER * before + np.sqrt(1 - CARRIED_OVER**2) * fresh[day]
    return own + weekdays[np.arange(days) % 7]


def _size(date: dt.date, rows: int, variation: Variation, random: np.random.Generator) -> int:
    weekly = WEEKDAY_LOG_ROWS[date.weekday()] if variation.has_weekly_rows else 0.0
    return round(rows * np.exp(weekly + variation.rows * random.normal()))


def _rows(
    date: dt.date, n: int, effect: Floats, variation: Variation, random: np.random.Generator
) -> Frame:
    shared = random.normal(size=(n, 1)) * np.sqrt(CORRELATION)
    own = random.normal(size=(n, len(NUMBERS))) * np.sqrt(1 - CORRELATION)
    normal = shared + own + effect
    rows = pd.DataFrame({name: _shaped(name, normal[:, i]) for i, name in enumerate(NUMBERS)})
    for name, shares in CATEGORIES.items():
        rows[name] = _drawn(shares, n, variation, random)
    chances = score(rows)
    shift = variation.label * random.normal()
    seconds = np.sort(random.integers(0, 86_400, n)).astype("timedelta64[s]")
    late = variation.latency * random.normal()
    is_answered = random.random(n) >= 0.002
    scores = np.where(is_answered, chances, np.nan)
    return rows.assign(
        request=[f"{date}-{i:06d}" for i in range(n)],
        asked_at=np.datetime64(date, "us") + seconds,
        score=scores,
        decision=np.where(is_answered, scores >= 0.5, np.nan),
        latency_ms=40 * np.exp(0.5 * random.normal(size=n) + late),
        status=np.where(is_answered, OK, "timeout"),
        outcome=(random.random(n) < _logistic(np.log(chances / (1 - chances)) + shift)) * 1.0,
    ).astype({"request": object, "status": object})


def _drawn(
    shares: dict[str, float], n: int, variation: Variation, random: np.random.Generator
) -> np.ndarray:
    chances = np.array(list(shares.values()))
    if np.isfinite(variation.shares):
        chances = random.dirichlet(chances * variation.shares)
    return random.choice(np.array(list(shares), dtype=object), n, p=chances)


def _shaped(name: str, normal: Floats) -> Floats:
    if name in LOGARITHMIC:
        return np.exp(normal)
    return np.round(20 + 5 * normal) if name in COUNTED else normal


def _standard(name: str, values: Floats) -> Floats:
    """The standard normal behind a feature's values; of those that have none, the least."""
    if name in LOGARITHMIC:
        return np.log(np.maximum(values, 1e-3))
    return (values - 20) / 5 if name in COUNTED else values


def _logistic(odds: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
