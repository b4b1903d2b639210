"""What a fault makes of an answer, and what comes instead of one."""

from __future__ import annotations

from email.utils import formatdate

from tests.slack.faults import Fault, FaultKind
from tests.slack.replies import JSON, Reply, Wire

HTML = "<!DOCTYPE html><html><body><h1>Something went wrong</h1></body></html>"
HTML_HEADERS = {"Content-Type": "text/html; charset=utf-8"}
ELSEWHERE = "/elsewhere/"
"""Path of the redirect's target; `loopback` puts another name of the same host in front."""


def spoilt(reply: Reply, fault: Fault) -> Reply:
    """What the caller gets of the answer to a call that took effect."""
    match fault.kind:
        case FaultKind.ERROR_AFTER:
            return _server_error(fault)
        case FaultKind.RESET_AFTER_ACCEPT:
            return Reply(wire=Wire.RESET)
        case FaultKind.OK_FALSE_AFTER:
            return _ok_false(fault)
        case FaultKind.HTML_200_AFTER:
            return Reply(HTML, headers=HTML_HEADERS)
        case FaultKind.TRUNCATED_JSON_AFTER:
            whole = reply.body
            return Reply(whole[: len(whole) // 2], headers=reply.headers)
        case FaultKind.CUT_OFF_AFTER:
            return Reply(reply.body, headers=reply.headers, wire=Wire.CUT)
    raise ValueError(fault.kind)


def instead(fault: Fault, now: float) -> Reply:
    """What the caller gets of a call that has not taken effect (yet)."""
    match fault.kind:
        case FaultKind.RATE_LIMITED:
            return _too_fast(fault.detail, now)
        case FaultKind.ERROR_BEFORE:
            return _server_error(fault)
        case FaultKind.RESET_BEFORE:
            return Reply(wire=Wire.RESET)
        case FaultKind.TIMEOUT_BEFORE | FaultKind.SLOW_THEN_LANDED:
            return Reply(wire=Wire.SILENT)
        case FaultKind.OK_FALSE:
            return _ok_false(fault)
        case FaultKind.HTML_200:
            return Reply(HTML, headers=HTML_HEADERS)
        case FaultKind.REDIRECT_302:
            return Reply(status=302, headers={"Location": ELSEWHERE})
    raise ValueError(fault.kind)


def _server_error(fault: Fault) -> Reply:
    return Reply(HTML, status=int(fault.detail), headers=HTML_HEADERS)


def _ok_false(fault: Fault) -> Reply:
    return Reply({"ok": False, "error": fault.detail}, headers=JSON)


def _too_fast(detail: str, now: float) -> Reply:
    retry_after = {"Retry-After": detail}
    if detail == "date":
        retry_after = {"Retry-After": formatdate(now + 30, usegmt=True)}
    elif detail == "missing":
        retry_after = {}
    content = {"ok": False, "error": "ratelimited"}
    return Reply(content, status=429, headers=JSON | retry_after)
