"""A LightGBM booster, read from its own text: nothing but numbers is in it.

Whether the text may be read is `lightgbm_text`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models import lightgbm_text
from monitoring_dagster.models.served import Served

if TYPE_CHECKING:
    import lightgbm

MOST_BYTES = 512 * 1024**2
"""Of a booster's text; one of 10,000 trees with 255 leaves has 300 MB."""


@dataclass(frozen=True)
class LightgbmModel(Served["lightgbm.Booster"]):
    """A booster; categories of pandas are known by the values that the text lists."""

    categories: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """By input, the values that stand for 0, 1, ...; others are missing values to the booster."""

    def _scores(self, values: Mapping[str, pa.ChunkedArray]) -> NDArray[np.float64]:
        from lightgbm.basic import LightGBMError

        columns = [self._numbers(name, column) for name, column in values.items()]
        try:
            # One thread: days run side by side, a process per core.
            answers = self.estimator.predict(np.column_stack(columns), num_threads=1)
        except (LightGBMError, ValueError) as error:
            raise ModelRefused(f"the booster cannot answer these rows ({error})") from error
        return np.asarray(answers, dtype=np.float64)

    def _numbers(self, name: str, column: pa.ChunkedArray) -> NDArray[np.float64]:
        known = self.categories.get(name)
        if known is not None:
            column = _codes(column, known)
        elif not _is_number(column.type):
            raise ModelRefused(
                f"{name} holds {column.type}, and the booster takes a number there; train it on "
                "columns of pandas' type category, whose values its text then lists, or encode "
                "them in a pipeline that is stored as ONNX or skops"
            )
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)


def read(path: Path, inputs: Sequence[str] = (), classes: Sequence[Any] | None = None) -> Any:
    """The booster in a text file.

    Args:
        path: the file.
        inputs: names that a signature gives its inputs, in order; those of the text if empty.
        classes: what its scores stand for, in order; the numbers from 0 on for None.

    Raises:
        ModelRefused: it is none that may be read, or has other inputs or classes than those.
    """
    text = _text(path)
    found = lightgbm_text.check(text)
    booster = _booster(text)
    if booster.num_feature() != len(found.features):
        raise ModelRefused(
            f"LightGBM finds {booster.num_feature()} features in {path.name}, and its text names "
            f"{len(found.features)}; store it anew"
        )
    if classes is None:
        classes = tuple(range(found.classes))
    if len(classes) != found.classes:
        raise ModelRefused(
            f"its description names {len(classes)} classes, and the booster has {found.classes}; "
            "correct metadata={'classes': [...]}"
        )
    names = _named(found.features, inputs)
    return LightgbmModel(
        booster,
        dict.fromkeys(names, "number"),
        {name: name for name in names},
        classes,
        categories={
            name: found.categories[feature]
            for name, feature in zip(names, found.features, strict=True)
            if feature in found.categories
        },
    )


def _text(path: Path) -> str:
    if path.stat().st_size > MOST_BYTES:
        raise ModelRefused(
            f"{path.name} has {path.stat().st_size:,} bytes, more than the {MOST_BYTES:,} that a "
            "booster may have; store a smaller one"
        )
    try:
        # As bytes: reading as text would turn \r\n into \n, and sizes would not agree.
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelRefused(
            f"{path.name} is no text of a LightGBM booster; store it anew with "
            "Booster.save_model or mlflow.lightgbm.log_model"
        ) from error


def _booster(text: str) -> lightgbm.Booster:
    try:
        import lightgbm
    except (ImportError, OSError) as error:
        raise ModelRefused(
            f"LightGBM is not installed ({error}); install monitoring-dagster[models]"
        ) from error
    try:
        return lightgbm.Booster(model_str=text)
    except (lightgbm.basic.LightGBMError, ValueError, TypeError) as error:
        raise ModelRefused(f"LightGBM cannot read it ({error}); store it anew") from error


def _named(features: Sequence[str], inputs: Sequence[str]) -> Sequence[str]:
    """The names of the inputs; LightGBM itself replaces blanks in them.

    >>> _named(["my_age"], ["my age"]), _named(["age"], ["other"])
    (['my age'], ['age'])
    """
    written = [name.replace(" ", "_") for name in inputs]
    return inputs if written == list(features) else features


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)


def _codes(column: pa.ChunkedArray, known: Sequence[Any]) -> pa.ChunkedArray:
    """Places of values among `known`, null where they are not among them."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        values = pa.array(known)
        if pa.types.is_integer(column.type) and pa.types.is_floating(values.type):
            column = column.cast(values.type)
        options = pc.SetLookupOptions(value_set=values.cast(column.type), skip_nulls=True)
        return pc.call_function("index_in", [column], options)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise ModelRefused(
            f"the rows hold {column.type} where the booster knows categories such as "
            f"{known[:3]!r}; correct the type of the column in the monitor"
        ) from error
