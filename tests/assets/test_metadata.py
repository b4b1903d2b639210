from __future__ import annotations

import datetime as dt

import dagster as dg
import numpy as np
import pytest

from assets.metadata import MOST_ROWS, as_metadata
from monitoring_dagster.reports.sparkline import Picture

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        pytest.param(np.float64(0.7), dg.MetadataValue.float(0.7), id="a numpy float is a float"),
        pytest.param(np.int64(905), dg.MetadataValue.int(905), id="a numpy integer is an integer"),
        pytest.param(np.bool_(True), dg.MetadataValue.bool(True), id="a numpy bool is a bool"),
        pytest.param(float("nan"), dg.MetadataValue.null(), id="NaN is null"),
        pytest.param(float("-inf"), dg.MetadataValue.null(), id="infinity is null"),
        pytest.param(dt.date(2026, 1, 2), dg.MetadataValue.text("2026-01-02"), id="a day is text"),
        pytest.param(
            Picture("![t](data:,)"), dg.MetadataValue.md("![t](data:,)"), id="a picture is shown"
        ),
        pytest.param("![t](x)", dg.MetadataValue.text("![t](x)"), id="text is no picture"),
        pytest.param("<script>", dg.MetadataValue.text("<script>"), id="markup stays text"),
        pytest.param({"a": np.nan}, dg.MetadataValue.json({"a": None}), id="JSON holds no NaN"),
    ],
)
def test_a_value_is_stored_as_what_a_page_can_draw(value: object, stored: dg.MetadataValue) -> None:
    assert as_metadata({"x": value}) == {"x": stored}


def test_a_long_table_is_cut_to_what_a_page_shows() -> None:
    value = as_metadata({"rows": [{"n": np.int64(i)} for i in range(MOST_ROWS + 5)]})["rows"]
    assert isinstance(value, dg.TableMetadataValue)
    assert len(value.records) == MOST_ROWS
