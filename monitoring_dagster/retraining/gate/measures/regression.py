"""The metrics of a regression at the gate; definitions are those of docs/metrics.md."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from monitoring_dagster.retraining.gate.compared import Floats
from monitoring_dagster.retraining.gate.measures.metric import Better, Metric, Unit
from monitoring_dagster.retraining.gate.measures.sums import by_day, mean, of_sums
from monitoring_dagster.retraining.gate.paired import Answers


def _errors(answers: Answers) -> Floats:
    return by_day(answers, answers.scores - answers.labels)


def _absolute_errors(answers: Answers) -> Floats:
    return by_day(answers, np.abs(answers.scores - answers.labels))


def _squared_errors(answers: Answers) -> Floats:
    return by_day(answers, (answers.scores - answers.labels) ** 2)


def _relative_errors(answers: Answers) -> Floats:
    """Rows with a target other than 0, and their errors in parts of it."""
    size = np.abs(answers.labels)
    error = np.abs(answers.scores - answers.labels)
    is_used = size > 0
    parts = np.divide(error, size, out=np.zeros_like(error), where=is_used)
    return by_day(answers, is_used.astype(np.float64), parts)[:, 1:]


def _symmetric_errors(answers: Answers) -> Floats:
    size = np.abs(answers.labels) + np.abs(answers.scores)
    error = 2 * np.abs(answers.scores - answers.labels)
    return by_day(answers, np.divide(error, size, out=np.zeros_like(error), where=size > 0))


def _squares(answers: Answers) -> Floats:
    # About the mean of all rows, since squares of large targets would cancel to noise.
    centred = answers.labels - answers.labels.mean()
    return by_day(answers, (answers.scores - answers.labels) ** 2, centred, centred**2)


def _r2(sums: Floats) -> Floats:
    rows, squared_error, target, squared_target = sums.T
    spread = squared_target - target * target / rows
    return np.where(spread > 0, 1 - squared_error / spread, np.nan)


def _root(sums: Floats) -> Floats:
    return np.sqrt(mean(sums))


def _absolute(sums: Floats) -> Floats:
    return np.abs(mean(sums))


def _error_quantile(share: float) -> Callable[[Answers], Floats]:
    """The quantile of |prediction − target|; the jackknife allows it, as whole days are left out.

    Source: Shao and Wu 1989, Annals of Statistics 17:1176-1197, for leaving out many rows at once.
    """

    def replicates(answers: Answers) -> Floats:
        errors = np.abs(answers.scores - answers.labels)
        kept = [errors[answers.days != number] for number in range(answers.day_count)]
        return np.array(
            [np.quantile(part, share) if part.size else np.nan for part in (errors, *kept)]
        )

    return replicates


METRICS = (
    Metric("mae", Better.LOWER, of_sums(_absolute_errors, mean), Unit.OF_CHAMPION),
    Metric("mse", Better.LOWER, of_sums(_squared_errors, mean), Unit.OF_CHAMPION),
    Metric("rmse", Better.LOWER, of_sums(_squared_errors, _root), Unit.OF_CHAMPION),
    Metric("mape", Better.LOWER, of_sums(_relative_errors, mean), Unit.OF_CHAMPION),
    Metric("smape", Better.LOWER, of_sums(_symmetric_errors, mean)),
    Metric("r2", Better.HIGHER, of_sums(_squares, _r2)),
    Metric("median_absolute_error", Better.LOWER, _error_quantile(0.5), Unit.OF_CHAMPION),
    Metric("p90_absolute_error", Better.LOWER, _error_quantile(0.9), Unit.OF_CHAMPION),
    Metric("bias", Better.LOWER, of_sums(_errors, _absolute), Unit.OF_ERROR),
)
"""`bias` is compared by its size: the sign does not make it better or worse."""
