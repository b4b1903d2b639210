"""Rows as `frames` hands them over, and a way to have a trainer run on them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.monitors.retraining import Limits
from monitoring_dagster.retraining import handover, process

FEATURES = {"age": "double", "income": "double", "region": "string"}


def rows(count: int, seed: int = 0) -> pa.Table:
    """Two numbers, one of them with gaps, and a text, also with gaps; labels follow the age."""
    random = np.random.default_rng(seed)
    age = random.normal(size=count)
    regions = random.choice(["north", "south"], count)
    return pa.table(
        {
            "age": age,
            "income": pa.array(random.normal(size=count), mask=random.random(count) < 0.1),
            "region": pa.array(regions, pa.string(), mask=random.random(count) < 0.1),
            handover.LABEL: (age + random.normal(size=count) > 0).astype(np.int64),
            handover.WEIGHT: np.ones(count),
            handover.DAY: np.datetime64("2026-01-01") + np.arange(count) // 10,
        }
    )


def order(trainer: str, **more: object) -> handover.Order:
    """What is asked of a trainer of this folder, or of one that is named in full."""
    name = trainer if ":" in trainer else f"tests.retraining_training.trainers:{trainer}"
    told = {"seed": 7, "parameters": {}, "kind": "binary", "features": FEATURES} | more
    return handover.Order(name, positive_label=1, **told)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder with the rows of a task."""
    folder = tmp_path / "task"
    folder.mkdir(mode=0o700)
    pq.write_table(rows(500), folder / handover.TRAINING)
    pq.write_table(rows(200, seed=1), folder / handover.VALIDATION)
    return folder


Train = Callable[..., process.Trained | None]


@pytest.fixture
def train(private: Path) -> Train:
    """Run a trainer in a process of its own."""

    def run(
        trainer: str,
        *,
        minutes: float = 5.0,
        memory_mb: int = 4_000,
        is_wanted: Callable[[], bool] = lambda: True,
        environment: Mapping[str, str] | None = None,
        folder: Path = private,
        **more: object,
    ) -> process.Trained | None:
        return process.train(
            folder,
            order(trainer, **more),
            limits=Limits(minutes=minutes, memory_mb=memory_mb),
            is_wanted=is_wanted,
            environment={**os.environ, **(environment or {})},
            monotonic=time.monotonic,
            every_seconds=0.05,
        )

    return run


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
