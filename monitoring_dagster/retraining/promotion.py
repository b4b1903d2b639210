"""Promotion: the change of the champion, in one transaction; and whether it should be undone.

Before it, the new champion's reference is frozen and the registry's alias is moved, which can both
be done again. Which days follow from a change is `succession`, when one is due not decided here.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from monitoring_dagster.decisions.wording import number
from monitoring_dagster.errors import NoFormerChampion
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.incidents import changes
from monitoring_dagster.incidents.desk import Desk
from monitoring_dagster.incidents.incident import SYSTEM
from monitoring_dagster.incidents.lifecycle import FACTS
from monitoring_dagster.monitors.calendar import matures_at
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining import telling
from monitoring_dagster.retraining.action import Action, Status
from monitoring_dagster.retraining.gate.measures.metric import Better, Unit
from monitoring_dagster.retraining.gate.measures.registry import PRIMARY, REGISTRY
from monitoring_dagster.retraining.succession import Succession, Tenure, Window
from monitoring_dagster.store import actions, tenures

if TYPE_CHECKING:
    import sqlalchemy as sa

FEWEST_DAYS = 7
"""Matured days of a champion without which nothing is said of it: every weekday once."""

RECORD_DAYS = 28
"""Days of its predecessor that it is held against."""

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Former:
    """Whom a rollback brings back.

    Args:
        reign: the tenure with which it began; that of id 0 for the time before the first.
        model_version: in the registry; empty where nobody wrote it down.
    """

    reign: Tenure
    model_version: str


def promote(
    desk: Desk,
    action: Action,
    *,
    version: str,
    window: Window,
    threshold: float | None,
    today: dt.date,
    by: str = SYSTEM,
) -> int | None:
    """Let a model take over: its tenure begins, and what was found of the former one is over.

    Args:
        desk: of the action's monitor; the caller closes it.
        action: as the run holds it.
        version: of the model.
        window: the days that it was validated on, whose reference is frozen by now.
        threshold: from which score on it decides; the document's own for None.
        today: its first day, in the monitor's calendar.
        by: who lets it.

    Returns:
        The number of the tenure; None where the action is not the run's any more, or is over: then
        nothing was written.
    """
    row = {
        "model_version": version,
        "since": today,
        "reference": window.document(threshold),
        "resumes": None,
    }
    return _begin(desk, action, row, "champion.promoted", f"version {version} took over", by)


def rollback(
    desk: Desk, action: Action, *, former: Former, today: dt.date, by: str = SYSTEM
) -> int | None:
    """Bring the former champion back, with its reference and what detectors remember of it.

    Args:
        desk: of the action's monitor; the caller closes it.
        action: as the run holds it.
        former: as `former_champion` says.
        today: its first day, in the monitor's calendar.
        by: who brings it back.

    Returns:
        As `promote`.
    """
    reign = former.reign
    row = {
        "model_version": former.model_version,
        "since": today,
        "reference": {} if reign.window is None else reign.window.document(reign.threshold),
        "resumes": reign.id,
    }
    named = f"version {former.model_version}" if former.model_version else "the first model"
    return _begin(desk, action, row, "champion.rolled_back", f"{named} came back", by)


def former_champion(connection: sa.Connection, monitor: Monitor) -> Former:
    """Whom a rollback of the monitor's champion brings back.

    Raises:
        NoFormerChampion: nobody reigned before.
    """
    rows = tenures.of_monitor(connection, monitor.name)
    succession = Succession.of(monitor, rows)
    reign = succession.former()
    if reign is None:
        raise NoFormerChampion(
            f"{monitor.name} has no former champion that could come back; a rollback follows on a "
            "promotion"
        )
    if reign.model_version:
        return Former(reign, reign.model_version)
    # Before the first tenure only the action that ended it knows which version served.
    present = succession.reign(dt.date.max)
    begun = next((row for row in rows if row.id == present.id), None)
    ended_by = None if begun is None else actions.by_id(connection, begun.action_id)
    return Former(reign, "" if ended_by is None else ended_by.champion)


def offered(
    monitor: Monitor,
    metric: str,
    trend: Sequence[tuple[dt.date, float]],
    *,
    since: dt.date,
    former_since: dt.date,
    now: dt.datetime,
) -> str:
    """Why a rollback is offered: the champion does worse than its predecessor did.

    Worse for sure, by the lower end of Welch's one-sided interval of daily values, and by no less
    than the minimum effect.

    Args:
        monitor: says what is a minimum effect, and when labels are final.
        metric: the one that the gate decides by.
        trend: its values by day, from at least `RECORD_DAYS` before `since`; gaps left out.
        since: first day of the champion.
        former_since: first day of its predecessor.
        now: days count whose labels are final by then.

    Returns:
        A sentence with the figures; empty where nothing speaks for a rollback, or where fewer than
        `FEWEST_DAYS` days of one of them are known.
    """
    metric = metric or PRIMARY[monitor.model.task]
    known = REGISTRY[monitor.model.task].get(metric)
    first = max(former_since, since - dt.timedelta(days=min(RECORD_DAYS, since.toordinal() - 1)))
    before = [value for day, value in trend if first <= day < since]
    after = [value for day, value in trend if day >= since and _is_final(monitor, day, now)]
    if known is None or min(len(before), len(after)) < FEWEST_DAYS:
        return ""
    sign = -1.0 if known.better is Better.LOWER else 1.0
    loss = sign * float(np.mean(before) - np.mean(after))
    least = monitor.minimum_effects.performance
    if known.unit is not Unit.ABSOLUTE:
        least *= abs(float(np.mean(before)))
    low = loss - _one_sided(before, after)
    if not (low > 0 and loss >= least):
        return ""
    return (
        f"{metric} was {number(float(np.mean(after)))} on the {len(after)} days since {since} and "
        f"{number(float(np.mean(before)))} on {len(before)} days of the former champion: worse by "
        f"{number(loss)}, with {100 * CONFIDENCE:g} % confidence by at least {number(low)}"
    )


def _is_final(monitor: Monitor, day: dt.date, now: dt.datetime) -> bool:
    matures = matures_at(monitor, day)
    return matures is not None and matures <= now


def _one_sided(one: Sequence[float], other: Sequence[float]) -> float:
    """Half-width of the interval for a difference of means, by Welch (1947)."""
    from scipy import stats

    parts = [float(np.var(values, ddof=1)) / len(values) for values in (one, other)]
    variance = math.fsum(parts)
    if variance == 0:
        return 0.0
    sizes = (len(one), len(other))
    spent = math.fsum(part**2 / (n - 1) for part, n in zip(parts, sizes, strict=True))
    return float(stats.t.ppf(CONFIDENCE, variance**2 / spent)) * math.sqrt(variance)


def _begin(
    desk: Desk, action: Action, row: Mapping[str, Any], deed: str, told: str, by: str
) -> int | None:
    if not actions.is_mine(desk.connection, action.id, action.attempt):
        return None
    sentence = f"{told} on {row['since']}"
    held = replace(action, status=Status.RUNNING)
    telling.end(desk, held, Status.DONE, sentence, f"is done: {sentence}", by=by)
    for handled in desk.open():
        if handled.incident.cause.kind not in FACTS:
            after, events = changes.ended(handled.incident, sentence, by, desk.now)
            desk.change(handled, after, events)
    failpoint("promotion.incidents_ended")
    begun = {
        **row,
        "monitor": action.monitor,
        "begun_at": desk.now,
        "begun_by": by,
        "action_id": action.id,
    }
    tenure = tenures.begin(desk.connection, begun)
    failpoint("promotion.tenure_begun")
    about = {
        "monitor": action.monitor,
        "version": str(row["model_version"]),
        "since": str(row["since"]),
        "action": action.ref,
    }
    desk.note(deed, action.monitor, by, about, kind="champion")
    return tenure
