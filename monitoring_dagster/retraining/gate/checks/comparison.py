"""What every check is given: the rows that count, the rules, and the metric to be better on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.monitors.retraining import GateRules
from monitoring_dagster.retraining.gate.compared import Compared, Segment
from monitoring_dagster.retraining.gate.measures.metric import Metric
from monitoring_dagster.retraining.gate.measures.registry import PRIMARY, REGISTRY
from monitoring_dagster.retraining.gate.paired import Paired


@dataclass(frozen=True)
class Comparison:
    """A challenger and a champion on the same rows.

    Args:
        given: everything, also the rows that do not count.
        paired: the rows that both answered and that have a label.
        rules: what the challenger has to show.
        task: of both models.
        segments: the declared ones by name, their members among the rows of `paired`.
    """

    given: Compared
    paired: Paired
    rules: GateRules
    task: Task
    segments: Mapping[str, Segment]

    @classmethod
    def of(
        cls, rows: Compared, rules: GateRules, task: Task, segments: Mapping[str, Segment]
    ) -> Comparison:
        """The comparison on those of `rows` that count."""
        paired, counts = Paired.within(rows)
        ours = {name: replace(s, members=s.members[counts]) for name, s in segments.items()}
        return cls(rows, paired, rules, task, ours)

    @property
    def primary_name(self) -> str:
        """The metric to be better on, by name; empty where the task has none."""
        return self.rules.primary or PRIMARY.get(self.task, "")

    @property
    def primary(self) -> Metric | None:
        """The metric to be better on; None where the gate does not know it."""
        return self.metric(self.primary_name)

    def metric(self, name: str) -> Metric | None:
        """The metric of that name; None where the task has none."""
        return REGISTRY[self.task].get(name)

    def newest(self) -> Paired:
        """The rows of the last `newest_days` calendar days."""
        dates = self.paired.dates
        if not dates.size:
            return self.paired
        since = dates[-1] - np.timedelta64(self.rules.newest_days, "D")
        return self.paired.of((dates > since)[self.paired.champion.days])
