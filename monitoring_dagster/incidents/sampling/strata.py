"""Strata: why a row is in a sample, which rows come first in each, and whose turn it is.

Every order is total and depends on the row alone, so that the best rows of a day are the best
among the best of its parts. Where rows come from is `day`.
"""

# Arrow has no stubs: what comes from it has no type that a strict check could know.
# pyright: standard

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_dagster.incidents.sampling.focus import Focus
from monitoring_dagster.incidents.sampling.gains import Gain
from monitoring_dagster.incidents.sampling.released import released
from monitoring_dagster.metrics.estimated.encoding import encode
from monitoring_dagster.metrics.estimated.rows import Rows
from monitoring_dagster.monitors.contract import Monitor, Role, Task
from monitoring_dagster.profiles.grid import Floats, Grid, Ints
from monitoring_dagster.profiles.profile import ALL
from monitoring_dagster.profiles.segments import OTHER, KeyValues

AT_MOST = 100
"""Rows of a sample."""

NEAR = 0.1
"""How far from the decision a score may be, in units of the score, to be called near."""

BECAUSE = "sampled_because"
"""The column of a sample that says which stratum the row stands for."""


class Stratum(StrEnum):
    """Why a row is in a sample; in this order they take turns."""

    GAINED = "gained_mass"
    LOSS = "highest_loss"
    EDGE = "near_threshold"
    CONTROL = "random_control"


def choose(
    rows: pa.Table,
    *,
    monitor: Monitor,
    grid: Grid,
    wanted: Focus,
    gained: Sequence[Gain] = (),
    seed: str,
    at_most: int = AT_MOST,
) -> pa.Table:
    """Rows that show an incident: what is new, what went wrong, what was close, and a control.

    Strata take turns, so that each gets a quarter, and what one cannot use goes to the others.
    The control is drawn from the rows that no stratum took.

    Args:
        rows: requests of one day, joined by id, ids distinct.
        monitor: says what columns are for.
        grid: tells segments apart.
        wanted: rows are taken from its segment and version.
        gained: of `gains`; without any, nothing counts as new.
        seed: equal rows in any order and an equal seed give an equal sample.
        at_most: rows of the sample.

    Returns:
        The columns that may be released, and `sampled_because`; strata in their order, the
        telling rows first.
    """
    return Choice(monitor, grid, wanted, tuple(gained), seed, at_most).chosen(rows)


@dataclass(frozen=True)
class Choice:
    """How rows are chosen; the arguments are those of `choose`."""

    monitor: Monitor
    grid: Grid
    focus: Focus
    gained: tuple[Gain, ...]
    seed: str
    at_most: int = AT_MOST

    @property
    def columns(self) -> list[str]:
        """The columns that decide whether a row is chosen, its id first."""
        monitor, focus = self.monitor, self.focus
        roles = [Role.ID, Role.SCORE, Role.PREDICTION, Role.LABEL]
        if focus.version != ALL:
            roles.append(Role.MODEL_VERSION)
        cut_by = [n for s in monitor.segments for n in s.columns if focus.segment != ALL]
        named = [name for role in roles for name in monitor.with_role(role)]
        return list(dict.fromkeys([*named, *cut_by, *(gain.column for gain in self.gained)]))

    def candidates(self, rows: pa.Table) -> pa.Table:
        """Every row that could be chosen, whatever other rows the day has.

        At most `at_most` rows are taken before any turn, so each stratum needs as many.
        """
        inside = self._inside(rows)
        ranked = self._ranked(inside).values()
        return inside.take(pa.array(np.unique(np.concatenate(list(ranked)))))

    def chosen(self, rows: pa.Table) -> pa.Table:
        """The sample of the rows."""
        inside = self._inside(rows)
        taken = drafted(self._ranked(inside))
        places = list(taken)
        table = released(inside.take(pa.array(places, pa.int64())), self.monitor, self.focus)
        because = pa.array([stratum.value for stratum in taken.values()], pa.string())
        return table.append_column(BECAUSE, because).combine_chunks()

    def _inside(self, rows: pa.Table) -> pa.Table:
        """The rows of the focus's segment and model version."""
        belongs = np.ones(rows.num_rows, dtype=np.bool_)
        if self.focus.segment != ALL:
            belongs &= self._encoded(rows).within(self.focus.segment)
        version = self.monitor.the(Role.MODEL_VERSION)
        if self.focus.version != ALL:
            # Versions beyond those that a day tells apart cannot be told apart here either.
            is_told = version in rows.column_names and self.focus.version != OTHER
            known = KeyValues.of([self.focus.version])
            belongs &= is_told and known.codes(_array(rows, version or "")) == 0
        return rows if belongs.all() else rows.filter(pa.array(belongs))

    def _encoded(self, rows: pa.Table) -> Rows:
        # Without the grid's columns no feature is encoded; they are asked of `gained`.
        return encode(rows, self.monitor, Grid({}, self.grid.segments))

    def _ranked(self, rows: pa.Table) -> dict[Stratum, Ints]:
        """The first rows of each stratum, as positions."""
        draws = self._draws(rows)
        encoded = self._encoded(rows)
        orders = {
            Stratum.GAINED: self._newness(rows, draws),
            Stratum.LOSS: rightness(self.monitor, encoded),
            Stratum.EDGE: distances(self.monitor, encoded),
            Stratum.CONTROL: np.zeros(rows.num_rows),
        }
        return {stratum: self._first(order, draws) for stratum, order in orders.items()}

    def _first(self, order: Floats, draws: NDArray[np.uint64]) -> Ints:
        """The rows of lowest order; equal ones as they were drawn."""
        eligible = np.flatnonzero(np.isfinite(order))
        return eligible[np.lexsort((draws[eligible], order[eligible]))[: self.at_most]]

    def _draws(self, rows: pa.Table) -> NDArray[np.uint64]:
        """A number per row, uniform over 64 bits, that its id and the seed determine."""
        key = hashlib.sha256(self.seed.encode()).digest()
        ids = _array(rows, self.monitor.the(Role.ID) or "").cast(pa.string()).cast(pa.binary())
        digests = (
            hashlib.blake2b(value or b"", digest_size=8, key=key).digest()
            for value in ids.to_pylist()
        )
        return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)

    def _newness(self, rows: pa.Table, draws: NDArray[np.uint64]) -> Floats:
        """Order of rows in cells that gained: each is drawn with the share of its cell that is new.

        So the stratum shows the added mass and not what was in these cells before. Exponential
        keys draw with weights and without replacement (Efraimidis and Spirakis 2006); infinite
        where nothing was gained.
        """
        new = np.zeros(rows.num_rows)
        for gain in self.gained:
            if gain.column in rows.column_names:
                new = np.maximum(new, gain.of(_array(rows, gain.column)))
        uniform = ((draws >> np.uint64(11)).astype(np.float64) + 1) * 2.0**-53
        keys = np.full(rows.num_rows, np.inf)
        np.divide(-np.log(uniform), new, out=keys, where=new > 0)
        return keys


def rightness(monitor: Monitor, rows: Rows) -> Floats:
    """Order of rows by how badly they were predicted, the worst lowest; infinite where unknown.

    For classes the probability that the model gave to what came true: the order of the log loss,
    without its rounding. A wrong decision that has no score has a log loss of 1. For a regression
    minus the absolute error. Rows that were predicted perfectly are no part of it.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        if monitor.model.task is Task.RANKING or not len(rows):
            return np.full(len(rows), np.inf)
        if monitor.model.task is Task.REGRESSION:
            errors = np.abs(rows.decisions - rows.labels)
            return np.where(np.isfinite(errors) & (errors > 0), -errors, np.inf)
        given = np.clip(_own_probability(monitor, rows), 0.0, 1.0)
        decided = np.where(rows.decisions == rows.labels, 1.0, np.exp(-1.0))
        decided = np.where(np.isnan(rows.decisions), np.nan, decided)
        right = np.where(np.isnan(given), decided, given)
        return np.where(np.isfinite(rows.labels) & (right < 1), right, np.inf)


def _own_probability(monitor: Monitor, rows: Rows) -> Floats:
    """The probability given to the class that came true; NaN without finite scores."""
    nothing = np.full(len(rows), np.nan)
    if not rows.outputs.shape[1]:
        return nothing
    is_scored = np.isfinite(rows.outputs).all(axis=1)
    if monitor.model.task is Task.BINARY:
        scores = rows.outputs[:, 0]
        own = np.where(rows.labels == 1, scores, 1 - scores)
    else:
        classes = np.where(np.isnan(rows.labels), 0, rows.labels).astype(np.int64)
        own = rows.outputs[np.arange(len(rows)), classes]
    return np.where(is_scored, own, nothing)


def distances(monitor: Monitor, rows: Rows) -> Floats:
    """How far a row was from another decision; infinite beyond `NEAR` and where nobody can say.

    For two classes the distance of the score from the declared threshold, for several the lead of
    the highest score over the next.
    """
    nowhere = np.full(len(rows), np.inf)
    model = monitor.model
    with np.errstate(invalid="ignore", over="ignore"):
        if model.task is Task.BINARY and model.threshold is not None and rows.outputs.shape[1]:
            far = np.abs(rows.outputs[:, 0] - model.threshold)
        elif model.task is Task.MULTICLASS and rows.outputs.shape[1] > 1:
            best = np.sort(rows.outputs, axis=1)
            far = best[:, -1] - best[:, -2]
        else:
            return nowhere
    return np.where(far <= NEAR, far, nowhere)


def drafted(ranked: Mapping[Stratum, Ints]) -> dict[int, Stratum]:
    """Which row is taken for which stratum, by turns; each takes its first row that is left.

    The control only reserves its turns, and gets rows that nobody took: a row which tells
    something is never called random.

    >>> ranked = {s: np.array([0, 1]) for s in Stratum} | {Stratum.CONTROL: np.arange(6)}
    >>> {row: str(stratum) for row, stratum in drafted(ranked).items()}
    {0: 'gained_mass', 1: 'highest_loss', 2: 'random_control', 3: 'random_control', ...}
    """
    budget, reserved = len(ranked[Stratum.CONTROL]), 0
    waiting = {stratum: iter(ranked[stratum].tolist()) for stratum in Stratum}
    taken: dict[int, Stratum] = {}
    while len(taken) + reserved < budget:
        for stratum in Stratum:
            if len(taken) + reserved == budget:
                break
            if stratum is Stratum.CONTROL:
                reserved += 1
                continue
            row = next((r for r in waiting[stratum] if r not in taken), None)
            if row is not None:
                taken[row] = stratum
    left = (row for row in ranked[Stratum.CONTROL].tolist() if row not in taken)
    taken |= dict.fromkeys(islice(left, budget - len(taken)), Stratum.CONTROL)
    order = list(Stratum)
    return dict(sorted(taken.items(), key=lambda pair: order.index(pair[1])))


def _array(rows: pa.Table, name: str) -> pa.Array:
    found = rows.column(name).combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)
