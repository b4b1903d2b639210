"""What estimates are called, so that catalogue, records and errors agree."""

from __future__ import annotations

from collections.abc import Mapping

from monitoring_dagster.metrics.estimated.binary.registry import REGISTRY as BINARY
from monitoring_dagster.metrics.estimated.multiclass.registry import REGISTRY as MULTICLASS
from monitoring_dagster.monitors.contract import Task

PLAIN, ADAPTED = "estimated_", "shift_adapted_"
"""Before the name of the metric that is estimated."""

ERROR = "estimation_error"
"""What an estimate missed; its column is `@` and the estimate's name."""

METRICS: Mapping[Task, tuple[str, ...]] = {
    Task.BINARY: tuple(BINARY),
    Task.MULTICLASS: tuple(MULTICLASS),
    Task.REGRESSION: ("mae", "mse", "rmse"),
    Task.RANKING: (),
}
"""The metrics of each task that are estimated."""


def estimated(task: Task) -> tuple[str, ...]:
    """The names of all estimates of a task.

    >>> estimated(Task.REGRESSION)
    ('estimated_mae', 'estimated_mse', 'estimated_rmse')
    """
    prefixes = (PLAIN, ADAPTED) if task in (Task.BINARY, Task.MULTICLASS) else (PLAIN,)
    return tuple(f"{prefix}{metric}" for prefix in prefixes for metric in METRICS[task])
