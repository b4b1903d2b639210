"""The metrics that the gate compares by, by task and name. A new one is a line in its list."""

from __future__ import annotations

from collections.abc import Mapping

from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.retraining.gate.measures import binary, multiclass, regression
from monitoring_dagster.retraining.gate.measures.metric import Metric

REGISTRY: Mapping[Task, Mapping[str, Metric]] = {
    Task.BINARY: {metric.name: metric for metric in binary.METRICS},
    Task.MULTICLASS: {metric.name: metric for metric in multiclass.METRICS},
    Task.REGRESSION: {metric.name: metric for metric in regression.METRICS},
    Task.RANKING: {},
}

PRIMARY: Mapping[Task, str] = {
    Task.BINARY: "roc_auc",
    Task.MULTICLASS: "log_loss",
    Task.REGRESSION: "mae",
}
"""The metric to be better on, where the document names none."""
