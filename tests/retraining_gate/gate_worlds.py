"""Made-up rows for the gate: days that differ, and two models that see the truth through noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.monitors.retraining import GateRules
from monitoring_dagster.retraining.gate import Compared, Segment, Side, compare
from monitoring_dagster.retraining.gate.decision import Check, CheckKind, Decision

FIRST = np.datetime64("2026-03-01", "D")
RULES = GateRules(negative_flips=0.3)
"""Made-up models flip more rows than real ones: they do not share what they learnt."""

Noise = float | np.ndarray


def binary(
    seed: int,
    *,
    days: int = 28,
    rows: int = 300,
    champion: Noise = 0.8,
    challenger: Noise = 0.4,
    wobble: float = 0.0,
    base: float = -0.5,
) -> Compared:
    """Binary rows; the noise of a model, one or one per row, makes it worse.

    Base rates differ between days, and with `wobble` the noise of each model does as well.
    """
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), rows)
    truth = rng.normal(size=day.size)
    logit = 1.5 * truth + base + rng.normal(0, 0.3, days)[day]
    labels = (rng.random(day.size) < 1 / (1 + np.exp(-logit))).astype(np.float64)

    def side(noise: Noise) -> Side:
        of_day = np.exp(rng.normal(0, wobble, days))[day]
        size = noise * of_day
        seen = (truth + size * rng.normal(size=day.size)) / (1 + np.square(noise))
        return Side(1 / (1 + np.exp(-(1.5 * seen + base))), threshold=0.4)

    return Compared(labels, FIRST + day, side(champion), side(challenger))


def regression(seed: int, *, champion: float = 2.0, challenger: float = 1.5) -> Compared:
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(20), 80)
    labels = rng.normal(50, 10, day.size)
    sides = (Side(labels + rng.normal(0, size, day.size)) for size in (champion, challenger))
    return Compared(labels, FIRST + day, *sides)


def multiclass(seed: int, *, champion: float = 1.0, challenger: float = 0.5) -> Compared:
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(20), 80)
    logits = 1.5 * rng.normal(size=(day.size, 3))
    odds = np.exp(logits)
    labels = (rng.random((day.size, 1)) > (odds / odds.sum(1, keepdims=True)).cumsum(1)).sum(1)

    def side(noise: float) -> Side:
        seen = np.exp((logits + noise * rng.normal(size=logits.shape)) / (1 + noise**2 / 2))
        return Side(seen / seen.sum(axis=1, keepdims=True))

    return Compared(labels.astype(np.float64), FIRST + day, side(champion), side(challenger))


WORLDS = {Task.BINARY: binary, Task.MULTICLASS: multiclass, Task.REGRESSION: regression}


def one_for(task: Task, seed: int = 3) -> Compared:
    """Rows of a task on which the challenger is better."""
    return WORLDS[task](seed)


def swapped(rows: Compared) -> Compared:
    return replace(rows, champion=rows.challenger, challenger=rows.champion)


def decided(rows: Compared, rules: GateRules = RULES, **more: object) -> Decision:
    return compare(rows, rules, **{"task": Task.BINARY, **more})


def of_kind(decision: Decision, kind: CheckKind, segment: str | None = None) -> list[Check]:
    return [
        c for c in decision.checks if c.kind == kind and (segment is None or c.segment == segment)
    ]


def only(decision: Decision, kind: CheckKind, segment: str | None = None) -> Check:
    (check,) = of_kind(decision, kind, segment)
    return check


def figure(value: float | None) -> float:
    """A figure that a check must have."""
    assert value is not None
    return value


def groups(membership: np.ndarray, cut: str, *, is_protected: bool) -> dict[str, Segment]:
    """A segment for each value of `membership`."""
    return {
        f"{cut}={value}": Segment(membership == value, is_protected, cut)
        for value in np.unique(membership).tolist()
    }
