"""Permutation importance: what the model loses when a feature's values change places.

Breiman (2001), "Random Forests", section 10. Features that say the same share their importance:
shuffling one leaves the other to be read.
"""

# Arrow has no stubs: what comes from it has no type that a strict check could know.
# pyright: standard

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from monitoring_dagster.decisions.importance.scoring import Floats, Score

Predict = Callable[[pa.Table], Floats]


def permutation(
    predict: Predict,
    rows: pa.Table,
    labels: Floats,
    features: Sequence[str],
    metric: Score,
    rng: np.random.Generator,
    *,
    repeats: int = 3,
) -> dict[str, float]:
    """The mean loss of `metric` per feature when that feature alone is shuffled.

    Args:
        predict: the model's answers to rows.
        rows: what the model reads.
        labels: (n,) as `metric` takes them.
        features: the columns to shuffle.
        metric: higher is better.
        rng: shuffles.
        repeats: shuffles per feature; the model is asked once for all of them.

    Returns:
        One loss per feature; NaN where `metric` is.
    """
    whole = metric(labels, predict(rows))
    losses: dict[str, float] = {}
    for name in features:
        at = rows.column_names.index(name)
        column = rows.column(name)
        orders = [pa.array(rng.permutation(rows.num_rows)) for _ in range(repeats)]
        shuffled = [rows.set_column(at, name, column.take(order)) for order in orders]
        answers = np.split(predict(pa.concat_tables(shuffled)), repeats)
        losses[name] = float(np.mean([whole - metric(labels, answer) for answer in answers]))
    return losses
