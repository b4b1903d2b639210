"""Alarms about actions: somebody has to agree, one has failed, or one takes longer than agreed.

What an action is decides `retraining`; here are only the words for whoever has to look.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitoring_dagster.incidents.alarms import Alarm, Check
from monitoring_dagster.incidents.briefing import Pages
from monitoring_dagster.incidents.incident import Context, Link, NextStep, Priority
from monitoring_dagster.monitors.contract import Materiality, Monitor

TOLD_FOR = dt.timedelta(days=14)
"""A failure that nobody has done anything about for so long is history."""


@dataclass(frozen=True, slots=True)
class ActionFacts:
    """What is known of an action.

    Args:
        ref: its short name.
        kind: `retraining` or `rollback`.
        status: where it stands; a word of `retraining.action.Status`.
        evidence: why it is owed, in a sentence.
        because: why it ended as it did, or why it may pass, in a sentence.
        version: the model version that would take over; empty where there is none yet.
        asked_at: when it was asked for, by the wall clock.
        ended_at: when it ended, by the wall clock; None while it is under way.
        is_decided: whether the gate has spoken, which ends what was agreed about time.
        missing: approvals that are missing.
        report: URL of the run that holds its figures; empty for nowhere.
    """

    ref: str
    kind: str
    status: str
    evidence: str
    because: str
    version: str
    asked_at: dt.datetime
    ended_at: dt.datetime | None = None
    is_decided: bool = False
    missing: int = 1
    report: str = ""


def of_actions(
    monitor: Monitor, latest: ActionFacts | None, worse: str, now: dt.datetime, pages: Pages
) -> Iterator[Alarm]:
    """What somebody has to look at.

    Args:
        monitor: whose model it is.
        latest: the last action; None where there was none.
        worse: that the champion does worse than its predecessor did, in a sentence; or empty.
        now: the wall clock.
        pages: where Dagster's pages are.
    """
    if worse:
        yield _champion_worse(monitor, worse, now)
    if latest is None:
        return
    links = tuple(_links(latest, pages))
    if latest.status == "awaiting_approval":
        yield _approval_wanted(monitor, latest, links)
    if latest.status == "failed" and latest.ended_at and latest.ended_at > now - TOLD_FOR:
        yield _failed(monitor, latest, links)
    deadline = latest.asked_at + dt.timedelta(hours=monitor.retraining.decide_within_hours)
    if latest.ended_at is None and not latest.is_decided and deadline < now:
        yield _late(monitor, latest, links)


def _links(action: ActionFacts, pages: Pages) -> Iterator[Link]:
    if action.report:
        yield Link("Validation report", action.report)
    if pages.dagster:
        yield Link("Runs", f"{pages.dagster}/runs?q[]=tag%3Amonitoring%2Faction%3D{action.ref}")


def _approval_wanted(monitor: Monitor, action: ActionFacts, links: Sequence[Link]) -> Alarm:
    is_high = monitor.materiality is Materiality.HIGH
    people = "somebody" if action.missing == 1 else f"{action.missing} people"
    what = "take over" if action.kind == "retraining" else "come back"
    return Alarm(
        monitor.name,
        Check.APPROVAL_WANTED,
        Priority.P2 if is_high else Priority.P3,
        f"version {action.version} may {what} once {people} agree"
        + ("s" if action.missing == 1 else ""),
        action.asked_at.astimezone(dt.UTC).date(),
        Context(
            what=f"{action.ref} ({action.kind}) waits for approval: {action.evidence}",
            how_sure=action.because,
            next_step=NextStep.APPROVE,
            next_step_because=f"`monitoring-dagster retraining approve {action.ref}`, the job "
            "approve_retraining or 👍 on this message lets it; `retraining reject` calls it off",
            links=tuple(links),
        ),
    )


def _failed(monitor: Monitor, action: ActionFacts, links: Sequence[Link]) -> Alarm:
    return Alarm(
        monitor.name,
        Check.ACTION_FAILED,
        Priority.P3,
        f"the {action.kind} {action.ref} failed",
        action.asked_at.astimezone(dt.UTC).date(),
        Context(
            what=action.because,
            how_large="the champion stays as it is",
            next_step=NextStep.FIX_MONITORING,
            next_step_because="mend what it says, and ask for it again with "
            f"`monitoring-dagster retraining request {monitor.name}`; "
            f"`retraining show {action.ref}` has the end of its log",
            links=tuple(links),
            details=(("Asked for because", action.evidence),),
        ),
    )


def _late(monitor: Monitor, action: ActionFacts, links: Sequence[Link]) -> Alarm:
    agreed = monitor.retraining.decide_within_hours
    return Alarm(
        monitor.name,
        Check.ACTION_LATE,
        Priority.P3,
        f"the {action.kind} {action.ref} is not decided within {agreed:g} hours",
        action.asked_at.astimezone(dt.UTC).date(),
        Context(
            what=f"it was asked for at {action.asked_at:%Y-%m-%d %H:%M} UTC and stands at "
            f"{action.status.replace('_', ' ')}",
            how_sure=f"retraining.decide_within_hours of {monitor.name} is {agreed:g}",
            next_step=NextStep.INVESTIGATE,
            next_step_because=f"`monitoring-dagster retraining show {action.ref}` says what it "
            "waits for",
            links=tuple(links),
            details=(("Asked for because", action.evidence),),
        ),
    )


def _champion_worse(monitor: Monitor, worse: str, now: dt.datetime) -> Alarm:
    return Alarm(
        monitor.name,
        Check.CHAMPION_WORSE,
        Priority.P2,
        "the new champion does worse than the one before",
        now.astimezone(monitor.zone).date(),
        Context(
            what=worse,
            how_sure="days with final labels were compared, each counting once",
            next_step=NextStep.ROLL_BACK,
            next_step_because=f"`monitoring-dagster retraining rollback {monitor.name}` brings the "
            "former champion back, with its reference and what the detectors knew of it",
        ),
    )
