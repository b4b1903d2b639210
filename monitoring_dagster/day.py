"""A day of one monitor, stage by stage, from telemetry to stored measurements.

Stages take many days at once, so that a backfill costs little more than its bytes, and days of
several champions each with its own. The clock is an argument. Dagster only decides when a stage
runs, and people only see its result. What a stage does is `stages`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from monitoring_dagster.errors import DayNotMonitored, MonitoringError
from monitoring_dagster.evaluation import Benches, Evaluated, Evaluation
from monitoring_dagster.incidents.desk import EMBEDDED, Office
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.incidents.rows import incident_of
from monitoring_dagster.learnt import NO_REGISTRY, Registry
from monitoring_dagster.monitors.calendar import Clock
from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.profiles import storage
from monitoring_dagster.profiles.reference import FrozenReference
from monitoring_dagster.renewal import renew, renew_judged
from monitoring_dagster.response import Response
from monitoring_dagster.retraining.reconciling import is_waited_for
from monitoring_dagster.retraining.rescoring import Predict
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.retraining.succession import BEFORE, Succession, Window
from monitoring_dagster.stages import ALGORITHM_VERSION, Days, Stages
from monitoring_dagster.store import Docket, NewNormal, Store, actions, tenures
from monitoring_dagster.store.verdicts import STAGE
from monitoring_dagster.stored import Stored
from monitoring_dagster.taken import manifests_of
from monitoring_dagster.telemetry import retention, snapshots
from monitoring_dagster.telemetry.labels import changed_days
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import Manifest
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.quality import QualityReport
from monitoring_dagster.telemetry.sources import Access

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["ALGORITHM_VERSION", "Day", "Days", "nobody"]

Stage = Callable[[Stages, Days], list[Stored]]


def nobody(now: dt.datetime) -> None:
    """Tells nobody: where sensors live, they deliver."""


@dataclass(frozen=True)
class Day:
    """One monitor, the places it reads and writes, and the clock it lives by."""

    monitor: Monitor
    lake: Lake
    store: Store
    access: Access
    pseudonyms: Pseudonyms
    clock: Clock
    computed_at: dt.datetime
    run_id: str = ""
    registry: Registry = NO_REGISTRY
    office: Office = EMBEDDED
    tell: Callable[[dt.datetime], object] = nobody
    """Called after each sitting with its instant: in a replay no sensor lives at that time."""
    is_retraining_disabled: bool = False

    # --- telemetry -------------------------------------------------------------------------

    def take(self, kind: Kind, day: dt.date) -> Manifest:
        """Take the snapshot of one kind of telemetry."""
        return snapshots.take(
            self.monitor,
            kind,
            day,
            lake=self.lake,
            access=self.access,
            as_of=self.clock.as_of(self.monitor, day),
            pseudonyms=self.pseudonyms,
        )

    def manifests(self, day: dt.date) -> dict[Kind, Manifest]:
        """The snapshots that the day has so far."""
        return manifests_of(self.lake, self.monitor, day)

    def changed_label_days(self) -> dict[dt.date, str]:
        """The days whose labels differ from their snapshot, with the version they have now."""
        return changed_days(
            self.monitor,
            lake=self.lake,
            access=self.access,
            pseudonyms=self.pseudonyms,
            as_of=self.clock.as_of(self.monitor, self.monitor.first_day),
        )

    # --- retention -------------------------------------------------------------------------

    @property
    def today(self) -> dt.date:
        """The present day in the monitor's calendar; retention knows no replay."""
        return self.computed_at.astimezone(self.monitor.zone).date()

    def is_closed(self, day: dt.date) -> bool:
        """Whether the day's raw rows are past their retention and only its counts are left.

        A closed day is not done again: taken anew it would look empty, and replace its counts.
        """
        kept = dt.timedelta(days=self.monitor.retention.snapshots_days)
        return day < self.today - kept and self.lake.exists(
            storage.path(self.monitor.name, "profiles", day)
        )

    def expired(self) -> list[str]:
        """What of the lake is past its retention."""
        return retention.expired(self.lake, self.monitor, self.today)

    def drop_expired(self) -> list[str]:
        """Drop it, and what killed processes left over; returns what was dropped."""
        self.lake.sweep(self.computed_at)
        return retention.sweep(self.lake, self.monitor, self.today)

    # --- champions -------------------------------------------------------------------------

    @property
    def succession(self) -> Succession:
        """Which model is the champion on which day, as the store knows by now."""
        return self.store.read(self._succession)

    def _succession(self, connection: sa.Connection) -> Succession:
        name = self.monitor.name
        return Succession.of(self.monitor, tenures.of_monitor(connection, name))

    def on(self, day: dt.date) -> Stages:
        """The stages of a day, with the reference of its champion."""
        return self._of_champion(self.succession, day)

    def _of_champion(self, succession: Succession, day: dt.date) -> Stages:
        reign = succession.reign(day)
        if reign.id not in self._opened:
            self._opened[reign.id] = self._stages(succession.on(day))
        return self._opened[reign.id]

    @cached_property
    def _opened(self) -> dict[int, Stages]:
        """Stages by the champion that they are of; what they load, they load once."""
        return {}

    def _stages(self, effective: Monitor) -> Stages:
        return Stages(
            document=self.monitor,
            monitor=effective,
            lake=self.lake,
            store=self.store,
            access=self.access,
            pseudonyms=self.pseudonyms,
            clock=self.clock,
            computed_at=self.computed_at,
            run_id=self.run_id,
            registry=self.registry,
        )

    def by_champion(self, days: Days) -> Iterator[tuple[Stages, Days]]:
        """The days of each champion, in the order of their tenures, with its stages."""
        succession = self.succession
        for _, part in succession.stretches(days):
            yield self._of_champion(succession, part[0]), part

    def freeze_reference(self) -> FrozenReference:
        """Freeze the references of this configuration, or look whether they are frozen.

        What decisions learn from one is learnt at once, while its rows are there. That of a former
        champion may not be there any more; whoever needs it is told.

        Returns:
            That of the present champion.
        """
        succession = self.succession
        for tenure in (BEFORE, *succession.tenures)[:-1]:
            former = self._of_champion(succession, tenure.since)
            with contextlib.suppress(MonitoringError):
                _ = former.is_frozen or former.freeze_reference()
        return self._of_champion(succession, dt.date.max).freeze_reference()

    def freeze_successor(
        self, version: str, window: Window, threshold: float | None, predict: Predict
    ) -> FrozenReference:
        """Freeze the reference of a champion before its tenure begins.

        Args:
            version: of the model.
            window: the days that it was validated on.
            threshold: from which score on it decides; the document's own for None.
            predict: asks it.

        Raises:
            ReferenceUnusable: no day of the window has rows.
            ModelRefused: it cannot answer them.
        """
        effective = self.succession.taking_over(version, window, threshold)
        return self._stages(effective).freeze_reference(predict)

    # --- measuring -------------------------------------------------------------------------

    def quality_report(self, day: dt.date) -> QualityReport:
        """What the data-quality checks say of the day; inputs are never checked twice."""
        return self.on(day).quality_report(day)

    def check_quality(self, days: Days) -> dict[dt.date, QualityReport]:
        """Check the snapshots of each day and store the outcome as measurements."""
        return {
            day: report
            for stages, part in self.by_champion(days)
            for day, report in stages.check_quality(part).items()
        }

    def count_profiles(self, days: Days) -> list[Stored]:
        """Count features and predictions of each day in one pass; measure their shape."""
        return self._each(days, Stages.count_profiles)

    def count_outcomes(self, days: Days) -> list[Stored]:
        """Count predictions against what is known of their labels; measure completeness.

        Labels may come after another champion has taken over, and the day before it was known.
        """
        renew(self, days)
        return self._each(days, Stages.count_outcomes)

    def measure_drift(self, days: Days) -> list[Stored]:
        """Compare each day's profile with the reference's, column by column."""
        return self._each(days, Stages.measure_drift)

    def measure_performance(self, days: Days) -> list[Stored]:
        """Measure how well each day was predicted, as far as its labels are known."""
        return self._each(days, Stages.measure_performance)

    def estimate_performance(self, days: Days) -> list[Stored]:
        """Estimate how well each day was predicted; score the estimate once labels are final."""
        return self._each(days, Stages.estimate_performance)

    def measure_operations(self, days: Days) -> list[Stored]:
        """Measure latency, errors and throughput of each day."""
        return self._each(days, Stages.measure_operations)

    def _each(self, days: Days, stage: Stage) -> list[Stored]:
        return [done for stages, part in self.by_champion(days) for done in stage(stages, part)]

    # --- decisions -------------------------------------------------------------------------

    def evaluate(self, days: Days) -> list[Evaluated]:
        """Judge the days in order, and those after them whose past has changed with them.

        Each by its own champion; what was measured against another's is measured anew before.
        """
        done: list[Evaluated] = []
        for sitting in self.clock.sittings(self.monitor, days):
            renew_judged(self, sitting.days, is_alone=sitting.is_relived)
            response, stages = self._response, self.on(max(sitting.days, default=dt.date.max))
            judging = Evaluation(
                self.store,
                stages.bench.judge,
                stages.bench.basis,
                lambda day, stages=stages: stages.about(STAGE, day, ""),
                stages.bench.explain,
                response.respond,
                self._benches,
            )
            done += judging.evaluate(sitting)
            response.sample(sitting.days)
            self.tell(sitting.now)
            if sitting.is_relived and self._waits_for_an_action(sitting.now):
                break  # what the model answers from here on hangs on what is decided
        return done

    def _waits_for_an_action(self, now: dt.datetime) -> bool:
        row = self.store.read(lambda c: actions.under_way(c, self.monitor.name))
        return row is not None and is_waited_for(action_of(row), self.monitor, now)

    def _benches(self, docket: Docket) -> Benches:
        succession = self._succession(docket.connection)
        return Benches(succession, lambda day: self._of_champion(succession, day).bench)

    def open_incidents(self) -> list[Incident]:
        """The monitor's incidents that are not resolved, the oldest first."""
        found = self.store.look_up(self.monitor.name, Docket.open_incidents)
        return [incident_of(kept) for kept in found]

    def accept(self, normal: NewNormal) -> list[Evaluated]:
        """Take what has been so since a day as the new normal, and judge that day and later anew.

        Raises:
            DayNotMonitored: no day since then was evaluated.
        """
        evaluated = self.store.look_up(
            self.monitor.name, lambda docket: docket.evaluated_since(normal.since)
        )
        if not evaluated:
            raise DayNotMonitored(
                f"no day of {self.monitor.name} from {normal.since} on was evaluated; give a day "
                "from which on there are verdicts"
            )
        self.store.decide(self.monitor.name, lambda docket: self._response.accept(docket, normal))
        return self.evaluate(evaluated)

    @property
    def _response(self) -> Response:
        succession = self.succession  # looked up here, since it is asked within a transaction
        return Response(
            self.monitor,
            self.store,
            self.lake,
            lambda day: self._of_champion(succession, day).reference,
            self.office,
            self.computed_at,
            lambda day: self._of_champion(succession, day).quality_report(day),
        )
