"""A scikit-learn estimator that answers rows of a snapshot: types in, scores out.

How it was read is `loading`; whether it fits a monitor is `serving`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models.served import Served

FLOATS = ("double", "float")
WHOLE = ("long", "integer")


@dataclass(frozen=True)
class SklearnModel(Served[Any]):
    """A fitted estimator.

    The types of its inputs are MLflow's: `double`, `long`, `string`, `boolean`, ...
    """

    def _scores(self, values: Mapping[str, pa.ChunkedArray]) -> NDArray[np.float64]:
        import pandas as pd

        frame = pd.DataFrame(
            {name: _as_fitted(column, self.inputs[name]) for name, column in values.items()}
        )
        asked = self.estimator.predict_proba if self.classes else self.estimator.predict
        try:
            return np.asarray(asked(frame), dtype=np.float64)
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            told = str(error).strip().partition("\n")[0]
            raise ModelRefused(
                f"the model cannot answer these rows ({told}); see that the monitor's features "
                "have the types that it was fitted on, and that it takes missing values"
            ) from error


def model_of(estimator: Any, inputs: Mapping[str, str]) -> SklearnModel:
    """A model of an estimator, with its own classes.

    Args:
        estimator: fitted.
        inputs: as the model's description declares them; empty to take them from the fit.

    Raises:
        ModelRefused: the inputs have no names, or it gives neither probabilities nor predictions.
    """
    from sklearn.base import is_classifier

    inputs = inputs or dict.fromkeys(map(str, getattr(estimator, "feature_names_in_", ())), "")
    if not inputs:
        raise ModelRefused(
            "it does not name its inputs; store it with signature=infer_signature(rows, "
            "predictions), where rows is a DataFrame"
        )
    classes: list[Any] = []
    if is_classifier(estimator):
        found = getattr(estimator, "classes_", None)
        if found is None or not hasattr(estimator, "predict_proba"):
            raise ModelRefused(
                f"{type(estimator).__name__} gives no probabilities; wrap it in a "
                "CalibratedClassifierCV before it is stored"
            )
        classes = [value.item() if hasattr(value, "item") else value for value in found]
    elif not hasattr(estimator, "predict"):
        raise ModelRefused(f"{type(estimator).__name__} predicts nothing; store a fitted model")
    return SklearnModel(estimator, inputs, {name: name for name in inputs}, tuple(classes))


def _as_fitted(column: pa.ChunkedArray, kind: str) -> Any:
    """A column with the type that the model was fitted on; nulls become NaN."""
    if kind in WHOLE and (column.null_count or pa.types.is_floating(column.type)):
        kind = "double"  # no whole number says that it is missing
    wanted = {
        **dict.fromkeys(FLOATS, pa.float64()),
        **dict.fromkeys(WHOLE, pa.int64()),
        "string": pa.string(),
        "boolean": pa.bool_(),
    }.get(kind)
    try:
        cast = column if wanted is None else column.cast(wanted, safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ModelRefused(
            f"the model takes {kind} where the rows have {column.type} ({error}); correct the "
            "type of the column in the monitor"
        ) from error
    return cast.to_pandas()
