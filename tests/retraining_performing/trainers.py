"""Trainers of the small deployment: one that is right, and ones that go wrong."""

from __future__ import annotations

import os
import time
from pathlib import Path

from monitoring_dagster.retraining.training import Fitted, Task

FEATURES = ["age", "income"]


def logistic(task: Task) -> Fitted:
    """Fit on both numbers; regions are not looked at."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    _count(task)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(task.training.features[FEATURES], task.training.labels)
    return Fitted(model, threshold=0.4, metrics={"rows": len(task.training.labels)})


def raises(task: Task) -> Fitted:
    """Fail as user code does."""
    raise ValueError("the rows are odd")


def exits(task: Task) -> Fitted:
    """End the process without a word."""
    os._exit(3)


def never_ends(task: Task) -> Fitted:
    """Say that it has begun, and take for ever."""
    _count(task)
    while True:
        time.sleep(60)


def _count(task: Task) -> None:
    """Leave a line for each training, where the test can count them."""
    if folder := task.parameters.get("folder"):
        with Path(str(folder), "trainings").open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
