"""The evidence of a day: what it proves of the model's harm, and whether its data can be trusted.

What follows from it for people is `next_step`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Verdict
from monitoring_dagster.decisions.wording import number
from monitoring_dagster.incidents.cause import CauseKind
from monitoring_dagster.incidents.figures import figure, is_exhausted
from monitoring_dagster.incidents.incident import Signal, SignalState
from monitoring_dagster.incidents.subjects import is_whole
from monitoring_dagster.incidents.themes import BROKEN, clue, fires
from monitoring_dagster.monitors.contract import Monitor


def harm(monitor: Monitor, verdicts: Sequence[Verdict]) -> str:
    """Proof, in words, that the model does worse on all traffic than it may; empty without one.

    A rise of errors that the e-detector proves, or an objective of performance whose error budget
    is used up: also on its good days, since the budget comes back with time only.
    """
    about = [v for v in verdicts if is_whole(v.subject)]
    for verdict in about:
        if verdict.subject.rule is Rule.PERFORMANCE and verdict.reason == Reason.HARMFUL:
            return f"errors are proven to have risen over {number(verdict.days)} days"
    for verdict in about:
        if _is_of_performance(monitor, verdict) and is_exhausted(verdict):
            bad = number(figure(verdict, "bad_days"))
            name = verdict.subject.name
            return f"objective {name} is exhausted, with {bad} bad days in its window"
    return ""


def met(monitor: Monitor, verdicts: Sequence[Verdict]) -> str:
    """Objectives of performance on all traffic, in words, if every one is met; empty if not.

    Empty, too, where none is declared or one could not be decided.
    """
    about = [v for v in verdicts if is_whole(v.subject) and _is_of_performance(monitor, v)]
    if not about or any(v.level is not Level.OK for v in about):
        return ""
    return ", ".join(sorted(v.subject.name for v in about))


def broken(monitor: Monitor, verdicts: Sequence[Verdict]) -> str:
    """What is broken in the day's data, the first of it in words; empty if nothing is."""
    found = [v.text for v in verdicts if fires(v) and clue(monitor, v).theme.family in BROKEN]
    return found[0] if found else ""


def days_on(signals: Sequence[Signal]) -> int:
    """Days that the longest signal which still fires has been on, from its first to its last."""
    firing = [s for s in signals if s.state is SignalState.FIRING]
    spans = [s.last_day - s.first_day + dt.timedelta(days=1) for s in firing]
    return max(spans, default=dt.timedelta()).days


def _is_of_performance(monitor: Monitor, verdict: Verdict) -> bool:
    is_objective = verdict.subject.rule is Rule.OBJECTIVE
    return is_objective and clue(monitor, verdict).theme.family is CauseKind.PERFORMANCE
