"""The stages of the days of one champion: from snapshots to stored measurements.

Each reads what earlier stages left in the lake, calls the rooms, and writes its own result. Which
champion a day has, taking its snapshots and deciding on it is `day`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property

from monitoring_dagster import learnt, stored
from monitoring_dagster.evaluation import Bench
from monitoring_dagster.learnt import Learnt, Registry
from monitoring_dagster.metrics import (
    absence,
    drift,
    estimated,
    labels,
    operations,
    performance,
    quality,
    shape,
)
from monitoring_dagster.metrics.measurement import Measurement, Reason
from monitoring_dagster.metrics.quality.condemned import Condemned
from monitoring_dagster.monitors.calendar import Clock, window
from monitoring_dagster.monitors.contract import Expectation, Kind, Monitor, content_hash
from monitoring_dagster.profiles import constraints, engine, reference, storage
from monitoring_dagster.profiles.outcomes import Outcomes
from monitoring_dagster.profiles.profile import Profile
from monitoring_dagster.profiles.reference import FrozenReference, RescoredReference
from monitoring_dagster.retraining import rescoring
from monitoring_dagster.retraining.rescoring import Predict
from monitoring_dagster.store import Docket, EvaluationInput, Store
from monitoring_dagster.stored import Stored
from monitoring_dagster.taken import Taken, manifests_of
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import Manifest
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.quality import QualityReport, check, expectations
from monitoring_dagster.telemetry.sources import Access

ALGORITHM_VERSION = "2"
"""Raised when the same snapshots would give other numbers; part of every fingerprint."""

ESTIMATES = "estimated_performance"

INPUTS = (Kind.FEATURES, Kind.PREDICTIONS)
EVERYTHING = tuple(Kind)

Days = Sequence[dt.date]


@dataclass(frozen=True)
class Stages:
    """What is done with days of one champion, the places that it reads and writes, and its clock.

    Args:
        document: as it was written.
        monitor: the effective document of the days.
        lake: holds their snapshots, and takes counts.
        store: takes what is measured.
        access: what may be read from sources.
        pseudonyms: replace direct identifiers.
        clock: says as of when a day is seen.
        computed_at: the instant of the wall clock.
        run_id: of the run that does this.
        registry: of models.
    """

    document: Monitor
    monitor: Monitor
    lake: Lake
    store: Store
    access: Access
    pseudonyms: Pseudonyms
    clock: Clock
    computed_at: dt.datetime
    run_id: str
    registry: Registry
    _seen: dict[tuple[str, dt.date], dt.datetime] = field(
        default_factory=dict[tuple[str, dt.date], dt.datetime], repr=False
    )

    @contextlib.contextmanager
    def as_before(self, seen: Mapping[tuple[str, dt.date], dt.datetime]) -> Iterator[None]:
        """While this lasts, days are seen as of these instants, by stage, and not by the clock."""
        self._seen.update(seen)
        try:
            yield
        finally:
            self._seen.clear()

    # --- reference -------------------------------------------------------------------------

    @property
    def is_frozen(self) -> bool:
        """Whether the reference of this champion was frozen."""
        return reference.is_frozen(self.lake, self.monitor)

    def freeze_reference(self, predict: Predict | None = None) -> FrozenReference:
        """Freeze the reference of this champion, or load it where it is frozen.

        What decisions learn from it is learnt at once, while its rows are there. Days that another
        champion answered are answered anew, by `predict` or else by the registered model.
        """
        ours = self.monitor.reference
        if isinstance(ours, RescoredReference) and not self.is_frozen:
            answer = predict or self._registered()
            rescoring.rescore(self.document, self.monitor, lake=self.lake, predict=answer)
        frozen = reference.freeze(
            self.monitor,
            lake=self.lake,
            access=self.access,
            pseudonyms=self.pseudonyms,
            as_of=self.clock.as_of(self.monitor, max(ours.last_day, self.monitor.first_day)),
        )
        self.learnt.keep()
        return frozen

    def _registered(self) -> Predict:
        return self.registry.model_of(self.monitor).predict

    @cached_property
    def reference(self) -> FrozenReference:
        """The frozen reference; raises ReferenceMissing where there is none."""
        return reference.load(self.lake, self.monitor)

    @cached_property
    def learnt(self) -> Learnt:
        """What is learnt from the reference, and kept beside it."""
        return Learnt(self.monitor, self.lake, self.reference, self.registry)

    @cached_property
    def bench(self) -> Bench:
        """Who judges days of this champion."""
        basis = f"{self.reference.id}.{learnt.ALGORITHM_VERSION}"
        return Bench(self.learnt.judge, basis, self.learnt.with_effects)

    # --- quality ---------------------------------------------------------------------------

    def quality_report(self, day: dt.date) -> QualityReport:
        """What the data-quality checks say of the day; inputs are never checked twice."""
        return check(
            self.monitor,
            day,
            self._manifests(day),
            self._expectations,
            lake=self.lake,
            reference=self.reference.id,
        )

    @cached_property
    def _expectations(self) -> list[Expectation]:
        learned = constraints.learn(self.monitor, self.reference)
        return expectations(self.monitor, learned)

    def check_quality(self, days: Days) -> dict[dt.date, QualityReport]:
        """Check the snapshots of each day and store the outcome as measurements."""
        reports = {day: self.quality_report(day) for day in days}
        self._record(
            "quality",
            {day: quality.measure(report) for day, report in reports.items()},
            lambda day: reports[day].fingerprint,
        )
        return reports

    # --- profiles --------------------------------------------------------------------------

    def count_profiles(self, days: Days) -> list[Stored]:
        """Count features and predictions of each day in one pass; measure their shape."""
        measured: dict[dt.date, list[Measurement]] = {}
        with ExitStack() as opened:
            taken = {day: self._open(day, opened) for day in days}
            counted_from = {day: t.identity(INPUTS, self._basis) for day, t in taken.items()}
            counting = engine.each_profile(
                self.monitor, self.reference.grid, {day: t.snapshots for day, t in taken.items()}
            )
            for day, profile in counting:
                storage.write_profile(
                    self.lake, self.monitor.name, day, profile, fingerprint=counted_from[day]
                )
                measured[day] = self._shape(taken[day], profile)
        return self._record("shape", measured, counted_from.__getitem__)

    def count_outcomes(self, days: Days) -> list[Stored]:
        """Count predictions against what is known of their labels; measure completeness."""
        frozen = self.reference
        measured: dict[dt.date, list[Measurement]] = {}
        with ExitStack() as opened:
            taken = {day: self._open(day, opened) for day in days}
            counted_from = {day: t.identity(EVERYTHING, self._basis) for day, t in taken.items()}
            counting = engine.each_outcomes(
                self.monitor,
                frozen.grid,
                {day: t.snapshots for day, t in taken.items()},
                target_mean=frozen.target_mean,
            )
            for day, outcomes in counting:
                storage.write_outcomes(
                    self.lake, self.monitor.name, day, outcomes, fingerprint=counted_from[day]
                )
                measured[day] = self._completeness(taken[day], outcomes)
        return self._record("labels", measured, counted_from.__getitem__)

    # --- metrics ---------------------------------------------------------------------------

    def measure_drift(self, days: Days) -> list[Stored]:
        """Compare each day's profile with the reference's, column by column."""
        frozen = self.reference
        reports = {day: self.quality_report(day) for day in days}
        return self._record(
            "drift",
            {
                day: self._suppress(
                    reports[day],
                    drift.measure(self.monitor, frozen.grid, frozen.profile, self._profile(day)),
                    INPUTS,
                )
                for day in days
            },
            lambda day: self._judged(day, "profiles", reports[day], INPUTS),
        )

    def measure_performance(self, days: Days) -> list[Stored]:
        """Measure how well each day was predicted, as far as its labels are known."""
        reports = {day: self.quality_report(day) for day in days}
        return self._record(
            "performance",
            {
                day: self._suppress(
                    reports[day],
                    self._performance.measure(self._outcomes(day), maturity=self.maturity(day)),
                    EVERYTHING,
                )
                for day in days
            },
            lambda day: self._judged(day, "outcomes", reports[day], EVERYTHING),
        )

    def estimate_performance(self, days: Days) -> list[Stored]:
        """Estimate how well each day was predicted; score the estimate once labels are final."""
        reports = {day: self.quality_report(day) for day in days}
        made_of = {day: self._judged(day, "profiles", reports[day], INPUTS) for day in days}
        found = {
            day: self._stored(ESTIMATES, day, made_of[day])
            or self._suppress(reports[day], self._estimated(day), INPUTS)
            for day in days
        }
        self._record(
            "estimation_errors",
            {day: self._missed(day, estimates) for day, estimates in found.items()},
            lambda day: content_hash([made_of[day], self._counted_from(day, "outcomes")]),
        )
        return self._record(ESTIMATES, found, made_of.__getitem__)

    def _estimated(self, day: dt.date) -> list[Measurement]:
        return self.learnt.estimated(day, self._profile(day))

    def _missed(self, day: dt.date, estimates: Sequence[Measurement]) -> list[Measurement]:
        if self.maturity(day) != "final":
            return []
        realised = self._performance.measure(self._outcomes(day), maturity="final")
        return estimated.errors(estimates, realised)

    @cached_property
    def _performance(self) -> performance.Performance:
        frozen = self.reference
        return performance.Performance(self.monitor, frozen.grid, frozen.outcomes)

    def measure_operations(self, days: Days) -> list[Stored]:
        """Measure latency, errors and throughput of each day."""
        frozen = self.reference
        return self._record(
            "operations",
            {
                day: absence.explained(
                    self.monitor,
                    operations.measure(
                        self.monitor,
                        frozen.grid,
                        self._profile(day),
                        hours=window(self.monitor, day).hours,
                        reference=frozen.profile,
                    ),
                    self._manifests(day),
                )
                for day in days
            },
            lambda day: self._counted_from(day, "profiles"),
        )

    def is_counted_on_another(self, day: dt.date) -> bool:
        """Whether the day was counted, and not on the grid of this champion's reference."""
        grids = {
            storage.read_grid_id(self.lake, self.monitor.name, day, folder)
            for folder in ("profiles", "outcomes")
        }
        return bool(grids - {None, self.reference.grid.id})

    def is_made_of_counts(self, day: dt.date, fingerprint: str) -> bool:
        """Whether what bears this fingerprint was measured of the day's profile as it is."""
        return fingerprint == self._counted_from(day, "profiles")

    def maturity(self, day: dt.date) -> str | None:
        """`provisional` or `final`, as the labels snapshot of the day says."""
        taken = snapshots.manifest(self.lake, self.monitor.name, Kind.LABELS, day)
        return None if taken is None else taken.maturity

    # --- how a stage reads and writes ------------------------------------------------------

    def _manifests(self, day: dt.date) -> dict[Kind, Manifest]:
        return manifests_of(self.lake, self.monitor, day)

    def _open(self, day: dt.date, opened: ExitStack) -> Taken:
        return Taken.open(self.monitor, self.lake, day, self._manifests(day), opened)

    @property
    def _basis(self) -> list[str]:
        """What counts depend on beyond the snapshots."""
        return [ALGORITHM_VERSION, self.reference.id]

    def _profile(self, day: dt.date) -> Profile:
        stored = storage.read_profile(self.lake, self.monitor.name, day)
        return stored or Profile.empty(self.reference.grid.id)

    def _outcomes(self, day: dt.date) -> Outcomes:
        stored = storage.read_outcomes(self.lake, self.monitor.name, day)
        return stored or Outcomes(self.reference.grid.id, {})

    def _shape(self, taken: Taken, profile: Profile) -> list[Measurement]:
        frozen = self.reference
        shapes = shape.measure(
            self.monitor, frozen.grid, frozen.profile, profile, reference_days=len(frozen.days)
        )
        return [
            *absence.explained(self.monitor, shapes, taken.manifests),
            *shape.measure_snapshots(_of_kinds(INPUTS, taken.manifests)),
        ]

    def _completeness(self, taken: Taken, outcomes: Outcomes) -> list[Measurement]:
        manifest = taken.manifests.get(Kind.LABELS)
        is_matched = manifest is not None and manifest.reason in ("", Reason.NO_ROWS)
        complete = labels.measure(
            self.monitor,
            outcomes,
            maturity=None if manifest is None else manifest.maturity,
            orphans=manifest.orphans if manifest is not None and is_matched else None,
            relabelled=manifest.relabelled if manifest is not None and is_matched else None,
        )
        return [
            *absence.explained(self.monitor, complete, taken.manifests),
            *shape.measure_snapshots(_of_kinds((Kind.LABELS,), taken.manifests)),
        ]

    def _suppress(
        self, report: QualityReport, measured: Iterable[Measurement], kinds: Sequence[Kind]
    ) -> list[Measurement]:
        """Withhold what the quality checks condemned, with the reason on each measurement."""
        explained = absence.explained(self.monitor, measured, self._manifests(report.day))
        return Condemned(self.monitor, report, kinds).withhold(explained)

    def _counted_from(self, day: dt.date, folder: storage.Folder) -> str:
        """Identity of what the day's counts were made of, which may be older than its snapshots."""
        return storage.read_fingerprint(self.lake, self.monitor.name, day, folder) or ""

    def _judged(
        self, day: dt.date, folder: storage.Folder, report: QualityReport, kinds: Sequence[Kind]
    ) -> str:
        """As `_counted_from`, with what the quality checks say of the snapshots of `kinds`."""
        checked = {kind: why for kind, why in report.checked.items() if kind in kinds}
        return content_hash([self._counted_from(day, folder), checked])

    def _record(
        self,
        stage: str,
        measured: Mapping[dt.date, Sequence[Measurement]],
        fingerprint: Callable[[dt.date], str],
    ) -> list[Stored]:
        evaluations = [
            (self.about(stage, day, fingerprint(day)), self._rows(day, measurements))
            for day, measurements in measured.items()
        ]
        recorded = self.store.record_many(evaluations)
        return [
            Stored(day, measurements, written)
            for (day, measurements), written in zip(measured.items(), recorded, strict=True)
        ]

    def _stored(self, stage: str, day: dt.date, fingerprint: str) -> list[Measurement] | None:
        """What the stage measured of the day, where it was made of the same; else None."""
        about = self.about(stage, day, fingerprint)

        def rows(docket: Docket) -> list[Measurement] | None:
            if docket.current(about) is None:
                return None
            return [stored.measurement(m) for m in docket.measured(day) if m.stage == stage]

        return self.store.look_up(self.monitor.name, rows)

    def _rows(
        self, day: dt.date, measurements: Sequence[Measurement]
    ) -> Iterator[dict[str, object]]:
        null_highs = self.learnt.judge.null_highs(day, measurements)
        return map(stored.measurement_row, measurements, null_highs)

    def about(self, stage: str, day: dt.date, fingerprint: str) -> EvaluationInput:
        """The circumstances of a day's evaluation by a stage."""
        seen = self._seen.get((stage, day))
        return EvaluationInput(
            monitor=self.monitor.name,
            day=day,
            stage=stage,
            config_hash=self.document.config_hash,
            algorithm_version=ALGORITHM_VERSION,
            input_fingerprint=fingerprint,
            as_of=seen or self.clock.as_of(self.monitor, day),
            run_id=self.run_id,
            computed_at=self.computed_at,
        )


def _of_kinds(kinds: Sequence[Kind], manifests: Mapping[Kind, Manifest]) -> dict[Kind, Manifest]:
    return {kind: manifest for kind, manifest in manifests.items() if kind in kinds}
