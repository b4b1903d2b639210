"""The rows that count: labelled and answered by both models, with their days numbered.

Leaving rows out happens here and nowhere else; what is computed from them is `measures`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.retraining.gate.compared import Bools, Compared, Days, Floats, Side

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """Labels and what one model answered.

    Args:
        labels: (n,) finite.
        scores: (n,) or (n, k), finite.
        days: (n,) number of each row's day.
        day_count: how many numbers there are; a part of the rows need not have rows of every day.
        threshold: binary: from which score on a decision is positive.
    """

    labels: Floats
    scores: Floats
    days: Ints
    day_count: int
    threshold: float | None

    @property
    def class_count(self) -> int:
        """Multiclass: how many classes have scores."""
        return self.scores.shape[1] if self.scores.ndim == 2 else 1

    @property
    def is_positive(self) -> Bools:
        """Binary: which labels are positive."""
        return self.labels > 0.5

    @property
    def chosen(self) -> Ints:
        """What was decided: the class of the highest score, or 1 from the threshold on.

        Raises:
            ValueError: binary scores without a threshold.
        """
        if self.scores.ndim == 2:
            return np.argmax(self.scores, axis=1).astype(np.int64)
        if self.threshold is None:
            raise ValueError("without a threshold nothing is decided")
        return (self.scores >= self.threshold).astype(np.int64)

    def of(self, members: Bools) -> Answers:
        """The same for some of the rows; days keep their numbers."""
        return replace(
            self,
            labels=self.labels[members],
            scores=self.scores[members],
            days=self.days[members],
        )


@dataclass(frozen=True)
class Paired:
    """Both models' answers to the same labelled rows; `dates` are the days by their numbers."""

    champion: Answers
    challenger: Answers
    dates: Days

    @classmethod
    def within(cls, compared: Compared) -> tuple[Self, Bools]:
        """The rows that count, and which of all rows they are."""
        counts = (
            np.isfinite(compared.labels)
            & ~np.isnat(compared.days)
            & is_answered(compared.champion)
            & is_answered(compared.challenger)
        )
        dates, numbers = np.unique(compared.days[counts], return_inverse=True)
        numbers = numbers.astype(np.int64)
        champion, challenger = (
            Answers(
                compared.labels[counts].astype(np.float64),
                side.scores[counts].astype(np.float64),
                numbers,
                len(dates),
                side.threshold,
            )
            for side in (compared.champion, compared.challenger)
        )
        return cls(champion, challenger, dates), counts

    @property
    def rows(self) -> int:
        """How many rows both answered."""
        return len(self.champion.labels)

    @property
    def has_rows(self) -> Bools:
        """Of each day, whether it has rows; shape (days,)."""
        counted = np.bincount(self.champion.days, minlength=self.champion.day_count)
        return counted > 0

    def of(self, members: Bools) -> Paired:
        """The same for some of the rows; days keep their numbers."""
        return replace(
            self, champion=self.champion.of(members), challenger=self.challenger.of(members)
        )


def is_answered(side: Side) -> Bools:
    """Which rows a model gave finite scores for, shape (n,)."""
    finite: Bools = np.isfinite(side.scores)
    return np.all(finite, axis=1) if finite.ndim == 2 else finite
