"""What a year of monitoring found, month by month.

Reads stored measurements through the store's public interface; measures nothing itself.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from examples.flights.telemetry import LAST_DAY
from examples.flights.train import MODEL, NUMBERS, between
from monitoring_dagster.incidents.incident import Priority
from monitoring_dagster.incidents.rows import incident_of
from monitoring_dagster.retraining.action import Status
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.store import Store, actions, tenures
from monitoring_dagster.store.incidents import listed

Floats = NDArray[np.float64]

DAILY = ("roc_auc", "base_rate", "predicted_positive_rate", "label_coverage", "latency_p95")
DRIFT = "wasserstein_scaled"

STYLES = {Priority.P1: "bold red", Priority.P2: "red", Priority.P3: "yellow", Priority.P4: "dim"}


@dataclass(frozen=True)
class Month:
    """One month's daily measurements in a line: means, the worst AUC, the largest drift.

    None where no day of the month had a value.
    """

    first_day: dt.date
    means: Mapping[str, float | None]
    lowest_auc: tuple[float, dt.date] | None
    drifted_most: tuple[str, float] | None


def months(store: Store) -> list[Month]:
    """Every month that has measurements of the whole traffic, in order."""
    values: dict[dt.date, dict[tuple[str, str], list[tuple[float, dt.date]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for metric in (*DAILY, DRIFT):
        for row in _rows(store, metric):
            month = values[row["day"].replace(day=1)]
            month[metric, row["column"]].append((row["value"], row["day"]))
    return [_month(first, values[first]) for first in sorted(values)]


def _rows(store: Store, metric: str) -> Iterable[dict[str, Any]]:
    table = store.measurements(
        MODEL, metric=metric, segment="all", model_version="all", status="ok"
    )
    wanted = table.select(["day", "column", "value"]).to_pylist()
    return wanted if metric != DRIFT else [row for row in wanted if row["column"] in NUMBERS]


def _month(first: dt.date, values: Mapping[tuple[str, str], list[tuple[float, dt.date]]]) -> Month:
    daily = {metric: found for (metric, _), found in values.items() if metric != DRIFT}
    drifts = {
        column: median(value for value, _ in found)
        for (metric, column), found in values.items()
        if metric == DRIFT
    }
    return Month(
        first_day=first,
        means={m: fmean(v for v, _ in daily[m]) if m in daily else None for m in DAILY},
        lowest_auc=min(daily["roc_auc"]) if "roc_auc" in daily else None,
        drifted_most=max(drifts.items(), key=lambda item: item[1]) if drifts else None,
    )


def incidents(store: Store) -> Table:
    """The year's incidents as a table for a terminal, in the order in which they were opened."""
    title = "The year's incidents: what a Slack channel would have heard of"
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "opened", "ended", "name"):
        shown.add_column(heading, no_wrap=True)
    shown.add_column("what", overflow="fold")
    for kept in store.read(lambda connection: listed(connection, monitor=MODEL)):
        incident = incident_of(kept)
        ended = incident.resolved_at
        shown.add_row(
            f"[{STYLES[incident.priority]}]{incident.priority}[/]",
            f"{incident.opened_at:%d %b}",
            "open" if ended is None else f"{ended:%d %b}",
            incident.ref,
            Text(incident.title),
        )
    return shown


def retrainings(store: Store) -> Table:
    """The year's retrainings: why each was asked for, and what was decided."""
    title = "The year's retrainings: why they were asked for, and what the gate said"
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("asked", "name", "why", "outcome"):
        shown.add_column(heading, no_wrap=True)
    shown.add_column("because", overflow="fold")
    for row in store.read(lambda connection: actions.of_monitor(connection, MODEL)):
        action = action_of(row)
        outcome = f"version {action.challenger}" if action.status is Status.DONE else action.status
        because = action.decision.get("because") or action.because
        shown.add_row(
            f"{action.requested_at:%d %b}",
            action.ref,
            action.why.replace("_", " "),
            Text(outcome, style="green" if action.status is Status.DONE else "yellow"),
            Text(str(because)),
        )
    return shown


@dataclass(frozen=True)
class Reign:
    """A promoted version's days, and how well they were predicted by it and by the first version.

    Both AUCs are of all labelled flights of these days together.
    """

    version: str
    first_day: dt.date
    last_day: dt.date
    flights: int
    champion_auc: float
    first_auc: float


def reigns(
    store: Store,
    flights: pa.Table,
    scored: Callable[[str], Callable[[pa.Table], Floats]],
    first_version: str,
) -> list[Reign]:
    """Every promoted version with the days that it answered, and what the first one would have.

    Args:
        store: with the tenures.
        flights: of the year, in the order of their days.
        scored: gives a version's scores of flights.
        first_version: the one that the year began with.
    """
    from sklearn.metrics import roc_auc_score

    kept = store.read(lambda connection: tenures.of_monitor(connection, MODEL))
    ends = [*(row.since - dt.timedelta(days=1) for row in kept[1:]), LAST_DAY]
    found: list[Reign] = []
    for row, last in zip(kept, ends, strict=True):
        those = between(flights, (row.since, last))
        known = those.filter(those["is_late"].is_valid())
        late = known["is_late"].to_numpy()
        auc, first = (
            float(roc_auc_score(late, scored(version)(known)))
            for version in (row.model_version, first_version)
        )
        found.append(Reign(row.model_version, row.since, last, known.num_rows, auc, first))
    return found


def gains(found: Iterable[Reign]) -> Table:
    """The promoted versions as a table for a terminal."""
    title = (
        "What retraining was worth: the same flights, as the first model would have predicted them"
    )
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    shown.add_column("days", no_wrap=True)
    for heading in ("version", "flights", "AUC", "first model", "gained"):
        shown.add_column(heading, justify="right")
    for one in found:
        shown.add_row(
            f"{one.first_day:%d %b} to {one.last_day:%d %b}",
            one.version,
            f"{one.flights:,}",
            f"{one.champion_auc:.3f}",
            f"{one.first_auc:.3f}",
            f"{one.champion_auc - one.first_auc:+.3f}",
        )
    return shown


def table(found: Iterable[Month]) -> Table:
    """The months as a table for a terminal."""
    title = "What was found, by month: means of the days, and the column that drifted most"
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    shown.add_column("2013")
    for heading in (
        "AUC",
        "lowest day",
        "late",
        "called",
        "labels",
        "drifted",
        "p95",
    ):
        shown.add_column(heading, justify="right")
    for month in found:
        shown.add_row(f"{month.first_day:%b}", *_cells(month))
    return shown


def _cells(month: Month) -> Iterable[str]:
    auc, late, called, labelled, latency = (month.means[metric] for metric in DAILY)
    yield _number(auc, "{:.3f}")
    yield _pair(month.lowest_auc, "{:.3f} {:%d %b}")
    yield _number(late, "{:.1%}")
    yield _number(called, "{:.1%}")
    yield _number(labelled, "{:.1%}")
    yield _pair(month.drifted_most, "{} {:.1f} σ")
    yield _number(None if latency is None else latency * 1_000, "{:.0f} ms")


def _number(value: float | None, pattern: str) -> str:
    return "-" if value is None else pattern.format(value)


def _pair(pair: tuple[object, object] | None, pattern: str) -> str:
    return "-" if pair is None else pattern.format(*pair)
