"""The files of one day: found, in order, complete, and unchanged until they are read.

What is in the files is `parquet` and `csv`; which places may be looked at is `access`.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec
import pyarrow as pa

from monitoring_dagster.errors import (
    SourceError,
    SourceGrowing,
    SourceMissing,
    SourceRefused,
    SourceUnreadable,
)
from monitoring_dagster.monitors.calendar import Window
from monitoring_dagster.monitors.contract import FileSource
from monitoring_dagster.telemetry.sources.access import Access, Location, locate

_HASHED_BYTES = 8 * 2**20
"""Files up to this size are fingerprinted by content, larger ones by size and time."""

_CONTENT_KEYS = ("md5Hash", "content_md5", "Content-MD5", "ETag", "etag", "e_tag", "checksum")
_TIME_KEYS = ("mtime", "LastModified", "last_modified", "Last-Modified", "updated", "created")


@dataclass(frozen=True, slots=True)
class DayFile:
    """One file of a day as it was found.

    Attributes:
        name: path below the fixed part of the pattern; equal wherever the data is moved to.
        path: the path as its file system knows it, links resolved.
        folder: the folder that it was found in, for files that belong beside it.
        state: differs whenever the file was written again.
        content: what the object store says about the content, or "".
    """

    name: str
    path: str
    folder: str
    size: int
    state: str
    content: str
    shown: str
    fs: Any = field(default=None, repr=False, compare=False)

    def open(self) -> BinaryIO:
        """Open for reading from any position."""
        with readable(self):
            opened = pa.OSFile(self.path, "rb") if self.fs is None else self.fs.open(self.path)
            return cast("BinaryIO", opened)

    def fingerprint(self) -> str:
        """What tells one content of the file from another, as far as it costs little."""
        if self.content:
            return self.content
        if self.size > _HASHED_BYTES:
            return self.state
        with readable(self), self.open() as opened:
            return hashlib.sha256(opened.read()).hexdigest()


def find(source: FileSource, window: Window, access: Access) -> list[DayFile]:
    """The complete files of a day, sorted by name.

    Raises:
        SourceMissing: there is no file for the day.
        SourceGrowing: there is one, and the success marker that the document names is missing.
        SourceRefused: the place is not allowed, or a link leads out of it.
        SourceUnreadable: the place cannot be listed, or a name is no file.
    """
    place = locate(source.path, window.day, access)
    found = sorted(_list(place, access), key=lambda file: file.name)
    if not found:
        # In full, since a relative path starts from the home and not from where one is.
        full = "/".join((place.folder.rstrip("/"), *place.pattern))
        raise SourceMissing(
            f"there is no file {full if place.is_local else place.shown} for {window.day}; "
            "check that it was delivered and that the path is right"
        )
    if source.success_marker is not None:
        _require_marker(source.success_marker, found, window)
    return found


@contextmanager
def unchanged(
    found: Sequence[DayFile], source: FileSource, window: Window, access: Access
) -> Iterator[None]:
    """Run a block that reads `found`, and make sure that the files were the same throughout.

    A file that is still being uploaded looks broken or short; that it grows is then the truth.

    Raises:
        SourceGrowing: a file came, went or was written while the block ran.
    """
    try:
        yield
    except SourceUnreadable:
        _require_unchanged(found, source, window, access)
        raise
    _require_unchanged(found, source, window, access)


def fingerprint(found: Sequence[DayFile], salt: str = "") -> str:
    """One fingerprint of several files, 32 hexadecimal digits."""
    digest = hashlib.sha256(salt.encode())
    for file in found:
        digest.update(f"\0{file.name}\0{file.size}\0{file.fingerprint()}".encode())
    return digest.hexdigest()[:32]


@contextmanager
def readable(file: DayFile) -> Iterator[None]:
    """Run a block that opens or reads a file, and name the file in what goes wrong."""
    try:
        yield
    except SourceError:
        raise
    except FileNotFoundError:
        raise SourceGrowing(
            f"{file.shown} disappeared while it was read; it is taken again when it is back"
        ) from None
    except PermissionError as error:
        raise SourceRefused(
            f"{file.shown} must not be read by this process ({error.strerror}); "
            "give its user the right to read it"
        ) from error
    except (pa.ArrowException, OSError, ValueError, EOFError) as error:
        raise SourceUnreadable(
            f"{file.shown} cannot be read: {error}; deliver the file again"
        ) from error


def _require_unchanged(
    found: Sequence[DayFile], source: FileSource, window: Window, access: Access
) -> None:
    try:
        now = find(source, window, access)
    except SourceMissing:
        now = []
    before, after = ({f.path: (f.size, f.state) for f in files} for files in (found, now))
    changed = sorted(p for p in before | after if before.get(p) != after.get(p))
    if changed:
        raise SourceGrowing(
            f"{changed[0]} changed while {window.day} was read; it is read again when it is "
            "complete (a success_marker says so for certain)"
        )


def _require_marker(marker: str, found: Sequence[DayFile], window: Window) -> None:
    name = marker.replace("{date}", window.day.isoformat())
    for folder, file in {file.folder: file for file in found}.items():
        marker_path = f"{folder}/{name}"
        there = Path(marker_path).exists() if file.fs is None else file.fs.exists(marker_path)
        if not there:
            raise SourceGrowing(
                f"{file.shown} is there, but not {name} beside it, which says that it is "
                "complete; it is read when the marker is there"
            )


def _list(place: Location, access: Access) -> Iterator[DayFile]:
    return _list_local(place, access) if place.is_local else _list_remote(place)


def _list_local(place: Location, access: Access) -> Iterator[DayFile]:
    folder = Path(place.folder)
    if not place.has_wildcard:
        path = folder.joinpath(*place.pattern)
        if path.exists():
            yield _local_file(path, folder, place, access)
        return
    pattern = "/".join(re.sub(r"([\[?])", r"[\1]", part) for part in place.pattern)
    for path in folder.glob(pattern):
        names = path.relative_to(folder).parts
        if not _is_hidden(names, place.pattern) and not path.is_dir():
            yield _local_file(path, folder, place, access)


def _local_file(path: Path, folder: Path, place: Location, access: Access) -> DayFile:
    target = path.resolve()
    if not access.allows(target):
        raise SourceRefused(
            f"{path} is a link that leads out of the allowed roots; "
            "put the file itself there, or allow the folder that it is in"
        )
    try:
        status = target.stat()
    except FileNotFoundError:
        raise SourceUnreadable(
            f"{path} is a link to a file that does not exist; deliver the file, or remove the link"
        ) from None
    if stat.S_ISDIR(status.st_mode):
        raise SourceUnreadable(f"{place.shown} is a folder; add /* to the path for the files in it")
    if not stat.S_ISREG(status.st_mode):
        raise SourceRefused(f"{path} is a device or a pipe; a source has ordinary files")
    return DayFile(
        name=path.relative_to(folder).as_posix(),
        path=str(target),
        folder=str(path.parent),
        size=status.st_size,
        state=f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}",
        content="",
        shown=str(path),
    )


def _list_remote(place: Location) -> Iterator[DayFile]:
    with _reachable(place):
        fs = _file_system(place.scheme)
        fs.invalidate_cache()
        root = fs._strip_protocol(f"{place.scheme}://{place.folder}")
        for path, info in _remote_infos(fs, root, place):
            if info["type"] == "file":
                yield _remote_file(fs, path, info, root, place)


def _remote_infos(fs: Any, root: str, place: Location) -> Iterator[tuple[str, dict[str, Any]]]:
    if not place.has_wildcard:
        path = "/".join((root, *place.pattern))
        yield path, fs.info(path)
        return
    expression = re.compile(
        "/".join(re.escape(part).replace(r"\*", "[^/]*") for part in place.pattern)
    )
    for path, info in fs.find(root, maxdepth=len(place.pattern), detail=True).items():
        below = path.removeprefix(root).lstrip("/")
        if expression.fullmatch(below) and not _is_hidden(below.split("/"), place.pattern):
            yield path, info


def _remote_file(
    fs: Any, path: str, info: Mapping[str, Any], root: str, place: Location
) -> DayFile:
    content = next((f"{key}:{info[key]}" for key in _CONTENT_KEYS if info.get(key)), "")
    times = ":".join(str(info[key]) for key in _TIME_KEYS if info.get(key))
    size = info.get("size")
    if size is None:
        raise SourceUnreadable(
            f"{place.shown} does not say how large it is; only sources of a known size are read"
        )
    return DayFile(
        name=path.removeprefix(root).lstrip("/"),
        path=path,
        folder=path.rpartition("/")[0],
        size=int(size),
        state=f"{size}:{content}:{times}",
        content=content,
        shown=f"{place.scheme}://{path.lstrip('/')}" if "://" not in path else path,
        fs=fs,
    )


def _is_hidden(names: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a wildcard met a name such as `_SUCCESS` or `.part.crc`, which is not data."""
    return any(
        part.startswith("*") and name.startswith((".", "_"))
        for name, part in zip(names, pattern, strict=True)
    )


def _file_system(scheme: str) -> Any:
    if scheme not in ("http", "https"):
        return fsspec.filesystem(scheme)
    # A server inside the roots must not send us elsewhere.
    return fsspec.filesystem(
        scheme, allow_redirects=False, client_kwargs={"raise_for_status": _refuse_redirect}
    )


async def _refuse_redirect(response: Any) -> None:
    if 300 <= response.status < 400:
        raise SourceRefused(
            f"{response.url} redirects to another address, which could lie outside of the roots; "
            "give the address itself"
        )


@contextmanager
def _reachable(place: Location) -> Iterator[None]:
    try:
        yield
    except SourceError:
        raise
    except FileNotFoundError as error:
        if isinstance(error.__cause__, SourceRefused):
            raise error.__cause__ from None
        return
    except ImportError as error:
        raise SourceUnreadable(
            f"reading {place.scheme}:// needs a package that is not installed ({error}); install it"
        ) from error
    except Exception as error:
        # Every object store has exceptions of its own; whatever it is, the day is not readable.
        raise SourceUnreadable(
            f"{place.shown} cannot be looked up: {type(error).__name__}: {error}; "
            "check the address and the credentials of the process"
        ) from error
