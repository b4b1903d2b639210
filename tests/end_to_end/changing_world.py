"""A small model that is right about the old world: after some days another column decides.

Its telemetry, its document, and how it is trained anew; nothing of processes.
"""

from __future__ import annotations

import datetime as dt
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monitoring_dagster.retraining.training import Fitted, Task
from tests.end_to_end.recent_world import RecentWorld

MIDDLE_INCOME = float(np.exp(10))

CHANCE = 0.05
"""Share of labels that nothing explains."""

RETRAINING = """\
alerting: {{old_after_hours: 96}}
retraining:
  trainer: "tests.end_to_end.changing_world:train"
  parameters: {{folder: "{folder}"}}
  minimum_labels: 500
  window: {{kind: since_change, validation_days: 7}}
  gate: {{negative_flips: 0.5, latency_ratio: 100}}
"""

MOST_HELD_SECONDS = 240.0


@dataclass
class ChangingWorld(RecentWorld):
    """A recent world in which `income` decides from `changes_on` on, and age no longer."""

    changes_on: dt.date = dt.date.max

    def __post_init__(self) -> None:
        super().__post_init__()
        self.workshop = self.home / "workshop"
        self.workshop.mkdir()
        segments = "segments:\n  - columns: [region]\n"
        self.write_monitor(**{segments: RETRAINING.format(folder=self.workshop)})
        for day in self.days:
            self.write_labels(day)

    def frame(self, day: dt.date) -> dict[str, np.ndarray]:
        """Everything about a day's rows."""
        frame = super().frame(day)
        if day >= self.changes_on:
            passed = day - self.reference[0]
            is_chance = np.random.default_rng(passed.days).random(self.rows) < CHANCE
            frame["outcome"] = ((frame["income"] > MIDDLE_INCOME) ^ is_chance).astype(np.int64)
        return frame

    def hold(self) -> None:
        """Let trainings wait from now on."""
        (self.workshop / "hold").touch()

    def let_go(self) -> None:
        """Let them go on."""
        (self.workshop / "hold").unlink()

    @property
    def trainings_begun(self) -> list[int]:
        """The process of each training that began."""
        return _numbers(self.workshop / "begun")

    @property
    def trainings_ended(self) -> list[int]:
        """The process of each training that came to its end."""
        return _numbers(self.workshop / "fitted")


def _numbers(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def train(task: Task) -> Fitted:
    """Write down that a training began, wait while the test holds it, and fit."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folder = Path(str(task.parameters["folder"]))
    with (folder / "begun").open("a") as begun:
        begun.write(f"{os.getpid()}\n")
    deadline = time.monotonic() + MOST_HELD_SECONDS
    while (folder / "hold").exists() and time.monotonic() < deadline:
        threading.Event().wait(0.1)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(task.training.features[["age", "income"]], task.training.labels)
    with (folder / "fitted").open("a") as fitted:
        fitted.write(f"{os.getpid()}\n")
    return Fitted(model)
