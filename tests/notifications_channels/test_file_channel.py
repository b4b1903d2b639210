"""The file: each message once, whoever writes, whenever it is and whatever breaks."""

from __future__ import annotations

import datetime as dt
import json
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring_dagster.notifications.channel import Channel, Look, Outcome
from monitoring_dagster.notifications.file import FileChannel, threads
from monitoring_dagster.notifications.message import Form
from tests.notifications_channels.conftest import KEY, NOON, PICTURE, message, noon

ROOT = Path(__file__).parents[2]

WRITER = """
import datetime as dt, sys
from pathlib import Path
from monitoring_dagster.notifications.file import FileChannel
from monitoring_dagster.notifications.message import Form, Message
noon = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
channel = FileChannel(Path(sys.argv[1]), clock=lambda: noon)
for number in range(40):
    own, shared = f"{sys.argv[2]}-{number}", f"shared-{number}"
    for key in (own, shared):
        told = Message(key, (), Form.TEXT, key * 50)
        assert channel.post("#x", told, key=key).outcome == "sent"
    ts = channel.find("#x", shared, since=noon).ts
    channel.edit("#x", ts, Message("edited", (), Form.TEXT, "edited"), key=shared)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notifications" / "messages.jsonl"


@pytest.fixture
def channel(path: Path) -> FileChannel:
    return FileChannel(path, clock=noon)


def test_a_file_is_a_channel_that_can_be_read_by_its_owner_only(
    channel: FileChannel, path: Path
) -> None:
    kept: Channel = channel
    assert kept.can_look
    assert channel.post("#x", message(), key=KEY).outcome is Outcome.SENT
    channel.attach("#x", PICTURE, key="p", thread="1.1")
    files = sorted(path.parent.iterdir())
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_posting_a_key_twice_is_posting_it_once(channel: FileChannel, path: Path) -> None:
    first = channel.post("#x", message(), key=KEY)
    again = FileChannel(path, clock=noon).post("#x", message("other words"), key=KEY)
    assert first == again
    assert len(path.read_text().splitlines()) == 1


def test_what_was_written_is_found_edited_and_read_as_threads(
    channel: FileChannel, path: Path
) -> None:
    assert channel.find("#x", KEY, since=NOON).look is Look.ABSENT
    root = channel.post("#x", message("Open"), key=KEY)
    other = channel.post("#y", message("Other", Form.TEXT), key="other")
    reply = channel.post("#x", message("Worse"), key="reply", thread=root.ts)
    picture = channel.attach("#x", PICTURE, key="picture", thread=root.ts)
    assert channel.edit("#x", root.ts, message("Over"), key=KEY).outcome is Outcome.SENT
    sighting = channel.find("#x", KEY, since=NOON)
    assert (sighting.look, sighting.ts) == (Look.FOUND, root.ts)

    first, second = threads(path)
    assert (first.root.ts, first.root.text, first.root.key) == (root.ts, "Over", KEY)
    assert (first.root.at, first.root.edited_at) == (NOON, NOON)
    assert [entry.ts for entry in first.replies] == [reply.ts, picture.ts]
    shown = first.replies[1]
    assert shown.picture is not None
    assert shown.picture.read_bytes() == PICTURE.png
    assert (shown.text, shown.plain) == (PICTURE.title, PICTURE.alternative)
    assert (second.root.ts, second.root.form, second.replies) == (other.ts, Form.TEXT, ())


def test_an_edit_that_changes_nothing_writes_nothing(channel: FileChannel, path: Path) -> None:
    ts = channel.post("#x", message("Open"), key=KEY).ts
    channel.edit("#x", ts, message("Over"), key=KEY)
    before = path.read_bytes()
    channel.edit("#x", ts, message("Over"), key=KEY)
    FileChannel(path, clock=noon).edit("#x", ts, message("Over"), key=KEY)
    assert path.read_bytes() == before


def test_what_is_not_there_cannot_be_edited(channel: FileChannel) -> None:
    assert channel.edit("#x", "1.000001", message(), key=KEY).outcome is Outcome.GONE


def test_a_reply_whose_root_went_elsewhere_stands_alone(channel: FileChannel, path: Path) -> None:
    channel.post("#x", message("Reply"), key=KEY, thread="1503435956.000247")
    (thread,) = threads(path)
    assert (thread.root.text, thread.root.thread) == ("Reply", "1503435956.000247")


def test_the_ids_grow_even_where_the_clock_goes_back(path: Path) -> None:
    instants = iter([NOON, NOON, NOON - dt.timedelta(days=365), NOON, NOON - dt.timedelta(1), NOON])
    channel = FileChannel(path, clock=lambda: next(instants))
    ids = [float(channel.post("#x", message(), key=key).ts) for key in "abc"]
    assert ids == sorted(set(ids))
    assert [thread.root.key for thread in threads(path)] == ["a", "b", "c"]


def test_of_a_file_that_is_not_there_nothing_is_read(path: Path) -> None:
    assert threads(path) == []


def test_two_processes_write_each_key_once_and_no_id_twice(path: Path) -> None:
    commands = [[sys.executable, "-c", WRITER, str(path), name] for name in ("one", "two")]
    processes = [subprocess.Popen(command, cwd=ROOT) for command in commands]
    assert [process.wait() for process in processes] == [0, 0]
    records = [json.loads(line) for line in path.read_text().splitlines()]
    posted = [record for record in records if record["record"] == "message"]
    assert len(posted) == len({r["key"] for r in posted}) == len({r["ts"] for r in posted}) == 120
    assert [r["ts"] for r in posted] == sorted(r["ts"] for r in posted)
    assert len(records) == 160


@pytest.mark.parametrize(
    "rubbish",
    [b'{"record": "message", "ts', b"\x00\xff\n", b"[]\n", b"{}\n", b"[" * 50_000 + b"\n", b"\n"],
    ids=["a torn line", "bytes", "a list", "nothing in it", "far too deep", "an empty line"],
)
def test_a_line_that_is_none_does_no_harm(channel: FileChannel, path: Path, rubbish: bytes) -> None:
    before = channel.post("#x", message(), key="before").ts
    with path.open("ab") as stream:
        stream.write(rubbish)
    after = channel.post("#x", message(), key="after").ts
    assert FileChannel(path, clock=noon).find("#x", "after", since=NOON).ts == after
    assert [thread.root.ts for thread in threads(path)] == [before, after]


def test_a_file_that_was_put_away_is_begun_anew(channel: FileChannel, path: Path) -> None:
    channel.post("#x", message(), key=KEY)
    path.rename(path.with_suffix(".1"))
    assert channel.post("#x", message(), key=KEY).outcome is Outcome.SENT
    assert [thread.root.key for thread in threads(path)] == [KEY]


@pytest.fixture
def nearly_full_disk() -> Iterator[None]:
    """No file may grow beyond 1,000 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("nearly_full_disk")
def test_a_disk_that_is_full_leaves_no_half_of_a_line(channel: FileChannel, path: Path) -> None:
    assert channel.post("#x", message("short"), key="a").outcome is Outcome.SENT
    before = path.read_bytes()
    answer = channel.post("#x", message("long " * 500), key="b")
    assert (answer.outcome, answer.error) == (Outcome.NOT_SENT, "enospc")
    assert path.read_bytes() == before
    full = channel.attach("#x", PICTURE, key="c", thread="1.1")
    assert full.outcome is Outcome.SENT


def test_a_folder_that_cannot_be_made_is_a_matter_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    channel = FileChannel(tmp_path / "taken" / "messages.jsonl", clock=noon)
    assert channel.post("#x", message(), key=KEY).outcome is Outcome.CONFIGURATION
    assert channel.edit("#x", "1.1", message(), key=KEY).outcome is Outcome.CONFIGURATION
    assert channel.attach("#x", PICTURE, key=KEY, thread="1").outcome is Outcome.CONFIGURATION
    assert channel.find("#x", KEY, since=NOON).look is Look.FAILED


def test_a_link_in_the_place_of_the_file_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    answer = FileChannel(path, clock=noon).post("#x", message(), key=KEY)
    assert (answer.outcome, answer.error) == (Outcome.CONFIGURATION, "eloop")
    assert not (tmp_path / "elsewhere").exists()


def test_half_a_character_is_kept(channel: FileChannel, path: Path) -> None:
    channel.post("#x", message("half \ud83d"), key=KEY)
    assert threads(path)[0].root.text == "half \ud83d"
