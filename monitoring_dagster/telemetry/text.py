"""Text as it may be stored: valid UTF-8 in one normal form, without NUL, of bounded length.

Cleaning never makes two different values equal: a value that had to be changed carries a hash
of what it was. Typed values are `casts`.
"""

from __future__ import annotations

import hashlib
import unicodedata

import numpy as np
import pyarrow as pa

from monitoring_dagster.telemetry.kernels import pc

MAX_CHARACTERS = 256
"""Longest stored text; a longer one is cut and marked."""

_LONGEST = 16 * MAX_CHARACTERS  # bytes; 4 per character, and room for what NFC composes
_MARK_DIGITS = 12
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(values: pa.Array) -> pa.Array:
    """Make every text storable.

    Args:
        values: (n,) of a string or binary type.

    Returns:
        (n,) string. Nulls stay nulls; empty strings and words such as `nan` stay what they are.
    """
    if not pa.types.is_large_binary(values.type):
        values = values.cast(pa.large_binary())
    if _is_plain(values):
        text = pc.cast(values, pa.large_string(), safe=False)
    else:
        text = pa.array([_cleaned(v) for v in values.to_pylist()], pa.large_string())
    return text.cast(pa.string())


def shape(values: pa.Array) -> pa.Array:
    """What refused values look like, without what they say: letters as `a`, digits as `9`.

    A refused value may have slipped in from a neighbouring column, so it may identify somebody.

    >>> shape(pa.array(["ann@example.org", "12,5"])).to_pylist()
    ['aaa@aaaaaaa.aaa', '99,9']
    """
    text = pc.replace_substring_regex(values, r"\p{L}|\p{M}", "a")
    text = pc.replace_substring_regex(text, r"\p{N}", "9")
    return pc.utf8_slice_codeunits(text, 0, 64)


def _is_plain(values: pa.Array) -> bool:
    """Whether all values are short ASCII without NUL, judged by one look at the whole buffer."""
    _, offsets, data = values.buffers()
    if data is None or len(values) == 0:
        return True
    bounds = np.frombuffer(offsets, np.int64)[values.offset : values.offset + len(values) + 1]
    used = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]
    if used.size == 0:
        return True
    return (
        int(np.diff(bounds).max()) <= MAX_CHARACTERS
        and int(used.max()) < 0x80
        and int(used.min()) > 0
    )


def _cleaned(value: bytes | None) -> str | None:
    r"""One value cleaned.

    >>> _cleaned(b"caf\x65\xcc\x81"), _cleaned(b"a\x00b")
    ('café', 'a�b~59b271ae1bbc')
    """
    if value is None:
        return None
    # Of a value that must be cut, the start is enough; it may have a hundred megabytes.
    start = value[:_LONGEST].decode("utf-8", errors="replace")
    text = unicodedata.normalize("NFC", start)
    is_whole = "\0" not in text and (_REPLACEMENT not in text or _is_utf8(value))
    if is_whole and len(text) <= MAX_CHARACTERS and len(value) <= _LONGEST:
        return text
    mark = "~" + hashlib.sha256(value).hexdigest()[:_MARK_DIGITS]
    return text.replace("\0", _REPLACEMENT)[: MAX_CHARACTERS - len(mark)] + mark


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
