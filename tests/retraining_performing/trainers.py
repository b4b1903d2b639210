"""Trainers of the small deployment: one is right, one is blind, and the others go wrong."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from monitoring_dagster.retraining.training import Fitted, Task

NUMBERS = ["age", "income"]


def by_region(task: Task) -> Fitted:
    """Learn in each region for itself what age says."""
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

    regions = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer((StandardScaler(), ["age"]), (regions, ["region"]))
    return _fitted(task, columns, PolynomialFeatures(interaction_only=True))


def blind(task: Task) -> Fitted:
    """Learn what age says, wherever it is."""
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import StandardScaler

    return _fitted(task, make_column_transformer((StandardScaler(), NUMBERS)))


def raises(task: Task) -> Fitted:
    """Fail as user code does."""
    raise ValueError("the rows are odd")


def exits(task: Task) -> Fitted:
    """End the process without a word."""
    os._exit(3)


def never_ends(task: Task) -> Fitted:
    """Say that it has begun, and take for ever."""
    _tell(task)
    while True:
        time.sleep(60)


def _fitted(task: Task, *steps: Any) -> Fitted:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    _tell(task)
    model = make_pipeline(*steps, LogisticRegression())
    model.fit(task.training.features, task.training.labels)
    rows = len(task.training.labels)
    return Fitted(model, threshold=0.4, metrics={"rows": rows}, notes={"steps": str(len(steps))})


def _tell(task: Task) -> None:
    """Leave a line for each training, where the tests can count them."""
    with Path(str(task.parameters["ledger"])).open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
