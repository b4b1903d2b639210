from __future__ import annotations

import datetime as dt
import math
from fractions import Fraction

import numpy as np
import pytest

from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.profiles import engine, freezing
from monitoring_dagster.profiles.freezing import counted_columns, freeze_grid
from monitoring_dagster.profiles.grid import CategoryCells, NumericCells
from monitoring_dagster.profiles.segments import expected

DAY = dt.date(2026, 3, 2)
NUMBER = {"role": "feature", "type": "number"}
WORD = {"role": "feature", "type": "category"}


def frozen(monitor, *days):
    return freeze_grid(monitor, days)[0]


def features(rows):
    length = len(next(iter(rows.values())))
    return {"id": [*map(str, range(length))], **rows}


def quantiles(values):
    ordered = sorted(values)
    return [ordered[math.ceil(Fraction(i * len(ordered), 1_000)) - 1] for i in range(1, 1_001)]


@pytest.fixture
def numeric_grid(monitor_of, snapshots_of):
    """The cells that one column of numbers gives, and its counts on them."""

    def build(values):
        monitor = monitor_of({"x": NUMBER})
        day = snapshots_of(monitor, features=features({"x": values}))
        grid = frozen(monitor, day)
        return grid.columns["x"], engine.count(monitor, grid, {DAY: day})[DAY].column("x")

    return build


def test_the_cells_of_a_continuous_column_hold_a_thousandth_each(numeric_grid):
    values = np.random.default_rng(2).normal(size=100_000)
    cells, counts = numeric_grid(values)
    assert len(cells.edges) == 1_001
    assert not cells.is_discrete
    assert set(cells.edges[1:]) <= set(values)
    assert counts.cells.tolist() == [0, *[100] * 1_000, 0]


def test_an_edge_is_the_least_value_that_a_share_of_the_rows_does_not_exceed(numeric_grid):
    values = np.random.default_rng(2).normal(size=4_321)
    cells, _ = numeric_grid(values)
    assert cells.edges[1:] == tuple(quantiles(values))
    assert cells.edges[0] == np.nextafter(values.min(), -np.inf)


def test_few_distinct_values_get_a_cell_each(numeric_grid):
    cells, counts = numeric_grid([3.0, 1.0, 1.0, -0.0, 0.0, None, math.nan, math.inf])
    assert cells == NumericCells((-5e-324, 0.0, 1.0, 3.0), is_discrete=True)
    assert counts.cells.tolist() == [0, 2, 2, 1, 0]


def test_a_thousand_distinct_values_are_discrete_and_one_more_is_not(numeric_grid):
    assert numeric_grid(np.arange(1_000.0))[0].is_discrete
    assert not numeric_grid(np.arange(1_001.0))[0].is_discrete


def test_a_constant_column_has_one_inner_cell(numeric_grid):
    cells, counts = numeric_grid([5.0] * 10)
    assert cells == NumericCells((np.nextafter(5.0, 0), 5.0), is_discrete=True)
    assert counts.cells.tolist() == [0, 10, 0]


def test_a_column_without_values_has_two_cells_and_counts_its_nulls(numeric_grid):
    cells, counts = numeric_grid([None, math.nan, math.inf])
    assert cells == NumericCells((0.0,))
    assert (counts.cells.tolist(), counts.nulls, counts.nans) == ([0, 0], 1, 1)
    assert counts.positive_infinities == 1
    assert math.isnan(counts.minimum)


def test_the_widest_range_of_floats_has_finite_edges(numeric_grid):
    top = np.finfo(float).max
    cells, counts = numeric_grid([-top, 0.0, top])
    assert cells.edges == (-top, 0.0, top)
    assert counts.cells.tolist() == [1, 1, 1, 0]


def test_a_long_reference_sets_quantiles_by_every_kth_row(numeric_grid, monkeypatch):
    monkeypatch.setattr(freezing, "MAX_QUANTILE_ROWS", 10_000)
    values = np.random.default_rng(2).permutation(50_000).astype(float)
    cells, counts = numeric_grid(values)
    assert (cells.edges[1], cells.edges[-1]) != (0.0, 0.0)
    assert counts.cells[[0, -1]].tolist() == [0, 0]
    assert counts.cells.max() < 250


def test_a_boolean_column_is_counted_as_two_categories(monitor_of, snapshots_of):
    monitor = monitor_of({"flag": {"role": "feature", "type": "boolean"}})
    day = snapshots_of(monitor, features=features({"flag": [True, True, None]}))
    grid = frozen(monitor, day)
    assert grid.columns["flag"] == CategoryCells(("false", "true"))
    counts = engine.count(monitor, grid, {DAY: day})[DAY].column("flag")
    assert counts.cells.tolist() == [0, 2, 0]


def test_categories_are_ordered_by_frequency_and_name_and_cut_at_a_thousand(
    monitor_of, snapshots_of
):
    monitor = monitor_of({"word": WORD})
    words = [f"w{i:04}" for i in range(1_200)] + ["", "", "b", "b", "w0003"]
    grid = frozen(monitor, snapshots_of(monitor, features=features({"word": words})))
    known = grid.columns["word"].categories
    assert len(known) == 1_000
    assert known[:5] == ("", "b", "w0003", "w0000", "w0001")


def test_all_days_of_the_reference_shape_the_grid(monitor_of, snapshots_of):
    monitor = monitor_of({"x": NUMBER, "word": WORD})
    days = [
        snapshots_of(monitor, features=features({"x": [v, v], "word": [w, w]}))
        for v, w in ((1.0, "a"), (2.0, "b"))
    ]
    gone = {Kind.FEATURES: {"x": "column_missing"}}
    lacking = snapshots_of(monitor, features=features({"x": [None], "word": ["b"]}), missing=gone)
    grid = frozen(monitor, *days, lacking)
    assert grid.columns["x"].edges[1:] == (1.0, 2.0)
    assert grid.columns["word"].categories == ("b", "a")


def test_what_identifies_labels_or_dates_is_not_counted(monitor_of):
    monitor = monitor_of(
        {
            "person": {"role": "entity", "privacy": "direct"},
            "at": {"role": "timestamp"},
            "since": {"role": "feature", "type": "timestamp"},
            "w": {"role": "weight"},
            "x": NUMBER,
            "region": {"role": "segment", "type": "integer"},
            "score": {"role": "score"},
            "took": {"role": "latency"},
            "arm": {"role": "variant"},
            "version": {"role": "model_version"},
            "status": {"role": "status"},
            "paid": {"role": "label", "type": "integer"},
        }
    )
    assert counted_columns(monitor) == ["x", "region", "score", "took", "arm"]


def test_codes_of_a_segment_are_categories(monitor_of, snapshots_of):
    monitor = monitor_of(
        {"region": {"role": "segment", "type": "integer"}}, segments=[{"columns": ["region"]}]
    )
    day = snapshots_of(monitor, features=features({"region": [7, 7, -1, None]}))
    grid = frozen(monitor, day)
    assert grid.columns["region"] == CategoryCells(("7", "-1"))
    profile = engine.count(monitor, grid, {DAY: day})[DAY]
    assert {g.segment: c.rows for g, c in profile.groups.items()} == {
        "all": 4,
        "region=(null)": 1,
        "region=-1": 1,
        "region=7": 2,
    }


def test_the_most_frequent_values_become_segments_and_the_rest_is_other(monitor_of, snapshots_of):
    monitor = monitor_of({"word": WORD}, segments=[{"columns": ["word"], "max_values": 2}])
    words = ["a", "b", "b", "c", "c", "c", None, None, None, None]
    day = snapshots_of(monitor, features=features({"word": words}))
    grid = frozen(monitor, day)
    assert grid.segments == {"word": (("c",), ("b",))}
    assert expected(monitor, grid) == ["all", "word=c", "word=b"]
    profile = engine.count(monitor, grid, {DAY: day})[DAY]
    assert {g.segment: c.rows for g, c in profile.groups.items()} == {
        "all": 10,
        "word=(null)": 4,
        "word=(other)": 1,
        "word=b": 2,
        "word=c": 3,
    }


def test_crossed_segments_may_join_features_with_predictions(monitor_of, snapshots_of):
    monitor = monitor_of(
        {"word": WORD, "arm": {"role": "variant"}}, segments=[{"columns": ["arm", "word"]}]
    )
    day = snapshots_of(
        monitor,
        features={"id": ["1", "2", "3", "4"], "word": ["a", "b", "a", None]},
        predictions={"id": ["3", "1", "2"], "arm": ["new", "old", "old"]},
    )
    grid = frozen(monitor, day)
    assert set(grid.segments["arm*word"]) == {
        ("new", "a"),
        ("old", "a"),
        ("old", "b"),
        ("(null)", "(null)"),
    }
    profile = engine.count(monitor, grid, {DAY: day})[DAY]
    assert {g.segment: c.columns["word"].rows for g, c in profile.groups.items()} == {
        "all": 4,
        "arm=(null),word=(null)": 1,
        "arm=new,word=a": 1,
        "arm=old,word=a": 1,
        "arm=old,word=b": 1,
    }


def test_two_segments_never_share_a_label(monitor_of, snapshots_of):
    monitor = monitor_of(
        {"a": WORD, "b": WORD}, segments=[{"columns": ["a", "b"]}, {"columns": ["a"]}]
    )
    rows = features({"a": ["x", "x,b=y"], "b": ["y", "z"]})
    grid = frozen(monitor, snapshots_of(monitor, features=rows))
    assert grid.segments == {"a*b": (("x", "y"), ("x,b=y", "z")), "a": (("x",),)}


def test_segments_are_bounded_by_the_memory_that_their_cells_take(
    monitor_of, snapshots_of, monkeypatch
):
    monkeypatch.setattr(freezing, "GROUP_BUDGET_BYTES", 100_000)
    monitor = monitor_of({"x": NUMBER, "word": WORD}, segments=[{"columns": ["word"]}])
    rows = features({"x": np.arange(2_000.0), "word": [f"w{i % 40}" for i in range(2_000)]})
    grid = frozen(monitor, snapshots_of(monitor, features=rows))
    per_group = 8 * (grid.columns["x"].cell_count + grid.columns["word"].cell_count)
    assert len(grid.segments["word"]) == 100_000 // per_group == 11


def test_a_regression_freezes_its_errors_and_its_mean_target(monitor_of, snapshots_of):
    monitor = monitor_of(
        {
            "guess": {"role": "prediction", "type": "number"},
            "truth": {"role": "label", "type": "number"},
        },
        model={"task": "regression", "threshold": None},
    )
    r = np.random.default_rng(0)
    truth, guess = r.normal(10, 3, 3_000), r.normal(10, 3, 3_000)
    ids = [*map(str, range(3_000))]
    day = snapshots_of(
        monitor,
        predictions={"id": ids, "guess": guess},
        labels={"id": ids[:2_500][::-1], "truth": truth[:2_500][::-1]},
    )
    grid, mean = freeze_grid(monitor, [day])
    errors = (guess - truth)[:2_500]
    for name, values in (("@residual", errors), ("@absolute_residual", np.abs(errors))):
        assert grid.columns[name].edges[1:] == tuple(quantiles(values))
    assert mean == pytest.approx(truth[:2_500].mean())


def test_a_regression_without_labels_has_a_grid_all_the_same(monitor_of, snapshots_of):
    monitor = monitor_of(
        {
            "guess": {"role": "prediction", "type": "number"},
            "truth": {"role": "label", "type": "number"},
        },
        model={"task": "regression", "threshold": None},
    )
    day = snapshots_of(monitor, predictions={"id": ["1"], "guess": [1.0]})
    grid, mean = freeze_grid(monitor, [day])
    assert grid.columns["@residual"] == NumericCells((0.0,))
    assert mean == 0.0
