"""A workspace behind HTTP: requests become calls, as slack_sdk and others encode them."""

from __future__ import annotations

import json
from dataclasses import replace
from email.message import Message
from email.parser import BytesParser
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.slack.loopback import Request
from tests.slack.replies import JSON, Reply
from tests.slack.spoiling import ELSEWHERE
from tests.slack.workspace import Workspace

API = "/api/"
UPLOADS = "/upload/v1/"


def answer(workspace: Workspace, request: Request) -> Reply:
    """What Slack's hosts answer: the Web API, the addresses of uploads, and a thief's host."""
    path = urlsplit(request.path).path
    if path.startswith(API):
        reply = _call(workspace, path.removeprefix(API), request)
    elif path.startswith(UPLOADS):
        reply = workspace.upload(path.removeprefix(UPLOADS), _file(request))
    elif path.startswith(ELSEWHERE):
        reply = _thieve(workspace, request)
    else:
        reply = Reply("not found", status=404)
    date = formatdate(workspace.state.clock(), usegmt=True)
    return replace(reply, headers={"Date": date, **reply.headers})


def _call(workspace: Workspace, method: str, request: Request) -> Reply:
    try:
        arguments = _arguments(request)
    except ValueError:
        return Reply({"ok": False, "error": "invalid_json"}, headers=JSON)
    scheme, _, token = (request.headers.get("Authorization") or "").partition(" ")
    given = token if scheme == "Bearer" else arguments.pop("token", None)
    return workspace.call(method, arguments, given)


def _arguments(request: Request) -> dict[str, Any]:
    """Of the query and the body: JSON, a form, or multipart.

    Raises:
        ValueError: the body should be a JSON object and is none.
    """
    arguments: dict[str, Any] = dict(parse_qsl(urlsplit(request.path).query))
    kind = request.headers.get_content_type()
    # slack_sdk says "JSON" of a call without arguments, too, and sends nothing.
    if not request.body:
        return arguments
    if kind == "application/json":
        given = json.loads(request.body)
        if not isinstance(given, dict):
            raise ValueError("not an object")
        return arguments | given
    if kind == "multipart/form-data":
        parts = {name: data.decode() for name, data in _parts(request).items()}
        return arguments | parts
    return arguments | dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def _file(request: Request) -> bytes:
    """The bytes of a file: the body, or the first part of a multipart body."""
    if request.headers.get_content_type() != "multipart/form-data":
        return request.body
    return next(iter(_parts(request).values()), b"")


def _parts(request: Request) -> dict[str, bytes]:
    kind = request.headers["Content-Type"]
    whole = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body)
    found: dict[str, bytes] = {}
    for part in whole.walk():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(part, Message) and isinstance(name, str) and isinstance(payload, bytes):
            found[name] = payload
    return found


def _thieve(workspace: Workspace, request: Request) -> Reply:
    """What a client gets that followed a redirect: a success that never was."""
    workspace.elsewhere.append(dict(request.headers.items()))
    message = {"ok": True, "channel": "C99999999", "ts": "1.000001", "message": {}}
    return Reply(message, headers=JSON)
