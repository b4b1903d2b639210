"""A scikit-learn estimator that answers rows of a snapshot: types in, scores out.

How it was read is `loading`; whether it fits a monitor is `serving`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_dagster.errors import ModelRefused

if TYPE_CHECKING:
    import pandas as pd

FLOATS = ("double", "float")
WHOLE = ("long", "integer")


@dataclass(frozen=True)
class SklearnModel:
    """A fitted estimator.

    `inputs` maps each input, in the order of the fit, to its MLflow type (`double`, `long`,
    `string`, `boolean`, ...; empty where it is not known). `columns` names the column of the
    rows that an input is read from. `classes` are empty for a regression.
    """

    estimator: Any
    inputs: Mapping[str, str]
    columns: Mapping[str, str]
    classes: Sequence[Any] = ()
    chosen: Sequence[int] | None = None
    """Positions among `classes` of the scores that are answered; all of them for None."""

    @property
    def features(self) -> Sequence[str]:
        """The columns that it reads, by their names in the rows."""
        return tuple(self.columns[name] for name in self.inputs)

    def predict(self, rows: pa.Table) -> NDArray[np.float64]:
        """Probabilities of the chosen classes, or predictions of a regression; one row each.

        Returns:
            (n,) for a regression and one chosen class, else (n, classes).

        Raises:
            ModelRefused: a column is missing, or the estimator cannot take the values.
        """
        missing = [name for name in self.features if name not in rows.column_names]
        if missing:
            raise ModelRefused(
                f"the model reads {', '.join(missing)}, which the rows do not have; declare the "
                "columns as features, or name a model that was fitted on these"
            )
        if not rows.num_rows:
            return np.zeros(0 if self._is_flat else (0, len(self.chosen or self.classes)))
        frame = self._frame(rows)
        try:
            if not self.classes:
                scores = np.asarray(self.estimator.predict(frame), dtype=np.float64)
            else:
                scores = np.asarray(self.estimator.predict_proba(frame), dtype=np.float64)
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            told = str(error).strip().partition("\n")[0]
            raise ModelRefused(
                f"the model cannot answer these rows ({told}); see that the monitor's features "
                "have the types that it was fitted on, and that it takes missing values"
            ) from error
        return self._answers(scores, rows.num_rows)

    @property
    def _is_flat(self) -> bool:
        return not self.classes or (self.chosen is not None and len(self.chosen) == 1)

    def _answers(self, scores: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
        width = (rows, len(self.classes)) if self.classes else (rows,)
        if scores.shape != width:
            raise ModelRefused(
                f"the model answers {rows} rows with an array of shape {scores.shape}; "
                f"{width} is needed: one answer per row"
            )
        if self.chosen is None:
            return scores
        return scores[:, self.chosen[0]] if self._is_flat else scores[:, list(self.chosen)]

    def _frame(self, rows: pa.Table) -> pd.DataFrame:
        import pandas as pd

        values = {
            name: _as_fitted(rows.column(self.columns[name]), kind)
            for name, kind in self.inputs.items()
        }
        return pd.DataFrame(values)


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
