"""Performance without labels: what is to be expected of a day before its outcomes are known.

Binary and multiclass: confidence-based estimation from counts, and the same adapted to a shift of
the inputs from rows. Regression: direct loss estimation from rows. Bands hold what the realised
metric is to lie in; once labels are final, the estimate is scored against them.

The limits: an estimate assumes that a row with the same inputs and score turns out as it did in
the reference. It cannot see concept drift, nor inputs that the reference never had; `LIMITS` says
so in words that pages show. What an estimate means for anybody is decided elsewhere.
"""

from monitoring_dagster.metrics.estimated.bands import DayErrors
from monitoring_dagster.metrics.estimated.encoding import (
    encode,  # pyright: ignore[reportUnknownVariableType] - pyarrow has no types
)
from monitoring_dagster.metrics.estimated.estimation_error import errors
from monitoring_dagster.metrics.estimated.families import Estimates, learn, measure
from monitoring_dagster.metrics.estimated.limits import LIMITS
from monitoring_dagster.metrics.estimated.names import ADAPTED, ERROR, PLAIN, estimated
from monitoring_dagster.metrics.estimated.rows import Rows

__all__ = [
    "ADAPTED",
    "ERROR",
    "LIMITS",
    "PLAIN",
    "DayErrors",
    "Estimates",
    "Rows",
    "encode",
    "errors",
    "estimated",
    "learn",
    "measure",
]
