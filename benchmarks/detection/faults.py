"""What can go wrong from one day on: fourteen kinds in three sizes, each with whom to blame.

A fault changes the rows of a day and nothing else; what the model answers follows from what it is
then given. Labels stay what they were, unless they are what changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from benchmarks.detection.world import Frame, World
from monitoring_dagster.monitors.contract import ColumnType, Role

Size = Literal["small", "medium", "large"]
SIZES: tuple[Size, ...] = ("small", "medium", "large")

Family = Literal["inputs", "performance", "labels", "latency", "volume"]
"""What kind of thing is to blame."""

Change = Callable[["Injection"], Frame]


@dataclass(frozen=True)
class Injection:
    """One day's rows, how large the fault is, and on which day after the change, from 0."""

    world: World
    rows: Frame
    amount: float
    day: int
    random: np.random.Generator

    def hit(self, share: float) -> np.ndarray:
        """Which rows a fault hits that hits a share of them."""
        return self.random.random(len(self.rows)) < share

    def moved(self, column: str, sigmas: float) -> pd.Series:
        """A number's values, shifted by standard deviations of the reference."""
        return self.rows[column] + sigmas * self.world.spread(column)

    def put(self, values: Mapping[str, pd.Series]) -> Frame:
        """The rows with other features, whole numbers kept whole, and what the model answers."""
        columns = self.world.monitor.columns
        whole = {
            name: column.round()
            for name, column in values.items()
            if columns[name].stored_type is ColumnType.INTEGER
        }
        return self.world.answered(self.rows.assign(**{**values, **whole}))


@dataclass(frozen=True)
class Blame:
    """What a good alarm names: one of the columns, the segment, or the family of metrics."""

    family: Family
    columns: tuple[str, ...] = ()
    segment: str = ""


@dataclass(frozen=True)
class Fault:
    """One kind of fault in one size; `unit` says what the amount is."""

    kind: str
    size: Size
    amount: float
    unit: str
    blame: Blame
    change: Change

    @property
    def name(self) -> str:
        """Kind and size, e.g. `mean_shift/small`."""
        return f"{self.kind}/{self.size}"

    @property
    def stated(self) -> str:
        """The size with its unit, e.g. `0.3 σ`."""
        return self.unit.format(self.amount)

    def inject(self, world: World, rows: Frame, *, day: int, seed: int) -> Frame:
        """The rows of the day number `day` since the change, as the fault leaves them.

        The same rows, day and seed give the same result; `rows` stay as they are.
        """
        identity = [seed, day, len(self.kind), *self.kind.encode(), SIZES.index(self.size)]
        random = np.random.default_rng(identity)
        return self.change(Injection(world, rows, self.amount, day, random))


def catalogue(world: World, sizes: Sequence[Size] = SIZES) -> list[Fault]:
    """Every kind of fault in each of the sizes, aimed at the world's victims."""
    v = world.victims
    one, many = Blame("inputs", (v.number,)), Blame("inputs", v.numbers)
    category, stuck = Blame("inputs", (v.category,)), Blame("inputs", (v.frozen,))
    label = Blame("labels", (world.the(Role.LABEL),))
    kinds: list[tuple[str, str, tuple[float, float, float], Blame, Change]] = [
        ("mean_shift", "{:g} σ", (0.3, 0.6, 1.2), one, _mean_shift),
        ("scale_shift", "spread × {:g}", (1.2, 1.5, 2.0), one, _scale_shift),
        ("many_shift", "{:g} σ in six features", (0.1, 0.2, 0.4), many, _many_shift),
        ("slow_ramp", "{:g} σ a day", (0.02, 0.05, 0.1), one, _slow_ramp),
        ("category_mix", "{:.0%} of rows", (0.05, 0.1, 0.3), category, _category_mix),
        ("new_category", "{:.0%} of rows", (0.01, 0.05, 0.2), category, _new_category),
        ("null_burst", "{:.0%} of rows", (0.02, 0.1, 0.5), one, _null_burst),
        ("unit_change", "× 100 in {:.0%} of rows", (0.02, 0.2, 1.0), one, _unit_change),
        ("frozen_column", "{:.0%} of rows", (0.1, 0.3, 1.0), stuck, _frozen),
        ("label_prior", "odds × {:g}", (1.25, 1.6, 2.5), label, _label_prior),
        ("concept", "{:.0%} of rows", (0.2, 0.5, 1.0), Blame("performance"), _concept),
        (
            "concept_in_segment",
            "{:.0%} of its rows",
            (0.2, 0.5, 1.0),
            Blame("performance", segment=v.segment_label),
            _concept_in_segment,
        ),
        (
            "latency_creep",
            "{:+.0%} a day",
            (0.01, 0.03, 0.1),
            Blame("latency", (world.the(Role.LATENCY),)),
            _latency_creep,
        ),
        ("duplicated", "{:.0%} twice", (0.05, 0.3, 1.0), Blame("volume"), _duplicated),
    ]
    return [
        Fault(kind, size, amounts[SIZES.index(size)], unit, blame, change)
        for kind, unit, amounts, blame, change in kinds
        for size in sizes
    ]


def _mean_shift(i: Injection) -> Frame:
    return i.put({(name := i.world.victims.number): i.moved(name, i.amount)})


def _scale_shift(i: Injection) -> Frame:
    name = i.world.victims.number
    mean = i.world.pooled[name].mean()
    return i.put({name: mean + i.amount * (i.rows[name] - mean)})


def _many_shift(i: Injection) -> Frame:
    return i.put({name: i.moved(name, i.amount) for name in i.world.victims.numbers})


def _slow_ramp(i: Injection) -> Frame:
    return _mean_shift(replace(i, amount=i.amount * (i.day + 1)))


def _category_mix(i: Injection) -> Frame:
    """Rows of any category turn up in the second most frequent one."""
    name = i.world.victims.category
    grown = i.world.pooled[name].value_counts().index[1]
    return i.put({name: i.rows[name].mask(i.hit(i.amount), grown)})


def _new_category(i: Injection) -> Frame:
    name = i.world.victims.category
    return i.put({name: i.rows[name].mask(i.hit(i.amount), "never seen")})


def _null_burst(i: Injection) -> Frame:
    name = i.world.victims.number
    return i.put({name: i.rows[name].mask(i.hit(i.amount))})


def _unit_change(i: Injection) -> Frame:
    name = i.world.victims.number
    values = i.rows[name].astype(np.float64)
    return i.put({name: values.mask(i.hit(i.amount), values * 100)})


def _frozen(i: Injection) -> Frame:
    """The last value that the sensor gave is given again."""
    name = i.world.victims.frozen
    last = i.world.pooled[name].dropna().iloc[-1]
    return i.put({name: i.rows[name].mask(i.hit(i.amount), last)})


def _label_prior(i: Injection) -> Frame:
    """Rows without the outcome make room for rows of the reference that have it.

    Features and scores of either kind of row stay as they were: only their mix changes.
    """
    label, identity = i.world.the(Role.LABEL), i.world.the(Role.ID)
    known = np.flatnonzero(i.rows[label].notna())
    positive = i.rows[label].to_numpy()[known] == 1
    odds = i.amount * positive.sum() / max((~positive).sum(), 1)
    wanted = round(len(known) * odds / (1 + odds)) - int(positive.sum())
    negatives = known[~positive]
    replaced = i.random.choice(negatives, min(max(wanted, 0), len(negatives)), replace=False)
    pool = i.world.pooled
    drawn = i.random.choice(np.flatnonzero(pool[label] == 1), len(replaced))
    kept = {
        identity,
        *i.world.monitor.with_role(Role.TIMESTAMP),
        *i.world.monitor.with_role(Role.LATENCY),
    }
    rows = i.rows.copy()
    for name in rows.columns.difference(list(kept)):
        values = rows[name].to_numpy(copy=True)
        values[replaced] = pool[name].to_numpy()[drawn]
        rows[name] = values
    return rows


def _concept(i: Injection) -> Frame:
    return _forgotten(i, np.ones(len(i.rows), dtype=bool))


def _concept_in_segment(i: Injection) -> Frame:
    column, value = i.world.victims.segment
    return _forgotten(i, (i.rows[column] == value).to_numpy())


def _forgotten(i: Injection, where: np.ndarray) -> Frame:
    """Labels of some rows change places: as many as before, and nothing to do with the features."""
    label = i.world.the(Role.LABEL)
    labels = i.rows[label].to_numpy(copy=True)
    places = np.flatnonzero(where & i.hit(i.amount) & ~np.isnan(labels))
    labels[places] = labels[i.random.permutation(places)]
    return i.rows.assign(**{label: labels})


def _latency_creep(i: Injection) -> Frame:
    name = i.world.the(Role.LATENCY)
    return i.rows.assign(**{name: i.rows[name] * (1 + i.amount * (i.day + 1))})


def _duplicated(i: Injection) -> Frame:
    """A part of the day is delivered again, rows as they were."""
    again = i.rows.iloc[i.random.permutation(len(i.rows))[: round(i.amount * len(i.rows))]]
    return pd.concat([i.rows, again], ignore_index=True)
