"""A binary classifier's estimates of a day: plain, adapted to shift, and on the reference itself.

Which groups a day owes and what is said of them is `families`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.estimated.bands import Missed
from monitoring_dagster.metrics.estimated.binary.deciding import Deciding
from monitoring_dagster.metrics.estimated.binary.projection import Projection
from monitoring_dagster.metrics.estimated.binary.registry import REGISTRY
from monitoring_dagster.metrics.estimated.calibrator import Calibrator, Chances, Shifted, with_prior
from monitoring_dagster.metrics.estimated.expected import Expected, Guess
from monitoring_dagster.metrics.estimated.rows import Rows
from monitoring_dagster.metrics.estimated.shift import MINIMUM_ROWS
from monitoring_dagster.metrics.groups import counts_of, no_values, too_few
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.performance.binary.confusion import one_class_only
from monitoring_dagster.metrics.performance.binary.score_cells import cell_scores
from monitoring_dagster.monitors.contract import Monitor, Role
from monitoring_dagster.profiles.grid import Grid, NumericCells
from monitoring_dagster.profiles.outcomes import BinaryCounts, Outcomes
from monitoring_dagster.profiles.profile import ALL, EVERYTHING, Group, Profile

Floats = NDArray[np.float64]


class BinaryFamily:
    """The estimates of one monitor against one reference.

    Args:
        monitor: says which column the score is, and how decisions follow.
        grid: the frozen cells.
        reference: the reference's outcomes.
        minimum_rows: rows with a score, of the day and labelled of the reference, below which a
            group says too little.

    Raises nothing: what is wrong with the reference is `problem`.
    """

    metrics = tuple(REGISTRY)
    is_share = True

    def __init__(
        self, monitor: Monitor, grid: Grid, reference: Outcomes, *, minimum_rows: int
    ) -> None:
        self._column = monitor.the(Role.SCORE) or ""
        cells = grid.columns.get(self._column)
        self._cells = cells if isinstance(cells, NumericCells) else None
        self._scores = cell_scores(self._cells)
        self._minimum = minimum_rows
        self._reference = {
            group.segment: counts
            for group, counts in reference.performance.items()
            if group.model_version == ALL and isinstance(counts, BinaryCounts)
        }
        whole = self._reference.get(ALL, BinaryCounts.empty(len(self._scores)))
        self._whole = whole
        self._deciding = Deciding.of(monitor, grid, whole)
        self._calibrators: dict[str, Calibrator | Estimate] = {}
        self._unweighted: dict[str, Calibrator] = {}

    @cached_property
    def problem(self) -> Estimate | None:
        """Why nothing can be estimated from this reference, or None."""
        if self._cells is None:
            detail = "the monitor declares no score, or its reference had none"
            return Estimate.without(Status.NO_DATA, Reason.NO_SCORES, detail)
        rows = int(self._whole.scores.sum())
        if rows < self._minimum:
            return too_few("labelled scores in the reference", rows, self._minimum)
        negatives, positives = self._whole.scores.sum(axis=0).tolist()
        return None if negatives and positives else one_class_only(positives, negatives)

    def plain(self, profile: Profile, segment: str) -> Mapping[str, Guess]:
        """Every metric of one group of the day, from counts."""
        return self._guessed(profile, segment, self._calibrator(segment))

    def adapted(
        self, profile: Profile, segment: str, reference: Rows, weights: Floats
    ) -> Mapping[str, Guess]:
        """The same with chances learnt from the reference's rows as `weights` weigh them."""
        base = self._calibrator(segment)
        if isinstance(base, Estimate):
            return dict.fromkeys(self.metrics, base)
        cells, known = self._places(reference)
        inside = known & reference.within(segment)
        rows, heavy = int(inside.sum()), weights[inside]
        if rows < MINIMUM_ROWS or heavy.sum() ** 2 < MINIMUM_ROWS * (heavy @ heavy):
            few = too_few("effective reference rows", _effective(heavy), MINIMUM_ROWS)
            return dict.fromkeys(self.metrics, few)
        if segment not in self._unweighted:
            even = np.ones(len(weights))
            self._unweighted[segment] = self._fit_rows(cells, reference.labels, even, known, inside)
        fitted = self._fit_rows(cells, reference.labels, weights, known, inside)
        return self._guessed(profile, segment, Shifted(base, fitted, self._unweighted[segment]))

    def missed(self, day: Outcomes) -> Iterator[tuple[str, Missed]]:
        """By how much each metric of a reference day is missed by all its other days."""
        counts = day.performance.get(EVERYTHING)
        if self.problem is not None or not isinstance(counts, BinaryCounts):
            return
        others = (self._whole.scores - counts.scores).astype(np.float64)
        if counts.scores.sum() < self._minimum or not others.any(axis=0).all():
            return
        rows = counts.scores.sum(axis=1).astype(np.float64)
        decided = self._deciding.on_outcomes(counts)
        estimated = self._projected(rows, decided, Calibrator.fit(others, self._scores))
        truth = self._true(counts)
        for name, metric in REGISTRY.items():
            guess, real = metric(estimated), metric(truth)
            if isinstance(guess, Expected) and isinstance(real, Expected):
                yield name, Missed(guess.value - real.value, guess.variance)

    def on_reference(self, segment: str) -> Mapping[str, float]:
        """What the metrics were on the reference, where they are defined."""
        counts = self._reference.get(segment)
        if self.problem is not None or counts is None or not counts.scores.any():
            return {}
        truth = self._true(counts)
        found = {name: metric(truth) for name, metric in REGISTRY.items()}
        return {name: real.value for name, real in found.items() if isinstance(real, Expected)}

    def _true(self, counts: BinaryCounts) -> Projection:
        """Realised labels as chances: the metrics of it are the realised ones."""
        rows = counts.scores.sum(axis=1).astype(np.float64)
        share = np.divide(counts.scores[:, 1], rows, out=np.zeros(len(rows)), where=rows > 0)
        return Projection(rows, share, self._deciding.on_outcomes(counts))

    def _calibrator(self, segment: str) -> Calibrator | Estimate:
        if segment not in self._calibrators:
            self._calibrators[segment] = self._fit(segment)
        return self._calibrators[segment]

    def _fit(self, segment: str) -> Calibrator | Estimate:
        if self.problem is not None:
            return self.problem
        whole = self._whole.scores.astype(np.float64)
        if segment == ALL:
            return Calibrator.fit(whole, self._scores)
        counts = self._reference.get(segment)
        rows = int(counts.scores.sum()) if counts is not None else 0
        if counts is None or rows < self._minimum:
            return too_few("labelled scores of the segment in the reference", rows, self._minimum)
        return Calibrator.fit(with_prior(counts.scores.astype(np.float64), whole), self._scores)

    def _guessed(
        self, profile: Profile, segment: str, chances: Chances | Estimate
    ) -> Mapping[str, Guess]:
        group = Group(ALL, segment)
        counts = counts_of(profile, self._column, group) if self.problem is None else self.problem
        if isinstance(counts, Estimate):
            return dict.fromkeys(self.metrics, counts)
        if counts.n < self._minimum:
            few = too_few("scores", counts.n, self._minimum) if counts.n else no_values(counts)
            return dict.fromkeys(self.metrics, few)
        if isinstance(chances, Estimate):
            return dict.fromkeys(self.metrics, chances)
        rows = counts.cells.astype(np.float64)
        projection = self._projected(rows, self._deciding.on_day(profile, group, rows), chances)
        return {name: metric(projection) for name, metric in REGISTRY.items()}

    def _projected(self, rows: Floats, decided: Floats | Estimate, chances: Chances) -> Projection:
        # A day fills a tenth of the cells; the outer ones stay, for they are told apart.
        kept = rows > 0
        kept[[0, -1]] = True
        scores = self._scores[kept]
        share = decided if isinstance(decided, Estimate) else decided[kept]
        return Projection(rows[kept], chances(scores), share, _variance(chances, scores))

    def _places(self, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The score cell of every row, and whether it has a finite score and a label."""
        scores = rows.outputs[:, 0]
        known = np.isfinite(scores) & np.isfinite(rows.labels)
        borders = self._cells.borders if self._cells is not None else np.array([])
        return np.searchsorted(borders, np.where(known, scores, 0.0)), known

    def _fit_rows(
        self,
        cells: NDArray[np.int64],
        labels: Floats,
        weights: Floats,
        known: NDArray[np.bool_],
        inside: NDArray[np.bool_],
    ) -> Calibrator:
        def counted(mask: NDArray[np.bool_], heavy: Floats) -> Floats:
            at = cells[mask] * 2 + labels[mask].astype(np.int64)
            size = 2 * len(self._scores)
            found = np.bincount(at, weights=heavy[mask], minlength=size).astype(np.float64)
            return found.reshape(-1, 2)

        sums = counted(inside, weights)
        squares = counted(inside, weights**2).sum(axis=1)
        if inside.sum() < known.sum():
            whole = counted(known, weights)
            squares = squares + with_prior(np.zeros_like(whole), whole).sum(axis=1)
            sums = with_prior(sums, whole)
        return Calibrator.fit(sums, self._scores, squares)


def _variance(chances: Chances, scores: Floats) -> Callable[[Floats], float]:
    return lambda weights: chances.variance(scores, weights)


def _effective(weights: Floats) -> int:
    return round(float(weights.sum() ** 2 / (weights @ weights))) if weights.any() else 0
