"""Mail: messages as plain text by SMTP, threads by their headers.

It can be told, and not asked: nothing is found again or edited. A message's id follows from its
key, by which servers and mail programs know a repetition.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import smtplib
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

from monitoring_dagster import egress
from monitoring_dagster.errors import SettingInvalid
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.notifications.channel import Answer, Outcome
from monitoring_dagster.notifications.markers import marker
from monitoring_dagster.notifications.message import Message
from monitoring_dagster.notifications.one_way import OneWay

SECONDS = 5.0
LONGEST_SUBJECT = 200

_ADDRESS = re.compile(r"[!-?A-~]+@[A-Za-z0-9.-]+")
_MESSAGE_ID = re.compile(r"<[0-9a-f]{32}@[A-Za-z0-9.-]+>")


@dataclass(frozen=True, slots=True)
class MailServer:
    """A server that takes mail.

    Args:
        is_encrypted: TLS from the first byte; else STARTTLS, without which nothing is sent but
            to this very machine, whose relays have no certificates.
        user: empty where the server asks for none.
    """

    host: str
    port: int
    is_encrypted: bool
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str, *, password: str = "", named: str) -> MailServer:
        """Read `smtps://user:password@host:port` or `smtp://…`, which means STARTTLS.

        Args:
            url: 465 and 587 are the ports where it names none.
            password: in the place of the URL's.
            named: the variable that holds it, for the texts of errors.

        >>> MailServer.parse("smtps://me@mail.example.org", password="s", named="IT")
        MailServer(host='mail.example.org', port=465, is_encrypted=True, user='me')

        Raises:
            SettingInvalid: it is no such URL; the text does not show it.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port, parts = None, None, urlsplit("")
        is_plain = url.isascii() and url.isprintable() and not parts.path.strip("/")
        if parts.scheme not in ("smtp", "smtps") or not host or not is_plain:
            raise SettingInvalid(
                f"{named} is no URL of a mail server; give smtps://user@host:465 or "
                "smtp://user@host:587 (its value is not shown)"
            )
        is_encrypted = parts.scheme == "smtps"
        return cls(
            host=host,
            port=port or (465 if is_encrypted else 587),
            is_encrypted=is_encrypted,
            user=unquote(parts.username or ""),
            password=password or unquote(parts.password or ""),
        )


class MailChannel(OneWay):
    """One sender and those who are written to.

    Args:
        server: what takes the mail.
        sender: the address that it comes from.
        recipients: the addresses that it goes to, at least one.
        clock: the clock; aware.
        seconds: for each step of the conversation with the server.

    Raises:
        SettingInvalid: an address is none.
    """

    name = "mail"

    def __init__(
        self,
        server: MailServer,
        *,
        sender: str,
        recipients: Sequence[str],
        clock: Callable[[], dt.datetime],
        seconds: float = SECONDS,
    ) -> None:
        self._server = server
        self._sender = _checked(sender, "MONITORING_DAGSTER_SMTP_FROM")
        if not recipients:
            raise SettingInvalid(
                "MONITORING_DAGSTER_SMTP_TO names nobody; give addresses, separated by commas"
            )
        self._recipients = [_checked(one, "MONITORING_DAGSTER_SMTP_TO") for one in recipients]
        self._clock = clock
        self._seconds = seconds

    def __repr__(self) -> str:
        return f"MailChannel({self._server.host!r})"

    def post(
        self,
        destination: str,
        message: Message,
        *,
        key: str,
        thread: str | None = None,
    ) -> Answer:
        """Send a message. Its `ts` is its Message-ID."""
        mail = self._mail(destination, message, key, thread)
        answer = self._sent(mail)
        failpoint("mail.sent")
        return answer

    def _mail(
        self, destination: str, message: Message, key: str, thread: str | None
    ) -> EmailMessage:
        mail = EmailMessage(policy=SMTP_POLICY)
        mail["From"] = self._sender
        mail["To"] = ", ".join(self._recipients)
        mail["Subject"] = subject(message)
        mail["Date"] = format_datetime(self._clock())
        mail["Message-ID"] = message_id(key, self._sender)
        mail["X-Monitoring-Dagster-Destination"] = one_line(destination)
        # A server that answers machines would answer every alert.
        mail["Auto-Submitted"] = "auto-generated"
        if thread and _MESSAGE_ID.fullmatch(thread):
            mail["In-Reply-To"] = thread
            mail["References"] = thread
        mail.set_content(_encodable(message.plain), cte="quoted-printable")
        return mail

    def _sent(self, mail: EmailMessage) -> Answer:
        """Hand the mail over. What may have arrived counts as not sent: its id is known there."""
        try:
            with self._connected() as smtp:
                smtp.sendmail(self._sender, self._recipients, mail.as_bytes())
        except smtplib.SMTPAuthenticationError as error:
            return _refused(error.smtp_code, Outcome.CONFIGURATION, "authentication")
        except smtplib.SMTPNotSupportedError:
            return Answer(Outcome.CONFIGURATION, error="starttls_or_login_missing")
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            return _refused(min(codes, default=550), Outcome.CONFIGURATION, "recipients")
        except smtplib.SMTPSenderRefused as error:
            outcome = Outcome.CONTENT if error.smtp_code == 552 else Outcome.CONFIGURATION
            return _refused(error.smtp_code, outcome, "sender")
        except smtplib.SMTPDataError as error:
            return _refused(error.smtp_code, Outcome.CONTENT, "content")
        except smtplib.SMTPResponseException as error:
            return _refused(error.smtp_code, Outcome.CONFIGURATION, "server")
        except ssl.SSLCertVerificationError:
            return Answer(Outcome.NOT_SENT, error="certificate_refused")
        except UnicodeError:
            return Answer(Outcome.CONFIGURATION, error="credentials_not_ascii")
        except OSError as error:
            return Answer(Outcome.NOT_SENT, error=_lost(error))
        return Answer(Outcome.SENT, ts=str(mail["Message-ID"]))

    @contextlib.contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """A conversation, encrypted and logged in; how it ends is of no importance."""
        server, context = self._server, ssl.create_default_context()
        if server.is_encrypted:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._seconds, context=context
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=self._seconds)
        try:
            smtp.ehlo_or_helo_if_needed()
            if not server.is_encrypted and not egress.is_loopback(server.host):
                smtp.starttls(context=context)
            if server.user:
                smtp.login(server.user, server.password)
            yield smtp
            with contextlib.suppress(OSError):
                smtp.quit()
        finally:
            smtp.close()


def message_id(key: str, sender: str) -> str:
    """The id of a key's message.

    >>> message_id("flight_delay:root", "watch@example.org")
    '<be81956b73b3e616b7b98aec24608cd8@example.org>'
    """
    return f"<{marker(key)}@{sender.rpartition('@')[2]}>"


def subject(message: Message) -> str:
    """The first line that says something."""
    lines = [one_line(line) for line in message.plain.splitlines()]
    said = next((line for line in lines if line), "monitoring-dagster")
    return said if len(said) <= LONGEST_SUBJECT else f"{said[: LONGEST_SUBJECT - 1]}…"


def one_line(text: str) -> str:
    r"""A text that no header can end in: without line ends and other control characters.

    >>> one_line("late\r\nBcc: everybody@example.org")
    'late Bcc: everybody@example.org'
    """
    printable = "".join(c if c.isprintable() else " " for c in _encodable(text))
    return " ".join(printable.split())


def _checked(address: str, named: str) -> str:
    if not _ADDRESS.fullmatch(address):
        raise SettingInvalid(f"{named} holds {address!r}, which is no address such as a@b.org")
    return address


def _refused(code: int, lasting: Outcome, of: str) -> Answer:
    """RFC 5321, 4.2.1: of what begins with 4 the sender may try again."""
    return Answer(Outcome.NOT_SENT if code < 500 else lasting, error=f"{of}_refused_{code}")


def _lost(error: Exception) -> str:
    return "timeout" if isinstance(error, TimeoutError) else "unreachable"


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
