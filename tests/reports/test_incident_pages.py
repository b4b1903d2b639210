"""A page of an incident says each thing once, leaves out what is not known, and shows no row."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from monitoring_dagster.decisions.verdict import Cost, Level
from monitoring_dagster.incidents.cause import Cause
from monitoring_dagster.incidents.incident import (
    Context,
    Event,
    EventKind,
    Incident,
    Link,
    NextStep,
    Priority,
    Signal,
    SignalState,
    Status,
)
from monitoring_dagster.incidents.samples import Reason, Sampled, Unsampled
from monitoring_dagster.incidents.silences import Mute, Silence
from monitoring_dagster.reports.incidents import (
    HEADER,
    Known,
    detail,
    in_order,
    rows,
    silences,
    table,
)
from monitoring_dagster.store.notices import Told

DAY = dt.date(2026, 2, 1)
NOW = dt.datetime(2026, 2, 4, 6, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)

INCIDENT = Incident(
    ref="MD-000001",
    monitor="flights",
    cause=Cause.parse("performance"),
    status=Status.OPEN,
    priority=Priority.P2,
    title="Errors have risen",
    since=DAY,
    last_day=DAY + dt.timedelta(days=2),
    opened_at=NOW,
    updated_at=NOW,
    alerted_at=NOW,
)
NOTHING = Known((), (), None, Unsampled(Reason.NEVER_TAKEN, "no sample was taken"))


def notice(**more: object) -> Told:
    plain = Told("root:MD-000001:1", "root", "#a", "pending", NOW, 0, None, None, False, "")
    return plain._replace(**more)


def page(known: Known = NOTHING, **changed: object) -> list[str]:
    return list(detail(replace(INCIDENT, **changed), known))


def signal(state: SignalState, text: str, by: str = "") -> Signal:
    subject = f"drift|psi|{text}|all|all|"
    return Signal(subject, state, Level.WARN, "lasting", text, DAY, DAY, suppressed_by=by)


def test_the_open_come_first_then_the_urgent_then_those_that_waited_longest() -> None:
    def one(ref: str, status: Status, priority: Priority, hours: int) -> Incident:
        return replace(
            INCIDENT, ref=ref, status=status, priority=priority, opened_at=NOW - hours * HOUR
        )

    mixed = [
        one("resolved", Status.RESOLVED, Priority.P1, 9),
        one("minor", Status.OPEN, Priority.P4, 8),
        one("young", Status.OPEN, Priority.P1, 1),
        one("old", Status.ACKNOWLEDGED, Priority.P1, 2),
    ]
    assert [i.ref for i in in_order(mixed)] == ["old", "young", "minor", "resolved"]


def test_a_row_says_how_many_days_it_lasts_and_who_deals_with_it() -> None:
    (row,) = rows([replace(INCIDENT, acknowledged_by="user:ann", is_flapping=True)])
    assert dict(zip(HEADER, row, strict=True)) == {
        "ref": "MD-000001",
        "priority": "P2",
        "status": "open, flapping",
        "monitor": "flights",
        "since": "2026-02-01",
        "days": "3",
        "title": "Errors have risen",
        "who": "user:ann",
    }


def test_an_exported_row_has_instants_as_text_and_flags_as_flags() -> None:
    (row,) = table([INCIDENT]).to_pylist()
    assert row["opened_at"] == "2026-02-04T06:00:00+00:00"
    assert row["is_late"] is False
    assert row["who"] is None
    assert table([]).num_rows == 0


def test_what_is_not_known_has_no_line() -> None:
    lines = page()
    assert lines[:2] == ["MD-000001  P2  open  flights", "Errors have risen"]
    names = {line[2:16].strip() for line in lines if line.startswith("  ")}
    assert names >= {"cause", "fired", "opened", "called", "next step"}
    assert not names & {"cost", "how sure", "how large", "so far", "what"}
    assert lines[-2:] == ["Rows", "  no sample was taken"]


def test_what_is_done_by_training_anew_has_its_line_and_its_column() -> None:
    told = replace(INCIDENT, retraining="RT-7F3A9C is requested: errors have risen")
    lines = list(detail(told, NOTHING))
    assert "  retraining     RT-7F3A9C is requested: errors have risen" in lines
    assert table([told])["retraining"].to_pylist() == ["RT-7F3A9C is requested: errors have risen"]


def test_a_fact_of_the_context_has_its_line() -> None:
    context = Context(
        what="roc_auc was 0.44",
        how_sure="on 3 days",
        how_large="25 points",
        cost=Cost(1000.0, 900.0, 1100.0, "EUR", "rebooking"),
        segments=("carrier=EV: 0.385",),
        checks=("features: 3 rows have no age",),
        versions=("model changed from 2 to 3 on 2026-02-01",),
        next_step=NextStep.RETRAIN,
        next_step_because="harm is proven",
        links=(Link("Runbook", "https://wiki.example.org"),),
        details=(("Labelled", "99 %"),),
    )
    said = "\n".join(page(context=context))
    for part in (
        "what           roc_auc was 0.44",
        "how sure       on 3 days",
        "how large      25 points",
        "cost           1,000 EUR a day (900 to 1,100), rebooking",
        "next step      retrain: harm is proven",
        "Labelled       99 %",
        "Segments, the worst first\n  carrier=EV: 0.385",
        "Failed quality checks\n  features: 3 rows have no age",
        "What else changed\n  model changed from 2 to 3 on 2026-02-01",
        "Links\n  Runbook: https://wiki.example.org",
    ):
        assert part in said


def test_signals_stand_by_their_state_and_by_what_explains_them() -> None:
    signals = (
        signal(SignalState.SUPPRESSED, "b", "snapshot:features"),
        signal(SignalState.FIRING, "a"),
        signal(SignalState.CLEARED, "c"),
        signal(SignalState.SUPPRESSED, "d", "column:age"),
    )
    said = "\n".join(page(signals=signals))
    for title, text in (
        ("Signals that are firing", "a"),
        ("Signals that are cleared", "c"),
        ("Signals that column:age explains", "d"),
        ("Signals that snapshot:features explains", "b"),
    ):
        assert f"{title}\n  warn      drift        {text} (2026-02-01)\n" in said


@pytest.mark.parametrize(
    ("mute", "changed", "told"),
    [
        pytest.param(None, {}, "people, since 2026-02-04 06:00 UTC", id="somebody"),
        pytest.param(
            Mute("maintenance: a move", NOW + HOUR),
            {},
            "nobody until 2026-02-04 07:00 UTC: maintenance: a move",
            id="nobody in a window",
        ),
        pytest.param(
            None, {"alerted_at": None, "is_late": True}, "nobody; a digest tells it", id="a digest"
        ),
        pytest.param(None, {"status": Status.RESOLVED}, "", id="it is over"),
    ],
)
def test_it_says_who_is_called(mute: Mute | None, changed: dict[str, object], told: str) -> None:
    called = [line for line in page(replace(NOTHING, mute=mute), **changed) if "called  " in line]
    assert called == ([f"  called         {told}"] if told else [])


@pytest.mark.parametrize(
    ("told", "line"),
    [
        pytest.param(
            notice(), "root:MD-000001:1 to #a: pending, due 2026-02-04 06:00 UTC", id="it waits"
        ),
        pytest.param(
            notice(status="sent", sent_at=NOW, sent_by="slack", is_doubtful=True),
            "root:MD-000001:1 to #a: sent 2026-02-04 06:00 UTC by slack, may be there twice",
            id="it was sent",
        ),
        pytest.param(
            notice(status="blocked", destination="", last_error="invalid_auth"),
            "root:MD-000001:1 to the deployment's channel: blocked, due 2026-02-04 06:00 UTC: "
            "invalid_auth",
            id="it is blocked",
        ),
    ],
)
def test_a_message_says_what_has_become_of_it(told: Told, line: str) -> None:
    assert f"  {line}" in page(replace(NOTHING, notices=[told]))


def test_the_timeline_says_who_did_what_and_when() -> None:
    events = [Event(NOW, EventKind.ACKNOWLEDGED, "user:ann", "acknowledged")]
    lines = page(replace(NOTHING, events=events))
    assert lines[lines.index("Timeline") + 1] == "  2026-02-04 06:00 UTC  user:ann: acknowledged"


def test_of_a_sample_its_place_and_its_counts_are_told() -> None:
    sample = Sampled("flights/samples/2026-02-03/MD-000001.parquet", 1, {"highest_loss": 1})
    assert page(replace(NOTHING, sample=sample))[-2:] == [
        "  flights/samples/2026-02-03/MD-000001.parquet in the lake: 1 row (1 highest_loss)",
        "  `monitoring-dagster incidents samples MD-000001 --because ...` shows them",
    ]
    gone = page(replace(NOTHING, sample=None))[-1]
    assert gone == "  its monitor is no more, and nobody says how long rows may be shown"


def test_a_silence_that_is_over_stands_no_more() -> None:
    def silence(number: int, begins: dt.datetime) -> Silence:
        return Silence(number, "flights", "*", begins, begins + 2 * HOUR, "user:ann", "a move")

    found = [silence(1, NOW - 3 * HOUR), silence(2, NOW - HOUR), silence(3, NOW + HOUR)]
    assert [row[:1] + row[3:5] for row in silences(found, NOW)] == [
        ["2", "on", "2026-02-04 07:00 UTC"],
        ["3", "from 2026-02-04 07:00 UTC", "2026-02-04 09:00 UTC"],
    ]
