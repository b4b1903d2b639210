"""Every metric that there is: what an objective may name, and what docs/metrics.md explains.

Only names; which of them a day owes is decided where they are measured.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from monitoring_dagster.metrics import drift, labels, operations, shape
from monitoring_dagster.metrics.estimated import ERROR, estimated
from monitoring_dagster.metrics.performance.binary import registry as binary
from monitoring_dagster.metrics.performance.multiclass import registry as multiclass
from monitoring_dagster.metrics.performance.regression import registry as regression
from monitoring_dagster.metrics.shape.snapshots import METRICS as OF_SNAPSHOTS
from monitoring_dagster.monitors.agreement import Disagreement
from monitoring_dagster.monitors.contract import Monitor, Task
from monitoring_dagster.monitors.problems import shown

COUNTED = ("rows", "orphan_labels", "relabelled")
OF_QUALITY = ("quality_passed_share", "quality_unexpected_rate")

OF_EVERY_TASK = frozenset(
    {
        *drift.REGISTRY,
        *shape.REGISTRY,
        *operations.REGISTRY,
        *labels.REGISTRY,
        *OF_SNAPSHOTS,
        *OF_QUALITY,
        *COUNTED,
        ERROR,
    }
)

OF_TASK = {
    Task.BINARY: frozenset({*binary.REGISTRY, "cost", *estimated(Task.BINARY)}),
    Task.MULTICLASS: frozenset(
        {*multiclass.REGISTRY, *multiclass.PER_CLASS, *estimated(Task.MULTICLASS)}
    ),
    Task.REGRESSION: frozenset({*regression.REGISTRY, *estimated(Task.REGRESSION)}),
    Task.RANKING: frozenset({"ndcg"}),
}


def objectives_can_be_measured(monitor: Monitor) -> Iterator[Disagreement]:
    """Objectives whose metric is none of the monitor's task: they would never be judged."""
    known = OF_EVERY_TASK | OF_TASK[monitor.model.task]
    for index, slo in enumerate(monitor.slos):
        if slo.metric not in known:
            close = difflib.get_close_matches(slo.metric, sorted(known), n=1, cutoff=0.5)
            advice = f"did you mean {close[0]}?" if close else "docs/metrics.md lists them"
            yield Disagreement(
                ("slos", index, "metric"),
                f"got {shown(slo.metric)}, which is no metric of a {monitor.model.task} model; "
                f"{advice}",
            )
