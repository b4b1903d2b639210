"""CSV files of a day, read as text in a stream; what the text means is the contract's job.

An empty field is null, a quoted empty field is the empty text. A line with too few or too many
fields is kept apart instead of failing the day.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Literal

import pyarrow as pa
import pyarrow.csv as pc

from monitoring_dagster.errors import SourceUnreadable
from monitoring_dagster.telemetry.sources.access import Access
from monitoring_dagster.telemetry.sources.files import DayFile, readable
from monitoring_dagster.telemetry.sources.reading import UnparsableLines, refuse_beyond_budget

_BLOCK = 4 * 2**20
"""Bytes parsed at a time, and so the longest row."""

_COMPRESSIONS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_BINARY_STARTS = {
    b"PAR1": "Parquet; say kind: parquet",
    b"\x1f\x8b": "compressed; its name must end in .gz",
    b"\xff\xfe": "UTF-16; write it as UTF-8",
    b"\xfe\xff": "UTF-16; write it as UTF-8",
    b"PK\x03\x04": "a zip archive or a workbook; write it as plain CSV",
}


def schema(file: DayFile, delimiter: str) -> pa.Schema:
    """Every column of the file, from its first line; all are text.

    Raises:
        SourceUnreadable: there is no header, or the file is something else.
    """
    _require_plain(file)
    with _opened(file, None) as opened, readable(file):
        return pa.schema([pa.field(name, pa.string()) for name in _header(file, opened, delimiter)])


def batches(
    file: DayFile,
    names: Sequence[str],
    delimiter: str,
    unparsable: UnparsableLines,
    access: Access,
) -> Iterator[pa.RecordBatch]:
    """The columns `names` that the file has, as text; lines that are no rows go to `unparsable`.

    Raises:
        SourceUnreadable: a row is longer than 4 MiB, or a quotation mark is never closed.
        SourceRefused: a compressed file unpacks to more than is allowed.
    """
    header = schema(file, delimiter).names
    present = [name for name in names if name in header]
    # Arrow identifies columns by name, and an undeclared name may occur twice.
    unique = [n if n in present else f"\0{i}" for i, n in enumerate(header)]
    last: list[str] = []

    def keep_apart(row: pc.InvalidRow) -> Literal["skip"]:
        unparsable.note(file.name, row.number or 0, row.text)
        last[:] = [row.text]
        return "skip"

    with _opened(file, access) as opened, readable(file):
        reader = pc.open_csv(
            opened,
            # One thread: only then does Arrow say which line a broken row was on.
            read_options=pc.ReadOptions(
                use_threads=False,
                block_size=_BLOCK,
                column_names=unique,
                skip_rows_after_names=1,
            ),
            parse_options=pc.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=keep_apart
            ),
            convert_options=pc.ConvertOptions(
                column_types=dict.fromkeys(unique, pa.string()),
                # The last one tells whether a quotation mark was left open.
                include_columns=[*present, unique[-1]],
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        ending = ""
        for batch in reader:
            if batch.num_rows:
                ending = str(batch.columns[-1][-1].as_py())
                yield batch.select(list(range(len(present))))
        _require_closed_quotes(file, opened, [ending, *last])


def _require_closed_quotes(file: DayFile, opened: _Metered, endings: Sequence[str]) -> None:
    """A quotation mark that is never closed swallows the rest of the file into one field."""
    if opened.quotes % 2 and any("\n" in text or "\r" in text for text in endings):
        raise SourceUnreadable(
            f"{file.shown} opens a quotation mark that is never closed, so the rows after it "
            "cannot be told apart; close it, or double it within a field"
        )


def _require_plain(file: DayFile) -> None:
    if _suffix(file) in _COMPRESSIONS:
        return
    with readable(file), file.open() as opened:
        start = opened.read(4096)
    for magic, meaning in _BINARY_STARTS.items():
        if start.startswith(magic):
            raise SourceUnreadable(f"{file.shown} is not plain CSV: it is {meaning}")
    if b"\0" in start:
        raise SourceUnreadable(f"{file.shown} is not CSV but binary; deliver the file again")


def _header(file: DayFile, opened: _Metered, delimiter: str) -> list[str]:
    # The block may end within a character, never within the header.
    start = (opened.read(_BLOCK) or b"").decode(errors="ignore")
    if not start.strip():
        raise SourceUnreadable(
            f"{file.shown} is empty; a CSV file begins with a line of column names"
        )
    rows = csv.reader(io.StringIO(start, newline=""), delimiter=delimiter)
    try:
        return next(row for row in rows if row)
    except csv.Error as error:
        raise SourceUnreadable(
            f"the first line of {file.shown} is not a line of column names: {error}"
        ) from None


class _Metered(io.RawIOBase):
    """A stream of valid UTF-8 that counts the bytes and quotation marks that went through it.

    Bytes that are not UTF-8 are written out as escapes: one broken field must not fail a day,
    and different broken values stay different.
    """

    def __init__(self, stream: BinaryIO, file: DayFile, access: Access | None) -> None:
        super().__init__()
        self._stream = stream
        self._file = file
        self._access = access
        self._size = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._ready = b""
        self._begun = False
        self._ended = False
        self.quotes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any, /) -> int:
        while len(self._ready) < len(target) and not self._ended:
            self._ready += self._begun_block(self._next(len(target)))
        taken, self._ready = self._ready[: len(target)], self._ready[len(target) :]
        target[: len(taken)] = taken
        return len(taken)

    def _begun_block(self, block: bytes) -> bytes:
        """Without what may stand before the header: Arrow counts empty lines there as rows."""
        if self._begun:
            return block
        block = block.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")
        self._begun = bool(block)
        return block

    def _next(self, size: int) -> bytes:
        block = self._stream.read(size)
        self._ended = not block
        self._size += len(block)
        self.quotes += block.count(b'"')
        if self._access is not None:
            refuse_beyond_budget(self._file.shown, 0, self._size, self._access)
        if block.isascii() and not self._ended and not self._decoder.getstate()[0]:
            return block
        return self._decoder.decode(block, final=self._ended).encode()


def _suffix(file: DayFile) -> str:
    return "." + file.name.rpartition(".")[2].lower()


@contextmanager
def _opened(file: DayFile, access: Access | None) -> Iterator[Any]:
    unpack = _COMPRESSIONS.get(_suffix(file))
    with file.open() as raw:
        if unpack is None:
            yield _Metered(raw, file, access)
            return
        with unpack(raw, "rb") as unpacked:
            yield _Metered(unpacked, file, access)
