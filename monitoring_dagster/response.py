"""The response to a day's verdicts: incidents in their transaction, and rows that show them.

What is wrong is decided before, in `evaluation`; how people hear of it follows in `upkeep`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitoring_dagster.decisions.champion import is_about_it
from monitoring_dagster.decisions.verdict import Verdict
from monitoring_dagster.evaluation import Verdicts
from monitoring_dagster.incidents import answering, samples
from monitoring_dagster.incidents.attending import attend
from monitoring_dagster.incidents.briefing import Briefing
from monitoring_dagster.incidents.context import FailedCheck
from monitoring_dagster.incidents.desk import Desk, Office
from monitoring_dagster.incidents.following import follow
from monitoring_dagster.incidents.rows import incident_of
from monitoring_dagster.monitors.calendar import Sitting
from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.profiles.reference import FrozenReference
from monitoring_dagster.retraining import requesting, windows
from monitoring_dagster.retraining.requesting import World
from monitoring_dagster.retraining.succession import Succession
from monitoring_dagster.store import Docket, NewNormal, Store, tenures
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.quality import QualityReport

MOST_NAMED = 5
"""Columns that nobody declared, of which a message names so many."""


@dataclass(frozen=True)
class Response:
    """What responds to one monitor's verdicts.

    Args:
        monitor: whose verdicts they are.
        store: with its incidents.
        lake: with its snapshots; takes the samples.
        reference: of a day; tells what is new in it.
        office: of the deployment.
        written_at: the instant of the wall clock.
        report: what the quality checks say of a day.
        is_retraining_disabled: whether no model may be trained anew in this deployment.
    """

    monitor: Monitor
    store: Store
    lake: Lake
    reference: Callable[[dt.date], FrozenReference]
    office: Office
    written_at: dt.datetime
    report: Callable[[dt.date], QualityReport]
    is_retraining_disabled: bool = False

    def respond(self, docket: Docket, sitting: Sitting, verdicts: Verdicts) -> None:
        """Open, change and resolve incidents; owe people and models what follows from that."""
        desk = Desk(docket, self.monitor, sitting.now, self.written_at, self.office)
        present = self._of_the_present(docket, sitting.now, verdicts)
        follow(desk, self._briefing, present)
        requesting.request(desk, present, self._world(sitting.now))
        attend(desk)
        desk.close()

    def accept(self, docket: Docket, normal: NewNormal) -> None:
        """Take what has been so since a day as normal: what is open because of it is over."""
        desk = Desk(docket, self.monitor, self.written_at, self.written_at, self.office)
        if docket.accept(normal):
            answering.accept(desk, normal.since, normal.because, normal.accepted_by)
        desk.close()

    def sample(self, days: Sequence[dt.date]) -> None:
        """Keep rows of the days that show an incident, of those that have none yet."""
        open_now = self.store.look_up(self.monitor.name, Docket.open_incidents)
        fired = [incident_of(kept) for kept in open_now if kept.row.last_day in days]
        sampled = samples.taken(self.lake, self.monitor) if fired else set[str]()
        for incident in fired:
            if incident.ref not in sampled:
                day = incident.last_day
                samples.take(self.monitor, self.lake, self.reference(day), incident, day)

    def _world(self, now: dt.datetime) -> World:
        """What a retraining depends on; its runs live at the instant at which it is asked for."""
        return World(
            self.monitor,
            windows.lookup(self.lake, self.monitor),
            self.is_retraining_disabled,
            clock="" if now == self.written_at else now.isoformat(),
        )

    def _of_the_present(
        self, docket: Docket, now: dt.datetime, verdicts: Verdicts
    ) -> dict[dt.date, list[Verdict]]:
        """The verdicts without those on a champion that does not reign any more.

        Labels of its days still come, and what they show is stored; nobody has to deal with it.
        """
        rows = tenures.of_monitor(docket.connection, self.monitor.name)
        succession = Succession.of(self.monitor, rows)
        began = succession.began(now.astimezone(self.monitor.zone).date())
        return {
            day: [v for v in said if day >= began or not is_about_it(self.monitor, v.subject)]
            for day, said in verdicts.items()
        }

    @property
    def _briefing(self) -> Briefing:
        return Briefing(self.monitor, self._failed_checks, self.office.pages, self._schema)

    def _schema(self, day: dt.date) -> dict[str, str]:
        """What became of every declared column of the day, and which others came."""
        found: dict[str, str] = {}
        for kind in Kind:
            taken = snapshots.manifest(self.lake, self.monitor.name, kind, day)
            if taken is not None and taken.status == "ok":
                states = {f"column {kind}.{name}": s.status for name, s in taken.columns.items()}
                others = ", ".join(sorted(taken.undeclared)[:MOST_NAMED])
                found |= states | {f"undeclared columns of {kind}": others}
        return found

    def _failed_checks(self, day: dt.date) -> list[FailedCheck]:
        return [
            FailedCheck(
                o.kind,
                o.column or "",
                f"{o.kind}{f'.{o.column}' if o.column else ''}: {o.detail} (found: {o.observed})",
            )
            for o in self.report(day).outcomes
            if o.result == "failed"
        ]
