"""Estimates the performance of every group of a day, without a label of that day.

Formulas live with the tasks; here is which groups and metrics a day owes, and what is said where
one cannot be had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial

import numpy as np

from monitoring_dagster.errors import GridMismatch
from monitoring_dagster.metrics.estimated.bands import DayErrors, Missed, band, record_excess
from monitoring_dagster.metrics.estimated.binary.family import BinaryFamily
from monitoring_dagster.metrics.estimated.expected import Expected, Guess
from monitoring_dagster.metrics.estimated.multiclass.family import MulticlassFamily
from monitoring_dagster.metrics.estimated.names import ADAPTED, METRICS, PLAIN
from monitoring_dagster.metrics.estimated.regression.family import RegressionFamily, no_rows
from monitoring_dagster.metrics.estimated.rows import Rows
from monitoring_dagster.metrics.estimated.shift import MINIMUM_ROWS, Shift
from monitoring_dagster.metrics.groups import owed, too_few
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Reason, Status
from monitoring_dagster.metrics.safely import safely
from monitoring_dagster.monitors.contract import Monitor, Task
from monitoring_dagster.profiles.grid import Grid
from monitoring_dagster.profiles.outcomes import Outcomes
from monitoring_dagster.profiles.profile import ALL, Profile
from monitoring_dagster.profiles.reference import FrozenReference

MOST_DAYS = 60
"""Reference days that are estimated from all others; more would not make the band better."""

Record = Mapping[str, Sequence[float]]
Family = BinaryFamily | MulticlassFamily | RegressionFamily


class Estimates:
    """The estimates of a monitor against its reference, for as many days as are asked for.

    What is learnt from the reference is learnt once and kept.

    Args:
        monitor: says what is predicted and how traffic is cut.
        grid: the frozen cells.
        frozen: the reference.
        reference_rows: raw rows of the reference, for the adapted form and for regressions.
        day_errors: what estimates err from day to day, from `learn`; learnt here if not given.
        minimum_rows: rows below which a group says too little.
        seed: for what is trained.
        max_rows: rows of either side that the classifier of the adapted form is trained on.
    """

    def __init__(
        self,
        monitor: Monitor,
        grid: Grid,
        frozen: FrozenReference,
        *,
        reference_rows: Rows | None = None,
        day_errors: DayErrors | None = None,
        minimum_rows: int = 30,
        seed: int = 0,
        max_rows: int | None = 20_000,
    ) -> None:
        self._monitor, self._grid, self._frozen = monitor, grid, frozen
        self._rows, self._seed, self._max_rows = reference_rows, seed, max_rows
        self._minimum = minimum_rows
        self._then: dict[str, Mapping[str, float]] = {}
        if day_errors is not None:
            self.day_errors = day_errors

    @cached_property
    def day_errors(self) -> DayErrors:
        """What the estimates of the reference's own days miss beyond sampling."""
        found: dict[str, list[Missed]] = {}
        for day in self._estimated_days():
            for metric, missed in self._family.missed(day) if self._family else ():
                found.setdefault(metric, []).append(missed)
        return DayErrors.of(found)

    def measure(
        self, profile: Profile, *, rows: Rows | None = None, record: Record | None = None
    ) -> list[Measurement]:
        """`estimated_<metric>` and `shift_adapted_<metric>` for `all` and each segment.

        The adapted form is there for classifiers; a regression's estimate is made from the day's
        inputs to begin with. `reference_value` is the realised metric of the segment on the
        reference.

        Args:
            profile: the day, counted on the grid.
            rows: the day's raw rows, or a sample of them.
            record: past values of `estimation_error` by metric (such as `estimated_roc_auc`) for
                the whole traffic. Segments' bands widen with it, too: what makes estimates err
                beyond their band errs in every segment.

        Raises:
            GridMismatch: the day was counted on another grid.
        """
        if profile.grid_id != self._grid.id:
            raise GridMismatch(
                f"a profile of grid {profile.grid_id} cannot be estimated on grid {self._grid.id}; "
                "count the day again on the reference's grid"
            )
        plain, adapted = self._guesses(profile, rows)
        found = [*self._banded(PLAIN, plain, record or {})]
        if self._monitor.model.task in (Task.BINARY, Task.MULTICLASS):
            found += self._banded(ADAPTED, adapted, record or {})
        return found

    @cached_property
    def _family(self) -> Family | None:
        outcomes = self._frozen.outcomes
        if outcomes is None:
            return None
        match self._monitor.model.task:
            case Task.BINARY:
                return BinaryFamily(self._monitor, self._grid, outcomes, minimum_rows=self._minimum)
            case Task.MULTICLASS:
                return MulticlassFamily(
                    self._monitor, self._grid, outcomes, minimum_rows=self._minimum
                )
            case Task.REGRESSION:
                return RegressionFamily(
                    outcomes, self._rows, minimum_rows=self._minimum, seed=self._seed
                )
            case _:
                return None

    def _estimated_days(self) -> Iterator[Outcomes]:
        if self._monitor.model.task is Task.REGRESSION:
            if self._frozen.outcomes is not None:
                yield self._frozen.outcomes
            return
        days = sorted(self._frozen.daily_outcomes)
        if len(days) > 1:
            for place in np.unique(np.linspace(0, len(days) - 1, MOST_DAYS).round().astype(int)):
                yield self._frozen.daily_outcomes[days[place]]

    def _segments(self, profile: Profile) -> list[str]:
        groups = owed(self._monitor, self._grid, profile.groups)
        return [g.segment for g in groups if g.model_version == ALL]

    def _guesses(
        self, profile: Profile, rows: Rows | None
    ) -> tuple[dict[str, Mapping[str, Guess]], dict[str, Mapping[str, Guess]]]:
        """Per segment what is expected of every metric: plain, and adapted to shift."""
        family, names = self._family, METRICS[self._monitor.model.task]
        segments = self._segments(profile)
        if family is None or family.problem is not None:
            why = (family.problem if family else None) or _no_outcomes()
            nothing: dict[str, Mapping[str, Guess]] = {
                segment: dict.fromkeys(names, why) for segment in segments
            }
            return nothing, nothing
        if isinstance(family, RegressionFamily):
            return _of_rows(family, rows, segments), {}
        plain = {segment: family.plain(profile, segment) for segment in segments}
        shift = self._shift(rows)
        if isinstance(shift, Estimate):
            # Where a group has no rows at all, that is what is to be said of it.
            lost = {s: _all_without(plain[s]) or dict.fromkeys(names, shift) for s in segments}
            return plain, lost
        return plain, {
            segment: self._adapted(family, profile, rows, segment, shift, plain[segment])
            for segment in segments
        }

    def _adapted(
        self,
        family: BinaryFamily | MulticlassFamily,
        profile: Profile,
        rows: Rows | None,
        segment: str,
        shift: Shift,
        plain: Mapping[str, Guess],
    ) -> Mapping[str, Guess]:
        if not shift.is_found or rows is None or self._rows is None or _all_without(plain):
            return plain
        if isinstance(family, BinaryFamily):
            found = family.adapted(profile, segment, self._rows, shift.weights)
        else:
            found = family.adapted(rows, segment, self._rows, shift.weights)
        return {name: _less_certain(guess, plain[name]) for name, guess in found.items()}

    def _shift(self, rows: Rows | None) -> Shift | Estimate:
        self._told = ""
        for whose, found in (("reference", self._rows), ("day", rows)):
            if found is None or len(found) == 0:
                return no_rows(whose)
            if len(found) < MINIMUM_ROWS:
                return too_few(f"raw rows of the {whose}", len(found), MINIMUM_ROWS)
        if self._rows is None or rows is None or self._rows.features.shape[1] == 0:
            detail = "no feature is monitored, so that a shift of inputs cannot be told"
            return Estimate.without(Status.NO_DATA, Reason.COLUMN_MISSING, detail)
        shift = Shift.fit(
            self._rows.features, rows.features, seed=self._seed, max_rows=self._max_rows
        )
        self._told = shift.told()
        return shift

    def _banded(
        self, prefix: str, guesses: Mapping[str, Mapping[str, Guess]], record: Record
    ) -> Iterator[Measurement]:
        family = self._family
        for segment, found in guesses.items():
            if segment not in self._then:
                self._then[segment] = family.on_reference(segment) if family else {}
            then = self._then[segment]
            whole = guesses.get(ALL, {})
            for metric, guess in found.items():
                name = f"{prefix}{metric}"
                excess = self._excess(metric, whole.get(metric), record.get(name, ()))
                estimate = safely(name, partial(self._with_band, prefix, metric, guess, excess))
                yield Measurement(name, estimate, segment=segment, reference_value=then.get(metric))

    def _excess(self, metric: str, whole: Guess | None, record: Sequence[float]) -> float:
        if not isinstance(whole, Expected) or not record:
            return 0.0
        return record_excess(whole, self.day_errors.of_metric(metric), record)

    def _with_band(self, prefix: str, metric: str, guess: Guess, excess: float) -> Estimate:
        if isinstance(guess, Estimate):
            return guess
        day_error = self.day_errors.of_metric(metric)
        told = [] if prefix == PLAIN else [self._told]
        if day_error.days < 2:
            told.append("the band leaves out what days differ by: the reference has too few")
        return band(
            guess,
            day_error,
            beyond_record=excess,
            is_share=metric not in RegressionFamily.metrics,
            detail="; ".join(told),
        )


def measure(
    monitor: Monitor,
    grid: Grid,
    frozen: FrozenReference,
    profile: Profile,
    *,
    reference_rows: Rows | None = None,
    rows: Rows | None = None,
    record: Record | None = None,
    day_errors: DayErrors | None = None,
) -> list[Measurement]:
    """The estimates of one day; see `Estimates`, which spares the reference for many."""
    estimates = Estimates(
        monitor, grid, frozen, reference_rows=reference_rows, day_errors=day_errors
    )
    return estimates.measure(profile, rows=rows, record=record)


def learn(
    monitor: Monitor, grid: Grid, frozen: FrozenReference, *, reference_rows: Rows | None = None
) -> DayErrors:
    """What a reference's estimates err from day to day: to be kept with the reference."""
    return Estimates(monitor, grid, frozen, reference_rows=reference_rows).day_errors


def _of_rows(
    family: RegressionFamily, rows: Rows | None, segments: Sequence[str]
) -> dict[str, Mapping[str, Guess]]:
    if rows is None or len(rows) == 0:
        return dict.fromkeys(segments, dict.fromkeys(family.metrics, no_rows("day")))
    losses = family.losses(rows)
    return {segment: family.plain(losses, rows, segment) for segment in segments}


def _all_without(guesses: Mapping[str, Guess]) -> Mapping[str, Guess] | None:
    """The guesses where none of them has a value, else None."""
    return None if any(isinstance(g, Expected) for g in guesses.values()) else guesses


def _less_certain(adapted: Guess, plain: Guess) -> Guess:
    """The adapted guess with half its way from the plain one as a further standard deviation.

    The weights are a model's, and nothing of the day confirms them. On NannyML's car loans, where
    inputs and outcomes shift together, the way is in the wrong direction.
    """
    if not isinstance(adapted, Expected) or not isinstance(plain, Expected):
        return adapted
    way = (adapted.value - plain.value) / 2
    return replace(adapted, calibration=adapted.calibration + way * way)


def _no_outcomes() -> Estimate:
    return Estimate.without(
        Status.NO_DATA,
        Reason.REFERENCE_EMPTY,
        "no prediction of the reference has a label, so that no chance can be learnt",
    )
