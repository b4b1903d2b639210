"""What opening a day of a source gives: the batches, and what is known before the first one.

Only shapes and the question "which columns are declared" live here; no file and no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from monitoring_dagster.errors import SourceRefused
from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.telemetry.sources.access import Access

BATCH_ROWS = 65_536
"""Rows per batch, where rows are of an ordinary size."""

BATCH_BYTES = 128 * 2**20
"""Batches of longer rows get fewer rows, so that one batch stays about this small."""

_TEXT_KEPT = 200
_LINES_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Unparsable:
    """A record that is no row; `line` counts the file's records, the header being 1."""

    file: str
    line: int
    text: str


class UnparsableLines(list[Unparsable]):
    """The first 10,000 records that are no rows, and how many there were in all.

    A file with the wrong number of columns in every line must not fill the memory.
    """

    total: int = 0

    def note(self, file: str, line: int, text: str) -> None:
        """Remember one more."""
        self.total += 1
        if len(self) < _LINES_KEPT:
            self.append(Unparsable(file, line, text[:_TEXT_KEPT]))


@dataclass(slots=True)
class Reading:
    """One opened day of one source.

    Attributes:
        schema: every column of the source, under the source's names.
        undeclared: columns of the source that no kind of telemetry declares; never read.
        version: fingerprint of what will be read, equal to `version_of` at this moment.
        batches: declared columns that exist, under the source's names, in the document's order.
            Read once. Rows of other days may be among them where the source is not filed by day.
        unparsable: filled while `batches` is read; complete when it is exhausted.
    """

    schema: pa.Schema
    undeclared: tuple[str, ...]
    version: str
    batches: Iterator[pa.RecordBatch]
    unparsable: UnparsableLines = field(default_factory=UnparsableLines)


def declared_names(monitor: Monitor, kind: Kind) -> tuple[str, ...]:
    """Names in the source of the columns that `kind` declares, in the document's order."""
    columns = monitor.columns_of(kind)
    return tuple(dict.fromkeys(c.source_name or name for name, c in columns.items()))


def undeclared_names(monitor: Monitor, found: Iterable[str]) -> tuple[str, ...]:
    """Columns of a source that the document does not mention for any kind of telemetry."""
    known = {c.source_name or name for name, c in monitor.columns.items()}
    return tuple(dict.fromkeys(name for name in found if name not in known))


def within_budget(
    batches: Iterator[pa.RecordBatch], what: str, access: Access
) -> Iterator[pa.RecordBatch]:
    """Pass batches on until they exceed the budget, whatever the metadata had promised.

    Raises:
        SourceRefused: more rows or bytes came than `access` allows.
    """
    rows = size = 0
    for batch in batches:
        rows += batch.num_rows
        size += sum(_unpacked_bytes(column) for column in batch.columns)
        refuse_beyond_budget(what, rows, size, access)
        yield batch


def _unpacked_bytes(column: pa.Array) -> int:
    """Bytes of a column once every row has its text, however often the texts repeat."""
    if not isinstance(column, pa.DictionaryArray) or not _is_text(column.type.value_type):
        return column.nbytes
    import pyarrow.compute as pc

    lengths = pc.call_function("binary_length", [column.dictionary]).cast(pa.int64())
    return int(pc.call_function("sum", [lengths.take(column.indices)]).as_py() or 0)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind)


def refuse_beyond_budget(what: str, rows: int, size: int, access: Access) -> None:
    """Raise SourceRefused if a day of `rows` rows and `size` bytes is more than is allowed."""
    if rows > access.max_rows:
        raise SourceRefused(
            f"{what} holds {rows:,} rows for one day; at most {access.max_rows:,} are read; "
            "check what wrote it, or raise the limit of rows"
        )
    if size > access.max_bytes:
        raise SourceRefused(
            f"{what} takes {size:,} bytes uncompressed for one day; at most "
            f"{access.max_bytes:,} are read; check what wrote it, or raise the limit of bytes"
        )
