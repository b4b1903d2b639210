"""Rows per class, and the reasons why a metric over classes is undefined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.profiles.outcomes import MulticlassCounts

Floats = NDArray[np.float64]


class ByClass(NamedTuple):
    """Rows per class, each of shape (classes,): labelled so, predicted so, and both."""

    labelled: Floats
    predicted: Floats
    hits: Floats

    @classmethod
    def of(cls, counts: MulticlassCounts) -> ByClass:
        """The margins and the diagonal of `confusion[label, prediction]`."""
        table = counts.confusion.astype(np.float64)
        return cls(table.sum(axis=1), table.sum(axis=0), np.diagonal(table))


def absent(rows: Floats, classes: Sequence[str], n: int) -> Estimate | None:
    """`class_absent` with the classes that no label names, or None where all are there."""
    names = [name for name, count in zip(classes, rows.tolist(), strict=True) if count == 0]
    if not names:
        return None
    return Estimate.without(
        Status.NOT_ENOUGH_DATA,
        Reason.CLASS_ABSENT,
        f"no label among {n} names {_listed(names)}; an average over the other classes would "
        "be another metric",
        n,
    )


def never_predicted(names: Sequence[str], n: int) -> Estimate:
    """The precision of a class is undefined when it is never predicted."""
    return Estimate.without(
        Status.NOT_ENOUGH_DATA,
        Reason.NO_PREDICTED_POSITIVES,
        f"none of {n} labelled rows was predicted as {_listed(names)}",
        n,
    )


def _listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are.

    >>> _listed(["a", "b"])
    "'a', 'b'"
    """
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(repr(name) for name in names[:5]) + more
