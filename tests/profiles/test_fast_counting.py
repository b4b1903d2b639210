from __future__ import annotations

import math
import struct
from bisect import bisect_left
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.profiles import engine
from monitoring_dagster.profiles.grid import CategoryCells, Grid, NumericCells
from monitoring_dagster.profiles.grouped import Groups, Placed, Sums
from monitoring_dagster.profiles.lookup import exponents, positions
from monitoring_dagster.profiles.profile import EVERYTHING, Profile
from monitoring_dagster.profiles.rows import FEW_ROWS, Columns
from monitoring_dagster.profiles.segments import Cut, KeyValues
from monitoring_dagster.profiles.traffic import is_failure

EDGES = (-1e300, -1.0, -5e-324, 0.0, 5e-324, 1.0, 2.0, float(2**53), 1e300)
LARGEST = math.nextafter(math.inf, 0)
NUMBERS = st.one_of(
    st.none(),
    st.floats(),
    st.sampled_from([*EDGES, -0.0, LARGEST, -LARGEST, 2.3e-308, 2.0**53 + 2, math.nan, math.inf]),
    st.sampled_from([math.nextafter(e, s) for e in EDGES for s in (-math.inf, math.inf)]),
)
WHOLE = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([2**53 - 1, 2**53, 2**53 + 1, 2**62 + 1, -(2**53) - 1, 0, 1]),
)
WORDS = st.one_of(st.none(), st.sampled_from(["a", "b", "", "(other)", "new", "é"]))
ROWS = FEW_ROWS + 3_617
COLUMNS = {
    "x": {"role": "feature", "type": "number"},
    "whole": {"role": "feature", "type": "integer"},
    "flag": {"role": "feature", "type": "boolean"},
    "word": {"role": "feature", "type": "category"},
}
GRID = Grid(
    {
        "x": NumericCells(EDGES),
        "whole": NumericCells((0.0, 1.0, float(2**53)), is_discrete=True),
        "flag": CategoryCells(("false", "true")),
        "word": CategoryCells(("a", "", "é")),
    },
    {"word": (("a",), ("b",), ("",)), "flag": (("true",), ("false",))},
)


@pytest.fixture(scope="module")
def monitor(monitor_of):
    return monitor_of(COLUMNS, segments=[{"columns": ["word"]}, {"columns": ["flag"]}])


def many(seed: int, values: list) -> list:
    """Enough rows of these values, mixed, to be counted by several threads through a table."""
    return [values[i] for i in np.random.default_rng(seed).integers(0, len(values), ROWS)]


def bits(value: float) -> bytes:
    return struct.pack("d", value)


def assert_plain(counts, values: list, edges: tuple[float, ...]) -> None:
    """Compare with a loop over rows."""
    of_value = Counter(values)
    floats = np.array([math.nan if v is None else float(v) for v in values])
    finite = np.isfinite(floats)
    cells = Counter()
    for value in floats[finite]:
        cells[bisect_left(edges, value)] += 1
    assert counts.cells.tolist() == [cells[i] for i in range(len(edges) + 1)]
    assert counts.nulls == of_value[None]
    assert counts.nans == np.isnan(floats).sum() - of_value[None]
    assert counts.positive_infinities == (floats == math.inf).sum()
    assert counts.negative_infinities == (floats == -math.inf).sum()
    lowest, highest = (
        f(floats[finite], initial=math.nan) for f in (np.fmin.reduce, np.fmax.reduce)
    )
    assert bits(counts.minimum) == bits(lowest + 0.0)
    assert bits(counts.maximum) == bits(highest + 0.0)


def assert_sums(counts, values: list) -> None:
    """Compare with numpy's sums of the same rows in the same order, bit by bit."""
    floats = np.array([math.nan if v is None else float(v) for v in values])
    kept = np.where(np.isfinite(floats), floats, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        total, squares = (np.add.reduceat(v, [0])[0] for v in (kept, kept * kept))
    assert bits(counts.total) == bits(0.0 + total)
    assert bits(counts.total_squares) == bits(0.0 + squares)


@settings(max_examples=10, deadline=None)
@given(
    x=st.lists(NUMBERS, min_size=1, max_size=12),
    whole=st.lists(WHOLE, min_size=1, max_size=12),
    words=st.lists(WORDS, min_size=1, max_size=6),
)
def test_many_rows_are_counted_bit_by_bit_as_a_loop_counts_them(
    snapshots_of, monitor_of, x, whole, words
):
    plain = monitor_of(COLUMNS)
    rows = {"x": many(1, x), "whole": many(2, whole), "flag": many(3, [True, False, None])}
    rows["word"] = many(4, words)
    day = snapshots_of(plain, features={"id": [str(i) for i in range(ROWS)], **rows})
    counts = engine.count(plain, GRID, {day.day: day})[day.day].groups[EVERYTHING]
    assert_plain(counts.columns["x"], rows["x"], EDGES)
    assert_plain(counts.columns["whole"], rows["whole"], GRID.columns["whole"].edges)
    assert_sums(counts.columns["x"], rows["x"])
    assert_sums(counts.columns["whole"], rows["whole"])
    flags, told = Counter(rows["flag"]), Counter(rows["word"])
    assert counts.columns["flag"].cells.tolist() == [flags[False], flags[True], 0]
    known = [told[word] for word in ("a", "", "é")]
    assert counts.columns["word"].cells.tolist() == [*known, ROWS - told[None] - sum(known)]
    assert counts.columns["word"].nulls == told[None]


@settings(max_examples=6, deadline=None)
@given(x=st.lists(NUMBERS, min_size=1, max_size=12), words=st.lists(WORDS, min_size=1, max_size=6))
def test_a_segment_of_many_rows_is_a_filter_on_them(snapshots_of, monitor, x, words):
    rows = {"x": many(1, x), "flag": many(3, [True, False, None]), "word": many(4, words)}
    ids = [str(i) for i in range(ROWS)]
    day = snapshots_of(monitor, features={"id": ids, "whole": [1] * ROWS, **rows})
    profile = engine.count(monitor, GRID, {day.day: day})[day.day]
    for word in ("a", "b", ""):
        mine = [v for v, w in zip(rows["x"], rows["word"], strict=True) if w == word]
        found = profile.column("x", EVERYTHING._replace(segment=f"word={word}"))
        assert (found is None) == (not mine)
        if found is not None:
            assert_plain(found, mine, EDGES)
    assert_plain(profile.column("x"), rows["x"], EDGES)
    assert profile.column("x").rows == profile.column("whole").n == ROWS


def flat(profile: Profile) -> list:
    return [
        (
            group,
            name,
            *(v.tobytes() if isinstance(v, np.ndarray) else repr(v) for v in vars(c).values()),
        )
        for group, counts in profile.groups.items()
        for name, c in counts.columns.items()
    ]


def test_threads_do_not_show_in_the_counts(monitor, snapshots_of, monkeypatch):
    r = np.random.default_rng(9)
    rows = {
        "id": [str(i) for i in range(120_000)],
        "x": r.lognormal(0, 20, 120_000),
        "whole": r.integers(-5, 5, 120_000),
        "flag": r.random(120_000) < 0.3,
        "word": r.choice(["a", "b", "c"], 120_000),
    }
    day = snapshots_of(monitor, features=rows)
    counted = []
    for threads in (1, 2, 8):
        monkeypatch.setattr(engine, "MAX_THREADS", threads)
        counted.append(flat(engine.count(monitor, GRID, {day.day: day})[day.day]))
    assert counted[0] == counted[1] == counted[2]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2))
def test_exponents_keep_the_order_of_values(values):
    ordered = np.sort(np.array(values) + 0.0)
    assert (np.diff(exponents(ordered)) >= 0).all()


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(pa.array(["a", None, "b", "z"]), id="texts"),
        pytest.param(pa.array([True, None, False]), id="booleans"),
        pytest.param(pa.array([7, None, -1, 7, 2**62]), id="whole numbers"),
        pytest.param(pa.array([0.5, None, -0.0, 0.0]), id="numbers"),
        pytest.param(pa.array([], pa.string()), id="nothing"),
        pytest.param(pa.array([None, None], pa.string()), id="nulls"),
    ],
)
def test_a_value_has_one_position_however_it_is_stored(values):
    known = pa.array(["a", "b", "true", "7", "-0", "0", "0.5"])
    words = values.cast(pa.string()).to_pylist()
    place = {word: at for at, word in enumerate(known.to_pylist())} | {None: -1}
    expected = [place.get(word, 99) for word in words]
    for stored in (values, values.dictionary_encode(), pa.chunked_array([values[:1], values[1:]])):
        assert positions(stored, known, null=-1, other=99).tolist() == expected


def test_a_column_whose_dictionary_grew_too_large_reads_as_any_other(tmp_path):
    words = [f"{i:05d}" for i in np.random.default_rng(2).integers(0, 9_000, 60_000)]
    table = pa.table({"word": words})
    pq.write_table(
        table, tmp_path / "w.parquet", row_group_size=20_000, dictionary_pagesize_limit=500
    )
    read = []
    with Columns(tmp_path / "w.parquet", ["word"]) as file:
        for part in file.row_groups():
            assert part.start == len(read)
            column = part.column("word")
            read += column.to_pylist()
    assert read == words


def test_a_file_is_read_while_others_read_it_and_then_closed(tmp_path):
    pq.write_table(pa.table({"x": np.arange(40_000.0)}), tmp_path / "x.parquet")
    with Columns(tmp_path / "x.parquet", ["x"]) as file:
        parts = list(file.row_groups())
        assert [float(p.column("x").sum().as_py()) for p in parts] == [39_999 * 20_000.0]
    with pytest.raises(ValueError, match="closed"):
        parts[0].column("x")


def test_statuses_fail_alike_however_they_are_stored(monitor_of):
    status = monitor_of({"s": {"role": "status"}}).columns["s"]
    values = pa.array(["ok", None, "OK", "204", "timeout", "500"])
    expected = [False, False, False, False, True, True]
    for stored in (values, values.dictionary_encode(), pa.chunked_array([values[:4], values[4:]])):
        assert is_failure(stored, status).tolist() == expected


def test_the_whole_traffic_adds_up_from_segments_exactly_as_row_by_row():
    r = np.random.default_rng(4)
    keys = {"k": KeyValues(("a", "b"))}
    cuts = [Cut.all_traffic(), Cut.of(("k",), [("a",), ("b",)], keys)]
    for rows in (5, 5_000):
        groups = Groups(cuts, KeyValues(("1", "2")))
        sums = Sums(groups, {"cells": np.zeros(7, np.int64)})
        version, segment, cells = (r.integers(0, n, rows) for n in (4, 4, 7))
        sums.add("cells", [version, version * 4 + segment], cells)
        expected = np.zeros((4, 7), np.int64)
        np.add.at(expected, (version, cells), 1)
        assert sums.of_cut(0)["cells"].tolist() == expected.tolist()
        assert sums.of_cut(1)["cells"].reshape(4, 4, 7).sum(axis=1).tolist() == expected.tolist()


def test_rows_that_share_a_group_are_placed_by_one_number():
    placed = Placed.of(
        [np.zeros(4, np.int64), np.array([3, 3, 3, 3]), np.array([0, 1, 0, 1])], [1, 5, 2]
    )
    assert placed.codes[:2] == [0, 3]
    assert placed.codes[2].tolist() == [0, 1, 0, 1]
    assert Placed.of([np.full(4, 2)], [3]).runs[0].order is None


def test_values_are_named_where_the_reference_had_no_category_at_all(monitor_of, snapshots_of):
    monitor = monitor_of({"word": {"role": "feature", "type": "category"}})
    day = snapshots_of(monitor, features={"id": ["1", "2", "3"], "word": ["v", None, "u"]})
    counts = engine.count(monitor, Grid({"word": CategoryCells(())}, {}), {day.day: day})[day.day]
    assert dict(counts.column("word").unseen) == {"u": 1, "v": 1}


def test_a_day_of_few_rows_and_one_of_many_count_the_same_kind_of_thing(monitor, snapshots_of):
    row = {"x": 0.5, "whole": 1, "flag": True, "word": "a"}
    for rows in (1, FEW_ROWS, FEW_ROWS + 1):
        features = {"id": [str(i) for i in range(rows)], **{n: [v] * rows for n, v in row.items()}}
        day = snapshots_of(monitor, features=features)
        counts = engine.count(monitor, GRID, {day.day: day})[day.day].groups[EVERYTHING]
        assert [c.n for c in counts.columns.values()] == [rows] * 4
        assert counts.rows == rows
        assert day.home(monitor, "x") is Kind.FEATURES
