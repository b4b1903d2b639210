"""Raw rows become numbers whatever they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from monitoring_dagster.metrics.estimated import encode
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.grid import CategoryCells, Grid, NumericCells


@pytest.fixture(scope="module")
def monitor(simulation: Any) -> Monitor:
    columns = {**simulation.document["columns"], "carrier": {"role": "feature", "type": "category"}}
    return Monitor.model_validate({**simulation.document, "columns": columns}, strict=False)


GRID = Grid(
    {
        "age": NumericCells((0.0, 1.0, 2.0)),
        "carrier": CategoryCells(("UA", "AA")),
        "chance": NumericCells((0.0, 0.5, 1.0)),
    },
    {"region": (("north",),)},
)


def test_values_become_cells_categories_ranks_and_null_is_nan(monitor: Monitor) -> None:
    table = pa.table(
        {
            "age": [0.5, None, float("inf"), -1e300, float("nan")],
            "carrier": ["AA", "UA", "other", None, "AA"],
            "region": ["north", "south", None, "north", "north"],
            "chance": [0.2, None, 0.7, 0.9, 1.0],
            "outcome": [1, 0, None, 0, 1],
        }
    )
    rows = encode(table, monitor, GRID)
    nan = np.nan
    np.testing.assert_array_equal(rows.features[:, 0], [1, nan, 3, 0, nan])
    np.testing.assert_array_equal(rows.features[:, 1], [1, 0, 2, nan, 1])
    np.testing.assert_array_equal(rows.outputs[:, 0], [0.2, nan, 0.7, 0.9, 1.0])
    np.testing.assert_array_equal(rows.labels, [1, 0, nan, 0, 1])
    np.testing.assert_array_equal(rows.within("region=north"), [1, 0, 0, 1, 1])
    np.testing.assert_array_equal(rows.within("region=(other)"), [0, 1, 0, 0, 0])
    assert not rows.within("region=unknown").any()
    assert rows.within("all").all()


def test_columns_that_a_table_lacks_are_nan(monitor: Monitor) -> None:
    rows = encode(pa.table({"age": [1, 2]}), monitor, GRID)
    assert rows.features.shape == (2, 2)
    assert np.isnan(rows.features[:, 1]).all()
    assert np.isnan(rows.outputs).all()
    assert np.isnan(rows.labels).all()
    assert set(rows.segments) == {"all"}


def test_no_rows_are_no_rows(monitor: Monitor) -> None:
    table = pa.table({"age": pa.array([], pa.float64()), "region": pa.array([], pa.string())})
    assert len(encode(table, monitor, GRID)) == 0
