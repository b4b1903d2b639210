from __future__ import annotations

import datetime as dt
import math
import struct
from bisect import bisect_left
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.profiles import engine
from monitoring_dagster.profiles.freezing import freeze_grid
from monitoring_dagster.profiles.grid import CategoryCells, Grid, NumericCells
from monitoring_dagster.profiles.lookup import NumericLookup, Table
from monitoring_dagster.profiles.profile import ALL, EVERYTHING, Group, Profile

DAY = dt.date(2026, 3, 2)
EDGES = (-1e300, -1.0, -5e-324, 0.0, 5e-324, 1.0, 2.0, float(2**53), 1e300)
NUMBERS = st.one_of(
    st.none(),
    st.floats(),
    st.sampled_from([*EDGES, -0.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 2.0**53 + 2]),
)
WORDS = st.one_of(
    st.none(),
    st.sampled_from(
        ["", "a", "b", "é", "日本", "(other)", "(null)", "all", "'", '"', "a,b=c", "A"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4),
)
COLUMNS = {
    "x": {"role": "feature", "type": "number"},
    "whole": {"role": "feature", "type": "integer"},
    "flag": {"role": "feature", "type": "boolean"},
    "word": {"role": "feature", "type": "category"},
    "score": {"role": "score"},
    "version": {"role": "model_version"},
}
GRID = Grid(
    {
        "x": NumericCells(EDGES),
        "whole": NumericCells((0.0, 1.0, float(2**53)), is_discrete=True),
        "flag": CategoryCells(("false", "true")),
        "word": CategoryCells(("a", "", "é")),
        "score": NumericCells((0.0, 0.5, 1.0)),
    },
    {"word": (("a",), ("",), ("é",)), "word*flag": (("a", "true"), ("(null)", "false"))},
)
ROWS = st.lists(
    st.tuples(
        NUMBERS,
        st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
        st.one_of(st.none(), st.booleans()),
        WORDS,
        NUMBERS,
        st.one_of(st.none(), st.sampled_from(["1", "2", "all", "(other)"])),
        st.booleans(),
    ),
    max_size=25,
)
EXAMPLES = settings(max_examples=25, deadline=None)


@pytest.fixture(scope="module")
def monitor(monitor_of):
    return monitor_of(COLUMNS, segments=[{"columns": ["word"]}, {"columns": ["word", "flag"]}])


def snapshots(snapshots_of, monitor, rows, day=DAY):
    """Features of every row; predictions in another order, and only of the rows that say so."""
    ids = [f"r{i}" for i in range(len(rows))]
    served = [(i, row) for i, row in zip(ids, rows, strict=True) if row[6]][::-1]
    return snapshots_of(
        monitor,
        features={
            "id": ids,
            **{name: [row[at] for row in rows] for at, name in enumerate(list(COLUMNS)[:4])},
        },
        predictions={
            "id": [i for i, _ in served],
            "score": [row[4] for _, row in served],
            "version": [row[5] for _, row in served],
        },
        day=day,
    )


def profile_of(snapshots_of, monitor, rows, day=DAY) -> Profile:
    return engine.count(monitor, GRID, {day: snapshots(snapshots_of, monitor, rows, day)})[day]


def assert_numbers(counts, values, edges):
    """Compare counts with a loop over rows."""
    floats = [None if v is None else float(v) for v in values]
    finite = [v for v in floats if v is not None and math.isfinite(v)]
    cells = Counter(bisect_left(edges, v) for v in finite)
    assert counts.cells.tolist() == [cells[i] for i in range(len(edges) + 1)]
    assert counts.rows == len(values)
    assert counts.nulls == values.count(None)
    assert counts.nans == sum(v is not None and math.isnan(v) for v in floats)
    assert counts.positive_infinities == floats.count(math.inf)
    assert counts.negative_infinities == floats.count(-math.inf)
    if finite:
        assert (counts.minimum, counts.maximum) == (min(finite), max(finite))
    else:
        assert math.isnan(counts.minimum)
        assert math.isnan(counts.maximum)
    if all(abs(v) < 1e100 for v in finite):
        assert counts.total == pytest.approx(math.fsum(finite), abs=1e-12 * sum(map(abs, finite)))
        assert counts.total_squares == pytest.approx(math.fsum(v * v for v in finite))


def assert_words(counts, values, categories):
    words = Counter("true" if v is True else "false" if v is False else v for v in values)
    known = [words[c] for c in categories]
    assert counts.cells.tolist() == [*known, len(values) - words[None] - sum(known)]
    assert (counts.rows, counts.nulls) == (len(values), words[None])


def assert_same(one: Profile, other: Profile):
    """Equal counts; sums of floats may differ in rounding by the order of addition."""
    assert one.grid_id == other.grid_id
    assert one.groups.keys() == other.groups.keys()
    for group, counts in one.groups.items():
        twin = other.groups[group]
        assert counts.rows == twin.rows
        assert counts.requests.tolist() == twin.requests.tolist()
        assert counts.failures.tolist() == twin.failures.tolist()
        assert counts.columns.keys() == twin.columns.keys()
        for name, column in counts.columns.items():
            assert_same_column(column, twin.columns[name])


def assert_same_column(one, other):
    assert one.cells.tolist() == other.cells.tolist()
    exact = ("rows", "nulls", "nans", "positive_infinities", "negative_infinities")
    assert [getattr(one, n) for n in exact] == [getattr(other, n) for n in exact]
    assert one.unseen == other.unseen
    for name in ("minimum", "maximum"):
        np.testing.assert_equal(getattr(one, name), getattr(other, name))
    if abs(one.maximum) < 1e100 and abs(one.minimum) < 1e100:
        scale = 1e-12 * max(abs(one.maximum), abs(one.minimum)) * max(one.n, 1)
        assert one.total == pytest.approx(other.total, abs=scale)
        assert one.total_squares == pytest.approx(other.total_squares, rel=1e-9)


@EXAMPLES
@given(rows=ROWS)
def test_counts_are_those_of_a_loop_over_rows(snapshots_of, monitor, rows):
    counts = profile_of(snapshots_of, monitor, rows).groups.get(EVERYTHING)
    if not rows:
        assert counts is None
        return
    assert_numbers(counts.columns["x"], [r[0] for r in rows], EDGES)
    assert_numbers(counts.columns["whole"], [r[1] for r in rows], GRID.columns["whole"].edges)
    assert_words(counts.columns["flag"], [r[2] for r in rows], ("false", "true"))
    assert_words(counts.columns["word"], [r[3] for r in rows], ("a", "", "é"))
    served = [r for r in rows if r[6]]
    assert counts.rows == len(served) == counts.requests.sum()
    if served:
        assert_numbers(counts.columns["score"], [r[4] for r in served], (0.0, 0.5, 1.0))


def label_of(word: str | None) -> str:
    return "(null)" if word is None else word if word in ("a", "", "é") else "(other)"


def version_of(row) -> str:
    """The version as its group is named; it is known only for the rows that were served."""
    if row[5] is None or not row[6]:
        return "(null)"
    return row[5] if row[5] in ("1", "2") else "(other)"


@EXAMPLES
@given(rows=ROWS)
def test_a_segment_is_a_filter_on_rows_and_so_is_a_version(snapshots_of, monitor, rows):
    profile = profile_of(snapshots_of, monitor, rows)
    expected = Counter()
    for row in rows:
        crossed = {("a", True): "word=a,flag=true", (None, False): "word=(null),flag=false"}
        for segment in (
            ALL,
            f"word={label_of(row[3])}",
            crossed.get((row[3], row[2]), "word=(other),flag=(other)"),
        ):
            for version in (ALL, version_of(row)):
                expected[Group(version, segment)] += 1
    expected = {group: n for group, n in expected.items() if n}
    assert {g: c.columns["x"].rows for g, c in profile.groups.items()} == expected
    for group in expected:
        if group.segment.startswith("word=") and "," not in group.segment:
            mine = [
                r
                for r in rows
                if f"word={label_of(r[3])}" == group.segment
                and group.model_version in (ALL, version_of(r))
            ]
            counts = profile.groups[group]
            assert_numbers(counts.columns["x"], [r[0] for r in mine], EDGES)
            assert counts.rows == sum(r[6] for r in mine)


@EXAMPLES
@given(rows=ROWS)
def test_versions_add_up_to_the_group_of_all(snapshots_of, monitor, rows):
    profile = profile_of(snapshots_of, monitor, rows)
    for group, counts in profile.groups.items():
        if group.model_version == ALL:
            parts = [
                c
                for g, c in profile.groups.items()
                if g.segment == group.segment and g.model_version != ALL
            ]
            assert sum(p.rows for p in parts) == counts.rows
            for name, column in counts.columns.items():
                own = [p.columns[name] for p in parts if name in p.columns]
                assert sum(p.cells for p in own).tolist() == column.cells.tolist()
                assert sum(p.nulls for p in own) == column.nulls


@EXAMPLES
@given(one=ROWS, other=ROWS)
def test_adding_profiles_is_counting_the_rows_together(snapshots_of, monitor, one, other):
    apart = profile_of(snapshots_of, monitor, one) + profile_of(snapshots_of, monitor, other)
    assert_same(apart, profile_of(snapshots_of, monitor, one + other))


@settings(max_examples=12, deadline=None)
@given(first=ROWS, second=ROWS, third=ROWS)
def test_the_order_of_adding_does_not_matter(snapshots_of, monitor, first, second, third):
    days = [DAY + dt.timedelta(days=i) for i in range(3)]
    together = engine.count(
        monitor,
        GRID,
        {
            day: snapshots(snapshots_of, monitor, rows, day)
            for day, rows in zip(days, (first, second, third), strict=True)
        },
    )
    a, b, c = (together[day] for day in days)
    assert_same((a + b) + c, a + (b + c))
    assert_same(a + b, b + a)
    assert_same(a + Profile.empty(GRID.id), a)
    for day, rows in zip(days, (first, second, third), strict=True):
        assert_same(together[day], profile_of(snapshots_of, monitor, rows, day))


@EXAMPLES
@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1),
    edges=st.sets(st.floats(allow_nan=False, allow_infinity=False), min_size=1),
)
def test_the_table_finds_the_cells_that_the_search_finds(values, edges):
    ordered = sorted({e + 0.0 for e in edges})
    near = [math.nextafter(e, s) for e in ordered for s in (-math.inf, math.inf)]
    tried = np.array([*values, *ordered, *(v for v in near if math.isfinite(v))])
    cells = np.searchsorted(ordered, tried).tolist()
    assert NumericLookup(ordered)(tried).tolist() == cells
    assert Table(np.array(ordered))(tried).tolist() == cells


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda r: r.normal(size=20_000), id="of a normal column"),
        pytest.param(lambda r: r.lognormal(0, 5, size=20_000), id="with a very heavy tail"),
        pytest.param(lambda r: r.integers(0, 900, 20_000).astype(float), id="of whole numbers"),
        pytest.param(lambda r: 1e15 + r.random(20_000), id="that lie close together far from 0"),
        pytest.param(
            lambda r: r.lognormal(0, 50, 20_000) * r.choice([-1, 1], 20_000),
            id="that span decades on both sides of 0",
        ),
        pytest.param(lambda r: r.lognormal(0, 5, 20_000) * 5e-324, id="of denormal numbers"),
    ],
)
def test_the_table_is_exact_on_quantile_edges(draw):
    values = draw(np.random.default_rng(5))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, 1001), method="inverted_cdf"))
    cells = NumericLookup(edges)(values)
    assert np.array_equal(cells, np.searchsorted(edges, values))


def test_a_score_at_the_threshold_is_positive_and_the_next_one_below_is_not(
    monitor_of, snapshots_of
):
    monitor = monitor_of({"score": {"role": "score"}}, model={"threshold": 0.7})
    scores = np.random.default_rng(3).random(5_000).round(3).tolist()
    below = float(np.nextafter(0.7, 0))
    rows = {"id": [str(i) for i in range(5_002)], "score": [*scores, 0.7, below]}
    grid, _ = freeze_grid(monitor, [snapshots_of(monitor, predictions=rows)])
    edges = grid.columns["score"].edges
    counts = engine.count(monitor, grid, {DAY: snapshots_of(monitor, predictions=rows)})[DAY]
    above = [cell for cell in range(1, len(edges) + 1) if edges[cell - 1] >= below]
    positive = counts.column("score").cells[above].sum()
    assert below in edges
    assert positive == sum(score >= 0.7 for score in rows["score"])


def test_a_latency_is_counted_in_seconds_within_two_per_cent(monitor_of, snapshots_of):
    monitor = monitor_of({"took": {"role": "latency", "unit": "milliseconds"}})
    millis = np.random.default_rng(1).lognormal(4, 1, 2_000)
    days = [snapshots_of(monitor, predictions={"id": [*map(str, range(2_000))], "took": millis})]
    grid, _ = freeze_grid(monitor, days)
    counts = engine.count(monitor, grid, {DAY: days[0]})[DAY].column("took")
    assert counts.total == pytest.approx(millis.sum() / 1e3)
    upper = grid.columns["took"].edges[np.searchsorted(np.cumsum(counts.cells), 1_000)]
    assert upper / (np.sort(millis)[999] / 1e3) == pytest.approx(1, abs=0.02)


def test_a_million_new_categories_are_counted_and_the_heaviest_named(monitor_of, snapshots_of):
    monitor = monitor_of({"word": {"role": "feature", "type": "category"}})
    grid = Grid({"word": CategoryCells(("known", ""))}, {})
    new = [f"new-{i}" for i in range(1_000_000)]
    words = [*new, *(["heavy"] * 7), *(["Heavy"] * 7), *(["(other)"] * 5), "known", "", "", None]
    rows = {"id": [*map(str, range(len(words)))], "word": words}
    counted = engine.count(monitor, grid, {DAY: snapshots_of(monitor, features=rows)})
    counts = counted[DAY].column("word")
    assert counts.cells.tolist() == [1, 2, 1_000_019]
    assert counts.nulls == 1
    assert len(counts.unseen) == 20
    assert list(counts.unseen.items())[:4] == [
        ("Heavy", 7),
        ("heavy", 7),
        ("(other)", 5),
        ("new-0", 1),
    ]


def test_a_day_without_snapshots_has_no_groups_and_says_why(monitor, snapshots_of):
    empty = snapshots_of(
        monitor, absent={Kind.FEATURES: "source_missing", Kind.PREDICTIONS: "source_unreadable"}
    )
    profile = engine.count(monitor, GRID, {DAY: empty})[DAY]
    assert profile.groups == {}
    assert profile.missing == {
        "id": "source_missing",
        "x": "source_missing",
        "whole": "source_missing",
        "flag": "source_missing",
        "word": "source_missing",
        "score": "source_unreadable",
        "version": "source_unreadable",
    }


def test_a_column_that_the_snapshot_lacks_is_named_and_not_counted(monitor, snapshots_of):
    partial = snapshots_of(
        monitor,
        features={"id": ["1"], "x": [None], "whole": [3], "flag": [True], "word": ["a"]},
        missing={Kind.FEATURES: {"x": "column_missing"}},
    )
    profile = engine.count(monitor, GRID, {DAY: partial})[DAY]
    assert profile.missing == {
        "x": "column_missing",
        "score": "no_snapshot",
        "version": "no_snapshot",
    }
    assert profile.column("x") is None
    assert profile.column("whole").n == 1
    assert {g.model_version for g in profile.groups} == {ALL}


def test_a_segment_whose_column_is_missing_is_left_out_and_the_others_stay(monitor, snapshots_of):
    partial = snapshots_of(
        monitor,
        features={"id": ["1"], "x": [1.0], "whole": [3], "flag": [None], "word": ["a"]},
        missing={Kind.FEATURES: {"flag": "column_unreadable"}},
    )
    profile = engine.count(monitor, GRID, {DAY: partial})[DAY]
    assert {g.segment for g in profile.groups} == {ALL, "word=a"}


def test_rows_are_those_of_the_features_where_nothing_was_predicted(monitor, snapshots_of):
    rows = {
        "id": ["1", "2"],
        "x": [1.0, 2.0],
        "whole": [1, 2],
        "flag": [None] * 2,
        "word": ["a"] * 2,
    }
    profile = engine.count(monitor, GRID, {DAY: snapshots_of(monitor, features=rows)})[DAY]
    assert profile.groups[EVERYTHING].rows == 2


def test_columns_may_have_any_name(monitor_of, snapshots_of):
    names = ['a "quoted" one', "semi;colon", "select", "$path", "é.x"]
    monitor = monitor_of({name: {"role": "feature", "type": "category"} for name in names})
    rows = {"id": ["1", "2"], **{name: ["u", "v"] for name in names}}
    day = snapshots_of(monitor, features=rows)
    grid, _ = freeze_grid(monitor, [day])
    profile = engine.count(monitor, grid, {DAY: day})[DAY]
    assert [profile.column(name).cells.tolist() for name in names] == [[1, 1, 0]] * 5


def test_counting_twice_gives_the_same_bits(monitor_of, snapshots_of):
    monitor = monitor_of(
        {"x": {"role": "feature", "type": "number"}, "version": {"role": "model_version"}}
    )
    r = np.random.default_rng(0)
    ids = [*map(str, range(120_000))]
    day = snapshots_of(
        monitor,
        features={"id": ids, "x": r.normal(size=120_000)},
        predictions={"id": ids[::-1], "version": r.choice(["1", "2"], 120_000)},
    )
    grid, _ = freeze_grid(monitor, [day])
    totals = {
        struct.pack("d", engine.count(monitor, grid, {DAY: day})[DAY].column("x").total)
        for _ in range(3)
    }
    assert len(totals) == 1
