"""Which types a stored model may consist of, and reading one that consists of no others.

skops rebuilds objects from a description; only types that are listed by name are built. What
their numbers may do inside compiled code is checked by `trees`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models import trees

TRUSTED = (
    "numpy.dtype",
    "sklearn._loss.loss.HalfTweedieLoss",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.compose._column_transformer.make_column_selector",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.utils._bunch.Bunch",
)
"""What scikit-learn's models consist of beyond what skops trusts by itself (numpy, scipy and
scikit-learn's estimators). All but TreePredictor are plain Python without a function of the
file's choice; of TreePredictor the node numbers are checked. Left out: `Tree` of random forests
and `KDTree`, whose compiled code believes every number of the file; `functools.partial`, which
calls what the file names."""

MOST_BYTES = 2 * 1024**3
"""What a model may unpack to."""


def read(path: Path, trusted: Sequence[str] = ()) -> Any:
    """The estimator in a skops file.

    Args:
        path: the file.
        trusted: full names of further types that may be built.

    Raises:
        ModelRefused: the file holds other types, is no skops file, or is damaged.
    """
    allowed = [*TRUSTED, *trusted]
    refused = _untrusted(path, allowed)
    if refused:
        raise ModelRefused(
            f"{path.name} holds types that are not trusted: {', '.join(refused)}. A file may make "
            "them run code or read memory; trust them by name if you know who stored the model, "
            "or store one without them"
        )
    import skops.io

    try:
        estimator = skops.io.load(path, trusted=allowed)
    except _DAMAGED as error:
        raise _damaged(path, error) from error
    trees.check(estimator)
    return estimator


_DAMAGED = (
    ArithmeticError,
    AttributeError,
    BadZipFile,
    ImportError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,  # includes RecursionError
    TypeError,
    ValueError,
    EOFError,
)
"""What reading a file raises that is not what it claims to be."""


def _untrusted(path: Path, allowed: Sequence[str]) -> list[str]:
    """The types in a file that are not allowed; nothing is built to find them."""
    try:
        with ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > MOST_BYTES:
                raise ModelRefused(
                    f"{path.name} unpacks to {size:,} bytes, more than the {MOST_BYTES:,} that a "
                    "model may have; store a smaller one"
                )
            json.loads(archive.read("schema.json"))
        import skops.io

        return sorted(set(skops.io.get_untrusted_types(file=path)) - set(allowed))
    except _DAMAGED as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ModelRefused:
    return ModelRefused(
        f"{path.name} is no model that skops can read ({type(error).__name__}: {error}); store it "
        "anew with the installed versions of scikit-learn and skops"
    )
