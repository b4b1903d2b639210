"""What happens in the limited process: the task is read, the trainer called, its model saved.

Everything that goes wrong here is told through the result file. How the process is limited is
`child`, how models are saved `saving`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import random
import resource
import sys
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.retraining.handover import MODEL, VALIDATION, Order, Result, task_of
from monitoring_dagster.retraining.training import Fitted, Trainer

OWN = "monitoring-dagster"


def run(folder: Path) -> int:
    """Train, save, and leave the result in `folder`; the exit code of the process."""
    order = Order.read(folder)
    _seed(order.seed)
    result = _result(folder, order)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1e6 if sys.platform == "darwin" else 1e3
    replace(result, platform=_platform(), peak_memory_mb=peak / unit).write(folder)
    return 1 if result.failure else 0


def _result(folder: Path, order: Order) -> Result:
    try:
        fitted = _fitted(folder, order)
        packages = imported_packages()
        # MLflow, scikit-learn and pandas cost 2 s, and a trainer that fails does not need them.
        from monitoring_dagster.retraining import saving

        what = saving.Saving(folder / MODEL, order, fitted.trusted_types, packages)
        saving.save(fitted.model, what)
        return Result(
            flavor=saving.read_back(what, folder / VALIDATION),
            threshold=None if fitted.threshold is None else float(fitted.threshold),
            metrics={str(name): float(value) for name, value in fitted.metrics.items()},
            notes={str(name): str(note) for name, note in fitted.notes.items()},
            trusted_types=tuple(map(str, fitted.trusted_types)),
            packages=packages,
        )
    except ModelRefused as refused:
        return Result(failure="refused", text=str(refused))
    except BaseException as error:  # noqa: BLE001 - whatever foreign code raises, exits included
        traceback.print_exc()
        told = f"{type(error).__name__}: {error}".strip().rstrip(":")
        return Result(failure="memory" if _is_of_memory(error) else "raised", text=told)


def _fitted(folder: Path, order: Order) -> Fitted:
    trainer = _trainer(order.trainer)
    fitted: Any = trainer(task_of(folder, order))
    if not isinstance(fitted, Fitted):
        raise ModelRefused(
            f"the trainer gave back {type(fitted).__name__}; required is "
            "monitoring_dagster.retraining.training.Fitted"
        )
    if fitted.threshold is not None and not 0 <= fitted.threshold <= 1:
        raise ModelRefused(f"its threshold is {fitted.threshold}; required is one from 0 to 1")
    return fitted


def _trainer(name: str) -> Trainer:
    module, _, function = name.partition(":")
    found: Any = getattr(importlib.import_module(module), function)
    if not callable(found):
        raise TypeError(f"{name} is no function")
    return cast("Trainer", found)


def _is_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is no memory, in whatever library's words."""
    return isinstance(error, MemoryError) or "bad_alloc" in str(error)


def _seed(seed: int) -> None:
    import numpy as np

    random.seed(seed)
    # Trainers that ask for no generator of their own draw from this one.
    np.random.seed(seed)


def imported_packages() -> dict[str, str]:
    """The version of every distribution that something was imported of, but our own.

    >>> "numpy" in imported_packages()
    True
    """
    owners = importlib.metadata.packages_distributions()
    modules = {name.partition(".")[0] for name in list(sys.modules)}
    names = {owner for module in modules for owner in owners.get(module, ())} - {OWN}
    return {name: importlib.metadata.version(name) for name in sorted(names, key=str.lower)}


def _platform() -> Mapping[str, str]:
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
    }
