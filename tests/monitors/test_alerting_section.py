"""The section `alerting`: what may be written, what is told of mistakes, what the defaults are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitoring_dagster.monitors.alerting import Opening
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.loader import load_text
from monitoring_dagster.monitors.vocabulary import Weekday

Refusals = Callable[[str], list[str]]

MISTAKES = [
    pytest.param(
        "channel: flight delay",
        "alerting.channel: got 'flight delay', required a channel such as '#flight-delay', or its "
        "id such as C0123ABCD",
        id="a channel that is neither a name nor an id",
    ),
    pytest.param(
        "mention: '<!channel>'",
        "alerting.mention: got '<!channel>', required here, or the id of a user (U0123ABCD) or of "
        "a user group (S0123ABCD)",
        id="a mention of everybody",
    ),
    pytest.param(
        "mention: '@bob'",
        "alerting.mention: got '@bob', required here, or the id of a user (U0123ABCD) or of a user "
        "group (S0123ABCD)",
        id="a name where Slack needs an id",
    ),
    pytest.param(
        "runbook: javascript:alert(1)",
        "alerting.runbook: got 'javascript:alert(1)', required a link that begins with https:// or "
        "http://",
        id="a link that would run code",
    ),
    pytest.param(
        "warnings: often",
        "alerting.warnings: got 'often', required so many days of so many judged ones, such as "
        "'2 of 3'",
        id="an opening rule that is no rule",
    ),
    pytest.param(
        "warnings: 3 of 2",
        "alerting.warnings: got '3 of 2', required at most as many days as are looked at, and at "
        "most 14 of these, such as '2 of 3'",
        id="more firing days than days",
    ),
    pytest.param(
        "close_after_days: 0",
        "alerting.close_after_days: got 0, required a whole number from 1 to 14",
        id="an incident that never needs a clear day",
    ),
    pytest.param(
        "acknowledge_within_hours: {P3: 1}",
        "alerting.acknowledge_within_hours.P3: is an unknown key; known here are P1, P2",
        id="a deadline for a priority that is not escalated",
    ),
    pytest.param(
        "acknowledge_within_hours: {P1: 0}",
        "alerting.acknowledge_within_hours.P1: got 0, required a number at most 720 and above 0",
        id="no time at all to acknowledge",
    ),
    pytest.param(
        "escalation: [{after_hours: 1}]",
        "alerting.escalation[0]: tells nobody new; give a channel, a mention or both",
        id="a step that tells nobody",
    ),
    pytest.param(
        "escalation: [{after_hours: 2, mention: here}, {after_hours: 2, mention: U0BOSS}]",
        "alerting.escalation[1].after_hours: after_hours (2) is not more than that of the step "
        "before (2)",
        id="steps at the same time",
    ),
    pytest.param(
        "business_hours: {from: 9:00}",
        "alerting.business_hours.from: got '9:00', required a time such as '09:00'",
        id="a time without its leading zero",
    ),
    pytest.param(
        "business_hours: {from: '17:00', to: '09:00'}",
        "alerting.business_hours.to: to (09:00) is not later than from (17:00) of the day",
        id="business hours over midnight",
    ),
    pytest.param(
        "business_hours: {days: []}",
        "alerting.business_hours.days: names no day; give some of mon, tue, wed, thu, fri, sat, "
        "sun",
        id="business hours on no day",
    ),
    pytest.param(
        "business_hours: {days: [mon, tue, mon]}",
        "alerting.business_hours.days: mon is given twice",
        id="a day that is given twice",
    ),
    pytest.param(
        "maintenance: [{days: [sun], from: '02:00', to: '02:00', because: backup}]",
        "alerting.maintenance[0].to: from and to are both 02:00; a whole day is from 00:00 "
        "to 24:00",
        id="a window without length",
    ),
    pytest.param(
        "maintenance: [{days: [sun], from: '02:00', to: '03:00'}]",
        "alerting.maintenance[0].because: is missing, required text of 1 to 500 characters",
        id="a window without a reason",
    ),
    pytest.param(
        "maintenance: [{days: [sunday], from: '02:00', to: '03:00', because: backup}]",
        "alerting.maintenance[0].days[0]: got 'sunday', required one of mon, tue, wed, thu, fri, "
        "sat, sun",
        id="the long name of a day",
    ),
]


@pytest.mark.parametrize(("line", "told"), MISTAKES)
def test_a_mistake_is_told_with_what_would_be_right(
    churn: str, refusals: Refusals, line: str, told: str
) -> None:
    text = f"{churn}alerting:\n  {line}\n"
    number = len(text.splitlines())
    assert refusals(text) == [f"churn.yaml:{number}: {told}"]


def test_without_the_section_everything_has_a_default(churn_monitor: Monitor) -> None:
    alerting = churn_monitor.alerting
    assert alerting.warnings_open == Opening(2, 3)
    assert (alerting.close_after_days, alerting.reopen_within_days) == (3, 3)
    assert (alerting.acknowledge_within_hours.p1, alerting.acknowledge_within_hours.p2) == (1, 4)
    assert [(step.after_hours, step.channel, step.mention) for step in alerting.escalation] == [
        (0, None, "here")
    ]
    assert (alerting.business_hours.opens, alerting.business_hours.closes) == ("09:00", "17:00")
    assert Weekday.SAT not in alerting.business_hours.days
    assert alerting.old_after.total_seconds() == 48 * 3600
    assert alerting.maintenance == ()


@pytest.mark.parametrize(
    ("ends", "is_over"),
    [
        pytest.param("24:00", False, id="it ends at midnight"),
        pytest.param("04:00", True, id="it ends next morning"),
        pytest.param("00:00", True, id="it ends as the next day begins"),
    ],
)
def test_a_window_may_pass_midnight(churn: str, ends: str, is_over: bool) -> None:
    window = f"{{days: [sat], from: '22:00', to: '{ends}', because: backup}}"
    monitor = load_text(f"{churn}alerting:\n  maintenance: [{window}]\n", "churn.yaml")
    assert monitor.alerting.maintenance[0].is_over_midnight is is_over


def test_times_need_no_quotes_in_yaml_1_2(churn: str) -> None:
    monitor = load_text(
        f"{churn}alerting:\n  business_hours: {{from: 08:30, to: 24:00}}\n", "churn.yaml"
    )
    assert monitor.alerting.business_hours.opens == "08:30"


def test_nobody_is_told_where_the_escalation_is_empty(churn: str) -> None:
    monitor = load_text(f"{churn}alerting:\n  escalation: []\n", "churn.yaml")
    assert monitor.alerting.escalation == ()


def test_a_document_with_every_key_is_the_same_when_it_is_written_out(churn: str) -> None:
    text = churn + (
        "alerting:\n  channel: C0123\n  mention: U0123\n  warnings: 3 of 5\n"
        "  maintenance: [{days: [sat], from: '22:00', to: '04:00', because: backup}]\n"
    )
    monitor = load_text(text, "churn.yaml")
    assert Monitor.model_validate_json(monitor.model_dump_json(by_alias=True)) == monitor
