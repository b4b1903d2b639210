"""What a database answered, as one of our errors, and never with a password in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, quote_plus

import pyarrow as pa
import sqlalchemy as sa
import sqlalchemy.exc

from monitoring_dagster.errors import SourceError, SourceMissing, SourceRefused, SourceUnreadable

# SQLSTATE of PostgreSQL, by what it means for somebody who only reads.
_MISSING = {"42P01", "3F000", "3D000"}
_FORBIDDEN = {"42501", "28000", "28P01"}
_TIMED_OUT = {"57014", "55P03"}


@contextmanager
def translated(what: str, url: sa.URL) -> Iterator[None]:
    """Run a block that talks to a database; what it raises becomes a SourceError.

    The cause is not chained: drivers put connection strings into their texts.

    Raises:
        SourceMissing: the table, schema or database does not exist.
        SourceRefused: the login or the right to read is missing, or the time was up.
        SourceUnreadable: anything else, such as a refused connection.
    """
    try:
        yield
    except SourceError:
        raise
    except sqlalchemy.exc.NoSuchTableError:
        raise SourceMissing(
            f"{what} does not exist in the database {url.database!r}; "
            "check its name (with upper and lower case) and its schema"
        ) from None
    except (ImportError, sqlalchemy.exc.NoSuchModuleError) as error:
        raise SourceUnreadable(
            f"{what} needs a database driver that is not installed "
            f"({without_secrets(str(error), url)}); install it"
        ) from None
    except (sqlalchemy.exc.SQLAlchemyError, pa.ArrowException, OSError, ValueError) as error:
        raise _translate(error, what, url) from None


def without_secrets(text: str, url: sa.URL) -> str:
    """A text without the password of the URL, in whatever way it is written.

    >>> without_secrets("no route to db://me:p%40ss@host", sa.make_url("db://me:p%40ss@host"))
    'no route to db://me:***@host'
    """
    password = str(url.password or "")
    for secret in sorted({password, quote(password, ""), quote_plus(password)}, key=len)[::-1]:
        if secret:
            text = text.replace(secret, "***")
    return " ".join(text.split())


def _translate(error: Exception, what: str, url: sa.URL) -> SourceError:
    original = getattr(error, "orig", None) or error
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    text = without_secrets(str(original), url)
    if state in _MISSING or "no such table" in text:
        return SourceMissing(f"{what} does not exist: {text}; check its name and its schema")
    if state in _FORBIDDEN:
        return SourceRefused(f"{what} may not be read: {text}; grant SELECT to the user of the URL")
    # While rows flow, ADBC hands on the text of an error without its state.
    if state in _TIMED_OUT or "statement timeout" in text:
        return SourceRefused(
            f"{what} took too long: {text}; an index on the timestamp column usually helps"
        )
    return SourceUnreadable(
        f"{what} cannot be read: {text}; check that the database is up and that the URL is right"
    )
