"""docs/gate.md names every metric and check, and its worked table is what the gate says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.monitors.retraining import GateRules
from monitoring_dagster.retraining.gate.decision import Check, CheckKind, Decision, Outcome
from monitoring_dagster.retraining.gate.measures.metric import Better, Unit
from monitoring_dagster.retraining.gate.measures.registry import PRIMARY, REGISTRY
from tests.retraining_gate.gate_worlds import binary, decided, groups

TEXT = (Path(__file__).parents[2] / "docs" / "gate.md").read_text(encoding="utf-8")

MARGIN = {
    Unit.ABSOLUTE: "0.01",
    Unit.OF_CHAMPION: "1 % of the champion's value",
    Unit.OF_ERROR: "1 % of the champion's mean absolute error",
}


def worked() -> Decision:
    rng = np.random.default_rng(8)
    age = rng.choice(["18-29", "30-49", "50-64", "65+"], 28 * 400)
    carrier = rng.choice(["A", "B", "C"], age.size)
    rows = binary(12, rows=400, champion=0.8, challenger=np.where(age == "65+", 1.0, 0.45))
    seconds = rng.gamma(50, 1e-7, (2, 40))
    rows = replace(
        rows,
        champion=replace(rows.champion, seconds=seconds[0]),
        challenger=replace(rows.challenger, seconds=1.1 * seconds[1]),
    )
    segments = groups(age, "age", is_protected=True)
    segments |= groups(carrier, "carrier", is_protected=False)
    rules = GateRules(guards=("log_loss",), negative_flips=0.2)
    return decided(rows, rules, segments=segments)


def line(check: Check) -> str:
    outcome = f"**{check.outcome}**" if check.outcome is Outcome.FAILED else check.outcome
    return f"| `{check.kind}` | {check.text} | {outcome} |"


def test_the_worked_table_is_what_the_gate_says() -> None:
    lines = "\n".join(
        ["| check | in words | outcome |", "|---|---|---|", *map(line, worked().checks)]
    )
    assert lines in TEXT
    assert not worked().is_passed


def test_every_metric_is_listed_with_its_direction_and_its_margin() -> None:
    listed = re.findall(r"^\| (\**)`(\w+)`\** \| (\w+) \| (\w+) \| (.+) \|$", TEXT, re.MULTILINE)
    assert listed == [
        (
            "**" if PRIMARY.get(task) == metric.name else "",
            metric.name,
            task,
            "higher" if metric.better is Better.HIGHER else "lower",
            MARGIN[metric.unit],
        )
        for task, metrics in REGISTRY.items()
        if task is not Task.RANKING
        for metric in metrics.values()
    ]


@pytest.mark.parametrize("kind", CheckKind)
def test_every_kind_of_check_is_explained(kind: CheckKind) -> None:
    assert re.search(rf"^\| `{kind}`.*\|.+\|.+\|.+\|$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_is_explained(outcome: Outcome) -> None:
    assert f"| `{outcome}` |" in TEXT
