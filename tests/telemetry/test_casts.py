"""Casts: lossless or refused, never silently changed."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_dagster.monitors.contract import ColumnType
from monitoring_dagster.telemetry.casts import Cast, cast
from monitoring_dagster.telemetry.instants import AMBIGUOUS, FINER, NONEXISTENT

INTEGER, NUMBER, BOOLEAN = ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.BOOLEAN
TEXT, TIMESTAMP = ColumnType.TEXT, ColumnType.TIMESTAMP

INT64 = st.integers(-(2**63), 2**63 - 1)
DECIMALS = st.decimals(-(10**19), 10**19, places=6)
FIRST, LAST = dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)  # noqa: DTZ001
SOME = settings(max_examples=60, deadline=None)


def done(values: pa.Array, to: ColumnType, zone: str = "UTC") -> Cast:
    result = cast(values, to, zone)
    assert result is not None
    return result


def outcome(values: pa.Array, to: ColumnType, zone: str = "UTC") -> list[Any]:
    """Per value what is stored, or "refused"."""
    result = done(values, to, zone)
    refused = result.refused.to_pylist()
    return ["refused" if r else v for v, r in zip(result.values.to_pylist(), refused, strict=True)]


@pytest.mark.parametrize(
    ("values", "to", "expected"),
    [
        pytest.param(pa.array([1.0, None, 3.0]), INTEGER, [1, None, 3], id="whole floats"),
        pytest.param(pa.array([1.5, math.inf]), INTEGER, ["refused"] * 2, id="fractions"),
        pytest.param(pa.array([2.0**63]), INTEGER, ["refused"], id="a float past 64 bits"),
        pytest.param(pa.array([math.nan, 1.0]), INTEGER, [None, 1], id="numpy's missing integer"),
        pytest.param(pa.array([2**63, 5], pa.uint64()), INTEGER, ["refused", 5], id="unsigned"),
        pytest.param(pa.array([True, None]), INTEGER, [1, None], id="booleans as integers"),
        pytest.param(
            pa.array([Decimal("7.00"), Decimal("7.01")]), INTEGER, [7, "refused"], id="decimals"
        ),
        pytest.param(
            pa.array([2**53, 2**53 + 1, -(2**53) - 1]),
            NUMBER,
            [2.0**53, "refused", "refused"],
            id="integers past what a float can count",
        ),
        pytest.param(pa.array([False, None]), NUMBER, [0.0, None], id="booleans as numbers"),
        pytest.param(
            pa.array([Decimal("0.1"), Decimal("12345678901234567890.12")], pa.decimal128(38, 18)),
            NUMBER,
            [0.1, "refused"],
            id="decimals that a float names again",
        ),
        pytest.param(
            pa.array([0, 1, 2, None]), BOOLEAN, [False, True, "refused", None], id="0 and 1"
        ),
        pytest.param(pa.array([0.0, 1.0, 0.5]), BOOLEAN, [False, True, "refused"], id="0.0, 1.0"),
        pytest.param(
            pa.array(["TRUE", "0", "yes", "", None]),
            BOOLEAN,
            [True, False, "refused", None, None],
            id="truth as text",
        ),
        pytest.param(
            pa.array([" 12", "12.0", "+5", "-0", "1e3", "0x1", "１２", "NA", ""]),
            INTEGER,
            [12, 12, 5, 0, "refused", "refused", "refused", None, None],
            id="integers as text",
        ),
        pytest.param(
            pa.array(["9223372036854775807", "9223372036854775808", "-" + "9" * 30]),
            INTEGER,
            [2**63 - 1, "refused", "refused"],
            id="integers as text past 64 bits",
        ),
        pytest.param(
            pa.array(["1.5e3", ".5", "-inf", "1e999", "1,5", "9007199254740993", "None"]),
            NUMBER,
            [1500.0, 0.5, -math.inf, "refused", "refused", "refused", None],
            id="numbers as text",
        ),
        pytest.param(
            pa.array([1.0, 2.5, -0.0, 1e300, math.nan]),
            TEXT,
            ["1", "2.5", "0", "1e+300", None],
            id="a category that became a float",
        ),
        pytest.param(
            pa.array([1, None]), TEXT, ["1", None], id="a category that became an integer"
        ),
        pytest.param(
            pa.array(["a", None, "a"]).dictionary_encode(), TEXT, ["a", None, "a"], id="dictionary"
        ),
        pytest.param(
            pa.array(["1", None, "x"]).dictionary_encode(),
            INTEGER,
            [1, None, "refused"],
            id="dictionary of text",
        ),
        pytest.param(
            pa.array(["", "nan", "None"]), TEXT, ["", "nan", "None"], id="words that look missing"
        ),
        pytest.param(
            pa.array(["a", None], pa.large_string()), TEXT, ["a", None], id="large strings"
        ),
        pytest.param(pa.array([b"a", None]), TEXT, ["a", None], id="text without its type"),
        pytest.param(pa.nulls(2), NUMBER, [None, None], id="a column without a type"),
    ],
)
def test_values_are_cast_without_loss_or_refused(
    values: pa.Array, to: ColumnType, expected: list[Any]
) -> None:
    assert outcome(values, to) == expected


def test_not_a_number_stays_what_it_is_in_a_column_of_numbers() -> None:
    for values in (pa.array([math.nan, -0.0, 5e-324]), pa.array(["nan", "-0.0", "5e-324"])):
        number, zero, tiny = outcome(values, NUMBER)
        assert math.isnan(number)
        assert math.copysign(1, zero) == -1
        assert tiny == 5e-324


@pytest.mark.parametrize(
    ("values", "to"),
    [
        pytest.param(pa.array([[1]]), INTEGER, id="a list"),
        pytest.param(pa.array([{"a": 1}]), TEXT, id="a struct"),
        pytest.param(pa.array([1_700_000_000]), TIMESTAMP, id="an epoch of unknown unit"),
        pytest.param(pa.array([dt.date(2026, 1, 1)]), NUMBER, id="a date as a number"),
    ],
)
def test_a_type_that_cannot_be_cast_is_said_at_once(values: pa.Array, to: ColumnType) -> None:
    assert cast(values, to) is None


@SOME
@given(st.lists(st.one_of(st.none(), INT64), max_size=20))
def test_an_integer_survives_every_way_it_can_be_written(values: list[int | None]) -> None:
    array = pa.array(values, pa.int64())
    assert outcome(array, INTEGER) == values
    # The smallest integer has no positive counterpart, and is refused as text.
    as_text = outcome(
        pa.array([None if v is None else str(v) for v in values], pa.string()), INTEGER
    )
    assert all(
        a == v or (v == -(2**63) and a == "refused") for a, v in zip(as_text, values, strict=True)
    )
    for value, stored in zip(values, outcome(array, NUMBER), strict=True):
        assert stored in ("refused", value)
        assert (stored == "refused") == (value is not None and abs(value) > 2**53)


@SOME
@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), max_size=20))
def test_a_float_survives_every_way_it_can_be_written(values: list[float | None]) -> None:
    assert outcome(pa.array(values, pa.float64()), NUMBER) == values
    texts = pa.array([None if v is None else repr(v) for v in values], pa.string())
    for value, stored in zip(values, outcome(texts, NUMBER), strict=True):
        assert stored == value or (stored == "refused" and abs(value or 0) >= 2**53)
    for value, stored in zip(values, outcome(pa.array(values, pa.float64()), INTEGER), strict=True):
        assert stored in ("refused", value)


@SOME
@given(st.lists(DECIMALS, min_size=1, max_size=20))
def test_a_decimal_becomes_the_float_that_names_it_or_nothing(values: list[Decimal]) -> None:
    stored = outcome(pa.array(values, pa.decimal128(26, 6)), NUMBER)
    for value, number in zip(values, stored, strict=True):
        is_named = Decimal(repr(float(value))) == value
        assert number == (float(value) if is_named else "refused")


@SOME
@given(st.lists(st.text(max_size=400), unique=True, max_size=20))
def test_texts_that_differ_are_stored_as_texts_that_differ(values: list[str]) -> None:
    import unicodedata

    encodable = [v for v in values if v.encode("utf-8", "ignore").decode() == v]
    stored = outcome(pa.array(encodable, pa.string()), TEXT)
    assert len(set(stored)) == len({unicodedata.normalize("NFC", v) for v in encodable})
    assert all("\0" not in v and len(v) <= 256 for v in stored)


@SOME
@given(st.lists(st.binary(max_size=300), unique=True, max_size=20))
def test_bytes_that_are_no_text_are_stored_as_texts_that_differ(values: list[bytes]) -> None:
    stored = outcome(pa.array(values, pa.binary()), TEXT)
    assert all("\0" not in v and len(v) <= 256 for v in stored)
    broken = [
        s for s, v in zip(stored, values, strict=True) if v.decode("utf-8", "ignore").encode() != v
    ]
    assert len(set(broken)) == len(broken)


@SOME
@given(
    st.lists(
        st.datetimes(FIRST, LAST, timezones=st.just(dt.UTC)),
        max_size=10,
    )
)
def test_an_instant_survives_every_way_it_can_be_written(values: list[dt.datetime]) -> None:
    array = pa.array(values, pa.timestamp("us", "UTC"))
    assert outcome(array, TIMESTAMP) == values
    shifted = [v.astimezone(dt.timezone(dt.timedelta(hours=-3, minutes=-30))) for v in values]
    inside = [v for v in shifted if 1 < v.year < 9999]
    texts = pa.array([v.isoformat() for v in inside], pa.string())
    assert outcome(texts, TIMESTAMP) == inside


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-05", utc(2026, 1, 5)),
        ("2026-01-05T06:30", utc(2026, 1, 5, 6, 30)),
        ("2026-01-05 06:30:15.5", utc(2026, 1, 5, 6, 30, 15, 500_000)),
        ("2026-01-05T06:30:00Z", utc(2026, 1, 5, 6, 30)),
        ("2026-01-05T06:30:00+0530", utc(2026, 1, 5, 1)),
        ("2026-01-05 06:30:00 -08", utc(2026, 1, 5, 14, 30)),
        ("2026-02-30", "refused"),
        ("2026-01-05T24:00:00", "refused"),
        ("2026-01-05T06:60", "refused"),
        ("05/01/2026", "refused"),
        ("1767571200", "refused"),
        ("0000-01-01", "refused"),
        ("", None),
        ("NaN", None),
    ],
)
def test_times_in_text_are_read_strictly(text: str, expected: object) -> None:
    assert outcome(pa.array([text]), TIMESTAMP) == [expected]


def test_local_times_follow_the_clock_of_their_zone() -> None:
    """Row 11: New York skips 2:30 on 8 March 2026 and has 1:30 twice on 1 November."""
    naive = [dt.datetime(2026, 3, 8, 2, 30), dt.datetime(2026, 11, 1, 1, 30)]  # noqa: DTZ001
    for values in (pa.array(naive, pa.timestamp("ms")), pa.array([str(t) for t in naive])):
        result = done(values, TIMESTAMP, "America/New_York")
        assert result.values.to_pylist() == [utc(2026, 3, 8, 7), utc(2026, 11, 1, 5, 30)]
        assert result.notes == {AMBIGUOUS: 1, NONEXISTENT: 1}


def test_what_is_finer_than_a_microsecond_is_cut_and_said() -> None:
    for values in (
        pa.array([1_001], pa.timestamp("ns")),
        pa.array(["1970-01-01T00:00:00.000001001"]),
    ):
        result = done(values, TIMESTAMP)
        assert result.values.to_pylist() == [utc(1970, 1, 1, 0, 0, 0, 1)]
        assert result.notes == {FINER: 1}


def test_times_beyond_the_calendar_are_refused_and_overflow_nothing() -> None:
    values = pa.array([2**62, -(2**62), 0], pa.timestamp("s"))
    assert outcome(values, TIMESTAMP) == ["refused", "refused", utc(1970, 1, 1)]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"x" * 1_000_000, id="a megabyte"),
        pytest.param(b"a\x00b", id="NUL"),
        pytest.param(b"\xed\xa0\x80", id="a lone surrogate"),
        pytest.param("\u202emoc.elpmaxe".encode() * 100, id="right to left"),
    ],
)
def test_text_that_cannot_be_stored_carries_the_hash_of_what_it_was(raw: bytes) -> None:
    """Row 22."""
    (stored,) = outcome(pa.array([raw]), TEXT)
    assert stored.endswith("~" + hashlib.sha256(raw).hexdigest()[:12])
    assert len(stored) <= 256


def test_emoji_and_short_text_of_any_script_stay_what_they_are() -> None:
    values = ["👩‍👩‍👧‍👦", "שלום", "é" * 256, "\ufffd"]
    assert outcome(pa.array(values), TEXT) == values


def test_a_sliced_column_is_cast_like_a_whole_one() -> None:
    values = pa.array(["long" * 100, "b", "c", None, "\0"])
    assert outcome(values[1:4], TEXT) == ["b", "c", None]
