"""Requesting: whether a model is to be trained anew, decided together with a day's verdicts.

The gravest reason, what keeps from it, the days to learn from, and one row of the table `action`;
or a sentence on the incident that says why not. What becomes of the row is not decided here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from monitoring_dagster.decisions.verdict import Reason, Rule, Verdict
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.incidents import evidence as proof
from monitoring_dagster.incidents.calling import revised
from monitoring_dagster.incidents.desk import Desk, Handled
from monitoring_dagster.incidents.incident import SYSTEM, Event, EventKind
from monitoring_dagster.incidents.lateness import due_at
from monitoring_dagster.incidents.subjects import is_whole
from monitoring_dagster.monitors.calendar import taken_at
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining import guards, telling, windows
from monitoring_dagster.retraining.action import Action, ActionKind, Why
from monitoring_dagster.retraining.guards import OVERRIDABLE, Circumstances, Guard, Refusal
from monitoring_dagster.retraining.known import Look
from monitoring_dagster.retraining.reasons.evidence import Evidence, Explained, Said
from monitoring_dagster.retraining.reasons.registry import PROVEN, REGISTRY
from monitoring_dagster.retraining.rows import row_of
from monitoring_dagster.retraining.windows import Lookup, Plan
from monitoring_dagster.store import actions
from monitoring_dagster.store.audit import reading

Verdicts = Mapping[dt.date, Sequence[Verdict]]

WITHHELD = "action.withheld"

EXPLAINED = "explained"
"""What an audit row names in place of a guard where inputs that moved explain a loss."""

_FIGURES = re.compile(r"\d[\d,.]*")


@dataclass(frozen=True)
class World:
    """What a request depends on beyond the desk and the verdicts.

    Args:
        document: the monitor as it was written, whatever champion it is measured against now: its
            reference says where the oldest snapshots lie.
        look_up: what the lake holds of a day (`windows.lookup`); asked only where nothing else
            keeps from training.
        is_disabled: whether retraining is switched off in this deployment (`guards.SWITCH`).
        clock: what runs of the action get as the run tag `monitoring/clock`: the relived instant
            of a replay; empty for the wall clock.
    """

    document: Monitor
    look_up: Lookup
    is_disabled: bool = False
    clock: str = ""


class Answer(NamedTuple):
    """What came of it: the name of the action that is owed, or what keeps from it; and a sentence.

    `guard` is None where it is owed, and where inputs that moved explain a loss.
    """

    ref: str
    guard: Guard | None
    text: str


def request(desk: Desk, verdicts: Verdicts, world: World) -> Answer | None:
    """Ask for a retraining where these verdicts call for one and no guard refuses.

    To be called after incidents have followed the same verdicts, in their transaction. Asking
    again, with the same or with later days, asks for nothing more while an action is under way.

    Args:
        desk: of the monitor, with its incidents as they are now.
        verdicts: by day. Days that are too old to call anybody for are passed over.
        world: the document, the lake and the deployment.

    Returns:
        None where there is nothing to say: no reason, or one that is being seen to.
    """
    document = world.document
    proven = _proving(document, verdicts, desk.now)
    recent = _recent(document, verdicts, desk.now) if _has_calendar(document) else []
    if not proven and not recent:
        return None
    look = Look(desk, document)
    if proven and (refusal := _never(look, world)) is not None:
        return _withhold(look, _gravest(proven), refusal)
    since = look.champion.reigns_from
    # Labels that came late tell of the champion before.
    proven = [said for said in proven if since is None or said.day >= since]
    found = [
        reason(document, proven if why in PROVEN else recent, look)
        for why, reason in REGISTRY.items()
        if (proven if why in PROVEN else recent)
    ]
    evidence = next((e for e in found if isinstance(e, Evidence)), None)
    explained = next((e for e in found if isinstance(e, Explained)), None)
    if explained is not None and (evidence is None or evidence.why not in PROVEN):
        answer = _explain(look, explained)
        if evidence is None:
            return answer
    return None if evidence is None else _decide(look, world, evidence)


def by_hand(desk: Desk, world: World, by: str, because: str) -> Answer:
    """A person asks for a retraining.

    They may pass over `guards.OVERRIDABLE`, and the action says so. No other guard.

    Args:
        desk: of the monitor.
        world: the document, the lake and the deployment.
        by: the person, as the audit log has them.
        because: why, in their words.
    """
    look = Look(desk, world.document)
    refusals = guards.before(_circumstances(look, world))
    refusal = guards.binding(refusals, passed_over=OVERRIDABLE)
    since = look.incident_since or look.champion_since
    plan = None if refusal else _plan(look, world, since)
    if plan is not None:
        refusal = guards.of_plan(world.document, plan, look.broken_data)
    if refusal is None and plan is not None:
        spite = "; ".join(r.text for r in refusals)
        text = f"{because} (in spite of this: {spite})" if spite else because
        made = _add(look, world, Evidence(Why.BY_HAND, text, since), plan, by)
        if made is not None:
            return made
    refusal = refusal or Refusal(Guard.IN_FLIGHT, "another action was asked for just now")
    about = _about(Why.BY_HAND, refusal.guard, refusal.text) | {"because": because}
    desk.note(WITHHELD, world.document.name, by, about, kind="monitor")
    return Answer("", refusal.guard, _not(refusal.text))


# --- which verdicts count -------------------------------------------------------------------------


def _proving(document: Monitor, verdicts: Verdicts, now: dt.datetime) -> list[Said]:
    """Days with what is said of performance on all traffic, the newest first; none without proof.

    Costs no look into the store: most days of most monitors end here.
    """
    when = document.retraining.when
    rules = [r for r, on in ((Rule.PERFORMANCE, when.harm), (Rule.OBJECTIVE, when.exhausted)) if on]
    said = [
        Said(day, [v for v in verdicts[day] if _is_fresh(document, day, v, now)])
        for day in sorted(verdicts, reverse=True)
    ]
    is_proven = any(
        proof.harm(document, [v for v in of_day if v.subject.rule in rules]) for _, of_day in said
    )
    return said if is_proven else []


def _is_fresh(document: Monitor, day: dt.date, verdict: Verdict, now: dt.datetime) -> bool:
    subject = verdict.subject
    if subject.rule not in (Rule.PERFORMANCE, Rule.OBJECTIVE) or not is_whole(subject):
        return False
    return due_at(document, day, subject.key) + document.alerting.old_after >= now


def _has_calendar(document: Monitor) -> bool:
    """Whether time alone can be a reason, for a model that can be trained."""
    retraining = document.retraining
    if retraining.trainer is None or document.telemetry.labels is None:
        return False
    return retraining.when.max_age_days is not None or retraining.when.new_labels is not None


def _recent(document: Monitor, verdicts: Verdicts, now: dt.datetime) -> list[Said]:
    oldest = now - document.alerting.old_after
    return [
        Said(day, ()) for day in sorted(verdicts, reverse=True) if taken_at(document, day) >= oldest
    ]


# --- what follows ---------------------------------------------------------------------------------


def _never(look: Look, world: World) -> Refusal | None:
    """What keeps from training whatever the reason: nothing else has to be looked up."""
    found = Circumstances(look.document, look.desk.now, world.is_disabled, ())
    always = (guards.disabled(found), guards.no_trainer(found), guards.no_labels(found))
    return next((refusal for refusal in always if refusal is not None), None)


def _gravest(proven: Sequence[Said]) -> Why:
    is_harm = any(v.reason == Reason.HARMFUL for said in proven for v in said.verdicts)
    return Why.HARM if is_harm else Why.EXHAUSTED


def _circumstances(look: Look, world: World) -> Circumstances:
    return Circumstances(look.document, look.desk.now, world.is_disabled, look.actions)


def _decide(look: Look, world: World, evidence: Evidence) -> Answer | None:
    """Ask for it, or say which guard refuses."""
    refusals = guards.before(_circumstances(look, world))
    if (refusal := guards.binding(refusals, passed_over=())) is not None:
        return _withhold(look, evidence.why, refusal)
    plan = _plan(look, world, evidence.since)
    if (refusal := guards.of_plan(look.document, plan, look.broken_data)) is not None:
        return _withhold(look, evidence.why, refusal)
    return _add(look, world, evidence, plan, SYSTEM)


def _plan(look: Look, world: World, since: dt.date) -> Plan:
    return windows.plan(
        look.document,
        now=look.desk.now,
        since=since,
        broken=look.broken_days,
        look_up=world.look_up,
        trained_until=look.champion.trained_until,
    )


def _add(look: Look, world: World, evidence: Evidence, plan: Plan, by: str) -> Answer | None:
    """Write the action down and say so; None where another one was faster."""
    desk, document = look.desk, look.document
    incident = look.incident if evidence.why in PROVEN else None
    action = Action(
        ref=_ref(desk, document),
        monitor=document.name,
        kind=ActionKind.RETRAINING,
        why=evidence.why,
        evidence=evidence.text,
        requested_at=desk.now,
        requested_by=by,
        written_at=desk.written_at,
        incident_id=None if incident is None else incident.id,
        since=evidence.since,
        clock=world.clock,
        config_hash=document.config_hash,
        plan=plan.document(),
        champion=look.champion.version,
    )
    action_id = actions.add(desk.connection, row_of(action))
    if action_id is None:
        return None
    failpoint("retraining.requested")
    about = {
        "monitor": document.name,
        "why": action.why.value,
        "evidence": action.evidence,
        "at": desk.now.isoformat(),
        "training": f"{len(plan.training)} days, {plan.rows} rows",
        "validation": f"{len(plan.validation)} days",
    }
    desk.note("action.requested", action.ref, by, about, kind="action")
    text = f"{action.ref} is requested: {evidence.text}"
    telling.tell(desk, replace(action, id=action_id), text, step="requested")
    return Answer(action.ref, None, text)


def _explain(look: Look, explained: Explained) -> Answer | None:
    text = _not(explained.text)
    return _say(look, look.incident, text, _about(explained.why, EXPLAINED, text), None)


def _withhold(look: Look, why: Why, refusal: Refusal) -> Answer | None:
    text = _not(refusal.text)
    about = _about(why, refusal.guard, text)
    if why in PROVEN:
        return _say(look, look.incident, text, about, refusal.guard)
    if refusal.guard is Guard.IN_FLIGHT:
        return None  # time goes on: there is nothing to tell of it
    subject = look.document.name
    logged = reading.entries(look.desk.connection, "monitor", subject, action=WITHHELD, limit=1)
    before = logged[0].payload if logged else None
    if before is None or (before.get("why"), before.get("guard")) != (why, refusal.guard):
        look.desk.note(WITHHELD, subject, SYSTEM, about, kind="monitor")
    return Answer("", refusal.guard, text)


def _say(
    look: Look, handled: Handled | None, text: str, about: dict[str, str], guard: Guard | None
) -> Answer | None:
    """Say on the incident why nothing is trained, unless something is being done about it.

    Figures may change from day to day: only another reason is an event of its own.
    """
    if handled is not None and _is_seen_to(look, handled.id):
        return None
    if handled is not None:
        before = handled.incident
        after = revised(before, replace(before, retraining=text), look.desk.now)
        is_new = _FIGURES.sub("#", text) != _FIGURES.sub("#", before.retraining)
        event = Event(look.desk.now, EventKind.RETRAINING, SYSTEM, text)
        look.desk.change(handled, after, [event] if is_new else [])
        if is_new:
            look.desk.note(WITHHELD, before.ref, SYSTEM, about)
    return Answer("", guard, text)


def _is_seen_to(look: Look, incident_id: int) -> bool:
    return any(a.incident_id == incident_id and not a.status.is_over for a in look.actions)


def _about(why: Why, guard: str, text: str) -> dict[str, str]:
    return {"why": why.value, "guard": str(guard), "text": text}


def _not(text: str) -> str:
    return f"not requested: {text}"


def _ref(desk: Desk, document: Monitor) -> str:
    """A short name that is free, and the same wherever this is done over."""
    made = len(actions.of_monitor(desk.connection, document.name))
    while True:
        said = f"{desk.office.environment}|{document.name}|{desk.now.isoformat()}|{made}"
        ref = f"RT-{hashlib.sha256(said.encode()).hexdigest()[:6].upper()}"
        if actions.by_ref(desk.connection, ref) is None:
            return ref
        made += 1
