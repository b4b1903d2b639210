"""A multiclass classifier's estimates of a day: from counts, and from rows under shift.

Which groups a day owes and what is said of them is `families`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.estimated.bands import Missed
from monitoring_dagster.metrics.estimated.binary.deciding import highest, rows_of
from monitoring_dagster.metrics.estimated.calibrator import Calibrator, with_prior
from monitoring_dagster.metrics.estimated.expected import Expected, Guess
from monitoring_dagster.metrics.estimated.multiclass.projection import Hits, Projection, normalised
from monitoring_dagster.metrics.estimated.multiclass.registry import REGISTRY
from monitoring_dagster.metrics.estimated.rows import Rows, as_text, score_columns
from monitoring_dagster.metrics.estimated.shift import MINIMUM_ROWS
from monitoring_dagster.metrics.groups import counts_of, no_values, too_few
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.performance.binary.score_cells import cell_scores
from monitoring_dagster.metrics.performance.multiclass.classes import absent
from monitoring_dagster.monitors.contract import Monitor, Role
from monitoring_dagster.profiles.grid import Grid, NumericCells
from monitoring_dagster.profiles.outcome_tallies import CLASS_SCORE_CELLS
from monitoring_dagster.profiles.outcomes import MulticlassCounts, Outcomes
from monitoring_dagster.profiles.profile import ALL, EVERYTHING, Group, Profile

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MIDDLES: Floats = (np.arange(CLASS_SCORE_CELLS) + 0.5) / CLASS_SCORE_CELLS
"""The score that each cell of the outcomes stands for."""


class MulticlassFamily:
    """The estimates of one monitor against one reference.

    From counts, which rows were predicted as a class is not known: they are taken to be those
    with its highest scores, and the hits that follow are scaled by what the same rule misses on
    the reference. From rows it is known.

    Args:
        monitor: names the classes, their scores and the predicted class.
        grid: the frozen cells.
        reference: the reference's outcomes.
        minimum_rows: rows of the day and labelled rows of the reference below which a group says
            too little.
    """

    metrics = tuple(REGISTRY)
    is_share = True

    def __init__(
        self, monitor: Monitor, grid: Grid, reference: Outcomes, *, minimum_rows: int
    ) -> None:
        self._classes = [as_text(c) for c in monitor.model.classes]
        self._columns = [n for n in score_columns(monitor) if _has_cells(grid, n)]
        self._grid, self._minimum = grid, minimum_rows
        self._prediction = monitor.the(Role.PREDICTION)
        self._reference = {
            group.segment: counts
            for group, counts in reference.performance.items()
            if group.model_version == ALL and isinstance(counts, MulticlassCounts)
        }
        self._whole = self._reference.get(ALL, MulticlassCounts.empty(len(self._classes)))
        self._learnt: dict[str, _Learnt | Estimate] = {}

    @cached_property
    def problem(self) -> Estimate | None:
        """Why nothing can be estimated from this reference, or None."""
        if not self._columns or len(self._columns) < len(self._classes):
            detail = "not every class has a score that the reference carried"
            return Estimate.without(Status.NO_DATA, Reason.NO_SCORES, detail)
        rows = int(self._whole.scored)
        if rows < self._minimum:
            return too_few("labelled scores in the reference", rows, self._minimum)
        labelled = self._whole.scores[:, :, 1].sum(axis=1).astype(np.float64)
        return absent(labelled, self._classes, rows)

    def plain(self, profile: Profile, segment: str) -> Mapping[str, Guess]:
        """Every metric of one group of the day, from counts."""
        learnt = self._learn(segment)
        found = [self._counted(profile, name, segment) for name in self._columns]
        lacking = [counts for counts in found if isinstance(counts, Estimate)]
        if self.problem is not None:
            return self._without(self.problem)
        if lacking:
            return self._without(lacking[0])
        if isinstance(learnt, Estimate):
            return self._without(learnt)
        by_score = [counts for counts in found if not isinstance(counts, Estimate)]
        predicted = self._predicted(profile, segment)
        return self._measured(learnt.projection(by_score, predicted))

    def adapted(
        self, day: Rows, segment: str, reference: Rows, weights: Floats
    ) -> Mapping[str, Guess]:
        """The same from rows, with chances learnt as `weights` weigh the reference's rows."""
        learnt = self._learn(segment)
        if isinstance(learnt, Estimate):
            return self._without(learnt)
        known = np.isfinite(reference.labels) & np.isfinite(reference.outputs).all(axis=1)
        inside = known & reference.within(segment)
        heavy = weights[inside]
        effective = float(heavy.sum() ** 2 / (heavy @ heavy)) if heavy.any() else 0.0
        today = np.isfinite(day.outputs).all(axis=1) & day.within(segment)
        if effective < MINIMUM_ROWS or today.sum() < self._minimum:
            few = effective < MINIMUM_ROWS
            what = "effective reference rows" if few else "rows with a score of every class"
            number = round(effective) if few else int(today.sum())
            return self._without(too_few(what, number, MINIMUM_ROWS if few else self._minimum))
        chances = np.column_stack(
            [
                self._of_class(k, reference, known, inside, weights)(day.outputs[today, k])
                for k in range(len(self._classes))
            ]
        )
        chances /= np.maximum(chances.sum(axis=1, keepdims=True), 1e-12)
        return self._measured(
            _of_rows(chances, day.outputs[today], day.decisions[today], effective)
        )

    def missed(self, day: Outcomes) -> Iterator[tuple[str, Missed]]:
        """By how much each metric of a reference day is missed by all its other days."""
        counts = day.performance.get(EVERYTHING)
        if self.problem is not None or not isinstance(counts, MulticlassCounts):
            return
        others = MulticlassCounts(
            self._whole.confusion - counts.confusion,
            self._whole.scores - counts.scores,
            self._whole.scored - counts.scored,
            0.0,
        )
        everywhere = others.scores[:, :, 1].sum(axis=1)
        if counts.scored < self._minimum or not everywhere.all():
            return
        by_score = [(MIDDLES, s.sum(axis=1).astype(np.float64)) for s in counts.scores]
        predicted = counts.confusion.sum(axis=0).astype(np.float64)
        guessed = _Learnt.of(others).projection(by_score, predicted if predicted.any() else _LOST)
        real = self._measured(_true(counts))
        for name, guess in self._measured(guessed).items():
            truth = real[name]
            if isinstance(guess, Expected) and isinstance(truth, Expected):
                yield name, Missed(guess.value - truth.value, guess.variance)

    def on_reference(self, segment: str) -> Mapping[str, float]:
        """What the metrics were on the reference, where they are defined."""
        counts = self._reference.get(segment)
        if self.problem is not None or counts is None or not counts.scored:
            return {}
        found = self._measured(_true(counts))
        return {name: real.value for name, real in found.items() if isinstance(real, Expected)}

    def _measured(self, projection: Projection) -> dict[str, Guess]:
        return {name: metric(projection, self._classes) for name, metric in REGISTRY.items()}

    def _without(self, why: Estimate) -> Mapping[str, Guess]:
        return dict.fromkeys(self.metrics, why)

    def _counted(
        self, profile: Profile, name: str, segment: str
    ) -> tuple[Floats, Floats] | Estimate:
        """Scores of the column's cells and the group's rows in them."""
        counts = counts_of(profile, name, Group(ALL, segment))
        cells = self._grid.columns.get(name)
        if isinstance(counts, Estimate) or not isinstance(cells, NumericCells):
            return counts if isinstance(counts, Estimate) else _LOST
        if counts.n < self._minimum:
            return too_few("scores", counts.n, self._minimum) if counts.n else no_values(counts)
        kept = counts.cells > 0
        return cell_scores(cells)[kept], counts.cells[kept].astype(np.float64)

    def _predicted(self, profile: Profile, segment: str) -> Floats | Estimate:
        """Rows of the group by predicted class."""
        cells = self._grid.columns.get(self._prediction or "")
        if self._prediction is None or cells is None:
            return _LOST
        counts = counts_of(profile, self._prediction, Group(ALL, segment))
        if isinstance(counts, Estimate):
            return counts
        rows = np.array([rows_of(cells, counts, c) for c in self._classes], dtype=np.float64)
        return rows if rows.any() else _LOST

    def _learn(self, segment: str) -> _Learnt | Estimate:
        if segment not in self._learnt:
            counts = self._reference.get(segment)
            rows = int(counts.scored) if counts is not None else 0
            if self.problem is not None:
                self._learnt[segment] = self.problem
            elif counts is None or rows < self._minimum:
                what = "labelled scores of the segment in the reference"
                self._learnt[segment] = too_few(what, rows, self._minimum)
            else:
                whole = None if segment == ALL else self._whole
                self._learnt[segment] = _Learnt.of(counts, whole)
        return self._learnt[segment]

    @staticmethod
    def _of_class(
        k: int, reference: Rows, known: Bools, inside: Bools, weights: Floats
    ) -> Calibrator:
        """The weighted calibrator of one class on the cells of the outcomes."""

        def counted(mask: Bools, heavy: Floats) -> Floats:
            scaled = np.ceil(reference.outputs[mask, k] * CLASS_SCORE_CELLS).astype(np.int64) - 1
            cells = np.clip(scaled, 0, CLASS_SCORE_CELLS - 1)
            at = cells * 2 + (reference.labels[mask] == k)
            size = 2 * CLASS_SCORE_CELLS
            found = np.bincount(at, weights=heavy[mask], minlength=size).astype(np.float64)
            return found.reshape(-1, 2)

        sums, squares = counted(inside, weights), counted(inside, weights**2).sum(axis=1)
        if inside.sum() < known.sum():
            whole = counted(known, weights)
            squares = squares + with_prior(np.zeros_like(whole), whole).sum(axis=1)
            sums = with_prior(sums, whole)
        return Calibrator.fit(sums, MIDDLES, squares)


_LOST = Estimate.without(Status.NO_DATA, Reason.COLUMN_MISSING, "the predicted class is not logged")


class _Learnt:
    """The calibrators of all classes, and by how much the rule for hits errs on the reference."""

    def __init__(self, calibrators: Sequence[Calibrator], rows: float) -> None:
        self._calibrators, self._rows = calibrators, rows
        self._correction: Floats = np.ones(len(calibrators))

    @classmethod
    def of(cls, counts: MulticlassCounts, whole: MulticlassCounts | None = None) -> _Learnt:
        """From labelled counts; those of a segment with a little of the whole reference."""
        tables = [table.astype(np.float64) for table in counts.scores]
        if whole is not None:
            priors = [table.astype(np.float64) for table in whole.scores]
            tables = [with_prior(t, w) for t, w in zip(tables, priors, strict=True)]
        learnt = cls([Calibrator.fit(t, MIDDLES) for t in tables], float(counts.scored))
        predicted = counts.confusion.sum(axis=0).astype(np.float64)
        if predicted.any():
            by_score = [(MIDDLES, t.sum(axis=1).astype(np.float64)) for t in counts.scores]
            implied = learnt.projection(by_score, predicted).hits
            real = np.diagonal(counts.confusion).astype(np.float64)
            if isinstance(implied, Hits):
                learnt._correction = np.divide(
                    real, implied.right, out=np.ones(len(real)), where=implied.right > 0
                )
        return learnt

    def projection(
        self, by_score: Sequence[tuple[Floats, Floats]], predicted: Floats | Estimate
    ) -> Projection:
        """What is expected of rows counted by the score of each class."""
        n = float(max(rows.sum() for _, rows in by_score))
        tables: list[Floats] = []
        for calibrator, (scores, rows) in zip(self._calibrators, by_score, strict=True):
            positive = rows * calibrator(scores)
            tables.append(np.stack([rows - positive, positive], axis=1))
        tables = normalised(tables, n)
        return Projection(n, tables, self._hits(tables, predicted, n), self._rows)

    def _hits(
        self, tables: Sequence[Floats], predicted: Floats | Estimate, n: float
    ) -> Hits | Estimate:
        if isinstance(predicted, Estimate):
            return predicted
        scaled: Floats = predicted * (n / predicted.sum())
        right = [
            float(table[:, 1] @ highest(table.sum(axis=1), rows / n))
            for table, rows in zip(tables, scaled.tolist(), strict=True)
        ]
        return Hits(np.minimum(np.array(right) * self._correction, scaled), scaled)


def _true(counts: MulticlassCounts) -> Projection:
    """Realised outcomes as a projection: the metrics of it are the realised ones."""
    right = np.diagonal(counts.confusion).astype(np.float64)
    predicted = counts.confusion.sum(axis=0).astype(np.float64)
    tables = [table.astype(np.float64) for table in counts.scores]
    hits = Hits(right, predicted) if predicted.any() else _LOST
    return Projection(float(counts.scored), tables, hits, np.inf)


def _of_rows(chances: Floats, scores: Floats, decisions: Floats, effective: float) -> Projection:
    """The projection of rows whose chances of each class are known, shape (rows, classes)."""
    n, classes = chances.shape
    tables: list[Floats] = []
    for k in range(classes):
        _, at = np.unique(scores[:, k], return_inverse=True)
        positive = np.bincount(at, weights=chances[:, k]).astype(np.float64)
        tables.append(np.stack([np.bincount(at) - positive, positive], axis=1))
    # Without a logged class it is the one with the highest score, as outcomes are counted.
    chosen = np.where(np.isfinite(decisions), decisions, scores.argmax(axis=1)).astype(np.int64)
    own = chances[np.arange(n), chosen]
    right = np.bincount(chosen, weights=own, minlength=classes).astype(np.float64)
    predicted = np.bincount(chosen, minlength=classes).astype(np.float64)
    return Projection(float(n), tables, Hits(right, predicted), effective)


def _has_cells(grid: Grid, name: str) -> bool:
    return isinstance(grid.columns.get(name), NumericCells)
