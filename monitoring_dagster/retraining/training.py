"""Training: what a trainer is given and what it gives back; all that a user's function has to know.

A trainer runs in a process of its own, without the deployment's secrets; see docs/retraining.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Frame:
    """Labelled rows of some days, in the order of time.

    Args:
        features: (n, k) the declared features of privacy `none` by the monitor's names: numbers and
            booleans as float64 (NaN where missing), texts and categories as `str` (missing as NaN),
            points in time as datetime64[us, UTC]. A type never depends on what is missing.
        labels: (n,) what turned out to be true, of the declared type; none is missing.
        weights: (n,) how much each row counts: halved with every half-life before the newest day of
            training for the window `recent`, else 1.0; always 1.0 in validation.
        days: (n,) the day of each row in the monitor's calendar, as datetime64[s] at midnight.
    """

    features: pd.DataFrame
    labels: pd.Series
    weights: pd.Series
    days: pd.Series


@dataclass(frozen=True)
class Task:
    """What is to be trained.

    Args:
        training: rows to fit on; of more than `frames.MOST_TRAINING`, as many drawn by the seed.
        validation: newer rows, to look at and never to fit on: the gate decides on them.
        seed: of every random choice.
        parameters: those of the monitor's document.
        kind: `binary`, `multiclass` or `regression`.
        positive_label: binary: the positive class.
        classes: multiclass: every class, in order.
    """

    training: Frame
    validation: Frame
    seed: int
    parameters: Mapping[str, Any]
    kind: str
    positive_label: Any = None
    classes: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Fitted:
    """What a trainer gives back.

    Args:
        model: a fitted scikit-learn estimator or pipeline, a LightGBM booster or estimator, the
            bytes of an ONNX model, or the path of a folder that holds an MLflow model of one of
            these kinds. What it reads are columns of `Frame.features`, by their names. A bare
            booster answers the chance of the positive label, or of the classes in their order.
        threshold: binary: from which score on a decision is positive, 0 to 1; the monitor's own
            for None.
        metrics: figures worth keeping, by name; those that are not finite are left out.
        notes: anything worth reading, such as chosen hyperparameters, by name.
        trusted_types: full names of types beyond `models.trust.TRUSTED` that skops has to build.
    """

    model: Any
    threshold: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    notes: Mapping[str, str] = field(default_factory=dict[str, str])
    trusted_types: tuple[str, ...] = ()


class Trainer(Protocol):
    """A function that a monitor's document names."""

    def __call__(self, task: Task) -> Fitted:
        """Fit a model.

        Whatever it raises ends the retraining, and is told with the end of its log.
        """
        ...
