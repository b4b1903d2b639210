"""The action: a job that is owed because of evidence, from its request to its end.

Only shapes. Who requests one is `requesting`, what is done with it `running`, where it is kept
`store.actions`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ActionKind(StrEnum):
    """What is to be done."""

    RETRAINING = "retraining"
    ROLLBACK = "rollback"


class Why(StrEnum):
    """Why it is owed: one rule of the document, or a person."""

    HARM = "harm"
    EXHAUSTED = "exhausted"
    AGE = "age"
    NEW_LABELS = "new_labels"
    BY_HAND = "by_hand"


class Phase(StrEnum):
    """What the next process of the action does; a rollback begins with `promote`."""

    TRAIN = "train"
    """Train the challenger, and hold it against the champion at the gate."""
    SHADOW = "shadow"
    """Hold it against the champion once more, on the days that it answered unheard."""
    PROMOTE = "promote"
    """Let it take over."""


class Status(StrEnum):
    """Where an action stands."""

    REQUESTED = "requested"
    """The next process of its phase is to be launched."""
    LAUNCHING = "launching"
    """Its run was asked for, and has not claimed it yet."""
    RUNNING = "running"
    """A run has claimed it."""
    SHADOWING = "shadowing"
    """The challenger answers unheard until `shadow_until`."""
    AWAITING_APPROVAL = "awaiting_approval"
    """The gate let it pass, and somebody has to agree."""
    DONE = "done"
    """The challenger took over, or the former champion came back."""
    REFUSED = "refused"
    """The gate did not let it pass."""
    REJECTED = "rejected"
    """A person did not agree, or called it off."""
    FAILED = "failed"
    """It could not be done; `because` says why."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more is done about it."""
        return self in (Status.DONE, Status.REFUSED, Status.REJECTED, Status.FAILED)


UNDER_WAY = tuple(status for status in Status if not status.is_over)
"""Of these a monitor has one action at most."""


@dataclass(frozen=True, slots=True)
class Action:
    """One action, as it stands.

    Args:
        id: number of its row; 0 where it is not kept yet.
        ref: short name for people, such as `RT-7F3A9C`; unique.
        monitor: whose model it is about.
        why: the reason; `evidence` says it in a sentence, with its figures.
        incident_id: row of the incident that it is owed because of; None for age, quota and hand.
        requested_at: instant of the evaluation that asked for it (in a replay the relived one).
        requested_by: `monitoring-dagster`, or a person as the audit log has them.
        since: first day of what is wrong, for windows that begin with the change.
        clock: value of the run tag `monitoring/clock` for its runs; empty for the wall clock.
        config_hash: version of the monitor's document.
        attempt: launches so far, all phases together: part of the run's key, and the fencing token.
        tries: launches of this phase.
        not_before: it is not launched earlier, such as while MLflow does not answer.
        run_id: the Dagster run that has claimed it.
        alive_at: when that run last said that it is alive, by the wall clock.
        plan: what it trains on: days, digests, excluded days with reasons, seed, parameters.
        champion: version of the champion when it was requested; empty where nobody knows.
        challenger: version of the model that was trained, once it is registered.
        mlflow_run: id of the MLflow run.
        decision: the gate's decision as a document (`gate.decision.Decision`).
        because: why it ended as it did, in a sentence.
        shadow_until: the last day on which the challenger answers unheard.
        decided_at: when it was decided, by the same clock as `requested_at`.
        seconds_to_decision: from the request to the decision by the wall clock.
        ended_at: when it was over, by the wall clock.
    """

    ref: str
    monitor: str
    kind: ActionKind
    why: Why
    evidence: str
    requested_at: dt.datetime
    requested_by: str
    written_at: dt.datetime
    phase: Phase = Phase.TRAIN
    status: Status = Status.REQUESTED
    id: int = 0
    incident_id: int | None = None
    since: dt.date | None = None
    clock: str = ""
    config_hash: str = ""
    attempt: int = 0
    tries: int = 0
    not_before: dt.datetime | None = None
    run_id: str = ""
    alive_at: dt.datetime | None = None
    plan: Mapping[str, Any] = field(default_factory=dict[str, Any])
    champion: str = ""
    challenger: str = ""
    mlflow_run: str = ""
    decision: Mapping[str, Any] = field(default_factory=dict[str, Any])
    because: str = ""
    shadow_until: dt.date | None = None
    decided_at: dt.datetime | None = None
    seconds_to_decision: float | None = None
    ended_at: dt.datetime | None = None

    def lived(self, present: dt.datetime) -> dt.datetime:
        """The instant at which it is acted: a replay's, or else what the wall clock shows."""
        return dt.datetime.fromisoformat(self.clock) if self.clock else present
