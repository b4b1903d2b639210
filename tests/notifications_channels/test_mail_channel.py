"""Mail: one plain text per message, whose headers nobody but us can write."""

from __future__ import annotations

import pytest

from monitoring_dagster.errors import SettingInvalid
from monitoring_dagster.notifications.channel import Channel, Outcome
from monitoring_dagster.notifications.mail import MailChannel, MailServer
from monitoring_dagster.notifications.message import Form, Message
from tests.notifications_channels.conftest import KEY, SECRET, message, noon
from tests.slack.loopback import nobody_listening
from tests.slack.mail import HANG_UP, Mailbox, running_mail_server


def channel_to(box: Mailbox, user: str = "") -> MailChannel:
    server = MailServer(box.host, box.port, is_encrypted=False, user=user, password=SECRET)
    return MailChannel(
        server, sender="watch@example.org", recipients=["a@example.org", "b@c.d"], clock=noon
    )


def test_a_mail_arrives_with_the_id_of_its_key() -> None:
    with running_mail_server() as box:
        channel: Channel = channel_to(box)
        root = channel.post("#flight-delay", message("ROC AUC ± fell"), key=KEY)
        reply = channel.post("#flight-delay", message("Over"), key="b", thread=root.ts)
        again = channel.post("#flight-delay", message("ROC AUC ± fell"), key=KEY)
    first, second, third = (mail.content for mail in box.mails)
    assert (root.outcome, reply.outcome) == (Outcome.SENT, Outcome.SENT)
    assert box.mails[0].recipients == ("a@example.org", "b@c.d")
    assert first["Subject"] == "ROC AUC ± fell"
    assert first["Date"] == "Mon, 02 Mar 2026 12:00:00 +0000"
    assert first.get_content().splitlines() == ["ROC AUC ± fell", "in plain words"]
    assert first["Message-ID"] == root.ts == again.ts == third["Message-ID"]
    assert first["In-Reply-To"] is None
    assert second["In-Reply-To"] == second["References"] == root.ts


@pytest.mark.parametrize(
    "text",
    [
        "late\r\nBcc: victim@example.org",
        "late\nBcc: victim@example.org",
        "late\rBcc: victim@example.org",
        "late\x0bBcc: victim@example.org\x00",
        "late\u2028Bcc: victim@example.org",
        "late\x85Bcc: victim@example.org",
    ],
    ids=ascii,
)
def test_no_text_becomes_a_header(text: str) -> None:
    with running_mail_server() as box:
        sent = Message(text, (), Form.TEXT, text)
        answer = channel_to(box).post(f"#x{text}", sent, key=text, thread=f"<{'0' * 32}@a>{text}")
    assert answer.outcome is Outcome.SENT
    (mail,) = box.mails
    assert mail.content["Bcc"] is None
    assert mail.content["In-Reply-To"] is None
    assert mail.recipients == ("a@example.org", "b@c.d")


def test_half_a_character_and_a_lonely_dot_do_no_harm() -> None:
    with running_mail_server() as box:
        sent = Message("x", (), Form.TEXT, "\n\n half \ud83d\n.\nend")
        assert channel_to(box).post("#x", sent, key="\ud83d").outcome is Outcome.SENT
    assert box.mails[0].content["Subject"] == "half ?"
    assert box.mails[0].content.get_content().splitlines()[-2:] == [".", "end"]


def test_an_empty_or_endless_text_has_a_subject() -> None:
    with running_mail_server() as box:
        for text in ("", "x" * 5_000):
            channel_to(box).post("#x", Message("x", (), Form.TEXT, text), key=KEY)
    subjects = [mail.content["Subject"] for mail in box.mails]
    assert subjects[0] == "monitoring-dagster"
    assert len(subjects[1]) == 200


@pytest.mark.parametrize(
    ("step", "reply", "outcome"),
    [
        ("HELLO", "421 too busy", Outcome.NOT_SENT),
        ("MAIL", "451 later", Outcome.NOT_SENT),
        ("MAIL", "550 not from you", Outcome.CONFIGURATION),
        ("MAIL", "552 too large", Outcome.CONTENT),
        ("RCPT", "450 greylisted", Outcome.NOT_SENT),
        ("RCPT", "550 no such user", Outcome.CONFIGURATION),
        ("DATA", "451 later", Outcome.NOT_SENT),
        ("MESSAGE", "554 looks like spam", Outcome.CONTENT),
        ("MESSAGE", "452 disk full", Outcome.NOT_SENT),
        ("HELLO", HANG_UP, Outcome.NOT_SENT),
        ("MAIL", HANG_UP, Outcome.NOT_SENT),
        ("MESSAGE", HANG_UP, Outcome.NOT_SENT),
    ],
    ids=str,
)
def test_a_refusal_of_the_server_means(step: str, reply: str, outcome: Outcome) -> None:
    with running_mail_server() as box:
        box.refusals = {step: reply}  # type: ignore[dict-item]
        answer = channel_to(box).post("#x", message(), key=KEY)
    assert answer.outcome is outcome
    assert box.mails == []


def test_an_answer_that_is_lost_may_be_sent_again_under_the_same_id() -> None:
    with running_mail_server() as box:
        box.loses_answers = True
        assert channel_to(box).post("#x", message(), key=KEY).outcome is Outcome.NOT_SENT
        box.loses_answers = False
        assert channel_to(box).post("#x", message(), key=KEY).outcome is Outcome.SENT
    assert len({mail.content["Message-ID"] for mail in box.mails}) == 1


def test_a_server_without_log_in_is_a_matter_of_configuration() -> None:
    with running_mail_server() as box:
        answer = channel_to(box, user="me").post("#x", message(), key=KEY)
    assert answer.outcome is Outcome.CONFIGURATION


def test_nobody_listening_means_not_sent_by_mail() -> None:
    with nobody_listening() as address:
        port = int(address.rpartition(":")[2])
        box = Mailbox(port=port)
        assert channel_to(box).post("#x", message(), key=KEY).outcome is Outcome.NOT_SENT


def test_the_password_is_not_shown() -> None:
    server = MailServer.parse(f"smtps://me:{SECRET}@mail.example.org", named="URL")
    assert server.password == SECRET
    shown = repr([server, MailChannel(server, sender="a@b.c", recipients=["a@b.c"], clock=noon)])
    assert SECRET not in shown


@pytest.mark.parametrize(
    ("url", "port", "is_encrypted"),
    [
        ("smtps://me@mail.example.org", 465, True),
        ("smtp://me@mail.example.org", 587, False),
        ("smtp://mail.example.org:25/", 25, False),
    ],
)
def test_a_mail_server_is_read(url: str, port: int, is_encrypted: bool) -> None:
    server = MailServer.parse(url, named="URL")
    assert (server.host, server.port) == ("mail.example.org", port)
    assert server.is_encrypted is is_encrypted


@pytest.mark.parametrize(
    "url",
    [
        f"https://{SECRET}@a",
        f"smtps://:{SECRET}@",
        f"smtps://{SECRET}@a:port",
        f"smtp://a/{SECRET}",
    ],
)
def test_what_is_no_mail_server_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(SettingInvalid, match="URL is no URL") as caught:
        MailServer.parse(url, named="URL")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b\r\nBcc: c@d", "a b@c.d", "<a@b.c>"], ids=ascii
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    server = MailServer("a", 1, is_encrypted=True)
    with pytest.raises(SettingInvalid, match="SMTP_FROM"):
        MailChannel(server, sender=address, recipients=["a@b.c"], clock=noon)
    with pytest.raises(SettingInvalid, match="SMTP_TO"):
        MailChannel(server, sender="a@b.c", recipients=[address], clock=noon)
    with pytest.raises(SettingInvalid, match="SMTP_TO"):
        MailChannel(server, sender="a@b.c", recipients=[], clock=noon)
