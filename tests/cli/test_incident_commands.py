"""At a terminal people see what is open, answer it, and see no row without a trace."""

from __future__ import annotations

import csv
import io
import json
import stat

import pytest

from monitoring_dagster.incidents.incident import Priority, Status
from tests.cli.conftest import MENDED, MISUSED, Terminal

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's own, not ours


def test_open_incidents_are_listed_with_the_most_urgent_first(terminal: Terminal) -> None:
    terminal.open("MD-000001", "inputs", Priority.P3)
    terminal.open("MD-000002", "performance", Priority.P1, "Errors have risen")
    terminal.open("MD-000003", "labels", Priority.P2)
    terminal.call("incidents", "resolve", "MD-000003", "--because", "a holiday", "--by", "ann")
    header, first, second, count = terminal.call("incidents", "list").splitlines()
    assert header.split() == [
        "ref", "priority", "status", "monitor", "since", "days", "title", "who",
    ]  # fmt: skip
    assert first.split()[:4] == ["MD-000002", "P1", "open", "small"]
    assert str(terminal.yesterday) in first
    assert "Errors have risen" in first
    assert second.startswith("MD-000001")
    assert count == "2 open"


def test_resolved_ones_are_listed_on_request_and_last(terminal: Terminal) -> None:
    terminal.open("MD-000001", priority=Priority.P1)
    terminal.open("MD-000002", "labels", Priority.P3)
    terminal.call("incidents", "resolve", "MD-000001", "--because", "a holiday", "--by", "ann")
    lines = terminal.call("incidents", "list", "--all").splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["MD-000002", "MD-000001"]
    assert lines[-1] == "1 open, 1 resolved"


def test_a_list_for_programs_has_every_column_and_no_formula(terminal: Terminal) -> None:
    terminal.open("MD-000001", "column:income", title="=HYPERLINK(1)")
    (row,) = json.loads(terminal.call("incidents", "list", "--format", "json"))
    assert row["ref"] == "MD-000001"
    assert row["cause"] == "column:income"
    assert row["days"] == 1
    assert row["is_late"] is False
    (line,) = csv.DictReader(io.StringIO(terminal.call("incidents", "list", "--format", "csv")))
    assert line["title"] == "'=HYPERLINK(1)"


def test_no_incident_is_no_failure_and_a_monitor_that_nobody_has_is(terminal: Terminal) -> None:
    assert terminal.call("incidents", "list", "--monitor", "small") == "0 open\n"
    assert terminal.call("incidents", "list", "--monitor", "location") == "0 open\n"
    told = terminal.call("incidents", "list", "--monitor", "smal", code=MENDED)
    assert told == "there is no monitor 'smal'; did you mean small?\n"


def test_everything_about_an_incident_is_shown(terminal: Terminal) -> None:
    terminal.open("MD-000001")
    terminal.sample("MD-000001")
    terminal.call("incidents", "ack", "MD-000001", "--by", "ann")
    shown = terminal.call("incidents", "show", "md-000001")
    for part in (
        "MD-000001  P2  acknowledged  small",
        "cause          inputs",
        "how sure       on 3 days in a row",
        "next step      wait: no harm of it is proven",
        "`income` moved by 1.2 σ, importance rank 1 of 3",
        "Signals that are firing",
        "Signals that are cleared",
        "Signals that column:income explains",
        "Runbook: https://wiki.example.org/small",
        "user:ann: acknowledged",
        "root:MD-000001:1 to the deployment's channel: pending, due",
        f"small/samples/{terminal.yesterday}/MD-000001.parquet in the lake: 3 rows",
        "2 highest_loss",
    ):
        assert part in shown


def test_what_is_shown_of_a_sample_is_no_row(terminal: Terminal) -> None:
    terminal.open("MD-000001")
    terminal.sample("MD-000001", region=["a secret place", "another", "a third"])
    assert "secret" not in terminal.call("incidents", "show", "MD-000001")
    assert terminal.logged("samples.read") == []


def test_an_incident_without_rows_says_why(terminal: Terminal) -> None:
    terminal.open("MD-000001")
    assert "no sample of MD-000001 was taken" in terminal.call("incidents", "show", "MD-000001")


def test_a_terminal_obeys_nothing_that_came_from_telemetry(terminal: Terminal) -> None:
    poison = "plan=\x1b]0;owned\x07[bold]\u202egold<!channel>"
    terminal.open("MD-000001", title=poison, what=poison)
    for said in (
        terminal.call("incidents", "list"),
        terminal.call("incidents", "show", "MD-000001"),
    ):
        assert "plan=�]0;owned�[bold]�gold<!channel>" in said
        assert "\x1b" not in said
        assert "\u202e" not in said


def test_an_act_is_done_once_and_kept_with_the_name_of_who_did_it(terminal: Terminal) -> None:
    terminal.open("MD-000001")
    said = terminal.call("incidents", "ack", "MD-000001", "--by", "ann")
    assert said.startswith("MD-000001: Acknowledged by user:ann")
    terminal.call("incidents", "ack", "MD-000001", "--by", "bob")
    assert terminal.kept("MD-000001").acknowledged_by == "user:ann"
    (row,) = terminal.logged("incident.acknowledged")
    assert row.actor == "user:ann"


def test_nobody_signs_as_the_system(terminal: Terminal) -> None:
    terminal.open("MD-000001")
    terminal.call("incidents", "ack", "MD-000001", "--by", "monitoring-dagster")
    assert terminal.kept("MD-000001").acknowledged_by == "user:monitoring-dagster"


def test_a_snooze_ends_when_it_was_said_to(terminal: Terminal) -> None:
    terminal.open("MD-000001")
    terminal.call("incidents", "snooze", "MD-000001", "--hours", 2.5, "--by", "ann")
    until = terminal.kept("MD-000001").snoozed_until
    assert until is not None
    assert 2.4 < (until - terminal.now).total_seconds() / 3600 < 2.6
    assert "nobody until" in terminal.call("incidents", "show", "MD-000001")


def test_a_resolution_holds_its_reason(terminal: Terminal) -> None:
    terminal.open("MD-000001")
    terminal.call("incidents", "resolve", "MD-000001", "--because", "a holiday", "--by", "ann")
    after = terminal.kept("MD-000001")
    assert after.status is Status.RESOLVED
    assert after.resolved_because == "resolved by user:ann: a holiday"


def test_a_silence_is_listed_while_it_stands_and_mutes_what_it_matches(terminal: Terminal) -> None:
    terminal.open("MD-000001", "segment:region=north")
    terminal.call(
        "incidents", "silence", "sm*", "--cause", "segment:*", "--hours", 3,
        "--because", "a move of offices", "--by", "ann",
    )  # fmt: skip
    listed = terminal.call("incidents", "silences")
    assert "a move of offices" in listed
    assert listed.endswith("1 standing\n")
    assert "silenced by user:ann: a move" in terminal.call("incidents", "show", "MD-000001")
    assert len(terminal.logged("silence.created")) == 1


SILENCE = ["incidents", "silence", "small", "--hours", "1", "--because", "x", "--by", "ann"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        pytest.param(
            ["incidents", "show", "MD-123456"],
            MENDED,
            "there is no incident MD-123456",
            id="an incident that there is not",
        ),
        pytest.param(
            ["incidents", "ack", "MD-123456", "--by", "ann"],
            MENDED,
            "there is no incident MD-123456",
            id="an answer to no incident",
        ),
        pytest.param(
            ["incidents", "resolve", "MD-000001", "--because", " "],
            MISUSED,
            "required is a reason that others understand",
            id="a resolution without a reason",
        ),
        pytest.param(
            ["incidents", "samples", "MD-000001"],
            MISUSED,
            "--because",
            id="rows without a reason",
        ),
        pytest.param(
            ["incidents", "samples", "MD-000001", "--because", ""],
            MISUSED,
            "required is a reason that others understand",
            id="rows with an empty reason",
        ),
        pytest.param(
            ["incidents", "samples", "MD-000001", "--because", "a look", "--format", "parquet"],
            MISUSED,
            "--format parquet needs --output FILE",
            id="parquet to a terminal",
        ),
        pytest.param(
            ["incidents", "snooze", "MD-000001", "--hours", "nan"],
            MISUSED,
            "required is a number above 0",
            id="a snooze of no length",
        ),
        pytest.param(
            ["incidents", "snooze", "MD-000001", "--hours", "721", "--by", "ann"],
            MENDED,
            "at most for 30 days",
            id="a snooze for ever",
        ),
        pytest.param(
            [*SILENCE[:2], "smal", *SILENCE[3:]],
            MENDED,
            "no monitor matches 'smal'; did you mean small?",
            id="a silence of a monitor that nobody has",
        ),
        pytest.param(
            [*SILENCE, "--cause", "input"],
            MENDED,
            "matches no cause; did you mean inputs?",
            id="a silence of a cause that there is not",
        ),
    ],
)
def test_a_mistake_is_told_in_words(
    terminal: Terminal, words: list[str], code: int, told: str
) -> None:
    terminal.open("MD-000001")
    assert told in terminal.call(*words, code=code)


def test_an_untouched_deployment_says_so_and_stays_untouched(untouched: Terminal) -> None:
    for words in (["list"], ["show", "MD-000001"], ["ack", "MD-000001", "--by", "ann"]):
        told = untouched.call("incidents", *words, code=MENDED)
        assert told == "nothing was measured yet; `monitoring-dagster run NAME ...` does\n"
    assert not (untouched.home / "store.db").exists()


def test_who_reads_rows_is_kept_before_the_rows_are_shown(terminal: Terminal) -> None:
    terminal.open("MD-000001")
    terminal.sample("MD-000001")
    said = terminal.call("incidents", "samples", "MD-000001", "--because", "a look", "--by", "ann")
    assert said.splitlines()[:2] == ["age,sampled_because", "17,highest_loss"]
    (row,) = terminal.logged("samples.read")
    assert (row.actor, row.subject_id) == ("user:ann", "MD-000001")
    assert row.payload == {"because": "a look", "monitor": "small", "rows": 3}


def test_rows_that_are_not_there_leave_no_trace(terminal: Terminal) -> None:
    terminal.open("MD-000001")
    words = ["incidents", "samples", "MD-000001", "--because", "a look", "--by", "ann"]
    assert "no sample of MD-000001 was taken" in terminal.call(*words, code=MENDED)
    assert terminal.logged("samples.read") == []


def test_a_log_that_takes_no_row_keeps_rows_from_being_shown(terminal: Terminal) -> None:
    terminal.open("MD-000001")
    terminal.sample("MD-000001")
    terminal.store.write(lambda connection: connection.exec_driver_sql("DELETE FROM audit_head"))
    words = ["incidents", "samples", "MD-000001", "--because", "a look", "--by", "ann"]
    assert "highest_loss" not in terminal.call(*words, code=MENDED)


def test_rows_in_a_file_are_for_its_owner_only(terminal: Terminal) -> None:
    terminal.open("MD-000001")
    terminal.sample("MD-000001")
    file = terminal.home / "rows.parquet"
    terminal.call(
        "incidents", "samples", "MD-000001", "--because", "a look", "--by", "ann",
        "--format", "parquet", "--output", file,
    )  # fmt: skip
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
