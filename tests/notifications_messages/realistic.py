"""Incidents of the example's year, with the words of its real verdicts."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from monitoring_dagster.decisions.verdict import Cost, Level
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import (
    Context,
    Incident,
    Link,
    NextStep,
    Priority,
    Signal,
    SignalState,
    Status,
)

DAGSTER = Link("Dagster", "http://127.0.0.1:3000/assets/flight_delay/evaluation?partition=2013-11")
REPORT = Link("Report", "https://reports.example.org/flight_delay/2013-11-16.html")
MLFLOW = Link("MLflow", "https://mlflow.example.org/#/models/flight_delay/versions/3")
RUNBOOK = Link("Runbook", "https://wiki.example.org/flight-delay")

AUC = (0.66, 0.7, 0.64, 0.71, 0.69, 0.63, 0.68, 0.52, 0.72, 0.66, 0.61, 0.58, 0.513, 0.47, 0.439)
REBOOKING = "rebooking that a better warning would have spared"


def at(day: int, hour: int = 9, month: int = 11) -> dt.datetime:
    return dt.datetime(2013, month, day, hour, 5, tzinfo=dt.UTC)


def signal(text: str, state: SignalState = SignalState.FIRING, subject: str = "") -> Signal:
    day = dt.date(2013, 11, 16)
    return Signal(subject or text[:40], state, Level.WARN, "lasting", text, day, day)


def performance() -> Incident:
    days = [dt.date(2013, 11, 2) + dt.timedelta(days=i) for i in range(len(AUC))]
    return Incident(
        ref="MD-7F3A9C",
        monitor="flight_delay",
        cause=Cause(CauseKind.PERFORMANCE),
        status=Status.OPEN,
        priority=Priority.P1,
        title="roc_auc is below its objective and the error budget is used up",
        since=dt.date(2013, 11, 14),
        last_day=dt.date(2013, 11, 16),
        opened_at=at(15),
        updated_at=at(17),
        signals=(
            signal("roc_auc is 0.439, expected 0.687"),
            *(
                signal(f"`dest` in carrier={c} moved by 0.4 σ", SignalState.SUPPRESSED)
                for c in ("AA", "EV", "UA")
            ),
        ),
        context=Context(
            what="roc_auc was 0.439 on 16 Nov, required is ≥ 0.6: the model tells late flights "
            "from others no better than a coin.",
            how_sure="Bad beyond noise on 3 days in a row; 10 of 28 decided days were bad, 5.6 "
            "are allowed.",
            how_large="24.8 points below what the reference leads to expect (0.687; noise 30.3 "
            "points on a single day, 11.2 points on average over 23 days).",
            cost=Cost(6440.4, 3176.1, 9577.8, "USD", REBOOKING),
            columns=(
                "`hour` moved by 0.47 σ, importance rank 1 of 13",
                "`humid` has 18.3 points more nulls, importance rank 3 of 13",
                "`temp` moved by 1.60 σ on average over 61 days, importance rank 7 of 13",
            ),
            segments=("carrier=EV: accuracy 0.385, expected 0.586", "origin=LGA: accuracy 0.364"),
            versions=("model version 3 since 12 Nov (was 2)",),
            trend=tuple(zip(days, AUC, strict=True)),
            trend_of="roc_auc (area under the ROC curve, 0 to 1)",
            trend_limit=0.6,
            next_step=NextStep.RETRAIN,
            next_step_because="inputs have moved for 61 days and the labels since then are "
            "complete (99 %); no quality check failed.",
            links=(DAGSTER, REPORT, MLFLOW, RUNBOOK),
        ),
    )


def acknowledged() -> Incident:
    return replace(
        performance(),
        ref="MD-7F3A9D",
        status=Status.ACKNOWLEDGED,
        acknowledged_at=at(15, 10),
        acknowledged_by="jane.doe",
        reopened=1,
    )


def resolved() -> Incident:
    return replace(
        performance(),
        ref="MD-7F3A9E",
        status=Status.RESOLVED,
        resolved_at=at(22, 10),
        resolved_because="roc_auc has been within noise of 0.687 for 3 days",
        last_day=dt.date(2013, 11, 19),
    )


def nulls() -> Incident:
    day = dt.date(2013, 12, 31)
    names = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")
    return Incident(
        ref="MD-19B2E0",
        monitor="flight_delay",
        cause=Cause(CauseKind.SNAPSHOT, "features"),
        status=Status.OPEN,
        priority=Priority.P1,
        title="the weather of 31 Dec is missing: 7 columns are null",
        since=day,
        last_day=day,
        opened_at=dt.datetime(2014, 1, 1, 9, 5, tzinfo=dt.UTC),
        updated_at=dt.datetime(2014, 1, 1, 9, 5, tzinfo=dt.UTC),
        signals=tuple(
            signal(f"drift of `{n}` cannot be judged", SignalState.SUPPRESSED, f"{n}{i}")
            for n in names
            for i in range(10)
        ),
        context=Context(
            what="7 of 13 columns cannot be used: none of 776 rows has a value.",
            how_sure="A fact, not a finding: every row was counted.",
            how_large="7 columns with 46 % of the model's importance; the model scored half blind.",
            columns=tuple(f"`{n}`: none of 776 rows has a value" for n in names),
            checks=("`pressure` not_null mostly 0.5: 0 % of 776 rows (warning)",),
            next_step=NextStep.FIX_DATA,
            next_step_because="7 of 8 weather columns are empty at once, so the feed is the cause; "
            "retraining would learn the gap.",
            links=(DAGSTER, REPORT),
        ),
    )


def drift() -> Incident:
    first = dt.date(2013, 5, 11)
    temps = tuple(
        (dt.date(2013, 4, 8) + dt.timedelta(days=i), 0.2 + 0.026 * i + 0.3 * (i % 5 - 2) / 2)
        for i in range(61)
        if i not in {20, 21}
    )
    return Incident(
        ref="MD-C04D11",
        monitor="flight_delay",
        cause=Cause(CauseKind.INPUTS),
        status=Status.OPEN,
        priority=Priority.P3,
        title="inputs have moved: `temp`, `dewp` and 9 more",
        since=first,
        last_day=dt.date(2013, 6, 7),
        opened_at=at(12, month=5),
        updated_at=at(8, month=6),
        context=Context(
            what="`temp` moved by 1.85 σ, 28th day in a row: it lasts, 1.60 σ on average over 61 "
            "days; by itself it makes 16.5 points more positive decisions.",
            how_sure="The average of 61 days lies beyond what 31 reference days can vary by; 11 "
            "columns agree.",
            how_large="1.60 σ where 0.3 σ is worth telling; performance is unchanged so far.",
            columns=tuple(
                f"`{n}` moved by {e} σ, importance rank {r} of 13"
                for n, e, r in (
                    ("temp", 1.85, 7),
                    ("dewp", 1.65, 8),
                    ("humid", 0.62, 3),
                    ("pressure", 0.48, 5),
                    ("minute", 0.44, 11),
                    ("dest", 0.39, 2),
                    ("hour", 0.31, 1),
                )
            ),
            segments=("origin=EWR: `temp` 1.85 σ", "carrier=EV: `temp` 1.55 σ"),
            trend=temps,
            trend_of="change of temp (σ)",
            trend_limit=0.3,
            next_step=NextStep.ACCEPT,
            next_step_because="it follows the season, and roc_auc is within noise.",
            links=(REPORT,),
        ),
    )


def flapping() -> Incident:
    return replace(
        drift(),
        ref="MD-88A0F2",
        cause=Cause(CauseKind.COLUMN, "minute"),
        title="`minute` comes and goes in carrier=AA",
        priority=Priority.P4,
        is_flapping=True,
        reopened=5,
        context=replace(
            drift().context,
            what="`minute` in carrier=AA moved by 0.29 σ (noise at n=96: 0.84 σ), 109th day in a "
            "row: it lasts, 0.44 σ on average over 115 days.",
            how_sure="",
            columns=(),
            next_step=NextStep.WAIT,
            next_step_because="the day's 96 rows cannot show less than 0.8 σ.",
        ),
    )


def traffic() -> Incident:
    return Incident(
        ref="MD-2D5E77",
        monitor="flight_delay",
        cause=Cause(CauseKind.TRAFFIC),
        status=Status.OPEN,
        priority=Priority.P2,
        title="a third fewer flights than expected",
        since=dt.date(2013, 11, 28),
        last_day=dt.date(2013, 11, 29),
        opened_at=at(29),
        updated_at=at(30),
        snoozed_until=at(30, 21),
        context=Context(
            what="661 rows, expected 974: a change of 32 %, noise 21 %.",
            how_sure="More than noise explains on 2 days in a row (p = 3e-12).",
            how_large="313 predictions fewer a day.",
            segments=("carrier=(other): −48 %", "origin=LGA: −39 %"),
            next_step=NextStep.INVESTIGATE,
            next_step_because="28 Nov was Thanksgiving; no snapshot is late and no row was "
            "refused.",
            links=(DAGSTER, REPORT),
        ),
    )


def operations() -> Incident:
    day = dt.date(2013, 8, 19)
    return Incident(
        ref="MD-51C6B8",
        monitor="flight_delay",
        cause=Cause(CauseKind.OPERATIONS),
        status=Status.OPEN,
        priority=Priority.P2,
        title="one request in twelve fails",
        since=day,
        last_day=day,
        opened_at=at(20, month=8),
        updated_at=at(20, month=8),
        context=Context(
            what="error_rate was 0.083, required is ≤ 0.01: 80 of 964 requests had no score.",
            how_sure="Bad beyond noise: 0.066 to 0.102 with 95 % confidence.",
            how_large="8.3 times what the objective `answers` allows.",
            details=(("busiest hour", "17:00, 41 of 96 requests failed"), ("status", "timeout")),
            next_step=NextStep.FIX_SERVICE,
            next_step_because="latency_p95 rose from 0.07 s to 0.41 s in the same hours; inputs "
            "are as ever.",
            links=(DAGSTER, RUNBOOK),
        ),
    )


def late() -> Incident:
    return replace(
        drift(),
        ref="MD-90FF3B",
        cause=Cause(CauseKind.SEGMENT, "carrier=EV"),
        title="accuracy in carrier=EV has fallen",
        priority=Priority.P2,
        is_late=True,
        since=dt.date(2013, 8, 29),
        last_day=dt.date(2013, 9, 5),
        context=Context(
            what="Errors in carrier=EV have risen beyond what the reference allows: 68.6 % over "
            "7 days, 50 % are tolerated; accuracy is 0.385, expected 0.586.",
            how_sure="The evidence passed its threshold (log e = 5.2, needed 4.1).",
            how_large="28.5 points over 7 days.",
            segments=("carrier=EV: accuracy 0.385, expected 0.586",),
            next_step=NextStep.INVESTIGATE,
            next_step_because="one carrier alone is affected.",
            links=(REPORT,),
        ),
    )


def hostile() -> Incident:
    evil = "<!channel> <@U1> <http://evil.example|report> *bold* `x` _it_ ~no~ :tada: @here"
    return replace(
        performance(),
        ref="MD-666666",
        title=evil,
        status=Status.ACKNOWLEDGED,
        acknowledged_by=evil,
        context=Context(
            what=f"{evil}\n> quoted\nhttps://evil.example",
            how_sure="</script><img src=x onerror=alert(1)>",
            columns=(evil, "a" * 10_000, "``` *x* ```", "\u202egnihsihp\u202c\x00"),
            segments=("name=*<b>*",),
            cost=Cost(1.0, 0.0, 2.0, "<!here>", "*money*"),
            links=(Link(evil, "javascript:alert(1)"), Link(evil, "https://ok.example/a|b>c")),
            next_step_because=evil,
            trend=performance().context.trend,
            trend_of="$\\frac{1}{2}$ <b> 漢字 🎉",
        ),
    )


ALL = {
    "performance": performance,
    "acknowledged": acknowledged,
    "resolved": resolved,
    "nulls": nulls,
    "drift": drift,
    "flapping": flapping,
    "traffic": traffic,
    "operations": operations,
    "late": late,
    "hostile": hostile,
}
