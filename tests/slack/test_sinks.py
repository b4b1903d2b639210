"""The sinks of the tests: a webhook's and a mail server."""

from __future__ import annotations

import smtplib
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from http.client import RemoteDisconnected

import pytest

from tests.slack.loopback import Request, running_loopback
from tests.slack.mail import HANG_UP, Step, running_mail_server
from tests.slack.replies import Reply, Wire
from tests.slack.sink import running_sink


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


def deliver(url: str, timeout: float = 20) -> int:
    request = urllib.request.Request(url, data=b'{"a": 1}', headers={"X-Signature": "s"})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.status


def test_a_webhook_is_recorded_whatever_becomes_of_it() -> None:
    with running_sink() as sink:
        sink.script([503, "reset", 202])
        with pytest.raises(urllib.error.HTTPError, match="503") as caught:
            deliver(sink.url)
        caught.value.close()
        with pytest.raises(ConnectionResetError):
            deliver(sink.url)
        assert deliver(sink.url) == 202
        assert deliver(sink.url) == 200
        assert [delivery.step for delivery in sink.deliveries] == [503, "reset", 202, 200]
        assert {request.body for request in sink.requests} == {b'{"a": 1}'}
        assert sink.requests[0].headers["x-signature"] == "s"


def test_a_webhook_may_get_no_answer_or_be_led_elsewhere() -> None:
    with running_sink() as sink:
        sink.script(["silent", "redirect"])
        with pytest.raises(TimeoutError):
            deliver(sink.url, timeout=0.3)
        assert deliver(sink.url) == 200
        assert [request.path for request in sink.requests] == ["/hook", "/hook", "/elsewhere"]


def test_a_server_that_ends_lets_go_of_those_who_wait() -> None:
    arrived = threading.Event()

    def respond(_: Request) -> Reply:
        arrived.set()
        return Reply(wire=Wire.SILENT)

    with ThreadPoolExecutor() as pool:
        with running_loopback(respond) as address:
            waiting = pool.submit(deliver, address, timeout=600)
            assert arrived.wait(60)
        assert isinstance(waiting.exception(timeout=60), RemoteDisconnected)


def test_a_server_that_breaks_fails_its_test() -> None:
    def respond(_: Request) -> Reply:
        raise ZeroDivisionError

    broken = running_loopback(respond)
    with pytest.raises(ZeroDivisionError), broken as url, pytest.raises(RemoteDisconnected):
        deliver(url)


def mail() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "monitor@a.example", "ada@a.example"
    message["Subject"] = "Größe: drift"
    message.set_content("first\n.hidden dot\n")
    return message


def test_a_mail_arrives_as_it_was_sent() -> None:
    with running_mail_server() as mailbox:
        with smtplib.SMTP(mailbox.host, mailbox.port, timeout=20) as client:
            client.send_message(mail())
        [arrived] = mailbox.mails
        assert (arrived.sender, arrived.recipients) == ("monitor@a.example", ("ada@a.example",))
        assert arrived.content["Subject"] == "Größe: drift"
        assert arrived.content.get_content() == "first\n.hidden dot\n"


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("HELLO", smtplib.SMTPHeloError),
        ("MAIL", smtplib.SMTPSenderRefused),
        ("RCPT", smtplib.SMTPRecipientsRefused),
        ("DATA", smtplib.SMTPDataError),
        ("MESSAGE", smtplib.SMTPDataError),
    ],
)
def test_a_mail_can_be_refused_at_every_step(step: Step, error: type[Exception]) -> None:
    with running_mail_server() as mailbox:
        mailbox.refusals[step] = "550 5.7.1 refused"
        with smtplib.SMTP(mailbox.host, mailbox.port, timeout=20) as client:
            with pytest.raises(error):
                client.send_message(mail())
            assert mailbox.mails == []


def test_the_answer_to_a_mail_can_be_lost() -> None:
    with running_mail_server() as mailbox:
        mailbox.loses_answers = True
        client = smtplib.SMTP(mailbox.host, mailbox.port, timeout=20)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.send_message(mail())
        client.close()
        assert len(mailbox.mails) == 1
        mailbox.refusals["MAIL"] = HANG_UP
        client = smtplib.SMTP(mailbox.host, mailbox.port, timeout=20)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.send_message(mail())
        client.close()
        assert len(mailbox.mails) == 1
