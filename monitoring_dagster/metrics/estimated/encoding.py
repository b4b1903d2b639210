"""From a table of raw rows to `Rows`: features as grid cells, labels and decisions by the task.

What is trained on the numbers is none of this module's business.
"""

# pyright: standard
# pyarrow has no types, and every value here comes from it.

from __future__ import annotations

import numpy as np
import pyarrow as pa

from monitoring_dagster.metrics.estimated.rows import Bools, Floats, Rows, as_text, score_columns
from monitoring_dagster.monitors.contract import Monitor, Role, Task
from monitoring_dagster.profiles import segments
from monitoring_dagster.profiles.grid import Cells, Grid, NumericCells
from monitoring_dagster.profiles.lookup import NumericLookup, numbers, positions
from monitoring_dagster.profiles.outcome_tallies import is_value
from monitoring_dagster.profiles.profile import ALL


def encode(table: pa.Table, monitor: Monitor, grid: Grid) -> Rows:
    """The rows of `table` as numbers; a column that it lacks is all NaN.

    Categories are numbered from the most frequent on, which trees cut as well as one column per
    category: on the MA data both gave the same figures.
    """
    table = table.combine_chunks()
    features = [_cells(table, name, grid.columns[name]) for name in _features(monitor, grid)]
    return Rows(
        features=_columns(features, table.num_rows),
        outputs=_columns([_numbers(table, n) for n in _outputs(monitor)], table.num_rows),
        decisions=_classes(table, monitor, monitor.the(Role.PREDICTION)),
        labels=_classes(table, monitor, monitor.the(Role.LABEL)),
        segments=_segments(table, monitor, grid),
    )


def _features(monitor: Monitor, grid: Grid) -> list[str]:
    return [name for name in monitor.with_role(Role.FEATURE) if name in grid.columns]


def _outputs(monitor: Monitor) -> list[str]:
    if monitor.model.task is Task.MULTICLASS:
        return score_columns(monitor)
    role = Role.SCORE if monitor.model.task is Task.BINARY else Role.PREDICTION
    name = monitor.the(role)
    return [name] if name else []


def _columns(columns: list[Floats], rows: int) -> Floats:
    return np.column_stack(columns) if columns else np.empty((rows, 0))


def _array(table: pa.Table, name: str) -> pa.Array:
    found = table.column(name).combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)


def _numbers(table: pa.Table, name: str) -> Floats:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return numbers(_array(table, name))[0]


def _cells(table: pa.Table, name: str, cells: Cells) -> Floats:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    if isinstance(cells, NumericCells):
        values = _numbers(table, name)
        largest = np.finfo(np.float64).max
        known = np.nan_to_num(values, nan=0.0, posinf=largest, neginf=-largest)
        return np.where(np.isnan(values), np.nan, NumericLookup(cells.edges)(known))
    other = len(cells.categories)
    known = pa.array(cells.categories, pa.string())
    found = positions(_array(table, name), known, null=-1, other=other)
    return np.where(found < 0, np.nan, found)


def _classes(table: pa.Table, monitor: Monitor, name: str | None) -> Floats:
    """Labels or decisions as the task numbers them."""
    if name is None or name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    if monitor.model.task is Task.REGRESSION:
        return _numbers(table, name)
    array = _array(table, name)
    if monitor.model.task is Task.MULTICLASS:
        known = pa.array([as_text(c) for c in monitor.model.classes], pa.string())
        found = positions(array, known, null=-1, other=-1)
        return np.where(found < 0, np.nan, found)
    is_known = array.is_valid().to_numpy(zero_copy_only=False)
    found = is_value(array, monitor.columns[name], monitor.model.positive_label)
    return np.where(is_known, found, np.nan)


def _segments(table: pa.Table, monitor: Monitor, grid: Grid) -> dict[str, Bools]:
    keys = segments.key_values(monitor, grid)
    codes = {n: k.codes(_array(table, n)) for n, k in keys.items() if n in table.column_names}
    belong = {ALL: np.ones(table.num_rows, dtype=np.bool_)}
    for cut in segments.cuts(monitor, grid, codes):
        if cut.columns:
            of_row = cut.codes(codes, table.num_rows)
            belong |= {label: of_row == place for place, label in enumerate(cut.labels)}
    return belong
