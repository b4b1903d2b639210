"""What the store knows when it is asked whether to train anew; each thing is looked up once.

Only where somebody asks for it. What it means is `reasons` and `guards`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.desk import Desk, Handled
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.incidents.rows import incident_of
from monitoring_dagster.incidents.themes import BROKEN
from monitoring_dagster.monitors.calendar import matures_at
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.profile import ALL
from monitoring_dagster.retraining import unexplained
from monitoring_dagster.retraining.action import Action
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.retraining.succession import Succession
from monitoring_dagster.retraining.unexplained import Unexplained
from monitoring_dagster.store import actions, cause_days, incidents, tenures

DATA = BROKEN | {CauseKind.LABELS}
"""Families of causes whose days teach a model what is not so."""

_BELONGS = (
    CauseKind.PERFORMANCE,
    CauseKind.INPUTS,
    CauseKind.PREDICTIONS,
    CauseKind.COLUMN,
    CauseKind.SNAPSHOT,
)
"""The causes that a proof of harm may belong to, the likeliest first."""


@dataclass(frozen=True, slots=True)
class Champion:
    """The model in production, as far as the store knows of it.

    Args:
        version: empty before the first promotion.
        since: the day with which it began, also where it came back by a rollback.
        reigns_from: the first day that it answered this time; None before the first promotion.
        trained_until: the last day that it was fitted on; None where nobody knows.
    """

    version: str
    since: dt.date
    reigns_from: dt.date | None
    trained_until: dt.date | None


@dataclass(frozen=True)
class Look:
    """One monitor's past as its desk finds it, nothing of it later than the desk's `now`.

    Args:
        desk: of the monitor.
        document: as it was written.
    """

    desk: Desk
    document: Monitor

    @cached_property
    def actions(self) -> list[Action]:
        """All of the monitor that were requested by now, and what is under way, oldest first."""
        found = map(action_of, actions.of_monitor(self.desk.connection, self.document.name))
        return [a for a in found if a.requested_at <= self.desk.now or not a.status.is_over]

    @cached_property
    def open(self) -> list[Handled]:
        """The open incidents."""
        return self.desk.open()

    @property
    def incident(self) -> Handled | None:
        """The open incident that a proof of harm belongs to."""
        for kind in _BELONGS:
            for handled in self.open:
                if handled.incident.cause.kind is kind:
                    return handled
        return None

    @property
    def incident_since(self) -> dt.date | None:
        """The first day of the open incident of performance; None without one."""
        handled = self.incident
        if handled is None or handled.incident.cause.kind is not CauseKind.PERFORMANCE:
            return None
        return handled.incident.since

    @property
    def broken_data(self) -> list[Incident]:
        """The open incidents about broken data, the oldest first."""
        return [h.incident for h in self.open if h.incident.cause.kind in DATA]

    @cached_property
    def champion(self) -> Champion:
        """The model in production."""
        now, document = self.desk.now, self.document
        kept = tenures.of_monitor(self.desk.connection, document.name)
        rows = {row.id: row for row in kept if row.begun_at <= now}
        succession = Succession.of(document, list(rows.values()))
        today = now.astimezone(document.zone).date()
        reign, began = succession.reign(today), succession.began(today)
        is_first = reign.id not in rows
        return Champion(
            version=succession.tenure(today).model_version,
            since=document.reference.last_day if is_first else reign.since,
            reigns_from=None if began == dt.date.min else began,
            trained_until=None if is_first else self._trained_until(rows[reign.id].action_id),
        )

    @property
    def champion_since(self) -> dt.date:
        """The day with which the champion began."""
        return self.champion.since

    def unexplained(
        self, metric: str, reference: float | None, since: dt.date, until: dt.date
    ) -> Unexplained:
        """How much of a loss inputs that moved do not explain, on days whose data is sound."""
        return unexplained.look_up(
            self.desk.docket,
            self.document,
            metric,
            reference,
            since=max(since, self.champion.reigns_from or since),
            until=until,
            now=self.desk.now,
            without=self.broken_days,
        )

    def labelled_after(self, day: dt.date) -> int:
        """Labelled rows of the days after `day` whose labels are final."""
        first, last = day + dt.timedelta(days=1), self.desk.now.astimezone(self.document.zone)
        counted = self.desk.docket.trend("labelled", "", ALL, first, last.date())
        return round(sum(rows for when, rows in counted if self._is_final(when)))

    @cached_property
    def broken_days(self) -> Mapping[dt.date, str]:
        """Days whose data must not be learnt from, with the cause and its incident's name."""
        found: dict[dt.date, str] = {}
        connection, name = self.desk.connection, self.document.name
        fired = cause_days.lately_fired(connection, name, dt.date.min, dt.date.max)
        causes = {key: Cause.parse(text) for key, text in fired.items()}
        wanted = {k: c for k, c in causes.items() if c.kind in DATA and k == self.desk.key(c)}
        said = cause_days.of_causes(connection, name, wanted, dt.date.min)
        for key, cause in wanted.items():
            found |= {d.day: f"broken data: {cause}" for d in said[key] if d.outcome == "firing"}
        for kept in incidents.listed(connection, monitor=name):
            incident = incident_of(kept)
            cause, span = incident.cause, (incident.last_day - incident.since).days
            if cause.kind in DATA and kept.row.dedup_key == self.desk.key(cause):
                covered = [incident.since + dt.timedelta(days=i) for i in range(span + 1)]
                found |= dict.fromkeys(covered, f"broken data: {cause} ({incident.ref})")
        return found

    def _is_final(self, day: dt.date) -> bool:
        matures = matures_at(self.document, day)
        return matures is not None and matures <= self.desk.now

    def _trained_until(self, action_id: int) -> dt.date | None:
        row = actions.by_id(self.desk.connection, action_id)
        training = [] if row is None else action_of(row).plan.get("training", [])
        return max((dt.date.fromisoformat(day["day"]) for day in training), default=None)
