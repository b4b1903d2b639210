"""The files of a stored model, here or behind MLflow: listed, measured, copied, digested.

Nothing is read of them here, and nothing outside the model's folder is reached.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from monitoring_dagster.errors import ModelRefused, ModelUnavailable

MOST_BYTES = 4 * 1024**3
"""Of all files of a model together."""

MOST_FILES = 10_000

_PLAIN = re.compile(r"[^\x00-\x1f\x7f\\]+")


class Files(Protocol):
    """A folder of files."""

    def names(self) -> Sequence[str]:
        """Every file below the folder, as `a/b`, sorted."""
        ...

    def copy(self, name: str, folder: Path) -> Path:
        """Copy one file to the same place below `folder`.

        Raises:
            ModelUnavailable: it is not there.
            ModelRefused: it lies outside the model, or is too large.
        """
        ...


def files_at(where: str, tracking_uri: str | None) -> Files:
    """The files at a path or URL that the registry names."""
    parts = urlsplit(where)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return LocalFiles(Path(unquote(parts.path)))
    return RemoteFiles(where, tracking_uri) if parts.scheme else LocalFiles(Path(where))


class LocalFiles:
    """A folder on this machine; links in it are refused, wherever they lead."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def names(self) -> Sequence[str]:
        """Every file below the folder, as `a/b`, sorted."""
        found: list[str] = []
        for path, folders, files in os.walk(self._folder):
            here = Path(path)
            for name in [*folders, *files]:
                inside = (here / name).relative_to(self._folder).as_posix()
                if (here / name).is_symlink():
                    raise _outside(inside)
                if name in files:
                    found.append(contained(inside))
            _few(found)
        return sorted(found)

    def copy(self, name: str, folder: Path) -> Path:
        """Copy one file to the same place below `folder`."""
        source = self._folder / contained(name)
        if source.resolve() != source:
            raise _outside(name)
        target = _place(folder, name)
        try:
            # Not following: the file may have become a link since.
            opened = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise _unavailable(str(source), error) from error
        with os.fdopen(opened, "rb") as read, target.open("wb") as written:
            state = os.fstat(opened)
            if not stat.S_ISREG(state.st_mode):
                raise ModelRefused(f"its file {name!r} is no plain file; store the model anew")
            small(state.st_size)
            while block := read.read(1 << 20):
                written.write(block)
        return target


class RemoteFiles:
    """A folder that MLflow reaches."""

    def __init__(self, where: str, tracking_uri: str | None) -> None:
        self._where = where.rstrip("/")
        self._tracking_uri = tracking_uri
        self._sizes: dict[str, dict[str, int | None]] = {}

    def names(self) -> Sequence[str]:
        """Every file below the folder, as `a/b`, sorted."""
        found: list[str] = []
        waiting = [""]
        while waiting:
            here = waiting.pop()
            for name, size in self._listed(here).items():
                (waiting if size is None else found).append(name)
            _few([*found, *waiting])
        return sorted(found)

    def copy(self, name: str, folder: Path) -> Path:
        """Copy one file to the same place below `folder`."""
        parent = PurePosixPath(contained(name)).parent.as_posix()
        size = self._listed("" if parent == "." else parent).get(name)
        if size is None:
            raise _unavailable(f"{self._where}/{name}", FileNotFoundError("there is no such file"))
        small(size)
        target = _place(folder, name)
        from mlflow.artifacts import download_artifacts
        from mlflow.exceptions import MlflowException

        try:
            copied = download_artifacts(
                artifact_uri=f"{self._where}/{name}",
                dst_path=str(target.parent),
                tracking_uri=self._tracking_uri,
            )
        except (MlflowException, OSError, ImportError) as error:
            raise _unavailable(f"{self._where}/{name}", error) from error
        small(Path(copied).stat().st_size)
        return Path(copied)

    def _listed(self, inside: str) -> dict[str, int | None]:
        """Entries of a folder with their sizes; None for folders."""
        if inside in self._sizes:
            return self._sizes[inside]
        from mlflow.artifacts import list_artifacts
        from mlflow.exceptions import MlflowException

        uri = f"{self._where}/{inside}" if inside else self._where
        try:
            found: Any = list_artifacts(artifact_uri=uri, tracking_uri=self._tracking_uri)
        except (MlflowException, OSError, ImportError) as error:
            raise _unavailable(uri, error) from error
        entries: dict[str, int | None] = {}
        for one in found:
            name = contained(PurePosixPath(inside, PurePosixPath(one.path).name).as_posix())
            entries[name] = None if one.is_dir else int(one.file_size or 0)
        self._sizes[inside] = entries
        return entries


def contained(name: str) -> str:
    """`name`, if it leads to a place below the folder that it starts from.

    >>> contained("code/model.py")
    'code/model.py'
    >>> contained("../model.pkl")
    Traceback (most recent call last):
        ...
    monitoring_dagster.errors.ModelRefused: its file '../model.pkl' lies outside the model; ...

    Raises:
        ModelRefused: it leads elsewhere, or holds characters that hide where it leads.
    """
    path = PurePosixPath(name)
    is_plain = _PLAIN.fullmatch(name) is not None and path.as_posix() == name
    if not is_plain or path.is_absolute() or ".." in path.parts or name == ".":
        raise _outside(name)
    return name


def copied(files: Files, folder: Path) -> Path:
    """Copy all files of a model into `folder`.

    Raises:
        ModelUnavailable: one is not there any more.
        ModelRefused: they are too many or too large, or one lies outside the model.
    """
    size = 0
    for name in files.names():
        size += files.copy(name, folder).stat().st_size
        small(size)
    return folder


def digest(folder: Path) -> str:
    r"""The SHA-256 of a model folder: of each file's own, with its name, in the order of names.

    The same as `find . -type f | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum` gives.

    Raises:
        ModelRefused: it holds links, or names that hide where they lead.
    """
    whole = hashlib.sha256()
    for name in LocalFiles(folder).names():
        with (folder / name).open("rb") as file:
            own = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{own}  ./{name}\n".encode())
    return whole.hexdigest()


def small(size: int) -> None:
    """Refuse a model of too many bytes."""
    if size > MOST_BYTES:
        raise ModelRefused(
            f"it has {size:,} bytes or more, and {MOST_BYTES:,} are the most that a model may "
            "have; store a smaller one"
        )


def _few(names: Sequence[str]) -> None:
    if len(names) > MOST_FILES:
        raise ModelRefused(f"it has more than {MOST_FILES:,} files; store a smaller model")


def _place(folder: Path, name: str) -> Path:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _outside(name: str) -> ModelRefused:
    return ModelRefused(
        f"its file {name!r} lies outside the model; store the model anew, as MLflow writes it"
    )


def _unavailable(what: str, error: Exception) -> ModelUnavailable:
    told = (getattr(error, "strerror", None) or str(error)).strip().partition("\n")[0]
    return ModelUnavailable(
        f"{what} cannot be fetched: {told or type(error).__name__}; see that the model is "
        "registered and that MLFLOW_TRACKING_URI leads to its registry"
    )
