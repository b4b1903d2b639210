"""File: the last resort, and what a process without any other channel writes to.

One JSON line per message, edit and picture, in a file that only grows. What stands in the end is
read by `threads`; making a page of it is the reader's.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.notifications.channel import Answer, Look, Outcome, Sighting
from monitoring_dagster.notifications.markers import marker
from monitoring_dagster.notifications.message import Block, Form, Message, Picture

MESSAGES = Path("notifications", "messages.jsonl")
"""Where the file lies below the home."""

_FOR_NOW = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE})


@dataclass(frozen=True, slots=True)
class Entry:
    """A message as it stands after its edits, or a picture.

    Args:
        at: the clock when it was written; `edited_at` that of its last edit.
        thread: `ts` of the message that it answers; None of a root.
        picture: the PNG of a picture, whose title is `text`; None of a message.
    """

    ts: str
    at: dt.datetime
    destination: str
    key: str
    thread: str | None
    form: Form
    text: str
    blocks: Sequence[Block]
    plain: str
    edited_at: dt.datetime | None = None
    picture: Path | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """A root and what was written under it, in order.

    A reply whose root went by another channel is a root here.
    """

    root: Entry
    replies: tuple[Entry, ...]


@dataclass(slots=True)
class _Read:
    """What of the file has been read: up to which byte of which file, and what stands there."""

    file: tuple[int, int] = (0, 0)
    end: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)
    ts_of: dict[str, str] = field(default_factory=dict)
    last: int = 0

    def take(self, record: Mapping[str, Any], folder: Path) -> None:
        ts = record["ts"]
        if record["record"] == "edit":
            entry = self.entries[ts]
            self.entries[ts] = _entry({**_fields(entry), **record}, folder, entry)
        else:
            self.entries[ts] = _entry(record, folder, None)
            self.ts_of[record["key"]] = ts
            self.last = max(self.last, _microseconds(ts))


class FileChannel:
    """Messages in a file of this machine; several processes may write to it at once.

    A message is known by its key: posting it again gives the `ts` that it has.

    Args:
        path: the file; made with its folder, readable by this user alone.
        clock: the clock; aware. `ts` follows it, and grows even where it goes back.
    """

    name = "file"
    can_look = True

    def __init__(self, path: Path, *, clock: Callable[[], dt.datetime]) -> None:
        self._path = path
        self._clock = clock
        self._read = _Read()

    def __repr__(self) -> str:
        return f"FileChannel({str(self._path)!r})"

    def post(
        self, destination: str, message: Message, *, key: str, thread: str | None = None
    ) -> Answer:
        """Append a message, unless it is there."""
        said = {"destination": destination, "thread": thread, **_shown(message)}
        return self._appended("message", key, said)

    def find(
        self,
        destination: str,
        key: str,
        *,
        since: dt.datetime,  # noqa: ARG002 - the file is read as a whole
        thread: str | None = None,  # noqa: ARG002
    ) -> Sighting:
        """Look for the message of `key`."""
        try:
            known = _whole(self._path).ts_of
        except FileNotFoundError:
            return Sighting(Look.ABSENT)
        except OSError as error:
            return Sighting(Look.FAILED, error=_named(error))
        if key not in known:
            return Sighting(Look.ABSENT)
        return Sighting(Look.FOUND, channel=destination, ts=known[key])

    def edit(self, destination: str, ts: str, message: Message, *, key: str) -> Answer:
        """Append what the message shows from now on, unless it shows that."""
        try:
            with self._held() as (descriptor, read):
                standing = read.entries.get(ts)
                if standing is None:
                    return Answer(Outcome.GONE, error="message_not_found")
                if _shown(message) != {name: _fields(standing)[name] for name in _shown(message)}:
                    said = {"destination": destination, "key": key, **_shown(message)}
                    self._append(descriptor, {"record": "edit", "ts": ts, **said})
                return Answer(Outcome.SENT, channel=destination, ts=ts)
        except OSError as error:
            return _failed(error)

    def attach(self, destination: str, picture: Picture, *, key: str, thread: str) -> Answer:
        """Put a picture beside the file, and append where it is, unless it is there."""
        name = f"{marker(key)}.png"
        try:
            _made(self._path.parent)
            _write_whole(self._path.parent / name, picture.png)
        except OSError as error:
            return _failed(error)
        said = {
            "destination": destination,
            "thread": thread,
            "form": Form.FULL,
            "text": picture.title,
            "blocks": [],
            "plain": picture.alternative,
            "picture": name,
        }
        return self._appended("picture", key, said)

    def _appended(self, record: str, key: str, said: Mapping[str, Any]) -> Answer:
        try:
            with self._held() as (descriptor, read):
                ts = read.ts_of.get(key)
                if ts is None:
                    now = int(self._clock().timestamp() * 1_000_000)
                    ts = _written(max(now, read.last + 1))
                    self._append(descriptor, {"record": record, "ts": ts, "key": key, **said})
                return Answer(Outcome.SENT, channel=str(said["destination"]), ts=ts)
        except OSError as error:
            return _failed(error)

    @contextlib.contextmanager
    def _held(self) -> Iterator[tuple[int, _Read]]:
        """The file, held alone among all processes, and all that is in it."""
        import fcntl

        _made(self._path.parent)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._read = _further(self._read, descriptor, self._path.parent)
            yield descriptor, self._read
        finally:
            os.close(descriptor)

    def _append(self, descriptor: int, record: Mapping[str, Any]) -> None:
        """Append a line and see it on the disk; a part of one is taken back."""
        line = json.dumps({**record, "at": self._clock().isoformat()}).encode() + b"\n"
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        try:
            written = os.write(descriptor, line)
            if written < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
            if not size:
                _sync_folder(self._path.parent)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
        failpoint("file.appended")


def threads(path: Path) -> list[Thread]:
    """What stands in the file in the end: every thread, by its first message.

    Args:
        path: the file; nothing stands in one that is not there.
    """
    try:
        entries = sorted(_whole(path).entries.values(), key=lambda e: _microseconds(e.ts))
    except FileNotFoundError:
        return []
    known = {entry.ts for entry in entries}
    roots = [entry for entry in entries if entry.thread not in known]
    return [
        Thread(root, tuple(entry for entry in entries if entry.thread == root.ts)) for root in roots
    ]


def _whole(path: Path) -> _Read:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return _further(_Read(), descriptor, path.parent)
    finally:
        os.close(descriptor)


def _further(read: _Read, descriptor: int, folder: Path) -> _Read:
    """`read` with the whole lines that have come since; from the start if it is another file."""
    status = os.fstat(descriptor)
    file = (status.st_dev, status.st_ino)
    if read.file != file or read.end > status.st_size:
        read = _Read(file)
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        stream.seek(read.end)
        for line in stream:
            if not line.endswith(b"\n"):
                break
            read.end += len(line)
            # A line that a crash cut short is none, and neither is one that somebody else wrote.
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                read.take(json.loads(line), folder)
    return read


def _entry(record: Mapping[str, Any], folder: Path, before: Entry | None) -> Entry:
    at = dt.datetime.fromisoformat(record["at"])
    entry = Entry(
        ts=_written(_microseconds(record["ts"])),
        at=at,
        destination=str(record["destination"]),
        key=str(record["key"]),
        thread=record["thread"],
        form=Form(record["form"]),
        text=str(record["text"]),
        blocks=tuple(record["blocks"]),
        plain=str(record["plain"]),
        picture=folder / Path(record["picture"]).name if record.get("picture") else None,
    )
    return entry if before is None else replace(entry, at=before.at, edited_at=at)


def _fields(entry: Entry) -> dict[str, Any]:
    return {
        "destination": entry.destination,
        "key": entry.key,
        "thread": entry.thread,
        "form": entry.form,
        "text": entry.text,
        "blocks": list(entry.blocks),
        "plain": entry.plain,
    }


def _shown(message: Message) -> dict[str, Any]:
    """What a message shows, as JSON gives it back."""
    return {
        "form": message.form,
        "text": message.text,
        "blocks": json.loads(json.dumps(_lists(message.blocks))),
        "plain": message.plain,
    }


def _lists(blocks: Iterable[Block]) -> list[dict[str, Any]]:
    return [dict(block) for block in blocks]


def _microseconds(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(fraction)


def _written(microseconds: int) -> str:
    """A `ts` as Slack writes one."""
    return f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}"


def _made(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _sync_folder(folder: Path) -> None:
    """See on the disk that a new file is there."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all; the same content twice does no harm."""
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(partial, flags, 0o600), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _failed(error: OSError) -> Answer:
    outcome = Outcome.NOT_SENT if error.errno in _FOR_NOW else Outcome.CONFIGURATION
    return Answer(outcome, error=_named(error))


def _named(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "unreadable").lower()
