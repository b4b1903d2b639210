"""The methods `files.*`: a file gets an address, its bytes go there, then it is shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.slack.arguments import Arguments
from tests.slack.replies import Refused, Reply
from tests.slack.state import Caller, SharedFile, State

LONGEST_ALTERNATIVE = 1_000


@dataclass(slots=True)
class Upload:
    """A file between its address and its being shared."""

    file_id: str
    name: str
    length: int
    alternative: str
    owner: str
    data: bytes | None = None
    is_shared: bool = False


def get_upload_url(state: State, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """files.getUploadURLExternal."""
    length = arguments.number("length", 0, "invalid_arguments")
    if length <= 0:
        raise Refused("invalid_arguments", "missing required field: length")
    alternative = arguments.text("alt_txt")
    if len(alternative) > LONGEST_ALTERNATIVE:
        raise Refused("alt_txt_too_large")
    file_id = f"F{len(state.uploads) + 1:08d}"
    name = arguments.required("filename")
    state.uploads[file_id] = Upload(file_id, name, length, alternative, caller.app.user)
    return {"upload_url": state.upload_url + file_id, "file_id": file_id}


def take_bytes(state: State, file_id: str, data: bytes) -> Reply:
    """What the address answers to the bytes of a file."""
    upload = state.uploads.get(file_id)
    if upload is None:
        return Reply("no such upload", status=404)
    if len(data) != upload.length:
        return Reply(f"expected {upload.length} bytes, got {len(data)}", status=400)
    upload.data = data
    return Reply(f"OK - {len(data)}", headers={"Content-Type": "text/plain; charset=utf-8"})


def complete_upload(state: State, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """files.completeUploadExternal: shares files, once, in a channel or a thread."""
    listed = arguments.structure("files", "invalid_arguments")
    if not isinstance(listed, list) or not listed:
        raise Refused("invalid_arguments", "missing required field: files")
    room = None
    if channel := arguments.text("channel_id"):
        room = state.room(channel, caller.app)
        if room.is_archived:
            raise Refused("is_archived")
        if caller.app.user not in room.members:
            raise Refused("not_in_channel")
    shared = [_shared(state, caller, item) for item in listed]
    root = state.root(room, arguments.text("thread_ts")) if room else None
    for file in shared:
        state.uploads[file.id].is_shared = True
    if room:
        text = arguments.text("initial_comment")
        message = state.add(room, caller.app.user, text, root, files=shared)
        state.lands(caller, "files.completeUploadExternal", message)
    return {"files": [{"id": file.id, "title": file.title} for file in shared]}


def _shared(state: State, caller: Caller, item: Any) -> SharedFile:
    upload = state.uploads.get(str(item.get("id"))) if isinstance(item, dict) else None
    if upload is None or upload.owner != caller.app.user:
        raise Refused("file_not_found")
    if upload.data is None or upload.is_shared:
        raise Refused("file_not_found")
    title = item.get("title") or upload.name
    return SharedFile(upload.file_id, upload.name, title, upload.alternative, upload.data)
