"""The process in which a trusted model of another kind runs; `foreign` alone starts it.

Imports nothing of this package: it runs isolated, with the model's code beside it.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

LARGEST_FILE = 4 * 1024**3


def main(folder: str, answers_to: int) -> None:
    """Load the model in `folder`, say what it is, and answer files of rows until input ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    # What the model's code reads or prints must not touch what is asked and answered.
    questions = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    with os.fdopen(answers_to, "w", encoding="utf-8") as answers:

        def tell(**told: Any) -> None:
            answers.write(json.dumps(told) + "\n")
            answers.flush()

        # Whatever a model raises is told, and is no reason to end.
        try:
            asked, classes = _loaded(folder)
        except Exception as error:  # noqa: BLE001
            tell(error=_words(error))
            return
        tell(classes=classes)
        for line in questions:
            try:
                tell(shape=_answer(asked, **json.loads(line)))
            except Exception as error:  # noqa: BLE001
                tell(error=_words(error))


def _loaded(folder: str) -> tuple[Callable[[Any], Any], list[Any] | None]:
    """What answers a DataFrame, and the classes that its columns of scores stand for."""
    import mlflow.pyfunc

    model = mlflow.pyfunc.load_model(folder)
    raw = _raw(model, folder)
    if hasattr(raw, "predict_proba") and hasattr(raw, "classes_"):
        classes = [one.item() if hasattr(one, "item") else one for one in raw.classes_]
        return raw.predict_proba, classes
    return model.predict, None


def _raw(model: Any, folder: str) -> Any:
    """What MLflow wraps: it knows its classes, and gives probabilities instead of decisions."""
    if "sklearn" in model.metadata.flavors:
        from mlflow.sklearn import load_model

        return load_model(folder)
    try:
        return model.get_raw_model()
    except NotImplementedError:
        return None


def _answer(asked: Callable[[Any], Any], rows: str, answers: str) -> list[int]:
    """Answer the rows of one file into another; the shape of the answer."""
    import numpy as np
    import pyarrow as pa

    with pa.OSFile(rows) as file:
        frame = pa.ipc.open_file(file).read_all().to_pandas()
    scores = np.ascontiguousarray(np.asarray(asked(frame), dtype=np.float64))
    scores.tofile(answers)
    return list(scores.shape)


def _words(error: Exception) -> str:
    told = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {told}"[:500]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
