"""The figures that were promised: how soon a small shift is told and a small harm paged.

And that one absurd value does not hide a real shift.
"""

from __future__ import annotations

import datetime as dt
import statistics
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import peers
from benchmarks.detection.alerts import Alert
from benchmarks.detection.changed import followed, injected_days
from benchmarks.detection.faults import Blame, Fault, Injection, catalogue
from benchmarks.detection.ours import Judged, Ours
from benchmarks.detection.scoring import NEVER
from benchmarks.detection.synthetic import STILL, Variation, generated
from benchmarks.detection.theirs import written
from benchmarks.detection.world import Frame, World
from benchmarks.tables import Table, number, percent
from monitoring_dagster.monitors.contract import Role

ROWS, REFERENCE_DAYS, SETTLED, HORIZON = 500, 40, 14, 30
CHANGES = 4
"""Change days in one world, a week and more apart; more repeats take more worlds, each with a
reference of its own, since what a reference happens to be decides as much as the days do."""

APART = 10
BEFORE, AFTER = 0.10, 0.12
"""The shares of wrong decisions."""

ABSURD = 1e4


def delays(seed: int, worlds: int) -> Table:
    """Days to a warning of a 0.3 σ shift, and to a page of 2 points more errors."""
    kinds = {"days alike": STILL, "days differ": Variation()}
    shift, harm = f"0.3 σ in one feature, {ROWS} rows a day", f"{BEFORE:.0%} → {AFTER:.0%} errors"
    rows = []
    for title, variation in kinds.items():
        told = [d for i in range(worlds) for d in _to_warning(_world(seed + i, variation), seed)]
        rows.append([shift, title, "warning", *_spread(told)])
    for title, variation in kinds.items():
        paged = [d for i in range(worlds) for d in _to_page(_world(seed + i, variation), seed + i)]
        rows.append([f"{harm}, {ROWS} labels a day", title, "page", *_spread(paged)])
    return Table(
        "Days to detection",
        ("change", "world", "until", "median", "slowest tenth", "found", "changes"),
        rows,
        (
            (
                f"{worlds} worlds, references of {REFERENCE_DAYS} days, {CHANGES} change days in "
                f"each, {APART} days apart, each followed for {HORIZON} days."
            ),
            "Promised: 2 days to the warning, 8 to the page (median).",
        ),
    )


def absurd_value(seed: int) -> Table:
    """A shift of 1 σ, with and without one value of 1e4 among the day's or the reference's."""
    world = generated(
        ROWS, reference_days=REFERENCE_DAYS, days=REFERENCE_DAYS + 1, seed=seed, variation=STILL
    )
    name = world.victims.number
    ((day, rows),) = world.test.items()
    shifted = world.answered(rows.assign(**{name: rows[name] + world.spread(name)}))
    tainted = _with_reference(world, lambda frame: _one_absurd(frame, name))
    cases = {
        "none": (world, shifted),
        "in the day": (world, _one_absurd(shifted, name)),
        "in the reference": (tainted, shifted),
    }
    told = [
        [case, *_ours(w, day, frame, name, seed), *_theirs(w, day, frame, name)]
        for case, (w, frame) in cases.items()
    ]
    return Table(
        "One value of 1e4 beside a shift of 1 σ",
        (
            "absurd value",
            "our PSI",
            "our verdict",
            "Evidently PSI",
            "alert at its PSI 0.1",
            "NannyML Jensen-Shannon",
            "alert",
        ),
        told,
        (
            (
                "Evidently's default for numbers is not the PSI; asked for it, it bins both sides "
                "together."
            ),
        ),
    )


def _world(seed: int, variation: Variation) -> World:
    days = REFERENCE_DAYS + SETTLED + APART * (CHANGES - 1) + HORIZON
    return generated(ROWS, reference_days=REFERENCE_DAYS, days=days, seed=seed, variation=variation)


def _to_warning(world: World, seed: int) -> list[float]:
    (shift,) = [f for f in catalogue(world, ["small"]) if f.kind == "mean_shift"]
    return _days_to(world, shift, seed, lambda alert: alert.names(shift.blame))


def _to_page(world: World, seed: int) -> list[float]:
    """Days until the page, where labels differ from decisions in exactly as many as said."""
    days = {
        day: _mistaken(world, rows, BEFORE, np.random.default_rng([seed, number]))
        for number, (day, rows) in enumerate(world.days.items())
    }
    harm = Fault("errors", "small", AFTER, "{:.0%}", Blame("performance"), _errors)
    return _days_to(replace(world, days=days), harm, seed, lambda alert: alert.is_page)


def _errors(i: Injection) -> Frame:
    return _mistaken(i.world, i.rows, i.amount, i.random)


def _mistaken(world: World, rows: Frame, share: float, random: np.random.Generator) -> Frame:
    decisions = rows[world.the(Role.PREDICTION)].fillna(0.0).to_numpy()
    is_wrong = random.random(len(rows)) < share
    return rows.assign(**{world.the(Role.LABEL): np.where(is_wrong, 1 - decisions, decisions)})


def _days_to(world: World, fault: Fault, seed: int, is_it: Callable[[Alert], bool]) -> list[float]:
    system = Ours(world, seed)
    unchanged = {judged.day: judged for judged in system.judge(world.test.items(), ahead=16)}
    days = list(world.test)
    return [
        _until(system, unchanged, days[start : start + HORIZON], world, fault, seed, is_it)
        for start in range(SETTLED, SETTLED + APART * CHANGES, APART)
    ]


def _until(
    system: Ours,
    unchanged: Mapping[dt.date, Judged],
    span: list[dt.date],
    world: World,
    fault: Fault,
    seed: int,
    is_it: Callable[[Alert], bool],
) -> float:
    said = followed(system, unchanged, injected_days(world, fault, span, seed), is_it)
    last = max(said)
    new = set(said[last]) - set(unchanged[last].alerts)
    return float(len(said)) if any(map(is_it, new)) else NEVER


def _spread(days: list[float]) -> list[str]:
    slow = float(np.quantile(days, 0.9, method="inverted_cdf"))
    share = sum(d < NEVER for d in days) / len(days)
    return [number(statistics.median_low(days)), number(slow), percent(share), str(len(days))]


def _one_absurd(rows: Frame, name: str) -> Frame:
    values = rows[name].to_numpy(copy=True)
    values[0] = ABSURD
    return rows.assign(**{name: values})


def _with_reference(world: World, change: Callable[[Frame], Frame]) -> World:
    first = next(iter(world.days))
    return replace(world, days={**world.days, first: change(world.days[first])})


def _ours(world: World, day: dt.date, rows: Frame, name: str, seed: int) -> list[str]:
    (judged,) = Ours(world, seed).judge([(day, rows)])
    (found,) = [
        v
        for v in judged.verdicts
        if (v.subject.metric, v.subject.column, v.subject.segment) == ("psi", name, "all")
    ]
    return [f"{found.value or np.nan:.3f}", f"{found.level} ({found.reason})"]


def _theirs(world: World, day: dt.date, rows: Frame, name: str) -> list[str]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        reference = pd.concat(
            [frame[[name]].assign(day=pd.Timestamp(d)) for d, frame in world.reference.items()]
        )
        written(reference, folder / "reference.parquet")
        written(rows[[name]], folder / "day" / f"{day}.parquet")
        told = []
        for tool, options in (("evidently", ["--method", "psi"]), ("nannyml", [])):
            table = peers.run(tool, folder / "reference.parquet", [folder / "day"], options=options)
            (row,) = [r for r in table.to_pylist() if r["column"] == name]
            told += [f"{row['value']:.3f}", "yes" if row["alert"] else "no"]
        return told
