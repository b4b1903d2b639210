"""The validation report: what it says, what it keeps to itself, and that it is only a page."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from monitoring_dagster.retraining.gate.decision import Check, CheckKind, Outcome
from monitoring_dagster.retraining.plots import Plot
from monitoring_dagster.retraining.report import KINDS, WHY, Report, headline, page
from monitoring_dagster.retraining.tracking import data_window
from tests.retraining_tracking.acting import NOW, action, check, decision, windows

HOSTILE = '</td></section><script>alert(1)</script><img src="//x.y/z" onerror=a()> {{ 7 * 7 }}'


class Read(HTMLParser):
    """Tags with attributes, and all text, of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def report(*checks: Check, **more: Any) -> Report:
    given: dict[str, Any] = {
        "action": action(),
        "decision": decision(*checks),
        "windows": windows(),
        "written_at": NOW,
        "incident": "INC-4821",
        "incident_title": "Errors have risen",
        "plots": [Plot("roc", "Separation", "An area of 0.7.", "<svg/>")],
        "facts": {"Seed": 7, "Trainer": "examples.flights.train:train"},
        "pages": {"MLflow run": "http://127.0.0.1:5000/#/experiments/1/runs/ab"},
    }
    return Report(**{**given, **more})


def refused(**more: Any) -> Check:
    given = {
        "kind": CheckKind.SEGMENT,
        "segment": "carrier=B6",
        "outcome": Outcome.FAILED,
        "text": "roc_auc of carrier=B6 falls by 0.05",
    }
    return check(**{**given, **more})


def test_the_page_says_the_decision_its_reasons_and_what_led_to_it() -> None:
    text = Read(page(report())).text
    assert "Version 4 may replace version 3" in text
    assert "roc_auc rises by 0.061 (0.048 to 0.074), required is more than 0." in text
    for told in (
        "Passed the gate",
        action().evidence,
        "INC-4821 · Errors have risen",
        "Errors are proven to have risen",
        "10 Jul 2013, 08:00 UTC by monitoring-dagster",
        "0.6410",
        "0.7020",
        "+0.0610",
        "24,100",
        "12 Jun–9 Jul 2013",
        windows()[0].digest,
        "examples.flights.train:train",
    ):
        assert told in text, told


def test_a_refusal_names_what_is_in_the_way() -> None:
    text = Read(page(report(check(), refused(), refused(kind=CheckKind.GUARD)))).text
    assert "Version 4 does not replace version 3" in text
    assert "roc_auc of carrier=B6 falls by 0.05; 1 other check is in the way, too." in text
    assert "Refused by the gate" in text
    assert text.count("in the way") == 3


def test_a_headline_does_without_versions_that_nobody_knows() -> None:
    unknown = report(action=action(champion="", challenger=""))
    assert headline(unknown) == "The challenger may replace the champion"


def test_checks_of_few_rows_are_named_and_their_figures_are_not() -> None:
    few = check(
        CheckKind.SEGMENT,
        segment="carrier=XX",
        rows=7,
        champion=0.111111,
        challenger=0.222222,
        gain=0.333333,
        low=0.444444,
        high=0.555555,
        required=0.666666,
        text="of 7 rows 3 are wrong",
    )
    source = page(report(check(), few))
    assert "carrier=XX" in source
    assert "fewer than 10" in source
    for figure in ("0.1111", "0.2222", "0.3333", "0.4444", "0.5556", "0.6667", "of 7 rows"):
        assert figure not in source, figure


def test_checks_that_are_not_about_rows_show_their_figures() -> None:
    latency = check(
        CheckKind.LATENCY, metric="latency_p50", rows=0, days=0, challenger=2.13e-06, low=None
    )
    text = Read(page(report(check(), latency))).text
    assert "2.13e−06" in text
    assert "fewer than 10" not in text


def test_a_decision_on_few_rows_alone_says_no_more_than_that() -> None:
    few = check(rows=7, outcome=Outcome.UNDECIDED, text="of 7 rows 3 are wrong")
    source = page(report(few))
    assert "Too few rows could be compared." in source
    assert "of 7 rows" not in source


@pytest.mark.parametrize("count", [0, 7], ids=["no rows", "seven rows"])
def test_a_window_of_few_rows_does_not_say_how_many(count: int) -> None:
    few = [replace(window, rows=count) for window in windows()]
    text = Read(page(report(windows=few))).text
    assert text.count("fewer than 10") == 2


def test_excluded_days_are_told_in_runs_with_their_reason() -> None:
    excluded = [
        {"day": "2013-05-20", "because": "no labels"},
        {"day": "2013-05-03", "because": "an incident was open"},
        {"day": "2013-05-02", "because": "an incident was open"},
        {"day": "2013-05-05", "because": "an incident was open"},
    ]
    text = Read(page(report(action=action(plan={"excluded": excluded})))).text
    assert "2–3 May 2013 (2 days): an incident was open" in text
    assert "5 May 2013: an incident was open" in text
    assert "20 May 2013: no labels" in text


def test_a_plan_gives_the_data_windows() -> None:
    day = {"name": "flights", "labelled": 100}
    planned = [
        {**day, "day": "2013-05-02", "digests": {"labels": "b", "features": "a"}},
        {**day, "day": "2013-05-03", "digests": {"features": "c", "labels": "d"}},
    ]
    found = data_window(action(plan={"training": planned}), "training", {"hour": "double"})
    assert found.name == "flights, 2–3 May 2013"
    assert found.snapshots == ["a", "b", "c", "d"]
    assert found.rows == 200


def test_hostile_texts_are_shown_literally() -> None:
    said = check(metric=HOSTILE, segment=HOSTILE, text=HOSTILE)
    hostile = report(
        said,
        action=action(
            evidence=HOSTILE,
            requested_by=HOSTILE,
            champion=HOSTILE,
            monitor=HOSTILE,
            ref=HOSTILE,
            plan={"excluded": [{"day": "2013-05-20", "because": HOSTILE}]},
        ),
        incident=HOSTILE,
        incident_title=HOSTILE + "\u202e\x00",
        facts={HOSTILE: HOSTILE},
        plots=[Plot("roc", HOSTILE, HOSTILE + '" onload="a()', "<svg/>")],
        pages={HOSTILE: "http://h/" + HOSTILE, "evil": "javascript:alert(1)", "odd": "http://["},
    )
    read = Read(page(hostile))
    plain = Read(page(report()))
    assert {tag for tag, _ in read.tags} <= {tag for tag, _ in plain.tags} | {"li", "ul"}
    assert "{{ 7 * 7 }}" in read.text
    assert "49" not in read.text.replace(windows()[0].digest, "").replace(windows()[1].digest, "")
    assert not any(name.startswith("on") for _, attributes in read.tags for name in attributes)
    assert all(
        str(attributes.get("href", "http")).startswith("http") for _, attributes in read.tags
    )
    assert "\u202e" not in page(hostile)


def test_the_page_asks_for_nothing_outside() -> None:
    read = Read(page(report()))
    policy = [a["content"] for t, a in read.tags if a.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert all(str(a["src"]).startswith("data:") for _, a in read.tags if "src" in a)
    assert not [t for t, _ in read.tags if t in ("script", "link", "iframe", "object", "form")]
    assert "url(" not in page(report())
    assert "@import" not in page(report())


@pytest.mark.parametrize("kind", list(CheckKind), ids=str)
@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), 0.0, -1e-9, 1e12])
def test_any_figure_of_any_check_can_be_shown(kind: CheckKind, value: float | None) -> None:
    odd = check(
        kind, champion=value, challenger=value, gain=value, low=value, high=value, required=value
    )
    source = page(report(odd))
    assert KINDS[kind] in source
    assert ">nan<" not in source
    assert "inf<" not in source


def test_nothing_compared_is_said() -> None:
    nothing = replace(decision(), checks=(), first_day="", last_day="", rows=0)
    text = Read(page(report(decision=nothing, windows=[], plots=[]))).text
    assert "Nothing was compared." in text
    assert "no days" in text


def test_every_reason_and_every_kind_of_check_has_words() -> None:
    assert set(KINDS) == set(CheckKind)
    assert set(WHY) == set(type(action().why))


def test_the_first_day_of_what_is_wrong_is_told() -> None:
    text = Read(page(report(action=action(since=dt.date(2013, 6, 1))))).text
    assert "Sat 1 Jun 2013" in text
