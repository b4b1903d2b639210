"""The measurement: one metric of one monitor's day, column, segment and model version.

Every metric ends in this shape, computed or not: what could not be computed has a status and a
reason, never an absence. Storing it is `store`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from monitoring_dagster.profiles.profile import ALL


class Status(StrEnum):
    """Whether a measurement has a value, and if not, which kind of not."""

    OK = "ok"
    NO_DATA = "no_data"
    NOT_ENOUGH_DATA = "not_enough_data"
    ERROR = "error"
    SUPPRESSED = "suppressed"


class Reason(StrEnum):
    """Why a measurement has no value; the same word in tables, messages and pages."""

    COMPUTED = "computed"
    NO_ROWS = "no_rows"
    NO_SNAPSHOT = "no_snapshot"
    SOURCE_MISSING = "source_missing"
    SOURCE_UNREADABLE = "source_unreadable"
    SOURCE_REFUSED = "source_refused"
    SOURCE_GROWING = "source_growing"
    SNAPSHOT_CORRUPT = "snapshot_corrupt"
    COLUMN_MISSING = "column_missing"
    COLUMN_UNREADABLE = "column_unreadable"
    ALL_NULL = "all_null"
    REFERENCE_EMPTY = "reference_empty"
    CONSTANT_REFERENCE = "constant_reference"
    ONE_CLASS_ONLY = "one_class_only"
    CLASS_ABSENT = "class_absent"
    NO_PREDICTED_POSITIVES = "no_predicted_positives"
    NO_LABELS = "no_labels"
    NO_SCORES = "no_scores"
    ZERO_TARGETS_ONLY = "zero_targets_only"
    CONSTANT_TARGET = "constant_target"
    CONSTANT_SCORE = "constant_score"
    SEPARATED_CLASSES = "separated_classes"
    TOO_FEW_ROWS = "too_few_rows"
    BEYOND_GRID = "beyond_grid"
    QUALITY_CHECK_FAILED = "quality_check_failed"
    METRIC_FAILED = "metric_failed"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric's value with its 95 % interval; `n` rows stand behind it.

    `ci_low` and `ci_high` are NaN where no interval exists. A metric that cannot be computed
    returns `Estimate.without(...)` instead of raising.
    """

    value: float
    ci_low: float
    ci_high: float
    n: int
    status: Status = Status.OK
    reason: Reason = Reason.COMPUTED
    detail: str = ""

    @classmethod
    def exact(cls, value: float, n: int) -> Self:
        """A count or a share that needs no interval."""
        return cls(value, math.nan, math.nan, n)

    @classmethod
    def without(cls, status: Status, reason: Reason, detail: str = "", n: int = 0) -> Self:
        """No value, and why."""
        return cls(math.nan, math.nan, math.nan, n, status, reason, detail)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One row of the public table `measurement`, without its day and its evaluation.

    `reference_value` is what the metric was on the reference (None where that has no meaning),
    `coverage` the share of predictions with a label and `maturity` `provisional` or `final`,
    for metrics that need labels.
    """

    metric: str
    estimate: Estimate
    column: str = ""
    segment: str = ALL
    model_version: str = ALL
    reference_value: float | None = None
    coverage: float | None = None
    maturity: str | None = None

    def without_data(self, reason: Reason, detail: str) -> Measurement:
        """The same measurement, with what telemetry says of the data that it lacks."""
        n = self.estimate.n
        return replace(self, estimate=Estimate.without(Status.NO_DATA, reason, detail, n))

    def suppressed(self, detail: str) -> Measurement:
        """The same measurement, withheld because a quality check condemned what it is about."""
        return replace(
            self,
            estimate=Estimate.without(
                Status.SUPPRESSED, Reason.QUALITY_CHECK_FAILED, detail, self.estimate.n
            ),
        )
