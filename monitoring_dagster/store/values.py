"""How single values are stored so that every database gives back what was put in.

Numbers that SQL cannot hold, instants, and text from outside; tables are in `tables`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from typing import Any

import sqlalchemy as sa

FINITE, NAN, POSITIVE_INFINITY, NEGATIVE_INFINITY, NONE = (
    "finite",
    "nan",
    "pos_inf",
    "neg_inf",
    "none",
)
"""States of a value: SQLite has no NaN and JSON has no infinity, so that they travel apart."""

_RESTORED = {NAN: math.nan, POSITIVE_INFINITY: math.inf, NEGATIVE_INFINITY: -math.inf, NONE: None}

_SUFFIX_BYTES = 17


def split_number(value: float | None) -> tuple[float | None, str]:
    """The value as SQL holds it, and its state.

    >>> split_number(0.25), split_number(math.nan), split_number(None)
    ((0.25, 'finite'), (None, 'nan'), (None, 'none'))
    """
    if value is None:
        return None, NONE
    value = float(value) + 0.0  # neither database tells -0.0 from 0.0 reliably
    if math.isfinite(value):
        return value, FINITE
    if math.isnan(value):
        return None, NAN
    return None, POSITIVE_INFINITY if value > 0 else NEGATIVE_INFINITY


def join_number(value: float | None, state: str) -> float | None:
    """Reverse of `split_number`.

    >>> join_number(*split_number(-math.inf))
    -inf
    """
    return value if state == FINITE else _RESTORED[state]


def finite_or_none(value: float | None) -> float | None:
    """The value where it is a finite number, else None: a bound that does not exist."""
    return None if value is None or not math.isfinite(value) else float(value)


def key_text(text: str, *, max_bytes: int) -> str:
    """Text that is part of a key: what cannot be stored is replaced, and stays distinct.

    Neither database holds lone surrogates, PostgreSQL no NUL, and its indexes no long text.
    Changed text ends in 16 digits of its own hash, so that two keys never become one.

    >>> key_text("carrier=UA", max_bytes=512)
    'carrier=UA'
    >>> key_text("a" * 600, max_bytes=512) != key_text("a" * 601, max_bytes=512)
    True
    """
    text = str(text)
    if text.isascii() and len(text) <= max_bytes and "\0" not in text:
        return text
    clean = _without_unstorable(text)
    if clean == text and len(clean.encode()) <= max_bytes:
        return clean
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{_cut(clean, max_bytes - _SUFFIX_BYTES)}~{digest}"


def free_text(text: str | None, *, max_bytes: int) -> str:
    r"""Text for people: what cannot be stored is replaced, what is too long is cut.

    >>> free_text("line\0 end", max_bytes=100)
    'line� end'
    """
    clean = _without_unstorable(str(text or ""))
    return clean if len(clean.encode()) <= max_bytes else _cut(clean, max_bytes - 3) + "…"


def _without_unstorable(text: str) -> str:
    clean = text.replace("\0", "\ufffd")
    try:
        clean.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in clean)
    return clean


def _cut(text: str, max_bytes: int) -> str:
    return text.encode()[:max_bytes].decode(errors="ignore")


class UTCDateTime(sa.types.TypeDecorator[dt.datetime]):
    """An instant in UTC with microseconds; naive datetimes are refused.

    PostgreSQL has a type for it; SQLite holds text of fixed width such as
    `2026-01-02T03:04:05.678901Z`, which sorts and which its date functions read.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """The database's own type."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(27))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> Any:
        """What is sent to the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; give an aware datetime, such as in UTC")
        instant = value.astimezone(dt.UTC)
        if dialect.name != "sqlite":
            return instant
        return instant.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> dt.datetime | None:  # noqa: ARG002 - given by SQLAlchemy
        """What came from the database, in UTC."""
        if value is None:
            return None
        instant = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
        return instant.astimezone(dt.UTC)
