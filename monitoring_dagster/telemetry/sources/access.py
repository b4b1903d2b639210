"""Where a source may lie: allowed folders, URL prefixes, schemes, and the budget of a day.

Everything that a path in a monitor may try (other schemes, chains, `..`, links) is judged
here; listing and opening what was allowed is `files`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitoring_dagster.errors import SourceRefused

REMOTE_SCHEMES = frozenset(
    {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "hdfs", "http", "https", "memory"}
)
"""Object stores and servers; fsspec's wrappers (zip, simplecache, reference ...) stay out."""

_SCHEME = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)$", re.DOTALL)
_DISGUISED = re.compile(r"%2e|%2f|%5c|[\\?#\[\]]", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Access:
    """What sources may be read, and how much of them.

    Attributes:
        roots: allowed folders and URL prefixes; whatever lies elsewhere is refused.
        base: the folder that relative paths (of roots as well) start from.
        env: where `url_env` of SQL sources is looked up; holds secrets, so it is never shown.
        max_bytes: uncompressed bytes of one day of one source.
        max_rows: rows of one day of one source.
    """

    roots: tuple[str, ...]
    base: Path
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    max_bytes: int = 32 * 2**30
    max_rows: int = 500_000_000

    def local_roots(self) -> list[Path]:
        """The allowed folders, links resolved."""
        folders = [r.removeprefix("file://") for r in self.roots if _is_local(r)]
        return [(self.base / folder).resolve() for folder in folders]

    def allows(self, path: Path) -> bool:
        """Whether a resolved local path lies in one of the roots."""
        return any(path.is_relative_to(root) for root in self.local_roots())


@dataclass(frozen=True, slots=True)
class Location:
    """An allowed place: a folder that was checked, and the pattern of file names below it.

    Attributes:
        scheme: `file`, or the scheme of an object store.
        folder: resolved folder, or the URL without its scheme.
        pattern: components below the folder; only `*` is special.
        shown: the path as the document has it, with the day filled in, for texts.
    """

    scheme: str
    folder: str
    pattern: tuple[str, ...]
    shown: str

    @property
    def is_local(self) -> bool:
        """Whether the place is on this machine's file system."""
        return self.scheme == "file"

    @property
    def has_wildcard(self) -> bool:
        """Whether the place may stand for several files."""
        return any("*" in part for part in self.pattern)


def locate(path: str, day: dt.date, access: Access) -> Location:
    """Say where the files of `day` are to be looked for, or refuse.

    >>> access = Access(roots=("s3://lake/telemetry",), base=Path("/data"))
    >>> place = locate("s3://lake/telemetry/{date}/part-*.parquet", dt.date(2026, 1, 2), access)
    >>> place.folder, place.pattern
    ('lake/telemetry/2026-01-02', ('part-*.parquet',))
    >>> locate("http://169.254.169.254/latest", dt.date(2026, 1, 2), access)
    Traceback (most recent call last):
        ...
    monitoring_dagster.errors.SourceRefused: source 'http://169.254.169.254/latest' lies ...

    Raises:
        SourceRefused: the scheme is not allowed, the place lies outside of every root, or the
            path tries to look like another one.
    """
    shown = path.replace("{date}", day.isoformat())
    if "::" in shown:
        raise SourceRefused(
            f"source {shown!r} chains file systems with '::', which could reach past the roots; "
            "give the plain path or URL"
        )
    if _CONTROL.search(shown):
        raise SourceRefused(f"source {shown!r} contains control characters; remove them")
    if _is_local(shown):
        return _locate_local(shown, access)
    return _locate_remote(shown, access)


def _is_local(path: str) -> bool:
    match = _SCHEME.match(path)
    return match is None or match["scheme"].lower() in ("file", "local")


def _split(parts: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Components before the first wildcard (at most all but the last), and the rest."""
    fixed = next((i for i, part in enumerate(parts) if "*" in part), len(parts) - 1)
    return parts[:fixed], tuple(re.sub(r"\*+", "*", part) for part in parts[fixed:])


def _locate_local(shown: str, access: Access) -> Location:
    match = _SCHEME.match(shown)
    plain = match["rest"] if match else shown
    if match and not plain.startswith("/"):
        raise SourceRefused(
            f"source {shown!r} names another host; a local file URL begins with file:///"
        )
    # Only what precedes a wildcard can be resolved now; what matches it is judged by `files`.
    parts = [p for p in str(access.base.absolute() / plain).split("/") if p not in ("", ".")]
    if not parts:
        raise _outside(shown, access)
    fixed, pattern = _split(parts)
    if ".." in pattern:
        raise SourceRefused(f"source {shown!r} has '..' in its last parts; give the folder itself")
    folder = Path("/", *fixed).resolve()
    if not access.allows(folder):
        raise _outside(shown, access)
    return Location("file", str(folder), pattern, shown)


def _locate_remote(shown: str, access: Access) -> Location:
    scheme, rest = _remote_parts(shown)
    if scheme not in REMOTE_SCHEMES:
        raise SourceRefused(
            f"source {shown!r} has the scheme {scheme!r}; allowed are local paths and "
            f"{', '.join(sorted(REMOTE_SCHEMES))}"
        )
    host, *names = rest.split("/")
    if "@" in host:
        raise SourceRefused(
            f"source of scheme {scheme!r} has a user or password in its URL; secrets belong in "
            "the environment of the process"
        )
    if _DISGUISED.search(rest) or any(name in ("", ".", "..") for name in names):
        raise SourceRefused(
            f"source {shown!r} contains '..', an empty part, a query or an encoded separator; "
            "give the plain URL"
        )
    fixed, pattern = _split([host, *names])
    whole = [host, *names] if not any("*" in part for part in pattern) else fixed
    roots = [_remote_parts(r) for r in access.roots if not _is_local(r)]
    allowed = (r.rstrip("/").split("/") for s, r in roots if s == scheme)
    if not fixed or not any(whole[: len(root)] == root for root in allowed):
        raise _outside(shown, access)
    return Location(scheme, "/".join(fixed), pattern, shown)


def _remote_parts(url: str) -> tuple[str, str]:
    """Scheme and rest of a URL, with the parts in lower case whose case means nothing."""
    match = _SCHEME.match(url)
    scheme, rest = (match["scheme"].lower(), match["rest"]) if match else ("", url)
    rest = rest.lstrip("/") if scheme == "memory" else rest
    host, slash, path = rest.partition("/")
    return scheme, (host.lower() if scheme in ("http", "https") else host) + slash + path


def _outside(shown: str, access: Access) -> SourceRefused:
    roots = ", ".join(access.roots) or "none"
    return SourceRefused(
        f"source {shown!r} lies outside of the allowed roots ({roots}); "
        "move the data below one of them, or add its folder to MONITORING_DAGSTER_SOURCE_ROOTS"
    )
