"""Evaluating a monitor's days in their order: measurements in, verdicts and detector states out.

A day's verdicts depend on all days before it, so that a day that is evaluated again takes the
later ones along, in one transaction. What is wrong with a day is decided by `decisions.judge`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from monitoring_dagster import stored
from monitoring_dagster.decisions import champion
from monitoring_dagster.decisions.judge import Judge, Judged
from monitoring_dagster.decisions.state import FORMAT, State
from monitoring_dagster.decisions.verdict import Verdict
from monitoring_dagster.monitors.calendar import Sitting
from monitoring_dagster.monitors.contract import content_hash
from monitoring_dagster.retraining.succession import Succession
from monitoring_dagster.store import Docket, EvaluationInput, NewNormal, Recorded, Store

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


Explain = Callable[[dt.date, list[Verdict]], list[Verdict]]


class Bench(NamedTuple):
    """Who judges the days of one champion.

    Args:
        judge: decides.
        basis: identity of everything the judge was made of beyond the monitor's document.
        explain: adds to verdicts that are about to be stored what else can be found out.
    """

    judge: Judge
    basis: str
    explain: Explain


class Benches(NamedTuple):
    """The champions of a monitor, and who judges the days of each."""

    succession: Succession
    on: Callable[[dt.date], Bench]


@dataclass(frozen=True)
class Evaluation:
    """What evaluates one monitor's days.

    Args:
        store: holds the measurements, and gets the verdicts.
        judge: decides, as long as there is one champion.
        basis: identity of everything the judge was made of beyond the monitor's document.
        about: the circumstances of a day's evaluation, its fingerprint left open.
        explain: adds to verdicts that are about to be stored what else can be found out.
        respond: does what follows from the verdicts of days that changed, in the transaction.
        benches: who judges instead, by the champions that the transaction knows of.
    """

    store: Store
    judge: Judge
    basis: str
    about: Callable[[dt.date], EvaluationInput]
    explain: Explain
    respond: Callable[[Docket, Sitting, Verdicts], None]
    benches: Callable[[Docket], Benches] | None = None

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
        benches = self._benches(docket)
        later = [] if sitting.is_relived else docket.evaluated_since(asked[0])
        normals = docket.new_normals()
        done: list[Evaluated] = []
        for _, days in benches.succession.stretches(sorted({*asked, *later})):
            done += self._of_champion(docket, benches, days, asked[-1], normals)
        return done

    def _of_champion(
        self,
        docket: Docket,
        benches: Benches,
        days: Sequence[dt.date],
        last_asked: dt.date,
        normals: Sequence[NewNormal],
    ) -> list[Evaluated]:
        """Judge adjacent days of one champion, as far as they are asked for or have changed."""
        bench = benches.on(days[0])
        text = _eve(docket, benches.succession, bench, days[0])
        state = _state(text)
        done: list[Evaluated] = []
        for day in days:
            normal = normal_on(day, normals, benches.succession)
            basis = [bench.basis, FORMAT, docket.fingerprint(day), text, str(normal)]
            about = replace(self.about(day), input_fingerprint=content_hash(basis))
            if (current := docket.current(about)) is not None:
                if day > last_asked:
                    break  # from here on nothing has changed, up to another champion
                text = docket.state_after(day)
                state = _state(text)
                done.append(Evaluated(day, (), current))
                continue
            judged = judged_of(bench.judge, docket, day, state, normal)
            state, text = judged.state, judged.state.to_json()
            verdicts = bench.explain(day, judged.verdicts)
            rows = [stored.verdict_row(verdict) for verdict in verdicts]
            done.append(Evaluated(day, verdicts, docket.write(about, rows, text)))
        return done

    def _benches(self, docket: Docket) -> Benches:
        if self.benches is not None:
            return self.benches(docket)
        only = Bench(self.judge, self.basis, self.explain)
        return Benches(Succession(self.judge.monitor), lambda _: only)


def normal_on(day: dt.date, normals: Sequence[NewNormal], succession: Succession) -> dt.date | None:
    """The new normal that is in force on a day: the last that was one of its own champion's."""
    since = [normal.since for normal in normals if normal.since <= day]
    if succession.tenures:
        reign = succession.reign(day)
        since = [first for first in since if succession.reign(first) == reign]
    return max(since, default=None)


def _eve(docket: Docket, succession: Succession, bench: Bench, day: dt.date) -> str:
    """What is remembered on the eve of a day, the first of some adjacent ones of one champion."""
    before = docket.state_before(day)
    if before is None:
        return ""
    if not succession.tenures or before.day >= succession.began(day):
        return before.state
    lasting = champion.lasting(bench.judge.monitor)
    former = _state_of_former(docket, succession, day)
    return _state(before.state).succeeded(lasting, former).to_json()


def _state_of_former(docket: Docket, succession: Succession, day: dt.date) -> State | None:
    """The state after the last evaluated day on which the champion of a day reigned before."""
    for first, end in succession.earlier(day):
        found = docket.state_before(end)
        if found is not None and found.day >= first:
            return _state(found.state)
    return None


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
