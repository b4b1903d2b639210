"""Instants: whatever a source writes for a point in time, as UTC microseconds.

Which instants belong to a day is `contract`; other types are `casts`.
"""

from __future__ import annotations

import pyarrow as pa

from monitoring_dagster.telemetry.kernels import pc

UTC = pa.timestamp("us", "UTC")
_NAIVE = pa.timestamp("us")

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST_SECOND = -62_135_596_800  # 0001-01-01
_END_SECOND = 253_402_300_800  # 10000-01-01
_US_PER_MINUTE = 60_000_000

# Hours, minutes and seconds are bounded here, since strptime would carry a 60th second over.
_ISO = (
    r"^(?P<date>(?P<year>\d{4})-\d{2}-(?P<day>\d{2}))"
    r"(?:[T ](?P<minute>[01]\d:[0-5]\d|2[0-3]:[0-5]\d)"
    r"(?::(?P<second>[0-5]\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
    r" ?(?P<offset>[Zz]|[+-]\d{2}(?::?\d{2})?)?)?$"
)

AMBIGUOUS = "ambiguous local times taken as the earlier"
NONEXISTENT = "local times that the clock change skipped, moved to its end"
FINER = "instants cut to microseconds"


def from_timestamps(values: pa.Array, zone: str) -> tuple[pa.Array, pa.Array, dict[str, int]]:
    """Read timestamps of any unit, with a zone or local to `zone`.

    Returns:
        (n,) instants in UTC, null where refused; (n,) whether each value was refused because it
        lies outside the years 1 to 9999; how many values were changed, by what was done.
    """
    per_second = _PER_SECOND[values.type.unit]
    ticks = values.cast(pa.int64())
    first, end = _FIRST_SECOND * per_second, _END_SECOND * per_second
    if per_second == 10**9:  # 64 bits of nanoseconds span the years 1677 to 2262
        first, end = -(2**63), 2**63 - 1
    refused = pc.fill_null(pc.or_(pc.less(ticks, first), pc.greater_equal(ticks, end)), False)
    ticks = pc.if_else(refused, pa.scalar(None, pa.int64()), ticks)
    notes: dict[str, int] = {}
    if per_second == 10**9:
        micros = pc.floor_temporal(ticks.cast(values.type), unit="microsecond").cast(pa.int64())
        notes[FINER] = _count(pc.not_equal(micros, ticks))
        micros = pc.divide(micros, 1000)
    else:
        micros = pc.multiply(ticks, 10**6 // per_second)
    if values.type.tz is not None:
        return micros.cast(UTC), refused, notes
    instants, moved = _localise(micros.cast(_NAIVE), zone)
    return instants, refused, notes | moved


def from_text(values: pa.Array, zone: str) -> tuple[pa.Array, pa.Array, dict[str, int]]:
    """Read ISO 8601 text such as `2026-01-05T06:30:00.5+01:00` or `2026-01-05`.

    Without an offset, the text is local to `zone`. Returns what `from_timestamps` does.
    """
    parts = pc.extract_regex(values, _ISO)
    date, year, day, minute, second, fraction, offset = (
        pc.struct_field(parts, name)
        for name in ("date", "year", "day", "minute", "second", "fraction", "offset")
    )
    clock = pc.if_else(pc.equal(minute, ""), "00:00", minute)
    seconds = pc.if_else(pc.equal(second, ""), "00", second)
    naive = pc.strptime(
        pc.binary_join_element_wise(date, clock, seconds, "T"),
        format="%Y-%m-%dT%H:%MT%S",
        unit="us",
        error_is_null=True,
    )
    # strptime reads 30 February as 2 March; years below 1 do not exist.
    is_real = pc.and_(pc.equal(pc.day(naive), day.cast(pa.int64())), pc.not_equal(year, "0000"))
    naive = pc.if_else(is_real, naive, pa.scalar(None, _NAIVE))
    micros = pc.add(naive.cast(pa.int64()), _fraction(fraction))
    local, notes = _localise(pc.if_else(pc.equal(offset, ""), micros, None).cast(_NAIVE), zone)
    aware = pc.subtract(micros, pc.multiply(_offset_minutes(offset), _US_PER_MINUTE))
    instants = pc.if_else(pc.equal(offset, ""), local, aware.cast(UTC))
    notes[FINER] = _count(pc.match_substring_regex(fraction, r"^\d{6}\d*[1-9]"))
    return instants, pc.and_(pc.is_null(instants), pc.is_valid(values)), notes


def _localise(naive: pa.Array, zone: str) -> tuple[pa.Array, dict[str, int]]:
    """Local times as instants: the earlier of two, the end of the gap where there is none."""
    if zone == "UTC":
        return naive.cast(pa.int64()).cast(UTC), {}
    chosen = pc.assume_timezone(naive, zone, ambiguous="earliest", nonexistent="latest")
    other = pc.assume_timezone(naive, zone, ambiguous="latest", nonexistent="latest")
    before = pc.assume_timezone(naive, zone, ambiguous="earliest", nonexistent="earliest")
    notes = {
        AMBIGUOUS: _count(pc.not_equal(chosen, other)),
        NONEXISTENT: _count(pc.not_equal(chosen, before)),
    }
    return chosen.cast(UTC), notes


def _fraction(digits: pa.Array) -> pa.Array:
    """Digits after the point as microseconds; "" is 0 and anything finer is cut."""
    padded = pc.utf8_rpad(pc.utf8_slice_codeunits(digits, 0, 6), 6, "0")
    return padded.cast(pa.int64())


def _offset_minutes(offset: pa.Array) -> pa.Array:
    """`+05:30`, `+0530`, `+05`, `Z` and "" as minutes east of Greenwich."""
    digits = pc.replace_substring_regex(offset, r"[^0-9]", "")
    digits = pc.utf8_rpad(digits, 4, "0")
    hours = pc.utf8_slice_codeunits(digits, 0, 2).cast(pa.int64())
    minutes = pc.utf8_slice_codeunits(digits, 2, 4).cast(pa.int64())
    east = pc.add(pc.multiply(hours, 60), minutes)
    return pc.if_else(pc.starts_with(offset, "-"), pc.negate(east), east)


def _count(mask: pa.Array) -> int:
    return pc.sum(mask).as_py() or 0
