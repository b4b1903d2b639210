from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from monitoring_dagster.decisions.verdict import Cost
from monitoring_dagster.incidents.incident import Context, Incident, Link, Status
from monitoring_dagster.notifications import root
from monitoring_dagster.notifications.message import Form
from tests.notifications_messages import realistic
from tests.notifications_messages.reading import (
    assert_nothing_is_alive_but,
    assert_slack_takes,
    controls,
    shown,
)


def in_order(text: str, *phrases: str) -> None:
    places = [text.index(phrase) for phrase in phrases]
    assert places == sorted(places), list(zip(phrases, places, strict=True))


def full(incident: Incident) -> str:
    return shown(root.message(incident, form=Form.FULL, key="k"))


def test_a_bad_day_is_told_from_what_to_what_next() -> None:
    in_order(
        full(realistic.performance()),
        "🔴 P1 open · flight_delay: roc_auc is below its objective",
        "`roc_auc` was 0.439 on 16 Nov, required is ≥ 0.6",
        "*Since:* Thu 14 Nov 2013, 3 days up to Sat 16 Nov 2013",
        "*How sure:* Bad beyond noise on 3 days in a row",
        "*How large:* 24.8 points below",
        "*Costs:* 6,440 USD a day (3,176 to 9,578), rebooking",
        "*Columns, by impact*\n• `hour` moved by 0.47 σ",
        "*Segments, by impact*\n• carrier=EV: accuracy 0.385",
        "*What else changed*\n• model version 3",
        "3 further findings follow from it",
        "*Next: retrain* – inputs have moved",
        "|Dagster> · <https://reports.example.org/flight_delay/2013-11-16.html|Report>",
        "react: 👀 acknowledge, 🔕 snooze a day, ✅ resolve",
        "MD-7F3A9C",
    )


@pytest.mark.parametrize(
    ("incident", "header", "state"),
    [
        pytest.param(
            realistic.acknowledged(),
            "👀 P1 acknowledged · flight_delay",
            "*Acknowledged by* `jane.doe`, *15 Nov 2013, 10:05 UTC; came back once",
            id="somebody has taken it",
        ),
        pytest.param(
            realistic.traffic(),
            "🔕 P2 snoozed · flight_delay",
            "*Snoozed until 30 Nov 2013, 21:05 UTC*",
            id="it sleeps until an instant",
        ),
        pytest.param(
            realistic.resolved(),
            "✅ P1 resolved · flight_delay",
            "*Resolved 22 Nov 2013, 10:05 UTC*: `roc_auc` *has been within noise of 0.687",
            id="it is over, and why",
        ),
        pytest.param(
            realistic.flapping(),
            "🔵 P4 open, flapping · flight_delay",
            "*Came back 5 times after it was resolved; flapping",
            id="it comes and goes",
        ),
        pytest.param(
            realistic.late(),
            "🟠 P2 open · flight_delay",
            "*Found late: its days are over, so nobody was called*",
            id="it was found too late to call anybody",
        ),
    ],
)
def test_the_state_stands_at_the_top(incident: Incident, header: str, state: str) -> None:
    for form in (Form.FULL, Form.COMPACT):
        message = root.message(incident, form=form, key="k")
        text = shown(message)
        what = incident.context.what.split()[0].strip("`")
        assert text.startswith(header)
        in_order(
            text.replace("*", ""), state.replace("*", ""), "Since" if incident.is_open else "Lasted"
        )
        assert what in text
    assert state in full(incident)
    assert root.message(incident, form=Form.TEXT, key="k").text.startswith(
        header.partition(" ·")[0]
    )


def test_a_snooze_that_is_over_is_not_shown() -> None:
    incident = realistic.traffic()
    over = replace(incident, updated_at=incident.updated_at + dt.timedelta(days=2))
    assert "🟠 P2 open" in full(over)
    assert "noozed" not in full(over)


def test_a_resolved_incident_asks_for_nothing() -> None:
    text = full(realistic.resolved())
    assert "react" not in text
    assert "Next:" not in text


def test_an_acknowledged_incident_does_not_ask_for_it_again() -> None:
    text = full(realistic.acknowledged())
    assert "👀 acknowledge," not in text
    assert "✅ resolve" in text


RETRAINING = "RT-7F3A9C is requested: roc_auc fell by 0.12"


@pytest.mark.parametrize("form", [Form.FULL, Form.COMPACT])
def test_what_is_done_by_training_anew_stands_below_the_next_step(form: Form) -> None:
    incident = replace(realistic.performance(), retraining=RETRAINING)
    message = root.message(incident, form=form, key="k")
    in_order(
        shown(message),
        "*Next: retrain*",
        "*Retraining:* RT-7F3A9C is requested: `roc_auc` fell by 0.12",
        "react:",
    )
    in_order(message.plain, "Next: retrain", f"\nRetraining: {RETRAINING}\n", "react:")


def test_what_was_done_by_training_anew_stays_when_it_is_over() -> None:
    message = root.message(
        replace(realistic.resolved(), retraining=RETRAINING), form=Form.FULL, key="k"
    )
    assert "*Retraining:* RT-7F3A9C is requested" in shown(message)
    assert "Next:" not in shown(message)


def test_an_incident_that_no_training_is_a_question_of_has_no_line_about_it() -> None:
    for form in Form:
        message = root.message(realistic.performance(), form=form, key="k")
        assert "Retraining" not in shown(message) + message.plain


@pytest.mark.parametrize("form", list(Form))
def test_the_last_line_ends_with_the_ref_and_with_doubt_where_there_is_doubt(form: Form) -> None:
    incident = realistic.performance()
    sure = root.message(incident, form=form, key="k")
    doubtful = root.message(incident, form=form, key="k", is_doubtful=True)
    assert sure.text.endswith("MD-7F3A9C")
    assert sure.plain.endswith("MD-7F3A9C")
    assert doubtful.text.endswith("MD-7F3A9C · possible duplicate")
    assert doubtful.plain.endswith("MD-7F3A9C · possible duplicate")
    if form is not Form.TEXT:
        assert doubtful.blocks[-1]["type"] == "context"
        assert shown(doubtful).endswith("MD-7F3A9C · possible duplicate")


def test_lists_show_five_and_count_the_others() -> None:
    text = full(realistic.nulls())
    assert text.count("none of 776 rows has a value\n") == 5
    assert "• and 2 more" in text
    assert "70 further findings follow from it" in text


def test_one_suppressed_finding_is_counted_in_the_singular() -> None:
    incident = realistic.performance()
    assert "1 further finding follows from it" in full(
        replace(incident, signals=incident.signals[:2])
    )


def test_an_incident_without_a_context_says_what_its_first_signal_says() -> None:
    text = full(replace(realistic.performance(), context=Context()))
    assert "`roc_auc` is 0.439, expected 0.687" in text


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("name", realistic.ALL)
def test_every_form_of_a_realistic_incident_is_taken_by_slack(name: str, form: Form) -> None:
    incident = realistic.ALL[name]()
    message = root.message(incident, form=form, key=name)
    assert_slack_takes(message, name)
    assert incident.ref in message.text
    assert incident.ref in message.plain


@pytest.mark.parametrize("form", list(Form))
def test_what_telemetry_calls_itself_is_shown_literally(form: Form) -> None:
    message = root.message(realistic.hostile(), form=form, key="k")
    links = {c for c in controls(message) if c.startswith("https://ok.example/a%7Cb%3Ec|")}
    assert_nothing_is_alive_but(message, links)
    assert "\u202e" not in message.plain
    assert "javascript" not in message.plain + shown(message)


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize(
    "text", ["x" * 10_000, "&" * 10_000, "🎉" * 5_000, "a_b " * 3_000, "`a` & " * 3_000]
)
def test_an_incident_of_nothing_but_long_texts_still_fits(text: str, form: Form) -> None:
    incident = replace(
        realistic.acknowledged(),
        **dict.fromkeys(("ref", "monitor", "title", "acknowledged_by", "retraining"), text),
        is_flapping=True,
        is_late=True,
        context=Context(
            **dict.fromkeys(("what", "how_sure", "how_large", "next_step_because"), text),
            **dict.fromkeys(("columns", "segments", "checks", "versions"), (text,) * 9),
            details=((text, text),) * 9,
            cost=Cost(1e308, -1e308, 1e308, text, text),
            links=(Link(text, f"https://a.example/{'c' * 700}"),) * 9,
        ),
    )
    message = root.message(incident, form=form, key="k", is_doubtful=True)
    assert_slack_takes(message, "k")
    assert message.text.endswith("possible duplicate")
    if form is not Form.TEXT:
        assert shown(message).endswith("possible duplicate")


def test_the_ladder_of_forms_shrinks() -> None:
    for make in realistic.ALL.values():
        sizes = [len(shown(root.message(make(), form=form, key="k"))) for form in Form]
        assert sizes == sorted(sizes, reverse=True)
        plains = [len(root.message(make(), form=form, key="k").plain) for form in Form]
        assert plains == sorted(plains, reverse=True)


def test_plain_is_the_same_without_markup() -> None:
    plain = root.message(realistic.performance(), form=Form.FULL, key="k").plain
    in_order(
        plain,
        "🔴 P1 open · flight_delay: roc_auc is below",
        "Since: Thu 14 Nov 2013",
        "Costs: 6,440 USD a day",
        "- `hour` moved by 0.47 σ",
        "Next: retrain – inputs",
        "Report: https://reports.example.org/flight_delay/2013-11-16.html",
        "MD-7F3A9C",
    )
    assert "*" not in plain
    assert "\n\n\n" not in plain


def test_an_incident_of_every_status_has_a_message() -> None:
    for status in Status:
        assert full(replace(realistic.drift(), status=status))
