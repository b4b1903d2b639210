"""What a model is trained on and judged by: labelled rows of a plan's days, from their snapshots.

Reads what the plan names and nothing newer; which days those are is `windows`. The trainer gets
files with the declared features, the gate a table with all that it compares by.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_dagster.errors import SnapshotMissing
from monitoring_dagster.monitors.contract import ColumnType, Monitor, Role
from monitoring_dagster.retraining.handover import DAY, LABEL, TRAINING, VALIDATION, WEIGHT, Order
from monitoring_dagster.retraining.labelled import (
    Labelled,
    PlannedDay,
    compared_rows,
    features_of,
    left_out,
    schema_of,
)
from monitoring_dagster.telemetry.casts import STORED
from monitoring_dagster.telemetry.lake import Lake

MOST_TRAINING = 2_000_000
"""Rows to fit on; of more, so many are drawn. With 50 features they take 0.8 GB in the trainer;
here memory holds one day."""

MOST_VALIDATION = 500_000
"""Rows to judge by, which are held in memory: 0.2 GB with 50 features."""

AS_NUMBERS = (ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.BOOLEAN)
"""Types that a trainer sees as float64, so that a missing value changes no type."""


@dataclass(frozen=True)
class Prepared:
    """What was written for the trainer, and what the gate compares by.

    Args:
        features: what the trainer sees, by name, in MLflow's words for types.
        left_out: declared features that it does not see, and why.
        training_rows: how many rows there are to fit on.
        validation: the rows to judge by, with the columns of `compared_schema`.
        notes: what was done to the rows on the way, in sentences.
    """

    features: Mapping[str, str]
    left_out: Mapping[str, str]
    training_rows: int
    validation: pa.Table
    notes: tuple[str, ...]


def prepare(
    lake: Lake,
    monitor: Monitor,
    plan: Mapping[str, Any],
    folder: Path,
    *,
    most_training: int = MOST_TRAINING,
    most_validation: int = MOST_VALIDATION,
) -> Prepared:
    """Write the trainer's files into `folder`, and return the rows for the gate.

    Args:
        lake: holds the snapshots.
        monitor: the document; says which columns are features.
        plan: `training` and `validation` days, `half_life_days`, `seed` (`windows`).
        folder: a private folder; the files are `handover.TRAINING` and `handover.VALIDATION`.
        most_training: rows at most; of more, as many are drawn uniformly over all days by `seed`.
        most_validation: the same for validation.

    Raises:
        SnapshotMissing: a planned snapshot is gone, or no row is left.
        SnapshotChanged: a planned snapshot was taken anew since.
        SnapshotCorrupt: a file is not what was written.
    """
    training = [PlannedDay.of(each) for each in plan["training"]]
    validation = [PlannedDay.of(each) for each in plan["validation"]]
    seed = int(plan["seed"])
    source = Labelled(lake, monitor, training, most_training, [seed, 0])
    judged = Labelled(lake, monitor, validation, most_validation, [seed, 1])
    target = _trainers_schema(monitor)
    newest = max((each.day for each in training), default=dt.date.min)
    rows = 0
    with pq.ParquetWriter(folder / TRAINING, target) as writer:
        for table in source.days(_seen_schema(monitor)):
            written = _for_trainer(table, monitor, newest, plan.get("half_life_days"))
            writer.write_table(written)
            rows += written.num_rows
    compared = compared_rows(judged)
    if not rows or not compared.num_rows:
        raise _nothing_left(monitor, "validation" if rows else "training")
    pq.write_table(_for_trainer(compared, monitor, newest, None), folder / VALIDATION)
    return Prepared(
        seen(monitor),
        left_out(monitor),
        rows,
        compared,
        (*source.notes("training"), *judged.notes("validation")),
    )


def validation(
    lake: Lake, monitor: Monitor, plan: Mapping[str, Any], *, most: int = MOST_VALIDATION
) -> pa.Table:
    """The rows for the gate alone, as `prepare` returns them: of a challenger that is trained.

    Raises:
        SnapshotMissing, SnapshotChanged, SnapshotCorrupt: as `prepare`.
    """
    days = [PlannedDay.of(each) for each in plan["validation"]]
    rows = compared_rows(Labelled(lake, monitor, days, most, [int(plan["seed"]), 1]))
    if not rows.num_rows:
        raise _nothing_left(monitor, "validation")
    return rows


def seen(monitor: Monitor) -> dict[str, str]:
    """What the trainer sees, by name, in MLflow's words for types."""
    return {name: _TRAINERS[monitor.columns[name].stored_type] for name in features_of(monitor)}


def _nothing_left(monitor: Monitor, what: str) -> SnapshotMissing:
    return SnapshotMissing(
        f"no labelled row of monitor {monitor.name} is left for {what}: no id of the labels has "
        "features; see that the snapshots of features and labels carry the same ids"
    )


def order_of(monitor: Monitor, plan: Mapping[str, Any], prepared: Prepared) -> Order:
    """What the trainer's process is asked for; trainer, parameters and seed as planned."""
    return Order(
        trainer=str(plan["trainer"]),
        seed=int(plan["seed"]),
        parameters=plan["parameters"],
        kind=str(monitor.model.task),
        features=prepared.features,
        positive_label=monitor.model.positive_label,
        classes=monitor.model.classes,
    )


_TRAINERS: Mapping[ColumnType, str] = {
    **dict.fromkeys(AS_NUMBERS, "double"),
    ColumnType.CATEGORY: "string",
    ColumnType.TEXT: "string",
    ColumnType.TIMESTAMP: "datetime",
}


def _seen_schema(monitor: Monitor) -> pa.Schema:
    return schema_of(monitor, [*features_of(monitor), *monitor.with_role(Role.LABEL)])


def _trainers_schema(monitor: Monitor) -> pa.Schema:
    label = monitor.the(Role.LABEL) or ""
    return pa.schema(
        [
            *((name, _seen_as(monitor, name)) for name in features_of(monitor)),
            (LABEL, STORED[monitor.columns[label].stored_type]),
            (WEIGHT, pa.float64()),
            (DAY, pa.date32()),
        ]
    )


def _seen_as(monitor: Monitor, name: str) -> pa.DataType:
    stored = monitor.columns[name].stored_type
    return pa.float64() if stored in AS_NUMBERS else STORED[stored]


def _for_trainer(
    rows: pa.Table, monitor: Monitor, newest: dt.date, half_life_days: float | None
) -> pa.Table:
    """The features as a trainer sees them, with label, weight and day."""
    target = _trainers_schema(monitor)
    columns = {
        name: rows.column(name).cast(target.field(name).type, safe=False)
        for name in features_of(monitor)
    }
    days = rows.column(DAY)
    columns |= {
        LABEL: rows.column(monitor.the(Role.LABEL) or ""),
        WEIGHT: pa.array(weights(days.to_numpy(), newest, half_life_days)),
        DAY: days,
    }
    return pa.table(columns).cast(target)


def weights(days: np.ndarray, newest: dt.date, half_life_days: float | None) -> np.ndarray:
    """How much the rows of some days count: halved with every `half_life_days` before `newest`.

    >>> days = np.array(["2026-01-31", "2026-01-01"], "datetime64[D]")
    >>> weights(days, dt.date(2026, 1, 31), 30).tolist()
    [1.0, 0.5]
    >>> weights(days, dt.date(2026, 1, 31), None).tolist()
    [1.0, 1.0]
    """
    if half_life_days is None:
        return np.ones(len(days))
    age = (np.datetime64(newest) - days).astype(np.float64)
    return np.exp2(-age / half_life_days)
