"""Reconciling: what has to be done with an action that is under way, by what is seen of its run.

Pure. A run's own word counts only while it holds the action: an attempt that another one has
superseded can write nothing (`store.actions`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from monitoring_dagster.monitors.calendar import matures_at
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining.action import Action, Status

CLAIMED_WITHIN = dt.timedelta(minutes=5)
"""A run that was asked for has begun by then, or there is none."""

ALIVE_WITHIN = dt.timedelta(minutes=3)
"""A run that lives has said so by then: one that was killed says nothing, also to Dagster."""

TRIES = 3
"""Launches of one phase, after which a person has to look."""


class Seen(StrEnum):
    """What is to be seen of an attempt's run."""

    ABSENT = "absent"
    UNDER_WAY = "under_way"
    """It works, or waits for its turn in Dagster's queue."""
    LONG_UNDER_WAY = "long_under_way"
    """It left the queue so long ago that it has claimed its action by now, or never will."""
    ENDED = "ended"


class Move(StrEnum):
    """What has to be done with an action."""

    NOTHING = "nothing"
    LAUNCH = "launch"
    """Ask for a run."""
    AGAIN = "again"
    """Its run is lost: another one has to be asked for."""
    GIVE_UP = "give_up"
    """Its run is lost, and was not the first."""


@dataclass(frozen=True, slots=True)
class Instants:
    """When something can be done.

    Args:
        now: the wall clock.
        launched_at: when the present attempt was launched.
        shadow_is_over: whether the labels of the last day in shadow have matured.
    """

    now: dt.datetime
    launched_at: dt.datetime | None = None
    shadow_is_over: bool = False


def is_out_of_shadow(action: Action, monitor: Monitor, now: dt.datetime) -> bool:
    """Whether the labels of the last day in shadow have matured by now."""
    if action.shadow_until is None:
        return True
    matures = matures_at(monitor, action.shadow_until)
    return matures is None or matures <= now


def is_waited_for(action: Action, monitor: Monitor, now: dt.datetime) -> bool:
    """Whether a replay stops at this instant, since later answers hang on what is decided.

    Days in shadow have to be lived, or nothing could be decided on them.
    """
    return action.status is not Status.SHADOWING or is_out_of_shadow(action, monitor, now)


def move(action: Action, seen: Seen, at: Instants) -> Move:
    """What to do with the action.

    Args:
        action: one that is under way.
        seen: what is to be seen of the run of its present attempt.
        at: the clock, and what it is held against.
    """
    match action.status:
        case Status.REQUESTED:
            is_due = action.not_before is None or action.not_before <= at.now
            return Move.LAUNCH if is_due else Move.NOTHING
        case Status.SHADOWING:
            return Move.LAUNCH if at.shadow_is_over else Move.NOTHING
        case Status.LAUNCHING:
            waited = at.launched_at is None or at.launched_at <= at.now - CLAIMED_WITHIN
            is_lost = seen in (Seen.ENDED, Seen.LONG_UNDER_WAY) or (seen is Seen.ABSENT and waited)
        case Status.RUNNING:
            last = action.alive_at
            is_silent = last is None or last <= at.now - ALIVE_WITHIN
            is_lost = seen is Seen.ENDED or is_silent
        case _:
            return Move.NOTHING
    if not is_lost:
        return Move.NOTHING
    return Move.AGAIN if action.tries < TRIES else Move.GIVE_UP
