"""Casts from what a source holds to what a snapshot stores: lossless, or refused by name.

Vectorised on Arrow arrays. Which rows a refusal costs, and whether the day can go on, is
`contract`; texts are cleaned by `text`, points in time read by `instants`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pyarrow.types as pt

from monitoring_dagster.monitors.contract import ColumnType
from monitoring_dagster.telemetry import instants
from monitoring_dagster.telemetry.kernels import pc
from monitoring_dagster.telemetry.text import clean

STORED: Mapping[ColumnType, pa.DataType] = {
    ColumnType.INTEGER: pa.int64(),
    ColumnType.NUMBER: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.CATEGORY: pa.string(),
    ColumnType.TEXT: pa.string(),
    ColumnType.TIMESTAMP: instants.UTC,
}
"""The Parquet type of each declared type."""

EXACT = 2**53
"""Integers up to here are floats without rounding."""

NAN_AS_NULL = "not-a-number values read as null"

# What exports write for a missing value. In a text column they stay what they are.
_NULL_WORDS = ("", "null", "NULL", "NA", "None", r"\N")
_NAN_WORDS = ("nan", "NaN", "NAN")
_INTEGER = r"^[+-]?\d+(\.0*)?$"
_DECIMAL = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_INFINITE = r"(?i)^[+-]?inf(inity)?$"
_LARGEST = str(2**63 - 1)


@dataclass(frozen=True)
class Cast:
    """(n,) values of the stored type, null where refused; (n,) whether each was refused.

    `notes` counts values that were changed in a stated, harmless way.
    """

    values: pa.Array
    refused: pa.Array
    notes: Mapping[str, int] = field(default_factory=dict)


def cast(values: pa.Array, to: ColumnType, zone: str = "UTC") -> Cast | None:
    """Cast one column of a batch.

    Args:
        values: (n,) of any Arrow type.
        to: the declared type.
        zone: IANA zone of timestamps without an offset.

    Returns:
        None where no value of this Arrow type can be cast, such as lists or integers to
        timestamps, whose unit nobody states.

    >>> cast(pa.array([1.0, 2.5, None]), ColumnType.INTEGER).values.to_pylist()
    [1, None, None]
    >>> cast(pa.array([1.0, 2.5, None]), ColumnType.INTEGER).refused.to_pylist()
    [False, True, False]
    """
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        return cast(values.storage, to, zone)
    if pt.is_null(kind):
        return _accepted(pa.nulls(len(values), STORED[to]))
    if pt.is_dictionary(kind):
        return _cast_dictionary(values, to, zone)
    if pt.is_nested(kind):
        return None
    if _is_text(kind):
        return _from_text(clean(values), to, zone)
    return _from_typed(values, to, zone)


def _from_typed(values: pa.Array, to: ColumnType, zone: str) -> Cast | None:
    if to is ColumnType.INTEGER:
        return _to_integer(values)
    if to is ColumnType.NUMBER:
        return _to_number(values)
    if to is ColumnType.BOOLEAN:
        return _to_boolean(values)
    if to is ColumnType.TIMESTAMP:
        return _to_timestamp(values, zone)
    return _to_text(values)


def _cast_dictionary(values: pa.Array, to: ColumnType, zone: str) -> Cast | None:
    """Cast each distinct value once."""
    if to is ColumnType.TIMESTAMP:
        return cast(values.dictionary_decode(), to, zone)
    distinct = cast(values.dictionary, to, zone)
    if distinct is None:
        return None
    refused = pc.fill_null(distinct.refused.take(values.indices), False)
    return Cast(distinct.values.take(values.indices), refused, distinct.notes)


def _to_integer(values: pa.Array) -> Cast | None:
    kind = values.type
    if pt.is_uint64(kind):
        return _masked(values, pc.greater(values, pa.scalar(2**63 - 1, kind)), pa.int64())
    if pt.is_integer(kind) or pt.is_boolean(kind):
        return _accepted(values.cast(pa.int64()))
    if pt.is_floating(kind):
        values, notes = _without_nan(values.cast(pa.float64()))
        # 2**63 is a float and one more than the largest integer.
        fits = pc.and_(pc.greater_equal(values, -(2.0**63)), pc.less(values, 2.0**63))
        is_whole = pc.and_(fits, pc.equal(pc.floor(values), values))
        return _masked(values, pc.invert(is_whole), pa.int64(), notes)
    if pt.is_decimal(kind):
        whole = pc.floor(values)
        text = whole.cast(pa.decimal256(76, 0), safe=False).cast(pa.string())
        read = _integer_from_text(text)
        is_cut = pc.fill_null(pc.not_equal(whole, values), False)
        return _masked(read.values, pc.or_(read.refused, is_cut), pa.int64())
    return None


def _to_number(values: pa.Array) -> Cast | None:
    kind = values.type
    if pt.is_floating(kind) or pt.is_boolean(kind):
        return _accepted(values.cast(pa.int8()) if pt.is_boolean(kind) else values, pa.float64())
    if pt.is_uint64(kind):
        return _masked(values, pc.greater(values, pa.scalar(EXACT, kind)), pa.float64())
    if pt.is_integer(kind):
        values = values.cast(pa.int64())
        is_large = pc.or_(pc.greater(values, EXACT), pc.less(values, -EXACT))
        return _masked(values, is_large, pa.float64())
    if pt.is_decimal(kind):
        text = values.cast(pa.string())
        return _masked(text.cast(pa.float64()), _is_rounded_decimal(values, text), pa.float64())
    return None


def _to_boolean(values: pa.Array) -> Cast | None:
    kind = values.type
    if pt.is_boolean(kind):
        return _accepted(values)
    if not (pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind)):
        return None
    notes: dict[str, int] = {}
    if pt.is_floating(kind):
        values, notes = _without_nan(values.cast(pa.float64()))
    if pt.is_decimal(kind):
        values = values.cast(pa.string()).cast(pa.float64())
    is_one, is_zero = pc.equal(values, 1), pc.equal(values, 0)
    refused = pc.invert(pc.or_(is_one, is_zero))
    return _masked(is_one, refused, pa.bool_(), notes)


def _to_timestamp(values: pa.Array, zone: str) -> Cast | None:
    kind = values.type
    if pt.is_date(kind):
        values = values.cast(pa.timestamp("ms" if pt.is_date64(kind) else "s"))
    elif not pt.is_timestamp(kind):
        return None
    return _instants(*instants.from_timestamps(values, zone))


def _to_text(values: pa.Array) -> Cast | None:
    """Numbers as the shortest text that names them: the float 1.0 and the integer 1 are `1`."""
    notes: dict[str, int] = {}
    if pt.is_floating(values.type):
        wide = values.cast(pa.float64())
        wide, notes = _without_nan(wide)
        is_whole = pc.and_(pc.equal(pc.floor(wide), wide), pc.less_equal(pc.abs(wide), EXACT))
        whole = pc.if_else(is_whole, wide, None).cast(pa.int64()).cast(pa.string())
        return _accepted(pc.coalesce(whole, wide.cast(pa.string())), notes=notes)
    try:
        return _accepted(clean(values.cast(pa.string())))
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return None


def _from_text(values: pa.Array, to: ColumnType, zone: str) -> Cast:
    if to in (ColumnType.TEXT, ColumnType.CATEGORY):
        return _accepted(values)
    words = pc.ascii_trim_whitespace(values)
    null_words = _NULL_WORDS
    if to is not ColumnType.NUMBER:
        null_words += _NAN_WORDS
    words = pc.if_else(pc.is_in(words, pa.array(null_words)), pa.scalar(None, pa.string()), words)
    if to is ColumnType.TIMESTAMP:
        return _instants(*instants.from_text(words, zone))
    if to is ColumnType.BOOLEAN:
        lower = pc.utf8_lower(words)
        is_true = pc.is_in(lower, pa.array(["true", "1"]))
        is_known = pc.or_(is_true, pc.is_in(lower, pa.array(["false", "0"])))
        known = pc.if_else(pc.is_valid(words), is_true, pa.scalar(None, pa.bool_()))
        return _masked(known, pc.and_(pc.is_valid(words), pc.invert(is_known)), pa.bool_())
    if to is ColumnType.INTEGER:
        return _integer_from_text(words)
    return _number_from_text(words)


def _integer_from_text(words: pa.Array) -> Cast:
    digits = pc.replace_substring_regex(words, r"\.0*$", "")
    digits = pc.replace_substring_regex(digits, r"^(\+|(-?))0*(\d)", r"\2\3")
    size = pc.utf8_length(pc.utf8_ltrim(digits, "-"))
    is_large = pc.or_(
        pc.greater(size, len(_LARGEST)),
        pc.and_(pc.equal(size, len(_LARGEST)), pc.greater(pc.utf8_ltrim(digits, "-"), _LARGEST)),
    )
    refused = pc.or_(pc.invert(pc.match_substring_regex(words, _INTEGER)), is_large)
    return _masked(digits, refused, pa.int64())


def _number_from_text(words: pa.Array) -> Cast:
    is_nan = pc.is_in(words, pa.array(_NAN_WORDS))
    is_infinite = pc.match_substring_regex(words, _INFINITE)
    is_decimal = pc.match_substring_regex(words, _DECIMAL)
    is_word = pc.or_(is_nan, is_infinite)
    plain = pc.replace_substring_regex(
        pc.if_else(is_decimal, words, pa.scalar(None, pa.string())), r"^\+", ""
    )
    number = plain.cast(pa.float64())
    overflows = pc.fill_null(pc.is_inf(number), False)
    # 16 digits and no fraction: an integer, perhaps a key, that a float may not hold.
    is_rounded = pc.and_(
        pc.match_substring_regex(words, r"^[+-]?\d{16,}(\.0*)?$"),
        pc.greater_equal(pc.abs(number), EXACT),
    )
    refused = pc.or_(
        pc.invert(pc.or_(is_decimal, is_word)), pc.or_(overflows, pc.fill_null(is_rounded, False))
    )
    number = pc.if_else(is_nan, float("nan"), number)
    sign = pc.if_else(pc.starts_with(words, "-"), float("-inf"), float("inf"))
    return _masked(pc.if_else(is_infinite, sign, number), refused, pa.float64())


def _is_rounded_decimal(values: pa.Array, text: pa.Array) -> pa.Array:
    """Whether the nearest float names another decimal; never so up to 15 digits."""
    digits = pc.replace_substring_regex(text, r"E.*|[-.]", "")
    digits = pc.utf8_rtrim(pc.utf8_ltrim(digits, "0"), "0")
    suspects = pc.fill_null(pc.greater(pc.utf8_length(digits), sys.float_info.dig), False)
    if not pc.any(suspects).as_py():
        return suspects
    exact = [Decimal(repr(float(v))) == v for v in values.filter(suspects).to_pylist()]
    return pc.replace_with_mask(suspects, suspects, pc.invert(pa.array(exact)))


def _instants(values: pa.Array, refused: pa.Array, notes: Mapping[str, int]) -> Cast:
    return Cast(values, refused, {k: n for k, n in notes.items() if n})


def _accepted(
    values: pa.Array, to: pa.DataType | None = None, notes: Mapping[str, int] | None = None
) -> Cast:
    none = pa.repeat(pa.scalar(False), len(values))
    return Cast(values if to is None else values.cast(to), none, notes or {})


def _masked(
    values: pa.Array,
    refused: pa.Array,
    to: pa.DataType,
    notes: Mapping[str, int] | None = None,
) -> Cast:
    """Cast what is not refused; null is never refused."""
    refused = pc.fill_null(refused, False)
    kept = pc.if_else(refused, pa.scalar(None, values.type), values)
    return Cast(kept.cast(to, safe=False), refused, notes or {})


def _without_nan(values: pa.Array) -> tuple[pa.Array, dict[str, int]]:
    """Not-a-number is how numpy writes a missing integer, boolean or text."""
    is_nan = pc.is_nan(values)
    count = pc.sum(is_nan).as_py() or 0
    if not count:
        return values, {}
    return pc.if_else(is_nan, pa.scalar(None, values.type), values), {NAN_AS_NULL: count}


def _is_text(kind: pa.DataType) -> bool:
    return (
        pt.is_string(kind)
        or pt.is_large_string(kind)
        or pt.is_string_view(kind)
        or pt.is_binary(kind)
        or pt.is_large_binary(kind)
        or pt.is_binary_view(kind)
        or pt.is_fixed_size_binary(kind)
    )
