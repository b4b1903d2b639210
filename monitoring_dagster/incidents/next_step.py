"""The next step: what to do first about an incident, and the evidence that says so.

Training anew is advised where harm is proven and the data is sound, never because inputs moved.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Verdict
from monitoring_dagster.incidents import evidence
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import NextStep, Signal, SignalState
from monitoring_dagster.incidents.phrases import broken, clipped, in_a_row
from monitoring_dagster.incidents.subjects import columns_of, counting, subject_of
from monitoring_dagster.incidents.themes import NULLS
from monitoring_dagster.metrics.measurement import Reason as Why
from monitoring_dagster.monitors.contract import Monitor

A_WEEK = 7
"""Days of drift from which on it can be the reason for harm that took days to prove."""

LONG_ENOUGH = 21
"""Days of drift after which performance has had time to suffer from it."""

_ROOM = 60

Step = tuple[NextStep, str]


def next_step(
    monitor: Monitor, cause: Cause, verdicts: Sequence[Verdict], signals: Sequence[Signal]
) -> Step:
    """What to do first, and why that.

    Args:
        monitor: says what columns and objectives there are.
        cause: of the incident.
        verdicts: all of the last day on which it fired.
        signals: of the whole incident so far.
    """
    found = counting(signals)
    match cause.kind:
        case CauseKind.SNAPSHOT | CauseKind.COLUMN:
            return _of_break(monitor, cause, found, signals)
        case CauseKind.METRIC | CauseKind.MONITORING:
            return NextStep.FIX_MONITORING, (
                "this is a failure of the monitoring, and says nothing of the model; until it is "
                "mended the model is watched less"
            )
        case CauseKind.TRAFFIC:
            return _of_traffic(found)
        case CauseKind.LABELS:
            return _of_labels(found)
        case CauseKind.OPERATIONS:
            return NextStep.FIX_SERVICE, (
                "the service answers more slowly or fails more often, whatever the model predicts"
            )
        case CauseKind.INPUTS | CauseKind.PREDICTIONS:
            return _of_drift(monitor, verdicts, signals)
        case CauseKind.PERFORMANCE:
            return _of_performance(monitor, verdicts, found)
        case CauseKind.SEGMENT | CauseKind.VERSION:
            return _of_part(monitor, cause, verdicts, signals)


def _of_break(
    monitor: Monitor, cause: Cause, found: Sequence[Signal], signals: Sequence[Signal]
) -> Step:
    columns = columns_of(found, monitor.columns)
    if found and found[0].reason == Why.SOURCE_GROWING:
        return NextStep.WAIT, (
            "the source was still being written; if the day is not taken within hours, "
            "ask whoever delivers it"
        )
    if not columns or subject_of(found[0].subject).metric == "snapshot_rows":
        what = f"nothing measured of the {cause.name} can be trusted before they can be used"
    else:
        names = in_a_row(columns, _ROOM)
        what = f"{names} {broken(found, many=len(columns) > 1)}: look where the values come from"
    explained = [s for s in signals if s.state is SignalState.SUPPRESSED]
    alerts = sum(s.level in (Level.WARN, Level.CRITICAL) for s in explained)
    follow = "alert follows" if alerts == 1 else "alerts follow"
    more = f"; {alerts} further {follow} from it" if alerts else ""
    return NextStep.FIX_DATA, f"{what}{more}"


def _of_traffic(found: Sequence[Signal]) -> Step:
    refused = [s for s in found if s.reason == Reason.UNUSABLE]
    if refused:
        return NextStep.FIX_DATA, (
            f"{clipped(refused[0].text, 3 * _ROOM)}: whoever sends the rows has to mend them"
        )
    return NextStep.INVESTIGATE, (
        "holidays and campaigns change how many rows come, and so do deliveries that are cut "
        "short: check which it is"
    )


def _of_labels(found: Sequence[Signal]) -> Step:
    rules = {subject_of(s.subject).rule for s in found}
    if Rule.PERFORMANCE in rules and len(rules) == 1:
        return NextStep.INVESTIGATE, (
            "outcomes are others than before while the model predicts as well as ever: either the "
            "world has changed or the labels are made in another way"
        )
    return NextStep.FIX_DATA, (
        "outcomes that should be known are missing, and without them nobody sees whether the "
        "model does harm: ask where the labels come from"
    )


def _of_drift(monitor: Monitor, verdicts: Sequence[Verdict], signals: Sequence[Signal]) -> Step:
    data, harm = evidence.broken(monitor, verdicts), evidence.harm(monitor, verdicts)
    days = evidence.days_on(signals)
    if harm and data:
        return _data_first(data)
    if harm and days < A_WEEK:
        return NextStep.INVESTIGATE, (
            f"{harm}, but this has moved for {days} {'day' if days == 1 else 'days'} only: it need "
            "not be the reason"
        )
    if harm:
        return NextStep.RETRAIN, (
            f"{harm}, while what the model is given has moved; that this is the reason is likely "
            "and not proven"
        )
    return _of_harmless_drift(monitor, verdicts, days)


def _of_harmless_drift(monitor: Monitor, verdicts: Sequence[Verdict], days: int) -> Step:
    met = evidence.met(monitor, verdicts)
    if days >= LONG_ENOUGH and met:
        return NextStep.ACCEPT, (
            f"it has lasted for {days} days, and performance meets its objective ({met}): "
            "`monitoring-dagster accept` makes it the normal that is compared with"
        )
    return NextStep.WAIT, f"no harm of it is proven; {_would_change(monitor, days)}"


def _would_change(monitor: Monitor, days: int) -> str:
    """What would turn waiting into something else."""
    if monitor.telemetry.labels is None:
        return "without labels none can be: look whether the predictions still make sense"
    harm = "errors proven to have risen, or an exhausted objective, would call for training anew"
    if days < LONG_ENOUGH:
        return f"{harm}, {LONG_ENOUGH} days of it without any for accepting it"
    return f"{harm}, a met objective of performance for accepting it"


def _of_performance(monitor: Monitor, verdicts: Sequence[Verdict], found: Sequence[Signal]) -> Step:
    data, harm = evidence.broken(monitor, verdicts), evidence.harm(monitor, verdicts)
    if data:
        return _data_first(data)
    if harm:
        return NextStep.RETRAIN, f"{harm}, and the data of the day is sound"
    if found and all(subject_of(s.subject).rule is Rule.ESTIMATE for s in found):
        return NextStep.INVESTIGATE, (
            "it is estimated without labels, and an estimate cannot see whether outcomes follow "
            "other rules: look at what moved, and get labels sooner"
        )
    if found and found[0].reason == Reason.BURNING:
        return NextStep.INVESTIGATE, (
            "bad days come faster than the objective allows, and its budget is not used up: there "
            "is time to look which part of the traffic they come from"
        )
    return NextStep.INVESTIGATE, (
        "a metric has changed, but neither a rise of errors nor an exhausted objective is proven, "
        "which training anew would need"
    )


def _data_first(data: str) -> Step:
    return NextStep.FIX_DATA, (
        f"data is broken on the same day ({clipped(data, 2 * _ROOM)}), and a model trained on it "
        "would learn that"
    )


def _of_part(
    monitor: Monitor, cause: Cause, verdicts: Sequence[Verdict], signals: Sequence[Signal]
) -> Step:
    subjects = [subject_of(s.subject, monitor.columns) for s in counting(signals)]
    if any(s.rule in (Rule.PERFORMANCE, Rule.OBJECTIVE) for s in subjects):
        if cause.kind is CauseKind.VERSION:
            return NextStep.INVESTIGATE, (
                f"only version {clipped(cause.name, _ROOM)} does worse: compare it with those that "
                "serve beside it, and give it less traffic"
            )
        return NextStep.INVESTIGATE, (
            f"only {clipped(cause.name, _ROOM)} does worse: what has changed there and nowhere "
            "else? The model as a whole needs no training for it"
        )
    if subjects and all(s.metric == NULLS for s in subjects):
        return NextStep.FIX_DATA, f"values are missing in {clipped(cause.name, _ROOM)} only"
    # Harm that all traffic shows is told of all traffic: a part that moves need not explain it.
    return _of_harmless_drift(monitor, verdicts, evidence.days_on(signals))
