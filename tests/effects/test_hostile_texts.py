"""Names, values and sentences that want to be more than text are shown as text, everywhere.

Names that the contract forbids never come so far; these are what it lets pass: names of columns,
values of categories and segments, texts of verdicts and checks, and what people say.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from assets.metadata import as_metadata
from monitoring_dagster.cli import app
from monitoring_dagster.evaluation import Evaluated
from monitoring_dagster.incidents import answering
from monitoring_dagster.incidents.context import FailedCheck
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.incidents.rows import incident_of
from monitoring_dagster.incidents.silences import Silence
from monitoring_dagster.monitors.calendar import taken_at
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.notifications import rendering
from monitoring_dagster.notifications.mail import MailChannel, MailServer
from monitoring_dagster.notifications.message import Form, Message
from monitoring_dagster.notifications.webhook import WebhookChannel
from monitoring_dagster.reports import export, verdicts
from monitoring_dagster.reports.messages import Posted, Thread, page
from monitoring_dagster.store import Recorded, Store, incidents, outbox
from monitoring_dagster.store.response_tables import outbox as table
from monitoring_dagster.store.tables import metadata
from tests.effects.conftest import copied_store
from tests.effects.office import SlackOffice
from tests.effects.watch import Watch
from tests.incidents_grouping.world import DOCUMENT, drift, lost, objective, ok
from tests.slack.clock import HandClock
from tests.slack.mail import running_mail_server
from tests.slack.seeing import Seen
from tests.slack.sink import running_sink

DAY = dt.date(2026, 3, 16)
NEXT = DAY + dt.timedelta(days=1)
RUNBOOK = "https://wiki.example/parcels?a=1&b=2"

HOSTILE = {
    "everybody is called": "<!channel>",
    "somebody is called": "<@U00000002>",
    "a link with another name": "<http://evil.example|report>",
    "an address and a quote": "> http://evil.example/x",
    "code that ends": "`x` ``` y",
    "formatting and an emoji": "*bold* _slanted_ ~gone~ :tada:",
    "a script and an attribute": "</script><img src=x onerror=alert(1)>' onload='alert(1)",
    "a formula": "=1+1",
    "a function": "@SUM(A1)",
    "a tab before a formula": "\t=1+1",
    "a line end before a formula": "\r=1+1",
    "another line": "\nx\nBcc: all@evil.example\r\n\r\n.\r\nx",
    "SQL and a quotation mark": "'; DROP TABLE incident; -- \"",
    "no character": "a\x00b",
    "half a character": "x\udc80y",
    "the other direction": "\u202egnp.exe\u2066\u200b\ufeff",
    "a terminal's order": "\x1b[2J\x1b]0;owned\x07red",
    "markup of other kinds": "[red]x[/red] | a | ![b](//c) {{7*7}} %(x)s {0}",
}
"""By what each wants to be."""

OUR_MENTIONS = {"!here"}
"""Whom an escalation calls, unless the monitor says otherwise."""

OUR_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "article", "div"),
    *("b", "span", "time", "p", "strong", "em", "code", "br", "a", "svg", "path", "hr"),
}
OUR_ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "viewbox", "aria-hidden", "d"),
    *("datetime", "href", "rel"),
}


def monitor_of(evil: str) -> Monitor:
    """A monitor with a column of that name, if the contract takes it."""
    more = {"alerting": {"channel": "#model-alerts", "runbook": RUNBOOK}}
    columns = DOCUMENT["columns"]
    named = columns | {evil: {"role": "feature", "type": "category"}}
    try:
        return Monitor.model_validate_json(json.dumps(DOCUMENT | more | {"columns": named}))
    except ValueError:
        return Monitor.model_validate_json(json.dumps(DOCUMENT | more))


def said_of(evil: str) -> list:
    """A lost column, a segment that moved, and an objective that is missed, all of one name."""
    text = f"`{evil}` cannot be used: {evil} of {evil}"
    return [
        lost(evil, text=text),
        drift("income", segment=f"region={evil}", text=f"income moved in region={evil}"),
        objective(text=f"ranks was missed: {evil}"),
    ]


@dataclass(frozen=True)
class Story:
    """What came of something hostile: the store, and what people were told."""

    evil: str
    store: Store
    people: SlackOffice


@pytest.fixture(scope="module", params=HOSTILE.values(), ids=[*HOSTILE])
def story(request: pytest.FixtureRequest, shelf: Path, empty_store: Path) -> Iterator[Story]:
    """Incidents about what is called so are opened, answered, silenced, reminded of and ended."""
    people = SlackOffice(HandClock(dt.datetime(2026, 3, 17, tzinfo=dt.UTC).timestamp()))
    with copied_store(shelf, empty_store) as store:
        tell(Watch(store, monitor_of(request.param), people), request.param)
        yield Story(request.param, store, people)


def tell(watch: Watch, evil: str) -> None:
    watch.checks = lambda _: [FailedCheck("features", evil, f"{evil}: {evil}")]
    watch.morning(DAY, said_of(evil))
    refs = [one.ref for one in all_of(watch.store)]
    watch.attend(taken_at(watch.monitor, DAY) + dt.timedelta(hours=5))
    now = watch.people.clock.now()
    wanted = Silence(0, "*", "column:*", now, now + dt.timedelta(hours=1), evil, f"x {evil}")
    watch.at_desk(now, lambda desk: answering.acknowledge(desk, refs[0], evil))
    watch.at_desk(now, lambda desk: answering.silence(desk, wanted))
    watch.deliver()
    watch.morning(NEXT, [ok(one) for one in said_of(evil)])
    for ref in refs:
        now = watch.people.clock.now()
        watch.at_desk(now, lambda desk, ref=ref: answering.resolve(desk, ref, evil, evil))
    watch.deliver()


def visible(evil: str) -> str:
    """What people can see of it: one line, without what nobody sees, and no backticks."""
    shown = "".join(
        c for c in " ".join(evil.split()) if not unicodedata.category(c).startswith("C")
    )
    return " ".join(shown.replace("`", "").split())


def test_slack_shows_it_and_obeys_nothing(story: Story) -> None:
    evil, people = story.evil, story.people
    messages = [m for root in people.seen for m in (root, *root.replies)]
    assert len(messages) > 4
    for message in messages:
        assert_only_ours_is_live(message)
    shown = "\n".join(message.reading.shown for message in messages)
    assert visible(evil) in " ".join(shown.split()), shown


def assert_only_ours_is_live(message: Seen) -> None:
    reading = message.reading
    assert set(reading.mentions) <= OUR_MENTIONS
    assert reading.channels == ()
    assert {address for address, _ in reading.links} <= {RUNBOOK}
    assert reading.italic == ()
    assert reading.struck == ()
    assert not {"bold", "slanted", "gone"} & {*reading.bold}


def test_the_page_of_messages_holds_no_element_but_its_own(story: Story) -> None:
    evil, people = story.evil, story.people
    at = people.clock.now()
    threads = [
        Thread(evil, _posted(root, at), [_posted(reply, at) for reply in root.replies])
        for root in people.seen
    ]
    reader = _Reader()
    reader.feed(page(threads))
    assert reader.tags <= OUR_TAGS
    assert reader.attributes <= OUR_ATTRIBUTES
    assert reader.addresses <= {RUNBOOK}
    assert visible(evil) in " ".join(reader.text.split())


def _posted(seen: Seen, at: dt.datetime) -> Posted:
    return Posted(at, seen.text, seen.blocks, is_edited=seen.is_edited)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: set[str | None] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses |= {value for name, value in attrs if name in ("href", "src")}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_terminal_shows_it_and_obeys_nothing(
    story: Story, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    evil, store = story.evil, story.store
    at_home(monkeypatch, tmp_path, store)
    commands = [["list", "--all"], *(["show", one.ref] for one in all_of(store))]
    done = [CliRunner().invoke(app, ["incidents", *arguments]) for arguments in commands]
    assert {result.exit_code for result in done} == {0}
    printed = "".join(result.output for result in done)
    assert {c for c in printed if not c.isprintable()} <= {"\n"}
    if evil.isprintable():
        assert evil in " ".join(printed.split())


def test_a_spreadsheet_runs_nothing_of_what_is_exported(
    story: Story, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Incidents, and rows that show one, whose columns are named by whoever sends them."""
    evil, store = story.evil, story.store
    at_home(monkeypatch, tmp_path, store)
    listed = CliRunner().invoke(app, ["incidents", "list", "--all", "--format", "csv"])
    assert listed.exit_code == 0, listed.output
    encodable = evil.encode("utf-8", "replace").decode()
    rows = export.as_bytes(pa.table({encodable: [encodable, "x"], "n": [1, 2]}), "csv")
    assert_no_formula(listed.output, len(all_of(store)))
    assert_no_formula(rows.decode(), 2)


def assert_no_formula(text: str, rows: int) -> None:
    header, *found = csv.reader(io.StringIO(text, newline=""))
    assert len(found) == rows
    assert {len(row) for row in found} == {len(header)}
    for cell in (cell for row in (header, *found) for cell in row):
        assert not cell.lstrip().startswith(("=", "+", "-", "@"))
        assert not cell.startswith(("\t", "\r", "\n"))


def test_dagsters_pages_get_text_and_tables_and_no_markdown(story: Story) -> None:
    evil, store = story.evil, story.store
    evaluated = Evaluated(DAY, said_of(evil), Recorded(1, 1, written=True))
    (figures,) = verdicts.of_evaluation([evaluated], all_of(store)).values()
    shown = as_metadata({**figures, "said": evil})
    assert not [m for m in shown.values() if isinstance(m, dg.MarkdownMetadataValue)]
    wrong = shown["what is wrong"]
    assert isinstance(wrong, dg.TableMetadataValue)
    assert any(evil in str(value) for record in wrong.records for value in record.data.values())


def test_a_mail_has_no_header_but_its_own_and_a_webhook_is_json(story: Story) -> None:
    evil, store, people = story.evil, story.store, story.people
    messages = drawn_up(store)
    with running_mail_server() as mailbox, running_sink() as sink:
        server = MailServer(mailbox.host, mailbox.port, is_encrypted=False)
        mail = MailChannel(
            server, sender="w@x.org", recipients=["ops@x.org"], clock=people.clock.now
        )
        hook = WebhookChannel(sink.url, clock=people.clock.now, allow_insecure=True)
        for key, message in messages.items():
            assert not mail.post(f"#{evil}", message, key=key).error
            assert not hook.post(f"#{evil}", message, key=key).error
    assert len(mailbox.mails) == len(sink.requests) == len(messages)
    for sent in mailbox.mails:
        assert sent.recipients == ("ops@x.org",)
        assert len({*sent.content.keys()}) == len(sent.content.keys())
        assert "Bcc" not in sent.content
        assert sent.content["Subject"].isprintable()
    bodies = "".join(sent.content.get_content() for sent in mailbox.mails)
    assert visible(evil) in visible(bodies)
    plain = [json.loads(request.body)["plain"] for request in sink.requests]
    assert plain == [message.plain for message in messages.values()]


def test_the_store_keeps_what_it_is_told_and_all_its_tables(story: Story) -> None:
    evil, store = story.evil, story.store
    assert {*metadata.tables} <= names_of(store)
    assert len(all_of(store)) >= 2
    kept = visible(evil.replace("\0", "�").replace("\udc80", "�"))
    assert any(kept in visible(s.text) for one in all_of(store) for s in one.signals)


def names_of(store: Store) -> set[str]:
    return store.read(lambda connection: set(sa.inspect(connection).get_table_names()))


def all_of(store: Store) -> list[Incident]:
    return [incident_of(kept) for kept in store.read(incidents.listed)]


def drawn_up(store: Store) -> dict[str, Message]:
    """Every message that people were owed, as a channel gets it."""

    def work(connection: sa.Connection) -> dict[str, Message]:
        kinds = table.c.kind != "picture"
        numbers = connection.execute(sa.select(table.c.id).where(kinds)).scalars().all()
        notices = [outbox.notice(connection, number) for number in numbers]
        return {n.key: rendering.render(connection, n, Form.FULL) for n in notices}

    return store.read(work)


def at_home(monkeypatch: pytest.MonkeyPatch, home: Path, store: Store) -> None:
    """Commands find this store, and no monitors."""
    url = repr(store).split("'")[1]
    monkeypatch.setenv("MONITORING_DAGSTER_HOME", str(home))
    monkeypatch.setenv("MONITORING_DAGSTER_MONITORS", str(home / "monitors"))
    monkeypatch.setenv("MONITORING_DAGSTER_STORE_URL", url)
    monkeypatch.setenv("COLUMNS", "400")
