"""The lake: a local folder or an object store that holds files which appear whole or not at all.

Paths are relative, POSIX and below the root. What the files mean belongs to the modules that
write them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from monitoring_dagster.errors import SettingInvalid
from monitoring_dagster.failpoints import failpoint

TEMPORARY = ".tmp"
SCRATCH = ".scratch"
TRASH = ".trash"
LOCKS = ".locks"
STALE_AFTER = dt.timedelta(hours=24)


class Lake:
    """Files below one root.

    Names that begin with a dot are the lake's own (temporaries, scratch, trash, locks): they
    cannot be asked for and are never listed.

    Args:
        root: a local folder (created when missing), or an fsspec URL such as `s3://bucket/lake`.

    Raises:
        SettingInvalid: the root is a chain of file systems (`::`), or one that is not installed.
    """

    def __init__(self, root: str) -> None:
        if "::" in root:
            raise SettingInvalid(
                f"the lake's root {root!r} chains file systems; give one folder or one URL"
            )
        self.root = root
        self._remote: Any = None
        if "://" in root and not root.startswith("file://"):
            import fsspec

            # A listing that a cache remembers would hide what another process wrote.
            try:
                self._remote, self._prefix = fsspec.core.url_to_fs(root, use_listings_cache=False)
            except (ImportError, ValueError) as error:
                raise SettingInvalid(f"the lake {root!r} cannot be opened: {error}") from error
        else:
            self._folder = Path(root.removeprefix("file://")).absolute()
            _make_folders(self._folder)
            self._folder = self._folder.resolve()

    def __repr__(self) -> str:
        return f"Lake({self.root!r})"

    @property
    def folder(self) -> Path | None:
        """The root as a local folder; None on an object store."""
        return None if self._remote else self._folder

    def write(self, path: str, data: bytes) -> None:
        """Make `path` hold `data`: a reader sees the old content or the new, never a part."""
        if self._remote:
            self._remote.pipe_file(self._url(path), data)
            return
        target = self._target(path)
        descriptor, temporary = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=TEMPORARY, dir=target.parent
        )
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _rename(Path(temporary), target)

    def adopt(self, local_file: Path, path: str) -> None:
        """Move a finished local file to `path`; the file is gone from where it was."""
        if self._remote:
            self._remote.put_file(str(local_file), self._url(path))
            local_file.unlink()
            return
        target = self._target(path)
        local_file.chmod(0o600)
        _fsync(local_file)
        try:
            _rename(local_file, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            descriptor, temporary = tempfile.mkstemp(
                prefix=f".{target.name}.", suffix=TEMPORARY, dir=target.parent
            )
            os.close(descriptor)
            shutil.copyfile(local_file, temporary)
            _fsync(Path(temporary))
            _rename(Path(temporary), target)
            local_file.unlink()

    def read(self, path: str) -> bytes:
        """The content of `path`.

        Raises:
            FileNotFoundError: there is no such file.
        """
        if self._remote:
            return self._remote.cat_file(self._url(path))
        return self._existing(path).read_bytes()

    def exists(self, path: str) -> bool:
        """Whether `path` is a file."""
        if self._remote:
            return bool(self._remote.isfile(self._url(path)))
        return self._existing(path).is_file()

    def list(self, prefix: str = "") -> list[str]:
        """Every file below the folder `prefix`, at any depth, sorted; temporaries left out."""
        if self._remote:
            base = self._url(prefix) if prefix else self._prefix
            try:
                found = self._remote.find(base)
            except FileNotFoundError:
                return []
            names = [name[len(self._prefix) :].lstrip("/") for name in found]
        else:
            base = self._existing(prefix) if prefix else self._folder
            names = [
                (Path(folder) / name).relative_to(self._folder).as_posix()
                for folder, _, files in os.walk(base)
                for name in files
            ]
        return sorted(n for n in names if not any(p.startswith(".") for p in n.split("/")))

    def delete(self, path: str) -> None:
        """Remove the file `path`; it may be gone already."""
        with contextlib.suppress(FileNotFoundError):
            if self._remote:
                self._remote.rm_file(self._url(path))
            else:
                self._existing(path).unlink()

    def drop(self, prefix: str) -> None:
        """Remove the folder `prefix` with everything in it; it may be gone already.

        On a local lake the folder disappears at once, by a rename into the trash; what a crash
        leaves there is removed by `sweep`.
        """
        if self._remote:
            for path in self.list(prefix):
                self.delete(path)
            return
        folder = self._existing(prefix)
        if folder.is_dir():
            _make_folders(self._folder / TRASH)
            grave = Path(tempfile.mkdtemp(dir=self._folder / TRASH))
            _rename(folder, grave / folder.name)
            failpoint("lake.in_trash")
            shutil.rmtree(grave, ignore_errors=True)

    @contextlib.contextmanager
    def local(self, path: str) -> Iterator[Path]:
        """A local path that holds the content of `path`: the file itself, or a copy of it.

        Raises:
            FileNotFoundError: there is no such file.
        """
        if not self._remote:
            found = self._existing(path)
            if not found.is_file():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(found))
            yield found
            return
        with self.scratch() as folder:
            copy = folder / PurePosixPath(path).name
            self._remote.get_file(self._url(path), str(copy))
            yield copy

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A private folder for work in progress, removed afterwards.

        On a local lake it lies on the lake's own file system, so that `adopt` is a rename.
        """
        base = None
        if not self._remote:
            base = self._folder / SCRATCH
            _make_folders(base)
        folder = Path(tempfile.mkdtemp(prefix="monitoring-dagster-", dir=base))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def exclusive(self, path: str) -> Iterator[None]:
        """Hold `path` alone among the processes of this machine; released even by kill -9.

        An object store has no such lock: there one run at a time must own a day.
        """
        if self._remote:
            yield
            return
        import fcntl

        _checked(path)
        _make_folders(self._folder / LOCKS)
        lock = self._folder / LOCKS / path.replace("/", "@")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def sweep(self, now: dt.datetime, stale_after: dt.timedelta = STALE_AFTER) -> list[str]:
        """Remove what killed processes left behind: temporaries, scratch folders, trash.

        Args:
            now: the clock; aware.
            stale_after: younger leftovers may belong to a process that is alive.

        Returns:
            What was removed, relative to the root, sorted.
        """
        if self._remote:
            return []
        oldest = (now - stale_after).timestamp()
        leftovers = [
            *(self._folder / SCRATCH).glob("*"),
            *(self._folder / TRASH).glob("*"),
            *self._folder.rglob(f".*{TEMPORARY}"),
        ]
        removed: list[str] = []
        for leftover in leftovers:
            with contextlib.suppress(FileNotFoundError):
                if leftover.lstat().st_mtime < oldest:
                    if leftover.is_dir() and not leftover.is_symlink():
                        shutil.rmtree(leftover)
                    else:
                        leftover.unlink()
                    removed.append(leftover.relative_to(self._folder).as_posix())
        return sorted(removed)

    def _url(self, path: str) -> str:
        return f"{self._prefix.rstrip('/')}/{_checked(path)}"

    def _existing(self, path: str) -> Path:
        """The local path of `path`, refused if a symbolic link leads out of the root."""
        joined = self._folder / _checked(path)
        if not joined.resolve().is_relative_to(self._folder):
            raise ValueError(f"{path!r} leads out of the lake through a symbolic link")
        return joined

    def _target(self, path: str) -> Path:
        """The local path that a file is about to be renamed to; its folder exists."""
        joined = self._folder / _checked(path)
        if not joined.parent.resolve().is_relative_to(self._folder):
            raise ValueError(f"{path!r} leads out of the lake through a symbolic link")
        _make_folders(joined.parent)
        return joined


def _checked(path: str) -> str:
    """`path` if it is relative, POSIX, and names nothing of the lake's own.

    >>> _checked("flights/profiles/2026-01-01.parquet")
    'flights/profiles/2026-01-01.parquet'
    >>> _checked("flights/../../etc/passwd")
    Traceback (most recent call last):
    ValueError: 'flights/../../etc/passwd' is not a path of the lake: ...
    """
    parts = path.split("/")
    if "\0" in path or "\\" in path or any(p == "" or p.startswith(".") for p in parts):
        raise ValueError(
            f"{path!r} is not a path of the lake: a path is relative, uses / and has no empty "
            "part and no part that begins with a dot"
        )
    return path


def _make_folders(folder: Path) -> None:
    """Create `folder` and its parents, readable by their owner only."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        with contextlib.suppress(FileExistsError):
            new.mkdir(mode=0o700)
        _fsync(new.parent)


def _rename(source: Path, target: Path) -> None:
    failpoint(f"lake.written{target.suffix}")
    source.replace(target)
    _fsync(target.parent)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
