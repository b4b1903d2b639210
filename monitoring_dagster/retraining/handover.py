"""What the deployment and a trainer's process hand each other: files in one private folder.

Parquet, JSON and the files of the model; nothing that runs code when it is read. Who writes what
is `frames` and `process` on one side, `child` on the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import pyarrow.parquet as pq

from monitoring_dagster.retraining.training import Frame, Task

TRAINING, VALIDATION = "training.parquet", "validation.parquet"
ORDER, RESULT, LOG = "order.json", "result.json", "log.txt"
MODEL, WORK = "model", "work"
"""Folders: of the model, an MLflow model; and the one that a trainer runs in."""

DAY, LABEL, WEIGHT = "@day", "@label", "@weight"
"""Columns beside the features; a declared column never begins with @."""

_MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Order:
    """What the trainer's process is asked for.

    Args:
        trainer: `package.module:function`.
        seed: of every random choice.
        parameters: those of the monitor's document.
        kind: `binary`, `multiclass` or `regression`.
        features: by name, in order, MLflow's word for the type: double, string or datetime.
        positive_label: binary: the positive class.
        classes: multiclass: every class, in order.
    """

    trainer: str
    seed: int
    parameters: Mapping[str, Any]
    kind: str
    features: Mapping[str, str]
    positive_label: Any = None
    classes: tuple[Any, ...] = ()

    def write(self, folder: Path) -> None:
        """Leave it for the other side."""
        (folder / ORDER).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The order in `folder`."""
        document = json.loads((folder / ORDER).read_text(encoding="utf-8"))
        return cls(**{**document, "classes": tuple(document["classes"])})


@dataclass(frozen=True)
class Result:
    """What became of it, as the trainer's process says.

    Args:
        failure: word of `process.Failure`; empty for a model.
        text: why it failed.
        flavor: kind of the model, in MLflow's word.
        threshold: binary: from which score on a decision is positive; None for the monitor's own.
        metrics: the trainer's figures.
        notes: the trainer's remarks.
        trusted_types: what skops has to build beyond `models.trust.TRUSTED`.
        packages: version of every distribution that was imported.
        platform: interpreter, machine and threads.
        peak_memory_mb: the most that the process held.
    """

    failure: str = ""
    text: str = ""
    flavor: str = ""
    threshold: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    notes: Mapping[str, str] = field(default_factory=dict[str, str])
    trusted_types: tuple[str, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict[str, str])
    platform: Mapping[str, str] = field(default_factory=dict[str, str])
    peak_memory_mb: float = 0.0

    def write(self, folder: Path) -> None:
        """Leave it for the other side; it is there whole or not at all."""
        written = folder / f".{RESULT}"
        written.write_text(json.dumps(asdict(self)), encoding="utf-8")
        written.replace(folder / RESULT)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The result in `folder`; None where none was left that can be read."""
        try:
            with (folder / RESULT).open("rb") as file:
                document = json.loads(file.read(_MOST_BYTES))
            return cls(**{**document, "trusted_types": tuple(document["trusted_types"])})
        except (OSError, ValueError, TypeError, LookupError):
            return None


def task_of(folder: Path, order: Order) -> Task:
    """The task as the trainer gets it."""
    return Task(
        training=frame_of(folder / TRAINING),
        validation=frame_of(folder / VALIDATION),
        seed=order.seed,
        parameters=order.parameters,
        kind=order.kind,
        positive_label=order.positive_label,
        classes=order.classes,
    )


def frame_of(path: Path) -> Frame:
    """The rows of a file as pandas has them; imports pandas (0.4 s)."""
    table = pq.read_table(path)
    # Each column is freed as it is converted: both forms at once would take twice the memory.
    frame = table.to_pandas(self_destruct=True, split_blocks=True, date_as_object=False)
    labels, weights, days = (frame.pop(name) for name in (LABEL, WEIGHT, DAY))
    return Frame(
        features=frame,
        labels=labels.rename("label"),
        weights=weights.rename("weight"),
        days=days.astype("datetime64[s]").rename("day"),
    )
