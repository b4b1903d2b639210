"""What is a matter of the champion: findings that end with it, and objectives that do not.

Which model is the champion on which day is not known here.
"""

from __future__ import annotations

from monitoring_dagster.decisions.verdict import Rule, Subject
from monitoring_dagster.metrics import catalogue, drift
from monitoring_dagster.metrics.estimated import ERROR
from monitoring_dagster.monitors.contract import Monitor

BASE_RATE = "base_rate"
"""Measured with performance, and whose doing it is not."""

_RULES = frozenset({Rule.DRIFT, Rule.PERFORMANCE, Rule.ESTIMATE})
"""Rules that hold a day against what the champion was validated on."""


def lasting(monitor: Monitor) -> frozenset[str]:
    """Names of the objectives that go on under another champion, such as those of latency."""
    return frozenset(slo.name for slo in monitor.slos if not _is_its_doing(monitor, slo.metric))


def is_about_it(monitor: Monitor, subject: Subject) -> bool:
    """Whether a finding is about the champion of its day, and not about data or operations."""
    if subject.rule is Rule.OBJECTIVE:
        return _is_its_doing(monitor, subject.metric)
    return subject.rule in _RULES


def _is_its_doing(monitor: Monitor, metric: str) -> bool:
    """Whether a metric says how the champion does: its performance, or days against its own."""
    its = {*catalogue.OF_TASK[monitor.model.task], *drift.REGISTRY, ERROR} - {BASE_RATE}
    return metric in its
