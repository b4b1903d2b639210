"""A mail server on the loopback interface that records mails, refuses them, or hangs up."""

from __future__ import annotations

import contextlib
import email
import email.message
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Step = Literal["HELLO", "MAIL", "RCPT", "DATA", "MESSAGE"]
"""Where in a conversation it can refuse; MESSAGE is the answer to the mail itself."""

HANG_UP = ""
"""Instead of a reply: the connection is closed."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that was accepted, whether or not the sender was told."""

    sender: str
    recipients: tuple[str, ...]
    content: email.message.EmailMessage


@dataclass(slots=True)
class Mailbox:
    """What a mail server got, and how it answers.

    Args:
        host: where it listens, with `port`.
        refusals: reply by step, such as `{"RCPT": "550 5.1.1 no such user"}`; HANG_UP closes.
        loses_answers: accepts mails and hangs up instead of saying so.
    """

    host: str = "127.0.0.1"
    port: int = 0
    refusals: dict[Step, str] = field(default_factory=dict)
    loses_answers: bool = False
    mails: list[Mail] = field(default_factory=list)


@contextlib.contextmanager
def running_mail_server() -> Iterator[Mailbox]:
    """A mail server in a thread; without encryption and without log-in."""
    mailbox = Mailbox()
    with _Server(mailbox) as server:
        mailbox.port = server.server_address[1]
        serving = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        serving.start()
        try:
            yield mailbox
        finally:
            server.shutdown()
            serving.join()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True

    def __init__(self, mailbox: Mailbox) -> None:
        super().__init__((mailbox.host, 0), _Conversation)
        self.mailbox = mailbox


class _Conversation(socketserver.StreamRequestHandler):
    """RFC 5321, as much of it as a sender of alerts needs."""

    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride] - never another
    timeout = 10

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            self._say("220 localhost ESMTP")
            self._sender, self._recipients = "", []
            while (line := self.rfile.readline().decode().strip()) and self._answer(line):
                pass

    def _answer(self, line: str) -> bool:
        """Answer one command; False ends the conversation."""
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "EHLO" | "HELO":
                return self._step("HELLO", "250 localhost")
            case "MAIL":
                self._sender, self._recipients = _address(rest), []
                return self._step("MAIL", "250 2.1.0 OK")
            case "RCPT":
                if not self._refuses("RCPT"):
                    self._recipients.append(_address(rest))
                return self._step("RCPT", "250 2.1.5 OK")
            case "DATA":
                if self._refuses("DATA"):
                    return self._step("DATA", "")
                self._say("354 End data with <CR><LF>.<CR><LF>")
                return self._take_message()
            case "RSET" | "NOOP":
                return self._say("250 2.0.0 OK")
            case "QUIT":
                self._say("221 2.0.0 Bye")
                return False
            case _:
                return self._say("502 5.5.2 not implemented")

    def _take_message(self) -> bool:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            line = line.replace(b"\r\n", b"\n")
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        if self._refuses("MESSAGE"):
            return self._step("MESSAGE", "")
        content = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        mail = Mail(self._sender, tuple(self._recipients), content)
        self.server.mailbox.mails.append(mail)
        return not self.server.mailbox.loses_answers and self._say("250 2.0.0 queued")

    def _refuses(self, step: Step) -> bool:
        return step in self.server.mailbox.refusals

    def _step(self, step: Step, accepted: str) -> bool:
        reply = self.server.mailbox.refusals.get(step, accepted)
        return reply != HANG_UP and self._say(reply)

    def _say(self, reply: str) -> bool:
        self.wfile.write(f"{reply}\r\n".encode())
        return True


def _address(text: str) -> str:
    """Of `FROM:<a@b> SIZE=3`: `a@b`."""
    return text.partition("<")[2].partition(">")[0]
