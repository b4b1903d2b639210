"""The contract of a day: which columns are taken, which rows are refused, and why.

Deny by default: what is not declared never passes. One batch at a time, nothing is written
here; casts of single columns are `casts`, rows that repeat an id are `duplicates`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import pyarrow as pa

from monitoring_dagster.monitors.calendar import Window
from monitoring_dagster.monitors.contract import (
    Column,
    ColumnType,
    FileSource,
    Kind,
    LabelDay,
    Monitor,
    Privacy,
    Role,
    Source,
    SqlSource,
)
from monitoring_dagster.telemetry.casts import STORED, Cast, cast
from monitoring_dagster.telemetry.kernels import pc
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.text import clean, shape

CLOCK_SKEW = dt.timedelta(minutes=5)
"""How far ahead of `as_of` an event may be: clocks differ."""

_FIRST_INSTANT = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_END_INSTANT = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


class Refusal(StrEnum):
    """Why a row is in quarantine; of several reasons, the first in this order."""

    UNPARSABLE_LINE = "unparsable_line"
    UNPARSABLE_VALUE = "unparsable_value"
    NO_ID = "no_id"
    OUT_OF_BOUNDS = "timestamp_out_of_bounds"
    IN_FUTURE = "in_future"
    OUTSIDE_DAY = "outside_day"
    CONFLICTING_ID = "conflicting_id"


_REFUSALS = tuple(Refusal)
_Refuse = Callable[[pa.Array, Refusal, str], None]

_WORDS = {
    ColumnType.INTEGER: "integers",
    ColumnType.NUMBER: "numbers",
    ColumnType.BOOLEAN: "true or false",
    ColumnType.CATEGORY: "text",
    ColumnType.TEXT: "text",
    ColumnType.TIMESTAMP: "points in time",
}


@dataclass
class Tally:
    """What was seen of a day so far.

    `values` and `refused` count values that are not null and those that could not be cast, by
    column; `notes` what was changed, by column and by what was done; `types` and `examples` the
    Arrow type and the shape of the first refused value by column.
    """

    rows: int = 0
    values: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    notes: dict[str, Counter[str]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Checked:
    """A batch told apart: rows of the stored schema, and refused rows as text (or None)."""

    accepted: pa.RecordBatch
    refused: pa.RecordBatch | None


class Contract:
    """Checks the batches of one day against what the monitor declares.

    Args:
        monitor: the document.
        kind: of telemetry.
        window: the day.
        source: where the batches come from.
        source_schema: every column of the source.
        as_of: the clock; None for labels, which may be read before they are known.
        pseudonyms: encode columns of privacy `direct` before they leave this class.
        unreadable: columns to store as nulls, since most of their values cannot be cast, and
            how that was seen.
    """

    def __init__(
        self,
        monitor: Monitor,
        kind: Kind,
        window: Window,
        *,
        source: Source,
        source_schema: pa.Schema,
        as_of: dt.datetime | None,
        pseudonyms: Pseudonyms,
        unreadable: Mapping[str, str] | None = None,
    ) -> None:
        self.monitor = monitor
        self.columns = monitor.columns_of(kind)
        self.schema = stored_schema(monitor, kind)
        self.refused_schema = refused_schema(monitor, kind)
        found = set(source_schema.names)
        self.missing = {n for n, c in self.columns.items() if _source_name(n, c) not in found}
        self.unreadable = {**(unreadable or {}), **_never_castable(monitor, kind, source_schema)}
        self.tally = Tally()
        self._window = window
        self._as_of = as_of
        self._pseudonyms = pseudonyms
        self._id = monitor.the(Role.ID, kind)
        self._timestamp = monitor.the(Role.TIMESTAMP, kind)
        self._picks = picks_by_time(monitor, kind, source)
        self._is_event = kind is not Kind.LABELS

    def check(self, batch: pa.RecordBatch) -> Checked:
        """Cast, judge and encode one batch (source names in, document names out)."""
        first_row = self.tally.rows
        self.tally.rows += batch.num_rows
        rows = np.arange(first_row, self.tally.rows)
        if self._picks:
            picked = self._of_this_day(batch)
            batch, rows = batch.filter(picked), rows[picked.to_numpy(zero_copy_only=False)]
        casts = {n: self._cast(n, batch, counted=not self._is_picking(n)) for n in self.columns}
        codes, culprits = self._judge(casts, batch.num_rows)
        values = [self._encoded(name, casts[name].values) for name in self.columns]
        stored = pa.RecordBatch.from_arrays(values, schema=self.schema)
        if not codes.any():
            return Checked(stored, None)
        refused = np.flatnonzero(codes)
        return Checked(
            stored.filter(pa.array(codes == 0)),
            self._as_text(batch, stored, casts, refused, codes, culprits, rows),
        )

    def newly_unreadable(self) -> dict[str, str]:
        """Columns most of whose values could not be cast: it is the column that changed."""
        tally = self.tally
        return {
            name: self.describe(name)
            for name, refused in tally.refused.items()
            if 2 * refused > tally.values[name]
        }

    def describe(self, name: str) -> str:
        """What was refused of a column, in words that give no value away."""
        tally = self.tally
        return (
            f"{tally.refused[name]:,} of {tally.values[name]:,} values (type "
            f"{tally.types[name]}, such as {tally.examples[name]!r}) are not "
            f"{_WORDS[self.columns[name].stored_type]}"
        )

    def _is_picking(self, name: str) -> bool:
        return self._picks and name == self._timestamp

    def _of_this_day(self, batch: pa.RecordBatch) -> pa.Array:
        """Rows of the day, and rows whose timestamp cannot be read."""
        assert self._timestamp is not None  # noqa: S101  held by the monitor's own validation
        stamps = self._cast(self._timestamp, batch, counted=True)
        inside = pc.and_(
            pc.greater_equal(stamps.values, self._window.start),
            pc.less(stamps.values, self._window.end),
        )
        return pc.or_(pc.fill_null(inside, False), stamps.refused)

    def _cast(self, name: str, batch: pa.RecordBatch, *, counted: bool) -> Cast:
        column = self.columns[name]
        found = batch.schema.get_all_field_indices(_source_name(name, column))
        nothing = pa.nulls(batch.num_rows, STORED[column.stored_type])
        none = pa.repeat(pa.scalar(False), batch.num_rows)
        if len(found) != 1 or name in self.unreadable:
            return Cast(nothing, none)
        values = batch.column(found[0])
        zone = column.time_zone or self.monitor.time_zone
        result = cast(values, column.stored_type, zone)
        if result is None:
            result = Cast(nothing, pc.is_valid(values))
        if counted:
            self._count(name, values, result)
        return result

    def _count(self, name: str, values: pa.Array, result: Cast) -> None:
        tally = self.tally
        tally.values[name] += len(values) - values.null_count
        refused = pc.sum(result.refused).as_py() or 0
        if refused:
            tally.refused[name] += refused
            if name not in tally.examples:
                tally.types[name] = _shown(values.type)
                example = _as_shape(values.filter(result.refused)[:1])[0].as_py()
                tally.examples[name] = example or "?"
        if result.notes:
            tally.notes.setdefault(name, Counter()).update(result.notes)

    def _judge(self, casts: dict[str, Cast], rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Per row, 0 or 1 + the refusal's index, and the index of the column to blame."""
        codes = np.zeros(rows, np.int8)
        culprits = np.full(rows, -1, np.int16)
        names = list(self.columns)

        def refuse(mask: pa.Array, reason: Refusal, name: str) -> None:
            new = pc.fill_null(mask, False).to_numpy(zero_copy_only=False) & (codes == 0)
            codes[new] = 1 + _REFUSALS.index(reason)
            culprits[new] = names.index(name)

        for name, result in casts.items():
            if self.tally.refused[name]:
                refuse(result.refused, Refusal.UNPARSABLE_VALUE, name)
        if self._id is not None and self._id not in (*self.missing, *self.unreadable):
            refuse(_is_blank(casts[self._id].values), Refusal.NO_ID, self._id)
        if self._timestamp is not None:
            self._judge_time(casts[self._timestamp].values, refuse)
        return codes, culprits

    def _judge_time(self, stamps: pa.Array, refuse: _Refuse) -> None:
        name = self._timestamp or ""
        outside = pc.or_(pc.less(stamps, _FIRST_INSTANT), pc.greater_equal(stamps, _END_INSTANT))
        refuse(outside, Refusal.OUT_OF_BOUNDS, name)
        if not self._is_event:
            return
        if self._as_of is not None:
            refuse(pc.greater(stamps, self._as_of + CLOCK_SKEW), Refusal.IN_FUTURE, name)
        outside = pc.or_(
            pc.less(stamps, self._window.start), pc.greater_equal(stamps, self._window.end)
        )
        refuse(outside, Refusal.OUTSIDE_DAY, name)

    def _encoded(self, name: str, values: pa.Array) -> pa.Array:
        column = self.columns[name]
        if column.privacy is not Privacy.DIRECT:
            return values
        return self._pseudonyms.encode(values, purpose=self.monitor.name, type=column.role)

    def _as_text(
        self,
        batch: pa.RecordBatch,
        stored: pa.RecordBatch,
        casts: dict[str, Cast],
        refused: np.ndarray,
        codes: np.ndarray,
        culprits: np.ndarray,
        rows: np.ndarray,
    ) -> pa.RecordBatch:
        """Refused rows: what could be cast as text, what could not as its shape."""
        picked = pa.array(refused)
        reasons = np.array([str(r) for r in _REFUSALS], dtype=object)[codes[refused] - 1]
        blamed = np.array([*self.columns], dtype=object)[culprits[refused]]
        texts = [pa.array(reasons), pa.array(blamed), pa.array(rows[refused])]
        for name, column in self.columns.items():
            text = stored.column(name).take(picked).cast(pa.string())
            mask = casts[name].refused.take(picked)
            if pc.any(mask).as_py():
                raw = batch.column(_source_name(name, column)).take(picked)
                text = pc.if_else(mask, _as_shape(raw), text)
            texts.append(text)
        return pa.RecordBatch.from_arrays(texts, schema=self.refused_schema)


def stored_schema(monitor: Monitor, kind: Kind) -> pa.Schema:
    """The columns of a snapshot, in the document's order."""
    return pa.schema(
        [(name, STORED[column.stored_type]) for name, column in monitor.columns_of(kind).items()]
    )


def refused_schema(monitor: Monitor, kind: Kind) -> pa.Schema:
    """The columns of a quarantine file: reason, column to blame, row in the source; all values.

    For `unparsable_line` the row is the line of the file.
    """
    own = [("@reason", pa.string()), ("@column", pa.string()), ("@row", pa.int64())]
    return pa.schema([*own, *((name, pa.string()) for name in monitor.columns_of(kind))])


def picks_by_time(monitor: Monitor, kind: Kind, source: Source) -> bool:
    """Whether the rows of a day are picked by their timestamp, as the source has no days.

    The timestamp of a label is its arrival, so labels filed by prediction day are picked by
    their ids alone.
    """
    labels = monitor.telemetry.labels
    if kind is Kind.LABELS and labels is not None and labels.filed_under is LabelDay.PREDICTION:
        return False
    has_no_days = (isinstance(source, SqlSource) and source.table is not None) or (
        isinstance(source, FileSource) and "{date}" not in source.path
    )
    return has_no_days and monitor.the(Role.TIMESTAMP, kind) is not None


def _source_name(name: str, column: Column) -> str:
    return column.source_name or name


def _never_castable(monitor: Monitor, kind: Kind, source_schema: pa.Schema) -> dict[str, str]:
    """Columns whose Arrow type cannot be cast whatever the values, or that exist twice."""
    found: dict[str, str] = {}
    for name, column in monitor.columns_of(kind).items():
        asked = _source_name(name, column)
        indices = source_schema.get_all_field_indices(asked)
        if len(indices) > 1:
            found[name] = f"the source has {len(indices)} columns named {asked!r}"
        elif indices:
            empty = pa.nulls(0, source_schema.field(indices[0]).type)
            if cast(empty, column.stored_type) is None:
                words = _WORDS[column.stored_type]
                found[name] = f"values of type {_shown(empty.type)} are not {words}"
    return found


def _shown(kind: pa.DataType) -> str:
    """A type in a few words; a nested one may have thousands of fields."""
    text = str(kind)
    return text if len(text) <= 100 else text[:97] + "..."


def _is_blank(ids: pa.Array) -> pa.Array:
    if not pa.types.is_string(ids.type):
        return pc.is_null(ids)
    return pc.fill_null(pc.equal(pc.utf8_trim_whitespace(ids), ""), True)


def _as_shape(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    try:
        return shape(clean(values.cast(pa.string(), safe=False).cast(pa.binary())))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.nulls(len(values), pa.string())
