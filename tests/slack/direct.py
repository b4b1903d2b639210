"""slack_sdk's client on a workspace without sockets: for tests that make thousands of calls.

It is the real WebClient on the real urllib; only the connection is replaced, and fails as a
connection would.
"""

from __future__ import annotations

import email.message
import errno
import io
import logging
import urllib.request
import urllib.response
from collections.abc import Callable
from http import HTTPStatus
from http.client import IncompleteRead
from typing import Any

from slack_sdk import WebClient
from slack_sdk.web.file_upload_v2_result import FileUploadV2Result

from tests.slack import web
from tests.slack.loopback import Request
from tests.slack.replies import Reply, Wire
from tests.slack.workspace import Workspace

URL = "http://slack.invalid/api/"


def never_mind(_: float) -> None:
    """A wait that takes no time."""


class WorkspaceHandler(urllib.request.BaseHandler):
    """Put into an opener of urllib (`build_opener`), it takes every request to a workspace.

    Args:
        workspace: who answers.
        wait: called with the timeout's seconds when no answer comes: a test's clock can go on.
    """

    handler_order = 100

    def __init__(self, workspace: Workspace, wait: Callable[[float], object] = never_mind) -> None:
        self._workspace = workspace
        self._wait = wait

    def http_open(self, request: urllib.request.Request) -> urllib.response.addinfourl:
        """Answer a request, or raise what urllib raises of a broken connection."""
        headers = email.message.Message()
        for name, value in request.header_items():
            headers[name] = str(value)
        body = request.data if isinstance(request.data, bytes) else b""
        reply = web.answer(
            self._workspace, Request(request.get_method(), request.selector, headers, body)
        )
        if reply.wire is Wire.RESET:
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
        if reply.wire is Wire.SILENT:
            self._wait(float(request.timeout or 0))
            raise TimeoutError("timed out")
        return _response(reply, request.full_url)

    https_open = http_open


def _response(reply: Reply, url: str) -> urllib.response.addinfourl:
    headers = email.message.Message()
    for name, value in reply.headers.items():
        headers[name] = value
    body: io.BytesIO = io.BytesIO(reply.body)
    if reply.wire is Wire.CUT:
        body = _CutBody(reply.body)
    response = urllib.response.addinfourl(body, headers, url, reply.status)
    response.msg = HTTPStatus(reply.status).phrase  # type: ignore[attr-defined]
    return response


class _CutBody(io.BytesIO):
    """A body whose second half never comes."""

    def read(self, size: int | None = -1, /) -> bytes:
        whole = super().read(size)
        half = len(whole) // 2
        raise IncompleteRead(whole[:half], len(whole) - half)


class DirectClient(WebClient):
    """A WebClient without retries whose every request goes through one opener."""

    def __init__(
        self,
        token: str | None,
        opener: urllib.request.OpenerDirector,
        logger: logging.Logger | None,
    ) -> None:
        super().__init__(token, base_url=URL, timeout=10, retry_handlers=[], logger=logger)
        self._opener = opener

    def _perform_urllib_http_request_internal(
        self,
        url: str,  # noqa: ARG002 - the request has it
        req: urllib.request.Request,
    ) -> dict[str, Any]:
        response = self._opener.open(req, timeout=self.timeout)
        text = response.read().decode()
        return {"status": response.code, "headers": response.headers, "body": text}

    def _upload_file(self, *, url: str, data: bytes, **_: Any) -> FileUploadV2Result:
        request = urllib.request.Request(url, data=data, method="POST")
        response = self._opener.open(request, timeout=self.timeout)
        return FileUploadV2Result(status=response.code, body=response.read().decode())


def direct_client(
    workspace: Workspace,
    token: str | None,
    wait: Callable[[float], object] = never_mind,
    logger: logging.Logger | None = None,
) -> WebClient:
    """A client of the workspace; `wait` is as in WorkspaceHandler."""
    opener = urllib.request.build_opener(WorkspaceHandler(workspace, wait))
    return DirectClient(token, opener, logger)
