"""What a drift did to the answers: today's against those to rows with the reference's values.

One column is given back its reference distribution, everything else is as today. Values move no
further than they must: numbers keep their order, categories change only as far as shares differ.
"""

# Arrow has no stubs: what comes from it has no type that a strict check could know.
# pyright: standard

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from monitoring_dagster.decisions.importance.cells import Floats, Ints, floats, is_numeric
from monitoring_dagster.decisions.importance.permutation import Predict
from monitoring_dagster.telemetry.kernels import pc

MISSING, PRESENT = 0, 1


@dataclass(frozen=True)
class PredictionChange:
    """What the drift of one column did to the answers of a day.

    `mean_absolute` is the mean distance of a row's two answers (of several classes: half the sum
    over classes), in the answer's unit. `mean` is the mean of today's answer minus the other
    (NaN for several classes). `decision_rate` is today's share of positive decisions minus the
    other (NaN without a threshold); of several classes, the share of decisions that went from
    one class to another. All are NaN without rows of the day or of the reference.
    """

    mean_absolute: float
    mean: float
    decision_rate: float


def prediction_change(
    predict: Predict,
    rows: pa.Table,
    reference_rows: pa.Table,
    column: str,
    rng: np.random.Generator,
    threshold: float | None,
) -> PredictionChange:
    """Ask the model twice: for the day's rows, and with `column` as the reference had it.

    Args:
        predict: the model's answers to rows.
        rows: of the day.
        reference_rows: of the reference; only `column` is read.
        column: the one that drifted.
        rng: breaks ties and picks the categories to change.
        threshold: of a positive decision, at or above; None for several classes and regressions.
    """
    if not rows.num_rows or not reference_rows.num_rows:
        return PredictionChange(*[float("nan")] * 3)
    restored = as_reference(rows.column(column), reference_rows.column(column), rng)
    before = rows.set_column(rows.column_names.index(column), column, restored)
    today, then = np.split(predict(pa.concat_tables([rows, before])), 2)
    if today.ndim > 1:
        moved = 0.5 * np.abs(today - then).sum(axis=1)
        return PredictionChange(float(moved.mean()), float("nan"), _moved_decisions(today, then))
    change = today - then
    rate = float("nan")
    if threshold is not None:
        rate = float(np.mean(today >= threshold) - np.mean(then >= threshold))
    return PredictionChange(float(np.abs(change).mean()), float(change.mean()), rate)


def _moved_decisions(today: Floats, then: Floats) -> float:
    """Total variation between the shares of the decided classes."""
    shares = [
        np.bincount(np.argmax(scores, axis=1), minlength=scores.shape[1]) / len(scores)
        for scores in (today, then)
    ]
    return 0.5 * float(np.abs(shares[0] - shares[1]).sum())


def as_reference(
    today: pa.ChunkedArray, reference: pa.ChunkedArray, rng: np.random.Generator
) -> pa.ChunkedArray:
    """Today's column moved to the distribution of the reference's, of the same type and length."""
    if not is_numeric(today):
        return _categories(today, reference, rng)
    restored = _numbers(floats(today), floats(reference), rng)
    values = pa.array(restored, mask=np.isnan(restored)).cast(today.type, safe=False)
    return pa.chunked_array([values], today.type)


def _numbers(today: Floats, reference: Floats, rng: np.random.Generator) -> Floats:
    """Each value becomes the reference's value of the same rank; missing ones as often as there.

    Among values, the map of ranks is the one that moves them least (one-dimensional optimal
    transport). Equal values get the ranks that they share at random.
    """
    known = np.sort(reference[~np.isnan(reference)])
    here, there = (np.where(np.isnan(v), MISSING, PRESENT) for v in (today, reference))
    is_known = moved_categories(here, np.bincount(there, minlength=2), rng) == PRESENT
    was_known = ~np.isnan(today)
    restored = np.full(len(today), np.nan)
    kept = np.flatnonzero(is_known & was_known)
    # Random keys first: the stable sort then leaves equal values in random order.
    kept = kept[rng.permutation(len(kept))]
    kept = kept[np.argsort(today[kept], kind="stable")]
    if len(kept):
        ranks = (np.arange(len(kept)) + 0.5) / len(kept)
        restored[kept] = known[(ranks * len(known)).astype(np.int64)]
    filled = np.flatnonzero(is_known & ~was_known)
    if len(filled):
        restored[filled] = rng.choice(known, len(filled))
    return restored


def _categories(
    today: pa.ChunkedArray, reference: pa.ChunkedArray, rng: np.random.Generator
) -> pa.ChunkedArray:
    values = pc.unique(pa.chunked_array([*today.chunks, *reference.chunks], today.type))
    values = values.take(pc.sort_indices(values))  # null last: a category like any other
    here, there = (
        pc.index_in(column, value_set=values).to_numpy().astype(np.int64)
        for column in (today, reference)
    )
    counts = np.bincount(there, minlength=len(values))
    return pa.chunked_array([values.take(pa.array(moved_categories(here, counts, rng)))])


def moved_categories(today: Ints, reference_counts: Ints, rng: np.random.Generator) -> Ints:
    """Categories of rows, as few changed at random as give the reference's shares.

    Args:
        today: (n,) categories, counted from 0.
        reference_counts: (categories,) rows of the reference; at least one.
        rng: picks the rows that change, and what each becomes.

    Returns:
        (n,) categories whose counts are the reference's shares of n, rounded so that they add up.

    >>> today, rng = np.array([0, 0, 0, 1, 2]), np.random.default_rng(1)
    >>> np.sort(moved_categories(today, np.array([40, 60, 0]), rng))
    array([0, 0, 1, 1, 1])
    """
    here = np.bincount(today, minlength=len(reference_counts))
    wanted = _rounded(reference_counts * (len(today) / reference_counts.sum()), here)
    order = rng.permutation(len(today))
    order = order[np.argsort(today[order], kind="stable")]
    starts = np.cumsum(here) - here
    # Of each category the first so many in random order stay.
    stays = np.arange(len(today)) - np.repeat(starts, here) < np.repeat(wanted, here)
    moving = order[~stays]
    lacking = np.repeat(np.arange(len(here)), np.maximum(wanted - here, 0))
    moved = today.copy()
    moved[moving] = rng.permutation(lacking)
    return moved


def _rounded(shares: Floats, preferred: Ints) -> Ints:
    """Whole numbers with the same sum, each next to its share; ties go where rows are already."""
    # A product that is one bit off a whole number is that number.
    shares = np.round(shares, 9)
    whole = np.floor(shares).astype(np.int64)
    missing = round(float(shares.sum())) - int(whole.sum())
    # Rounding up where today has the row changes one row fewer.
    first = np.lexsort((-(shares - whole), whole >= preferred))
    first = first[shares[first] > whole[first]]
    whole[first[:missing]] += 1
    return whole
