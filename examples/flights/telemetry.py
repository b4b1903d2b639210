"""What a service that predicts delays would have logged, one file per day and kind.

Scores and outcomes are real; the moments of scoring, the response times, the failed requests
and the hour at which an outcome becomes known are simulated, from a seed per day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from examples.flights.prepare import TIME_ZONE
from examples.flights.train import FEATURES

SEED = 2013
FIRST_DAY, LAST_DAY = dt.date(2013, 3, 1), dt.date(2013, 12, 31)
"""March is the reference, the rest is production."""

KINDS = ("features", "predictions", "labels")

TIMEOUT_SHARE = 0.002
MEDIAN_LATENCY_MS, LATENCY_SIGMA, TIMEOUT_MS = 40.0, 0.5, 1_000.0
OUTCOMES_FROM, OUTCOMES_UNTIL = dt.time(2), dt.time(20)
"""Local hours of the day after the flight between which its outcome becomes known."""

Scores = NDArray[np.float64]


Report = Callable[[int, int], object]
"""Told how much is done, and of how much."""


def unheard(*_: int) -> None:
    """A report to nobody."""


@dataclass(frozen=True)
class Deployment:
    """What the service needs to know of the model that it runs."""

    version: str
    threshold: float


def write(
    flights: pa.Table,
    scores: Scores,
    deployment: Deployment,
    folder: Path,
    *,
    report: Report = unheard,
) -> int:
    """Write the telemetry of all days of `flights`, and return the number of files.

    Args:
        flights: in the order of their days, as `prepare.flights` leaves them.
        scores: one per flight.
        deployment: version and threshold of the model that made the scores.
        folder: receives `features`, `predictions` and `labels`, each `{day}.parquet`.
        report: told after each day how many are written, and of how many.
    """
    for kind in KINDS:
        (folder / kind).mkdir(parents=True, exist_ok=True)
    days = list(_days(flights["day"]))
    for done, (day, rows) in enumerate(days, start=1):
        events = events_of(day, flights.slice(rows.start, len(rows)), scores[rows], deployment)
        for (kind, filed_under), table in events.items():
            pq.write_table(table, folder / kind / f"{filed_under}.parquet", compression="zstd")
        report(done, len(days))
    return len(days) * len(KINDS)


def events_of(
    day: dt.date, flights: pa.Table, scores: Scores, deployment: Deployment
) -> dict[tuple[str, dt.date], pa.Table]:
    """The three files that one day of flights leads to, by kind and the day they are filed under.

    A day depends on its own flights and seed only: it is the same whichever days are written
    with it.
    """
    random = np.random.default_rng([SEED, day.toordinal()])
    # Within the minute of the scheduled departure, so that no request slips into the next day.
    delay = random.integers(1, 45_000_000, flights.num_rows).astype("timedelta64[us]")
    scored_at = _instants(flights["scheduled_at"]) + delay
    order = np.argsort(scored_at, kind="stable")
    asked, asked_at = flights.take(order), scored_at[order]
    tomorrow = day + dt.timedelta(days=1)
    return {
        ("features", day): asked.select(["flight_id", "scheduled_at", "tail_number", *FEATURES]),
        ("predictions", day): _predictions(asked, asked_at, scores[order], deployment, random),
        ("labels", tomorrow): _labels(asked, tomorrow, random),
    }


def _predictions(
    asked: pa.Table, asked_at: Any, scores: Scores, deployment: Deployment, random: Any
) -> pa.Table:
    rows = asked.num_rows
    failed = random.random(rows) < TIMEOUT_SHARE
    latency = random.lognormal(np.log(MEDIAN_LATENCY_MS), LATENCY_SIGMA, rows).round(3)
    return pa.table(
        {
            "flight_id": asked["flight_id"],
            "scored_at": pa.array(asked_at).cast(pa.timestamp("us", "UTC")),
            "score": pa.array(scores, mask=failed),
            "decision": pa.array((scores >= deployment.threshold).astype(np.int64), mask=failed),
            "model_version": pa.array([deployment.version] * rows, pa.string()),
            "latency_ms": np.where(failed, TIMEOUT_MS, latency),
            "status": np.where(failed, "timeout", "ok"),
        }
    )


def _labels(asked: pa.Table, tomorrow: dt.date, random: Any) -> pa.Table:
    zone = ZoneInfo(TIME_ZONE)
    first, last = (
        np.datetime64(int(dt.datetime.combine(tomorrow, at, zone).timestamp() * 1e6), "us")
        for at in (OUTCOMES_FROM, OUTCOMES_UNTIL)
    )
    spread = (random.random(asked.num_rows) * (last - first).astype(np.int64)).astype(np.int64)
    # No outcome is known before the plane is at its gate: those that take off at 23:59 are not.
    known_at = np.fmax(first + spread.astype("timedelta64[us]"), _instants(asked["at_gate_at"]))
    arrived = np.flatnonzero(asked["is_late"].is_valid())
    order = arrived[np.argsort(known_at[arrived], kind="stable")]
    return pa.table(
        {
            "flight_id": asked["flight_id"].take(order),
            "known_at": pa.array(known_at[order]).cast(pa.timestamp("us", "UTC")),
            "is_late": asked["is_late"].take(order),
        }
    )


def _instants(column: pa.ChunkedArray) -> Any:
    return column.cast(pa.timestamp("us")).to_numpy()


def _days(days: pa.ChunkedArray) -> Iterator[tuple[dt.date, range]]:
    values, starts = np.unique(days.to_numpy(), return_index=True)
    ends = [*starts[1:], len(days)]
    for value, start, end in zip(values, starts, ends, strict=True):
        yield value.astype(dt.date), range(start, end)
