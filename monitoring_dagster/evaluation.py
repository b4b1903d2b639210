"""Evaluating a monitor's days in their order: measurements in, verdicts and detector states out.

A day's verdicts depend on all days before it, so that a day that is evaluated again takes the
later ones along, in one transaction. What is wrong with a day is decided by `decisions.judge`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from monitoring_dagster import stored
from monitoring_dagster.decisions.judge import Judge, Judged
from monitoring_dagster.decisions.state import FORMAT, State
from monitoring_dagster.decisions.verdict import Verdict
from monitoring_dagster.monitors.calendar import Sitting
from monitoring_dagster.monitors.contract import content_hash
from monitoring_dagster.store import Docket, EvaluationInput, Recorded, Store

Verdicts = Mapping[dt.date, Sequence[Verdict]]
"""By day, in order."""

QUALITY = "quality"
"""What the checks found is told by what it suppresses, and not judged again."""


@dataclass(frozen=True)
class Evaluated:
    """A day's verdicts, and the evaluation under which they are stored."""

    day: dt.date
    verdicts: Sequence[Verdict]
    recorded: Recorded


@dataclass(frozen=True)
class Evaluation:
    """What evaluates one monitor's days.

    Args:
        store: holds the measurements, and gets the verdicts.
        judge: decides.
        basis: identity of everything the judge was made of beyond the monitor's document.
        about: the circumstances of a day's evaluation, its fingerprint left open.
        explain: adds to verdicts that are about to be stored what else can be found out.
        respond: does what follows from the verdicts of days that changed, in the transaction.
    """

    store: Store
    judge: Judge
    basis: str
    about: Callable[[dt.date], EvaluationInput]
    explain: Callable[[dt.date, list[Verdict]], list[Verdict]]
    respond: Callable[[Docket, Sitting, Verdicts], None]

    def evaluate(self, sitting: Sitting) -> list[Evaluated]:
        """Judge the sitting's days in order, and those after them whose past has changed.

        A day that stands as it was evaluated is told, too, without being judged anew. In a replay
        days after the sitting's are still to come, and have a sitting of their own.
        """
        if not sitting.days and not sitting.is_relived:
            return []

        def work(docket: Docket) -> list[Evaluated]:
            done = self._days(docket, sitting)
            judged = {e.day for e in done if e.recorded.written}
            if judged or not sitting.days:
                self.respond(docket, sitting, _known(docket, sitting, judged))
            return done

        return self.store.decide(self.judge.monitor.name, work)

    def _days(self, docket: Docket, sitting: Sitting) -> list[Evaluated]:
        asked = sorted(set(sitting.days))
        if not asked:
            return []
        later = [] if sitting.is_relived else docket.evaluated_since(asked[0])
        before = docket.state_before(asked[0])
        text = before.state if before else ""
        state, normals = _state(text), docket.new_normals()
        done: list[Evaluated] = []
        for day in sorted({*asked, *later}):
            normal = max((n.since for n in normals if n.since <= day), default=None)
            basis = [self.basis, FORMAT, docket.fingerprint(day), text, str(normal)]
            about = replace(self.about(day), input_fingerprint=content_hash(basis))
            if (current := docket.current(about)) is not None:
                if day > asked[-1]:
                    break  # from here on nothing has changed
                text = docket.state_after(day)
                state = _state(text)
                done.append(Evaluated(day, (), current))
                continue
            judged = judged_of(self.judge, docket, day, state, normal)
            state, text = judged.state, judged.state.to_json()
            verdicts = self.explain(day, judged.verdicts)
            rows = [stored.verdict_row(verdict) for verdict in verdicts]
            done.append(Evaluated(day, verdicts, docket.write(about, rows, text)))
        return done


def _known(docket: Docket, sitting: Sitting, judged: set[dt.date]) -> Verdicts:
    """What is said of days that were judged anew, or of which more is known than before.

    Nothing of them that could be known later only.
    """
    days = set(judged)
    if sitting.since is not None:
        days.update(docket.days_known(sitting.since, sitting.now))
    return {
        day: [stored.verdict(row) for row in docket.verdicts(day, sitting.now)]
        for day in sorted(days)
    }


def judged_of(
    judge: Judge, docket: Docket, day: dt.date, before: State, normal: dt.date | None
) -> Judged:
    """Judge a day by its stored measurements; each verdict with when it could be known."""
    rows = [row for row in docket.measured(day) if row.stage != QUALITY]
    known = {(r.metric, r.column, r.segment, r.model_version): r.as_of for r in rows}
    latest = max((row.as_of for row in rows), default=None)
    judged = judge.judge(
        day, [stored.measurement(row) for row in rows], before, normal_since=normal
    )
    verdicts = [replace(v, known_at=known.get(v.subject[1:5], latest)) for v in judged.verdicts]
    return replace(judged, verdicts=verdicts)


def _state(text: str) -> State:
    return State.from_json(text) if text else State()
