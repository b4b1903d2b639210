"""A monitored shop for the tests of samples: sources, a lake, a frozen reference, one bad day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from monitoring_dagster.decisions.verdict import Level
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import (
    Incident,
    Priority,
    Signal,
    SignalState,
    Status,
)
from monitoring_dagster.incidents.sampling.focus import Focus
from monitoring_dagster.incidents.sampling.gains import Gain
from monitoring_dagster.incidents.sampling.strata import Choice
from monitoring_dagster.monitors.calendar import window
from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.profiles import engine, reference, storage
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.profiles.grid import CategoryCells, Grid, NumericCells
from monitoring_dagster.profiles.lookup import BEYOND
from monitoring_dagster.profiles.reference import FrozenReference
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.casts import STORED
from tests.telemetry.world import World, noon

DAY = dt.date(2026, 1, 5)
REFERENCE = (dt.date(2026, 1, 1), dt.date(2026, 1, 2))
REF = "MD-7F3A9C"

COLUMNS: dict[str, dict[str, object]] = {
    "id": {"role": "id"},
    "at": {"role": "timestamp", "in": ["features", "predictions"]},
    "customer": {"role": "entity", "privacy": "direct"},
    "age": {"role": "feature", "type": "integer", "privacy": "quasi"},
    "income": {"role": "feature", "type": "number"},
    "region": {"role": "feature", "type": "category"},
    "diagnosis": {"role": "feature", "type": "category", "privacy": "sensitive"},
    "score": {"role": "score"},
    "version": {"role": "model_version"},
    "outcome": {"role": "label", "type": "integer"},
}

GRID = Grid(
    {"region": CategoryCells(("north", "south")), "income": NumericCells((0.0, 10.0, 20.0))},
    {"region": (("north",), ("south",))},
)


def document(columns: Mapping[str, Mapping[str, object]] = COLUMNS, **more: Any) -> Monitor:
    """A monitor of these columns, segmented by region where there is one."""
    source = {"kind": "parquet", "path": "telemetry/{date}.parquet"}
    has_label = any(c["role"] == "label" for c in columns.values())
    content = {
        "schema_version": 1,
        "name": "shop",
        "owner": "team:tests",
        "model": {"task": "binary", "threshold": 0.5},
        "telemetry": {"features": source, "predictions": source}
        | ({"labels": {"source": source}} if has_label else {}),
        "columns": columns,
        "reference": {"first_day": REFERENCE[0], "last_day": REFERENCE[1]},
        "first_day": DAY,
        "segments": [{"columns": ["region"]}] if "region" in columns else [],
    } | more
    return Monitor.model_validate(content, strict=False)


def table(monitor: Monitor, **columns: Sequence[object]) -> pa.Table:
    """Rows of declared columns with the types that snapshots store."""
    declared = monitor.columns
    return pa.table({n: pa.array(v, STORED[declared[n].stored_type]) for n, v in columns.items()})


def new_in_region(north: float, south: float, unseen: float) -> Gain:
    """How much of each region is new."""
    cells = GRID.columns["region"]
    return Gain("region", cells, _padded([north, south, unseen]))


def _padded(new: Sequence[float]) -> Any:
    import numpy as np

    return np.array([*new, *[0.0] * BEYOND])


def choice(monitor: Monitor, focus: Focus | None = None, *gained: Gain, **more: Any) -> Choice:
    return Choice(monitor, GRID, focus or Focus(), gained, more.pop("seed", "s"), **more)


def incident(
    *subjects: str, cause: Cause | None = None, day: dt.date = DAY, ref: str = REF
) -> Incident:
    """An open incident with a firing signal per subject, the first with the largest impact."""
    at = noon(day)
    return Incident(
        ref=ref,
        monitor="shop",
        cause=cause or Cause(CauseKind.INPUTS),
        status=Status.OPEN,
        priority=Priority.P2,
        title="something is wrong",
        since=day,
        last_day=day,
        opened_at=at,
        updated_at=at,
        signals=tuple(
            Signal(s, SignalState.FIRING, Level.WARN, "lasting", s, day, day, impact=1.0 / (1 + i))
            for i, s in enumerate(subjects)
        ),
    )


class Shop(World):
    """A world whose reference is frozen and whose day can be bent before it is taken."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, columns=dict(COLUMNS))
        self.changes = {
            "name": "shop",
            "reference": {"first_day": str(REFERENCE[0]), "last_day": str(REFERENCE[1])},
            "segments": [{"columns": ["region"]}],
            "retention": {"snapshots_days": 30},
        }
        for day in REFERENCE:
            if not self.path(Kind.FEATURES, day).exists():
                self.write_day(day)

    def write_day(self, day: dt.date = DAY, rows: int = 200, **columns: Any) -> None:
        """Write a day: every second row is in the south, and scores rise evenly from 0 to 1.

        Without changes every label is what the score says. A column given as None is left out.
        """
        ids = [f"{day}-{i}" for i in range(rows)]
        scores = [i / rows for i in range(rows)]
        at = pa.array([noon(day)] * rows, pa.timestamp("us", "UTC"))
        whole: dict[str, Any] = {
            "customer": [f"customer-{i}@example.org" for i in range(rows)],
            "age": [20 + i % 50 for i in range(rows)],
            "income": [float(i) for i in range(rows)],
            "region": ["north", "south"] * (rows // 2),
            "diagnosis": ["none"] * rows,
            "score": scores,
            "version": ["1"] * rows,
            "outcome": [round(s) for s in scores],
            "undeclared": [f"canary-undeclared-{i}" for i in range(rows)],
        } | columns
        shares = {
            Kind.FEATURES: ("customer", "age", "income", "region", "diagnosis", "undeclared"),
            Kind.PREDICTIONS: ("score", "version", "undeclared"),
            Kind.LABELS: ("outcome",),
        }
        for kind, names in shares.items():
            kept = {name: whole[name] for name in names if whole[name] is not None}
            times = {} if kind is Kind.LABELS else {"at": at}
            self.write(kind, {"id": ids} | times | kept, day)

    def freeze(self) -> FrozenReference:
        return reference.freeze(
            self.monitor,
            lake=self.lake,
            access=self.access,
            pseudonyms=self.pseudonyms,
            as_of=self.as_of,
        )

    def take_day(self, *kinds: Kind, day: dt.date = DAY) -> FrozenReference:
        """Take the day's snapshots, count them, and return the reference they are held against."""
        frozen = self.freeze()
        paths: dict[Kind, Path] = {}
        for kind in kinds or tuple(Kind):
            manifest = self.take(kind, day)
            with snapshots.data(self.lake, manifest) as path:
                paths[kind] = path
        taken = DaySnapshots(
            window(self.monitor, day), paths.get(Kind.FEATURES), paths.get(Kind.PREDICTIONS)
        )
        counted = engine.count(self.monitor, frozen.grid, {day: taken})
        storage.write_profile(self.lake, "shop", day, counted[day], fingerprint="")
        return frozen
