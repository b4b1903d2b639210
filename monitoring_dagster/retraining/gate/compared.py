"""What the gate is given: labels, days, segments, and what either model answered.

Only shapes and the encoding of labels; which rows count is `paired`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.monitors.contract import Task

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Days = NDArray[np.datetime64]


@dataclass(frozen=True)
class Side:
    """What one of the two models answered.

    Args:
        scores: (n,) the probability of the positive class, or the predicted value; (n, k) the
            probabilities of k classes. Not finite where the model gave no answer.
        threshold: binary: a score at or above it is a positive decision; None where there is none.
        seconds: (m,) time per row of repeated scorings, in seconds; None where it was not taken.
    """

    scores: Floats
    threshold: float | None = None
    seconds: Floats | None = None


@dataclass(frozen=True)
class Compared:
    """The matured rows that neither model was trained on, and both models' answers to them.

    Args:
        labels: (n,) as `encoded` gives them: NaN where no label is known.
        days: (n,) datetime64[D] of the monitor's calendar.
        champion: what the model in production answers.
        challenger: what the model that wants its place answers.

    Raises:
        ValueError: the arrays are not about the same rows or classes.
    """

    labels: Floats
    days: Days
    champion: Side
    challenger: Side

    def __post_init__(self) -> None:
        ours, theirs = self.challenger.scores.shape, self.champion.scores.shape
        if not len(self.labels) == len(self.days) == ours[0] or ours != theirs:
            raise ValueError(
                f"{len(self.labels)} labels, {len(self.days)} days, scores of shape {theirs} "
                f"(champion) and {ours} (challenger); required are the same rows and classes"
            )


@dataclass(frozen=True)
class Segment:
    """The rows of one segment.

    Args:
        members: (n,) which rows belong to it.
        is_protected: whether the challenger has to show that it is no worse there.
        cut: what it is one value of, such as `age_band`: groups of one cut are held against
            each other.
    """

    members: Bools
    is_protected: bool = False
    cut: str = ""


def encoded(
    labels: Iterable[object],
    task: Task,
    *,
    positive_label: object = 1,
    classes: Sequence[object] = (),
) -> Floats:
    """Labels as numbers, shape (n,); NaN where there is none, or none that is declared.

    Binary: 1 for `positive_label`, 0 for any other. Multiclass: the place in `classes`.
    Regression: the value.

    >>> encoded(["no", "yes", None], Task.BINARY, positive_label="yes")
    array([ 0.,  1., nan])
    >>> encoded(["b", "c", "a"], Task.MULTICLASS, classes=["a", "b"])
    array([ 1., nan,  0.])
    """
    import pandas as pd

    given = list(labels)
    values = np.empty(len(given), dtype=np.object_)
    values[:] = given
    found = np.full(len(given), np.nan)
    is_missing: Bools = pd.isna(values)  # pyright: ignore[reportUnknownMemberType] - other overloads
    is_known = ~is_missing
    if task is Task.BINARY:
        found[is_known] = [value == positive_label for value in values[is_known].tolist()]
    elif task is Task.MULTICLASS:
        places = {value: float(place) for place, value in enumerate(classes)}
        found[is_known] = [places.get(value, np.nan) for value in values[is_known].tolist()]
    else:
        found[is_known] = values[is_known].astype(np.float64)
    return found
