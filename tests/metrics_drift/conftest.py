"""Builders: a monitor, a grid from reference rows, and profiles counted from rows in memory."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.groups import WHOLE
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.grid import CategoryCells, Cells, Grid, NumericCells
from monitoring_dagster.profiles.profile import ColumnCounts, Group, GroupCounts, Profile


def numeric_cells(reference: np.ndarray, cells: int = 1_000) -> NumericCells:
    """Quantile cells as they are frozen from a reference: closed above, the lowest value in."""
    finite = reference[np.isfinite(reference)]
    values = np.unique(finite)
    is_discrete = values.size <= cells
    if not is_discrete:
        shares = np.linspace(0, 1, cells + 1)[1:]
        values = np.unique(np.quantile(finite, shares, method="inverted_cdf"))
    start = np.nextafter(finite.min(), -np.inf)
    return NumericCells((float(start), *values.tolist()), is_discrete)


def category_cells(reference: Sequence[str | None]) -> CategoryCells:
    """One cell per category, the most frequent first."""
    known = [v for v in reference if v is not None]
    return CategoryCells(tuple(sorted(set(known), key=lambda v: (-known.count(v), v))))


def counted(cells: Cells, values: Sequence[object] | np.ndarray) -> ColumnCounts:
    """Count rows in memory as the engine does; None is null."""
    if isinstance(cells, CategoryCells):
        place = {v: i for i, v in enumerate(cells.categories)}
        known = [v for v in values if v is not None]
        found = [place.get(str(v), len(place)) for v in known]
        unseen: dict[str, int] = {}
        for value in known:
            if value not in place:
                unseen[str(value)] = unseen.get(str(value), 0) + 1
        return ColumnCounts(
            np.bincount(found, minlength=cells.cell_count).astype(np.int64),
            rows=len(values),
            nulls=len(values) - len(known),
            unseen=unseen,
        )
    nulls = sum(v is None for v in values) if isinstance(values, list) else 0
    numbers = np.array([v for v in values if v is not None], dtype=np.float64)
    finite = numbers[np.isfinite(numbers)]
    with np.errstate(all="ignore"):
        total, total_squares = float(finite.sum()), float((finite * finite).sum())
    return ColumnCounts(
        np.bincount(np.searchsorted(cells.edges, finite), minlength=cells.cell_count).astype(
            np.int64
        ),
        rows=len(values),
        nulls=nulls,
        nans=int(np.isnan(numbers).sum()),
        positive_infinities=int((numbers == np.inf).sum()),
        negative_infinities=int((numbers == -np.inf).sum()),
        total=total,
        total_squares=total_squares,
        minimum=float(finite.min()) if finite.size else float("nan"),
        maximum=float(finite.max()) if finite.size else float("nan"),
    )


def profile(
    grid: Grid,
    columns: Mapping[str, Sequence[object] | np.ndarray],
    group: Group = WHOLE,
    missing: Mapping[str, str] | None = None,
) -> Profile:
    """A profile of one group, counted from columns in memory."""
    rows = max((len(values) for values in columns.values()), default=0)
    hours = np.zeros(25, dtype=np.int64)
    hours[0] = rows
    counts = {name: counted(grid.columns[name], values) for name, values in columns.items()}
    groups = {group: GroupCounts(rows, counts, hours)} if columns else {}
    return Profile(grid.id, groups, missing or {})


class Counting:
    """The builders, as one fixture."""

    numeric_cells = staticmethod(numeric_cells)
    category_cells = staticmethod(category_cells)
    counted = staticmethod(counted)
    profile = staticmethod(profile)

    @staticmethod
    def comparison(
        reference: np.ndarray, current: np.ndarray, cells: Cells | None = None
    ) -> Comparison:
        """Rows of both sides on the reference's cells."""
        cells = cells or numeric_cells(np.asarray(reference))
        return Comparison(cells, counted(cells, reference), counted(cells, current))


@pytest.fixture(scope="session")
def counting() -> type[Counting]:
    return Counting


DOCUMENT = {
    "schema_version": 1,
    "name": "flights",
    "owner": "team:ops",
    "model": {"task": "binary", "threshold": 0.5},
    "telemetry": {
        "features": {"kind": "parquet", "path": "features/{date}.parquet"},
        "predictions": {"kind": "parquet", "path": "predictions/{date}.parquet"},
        "labels": {"source": {"kind": "parquet", "path": "labels/{date}.parquet"}},
    },
    "columns": {
        "flight": {"role": "id"},
        "scored_at": {"role": "timestamp", "in": ["predictions"]},
        "known_at": {"role": "timestamp", "in": ["labels"]},
        "distance": {"role": "feature", "type": "number"},
        "carrier": {"role": "feature", "type": "category"},
        "score": {"role": "score"},
        "late": {"role": "label", "type": "boolean"},
        "took": {"role": "latency"},
        "answer": {"role": "status"},
        "version": {"role": "model_version"},
    },
    "reference": {"first_day": "2026-01-01", "last_day": "2026-01-31"},
    "first_day": "2026-02-01",
    "segments": [{"columns": ["carrier"]}],
}


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """The document of `monitor`, to be changed by a test on a copy."""
    return DOCUMENT


@pytest.fixture(scope="session")
def monitor() -> Monitor:
    """A binary model of flights with every role that the metrics of this room read."""
    return Monitor.model_validate_json(json.dumps(DOCUMENT))
