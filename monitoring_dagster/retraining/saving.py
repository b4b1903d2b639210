"""What a trainer gave, saved as an MLflow model that can be read without running code of it.

A file that `models` would refuse later is refused now, with the names of what is wrong. No row is
saved with a model.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models import description, load, trust
from monitoring_dagster.models.allowed import Allowed
from monitoring_dagster.models.stored_files import LocalFiles
from monitoring_dagster.retraining.handover import Order
from monitoring_dagster.telemetry.sources.access import Access

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

ASKED_ROWS = 10_000
"""Of validation, to see that a saved model answers."""


@dataclass(frozen=True)
class Saving:
    """What is known beside the model.

    Args:
        target: the folder to make.
        order: names the features with their types, and the classes.
        trusted: types beyond `models.trust.TRUSTED` that skops may build.
        packages: versions of what the model was made with.
    """

    target: Path
    order: Order
    trusted: Sequence[str]
    packages: Mapping[str, str]

    def described(self, inputs: Sequence[str], reader: str, **metadata: Any) -> dict[str, Any]:
        """The arguments that every flavor's `save_model` takes.

        Args:
            inputs: names of what the model reads, in its order.
            reader: the distribution that reads its file.
            metadata: what else is to be known, such as classes.
        """
        versions = {**self.packages, reader: version(reader)}
        return {
            "path": str(self.target),
            "signature": _signature(self.order, inputs),
            # Given, they are not guessed by importing the model in yet another process.
            "pip_requirements": [f"{name}=={each}" for name, each in versions.items()],
            "metadata": metadata or None,
        }


def save(model: Any, saving: Saving) -> None:
    """Make the folder of an MLflow model of what a trainer gave.

    Args:
        model: as `training.Fitted` takes it.
        saving: where to, and what is known beside it.

    Raises:
        ModelRefused: it is of no kind that can be served, reads what is no feature, or consists
            of types that are not trusted.
    """
    if isinstance(model, (str, Path)):
        _copy(Path(model), saving.target)
    else:
        _saver(model)(model, saving)


def read_back(saving: Saving, rows: Path) -> str:
    """Read the saved model as the gate will, and have it answer; its kind in MLflow's word.

    Args:
        saving: where it was saved.
        rows: a file of `frames`; the first `ASKED_ROWS` are asked.

    Raises:
        ModelRefused: it cannot be read, or gives no finite answer to some row.
    """
    target = saving.target
    here = Allowed(Access(roots=(str(target),), base=target))
    try:
        model = load(str(target), tracking_uri=None, trusted=saving.trusted, allowed=here)
    except ModelRefused as refused:
        # By whose path it was read says nothing to whoever reads this.
        raise ModelRefused(str(refused).removeprefix(f"{target} is refused: ")) from refused
    model.predict(pq.read_table(rows).slice(0, ASKED_ROWS))
    return str(description.stored_file(description.read(target / "MLmodel").content).kind)


def _saver(model: Any) -> Callable[[Any, Saving], None]:
    from sklearn.base import BaseEstimator

    if isinstance(model, bytes):
        return _save_onnx
    if type(model).__module__.partition(".")[0] == "lightgbm":
        return _save_lightgbm
    if isinstance(model, BaseEstimator):
        return _save_sklearn
    raise ModelRefused(
        f"{type(model).__module__}.{type(model).__qualname__} cannot be served; give a "
        "scikit-learn estimator, a LightGBM booster or estimator, the bytes of an ONNX model, or "
        "the path of an MLflow model"
    )


def _save_sklearn(model: Any, saving: Saving) -> None:
    import mlflow.sklearn as flavor
    from mlflow.exceptions import MlflowException

    inputs = getattr(model, "feature_names_in_", None)
    if inputs is None:
        inputs = _all(saving.order, getattr(model, "n_features_in_", 0))
    allowed = [*trust.TRUSTED, *saving.trusted]
    asked = {"pyfunc_predict_fn": "predict_proba"} if hasattr(model, "predict_proba") else {}
    try:
        flavor.save_model(
            model,
            serialization_format="skops",
            skops_trusted_types=allowed,
            **asked,
            **saving.described(_features(saving.order, inputs), "skops"),
        )
    except (MlflowException, AttributeError, TypeError, NotImplementedError) as error:
        raise ModelRefused(_untrusted(model, allowed) or _first_line(error)) from error


def _untrusted(model: Any, allowed: Sequence[str]) -> str:
    """Which types of a model skops would refuse, in a sentence; empty if it is none of that."""
    import skops.io

    found = set(skops.io.get_untrusted_types(data=skops.io.dumps(model)))
    refused = sorted(found - set(allowed))
    if not refused:
        return ""
    return (
        f"it holds types that are not trusted: {', '.join(refused)}. Build it without them, give "
        "it as ONNX, or name them in Fitted.trusted_types and in "
        "MONITORING_DAGSTER_TRUSTED_TYPES if you answer for them"
    )


def _save_lightgbm(model: Any, saving: Saving) -> None:
    """As text: what scikit-learn's interface adds to the booster are the classes."""
    import mlflow.lightgbm as flavor

    booster = getattr(model, "booster_", model)
    known = getattr(model, "classes_", None)
    classes = _answered(saving.order) if known is None else _plain(known)
    # LightGBM itself writes a blank as _.
    written = {name.replace(" ", "_"): name for name in saving.order.features}
    inputs = [written.get(name, name) for name in booster.feature_name()]
    described = {"classes": classes} if classes else {}
    flavor.save_model(
        booster, **saving.described(_features(saving.order, inputs), "lightgbm", **described)
    )


def _save_onnx(model: bytes, saving: Saving) -> None:
    import mlflow.onnx as flavor
    import onnx
    from google.protobuf.message import DecodeError

    from monitoring_dagster.models import onnx_graph

    try:
        graph = onnx.load_model_from_string(model)
    except DecodeError as error:
        raise ModelRefused(f"its bytes are no ONNX model ({_first_line(error)})") from error
    inputs: list[str] = [each.name for each in graph.graph.input]
    if len(inputs) == 1 and inputs[0] not in saving.order.features:
        # One tensor of all columns.
        noted = onnx_graph.noted(graph, "features")
        inputs = list(saving.order.features) if noted is None else list(map(str, noted))
    flavor.save_model(graph, **saving.described(_features(saving.order, inputs), "onnxruntime"))


def _copy(given: Path, target: Path) -> None:
    """Take over an MLflow model that a trainer saved by itself."""
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model

    try:
        description = Model.load(str(given))
    except (MlflowException, OSError) as error:
        raise ModelRefused(
            f"{given} is no folder of an MLflow model ({_first_line(error)})"
        ) from error
    if description.saved_input_example_info:
        raise ModelRefused(
            "it holds an input example, and rows do not leave the lake with a model; save it "
            "without input_example"
        )
    if description.signature is None:
        raise ModelRefused(
            "it does not name its inputs; save it with signature=infer_signature(features)"
        )
    if any(isinstance(each, dict) and each.get("code") for each in description.flavors.values()):
        raise ModelRefused("it brings code of its own; save it without code_paths")
    # A link would have whoever registers the model read whatever it leads to.
    LocalFiles(given).names()
    shutil.copytree(given, target)


def _features(order: Order, inputs: Iterable[Any]) -> list[str]:
    """The inputs of a model, all of them features."""
    names = [str(name) for name in inputs]
    unknown = [name for name in names if name not in order.features]
    if unknown:
        raise ModelRefused(
            f"it reads {', '.join(unknown)}, and the features are {', '.join(order.features)}; "
            "fit it on columns of Task.training.features, and let the model itself derive others"
        )
    return names


def _all(order: Order, count: int) -> list[str]:
    """Every feature, for a model that was fitted on numbers without names."""
    if count != len(order.features):
        raise ModelRefused(
            f"it was fitted on {count} columns without names, and there are "
            f"{len(order.features)} features; fit it on the columns of a DataFrame"
        )
    return list(order.features)


def _answered(order: Order) -> list[Any]:
    """What the scores of a bare booster stand for: the positive class last, or the classes."""
    if order.kind == "multiclass":
        return list(order.classes)
    if order.kind != "binary":
        return []
    positive = order.positive_label
    if isinstance(positive, bool):
        return [not positive, positive]
    return [0 if positive == 1 else f"not {positive}", positive]


def _plain(values: Iterable[Any]) -> list[Any]:
    return [value.item() if hasattr(value, "item") else value for value in values]


def _signature(order: Order, inputs: Sequence[str]) -> ModelSignature:
    """The inputs with the types that a trainer saw; what comes out is numbers."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    columns: list[ColSpec | TensorSpec] = [ColSpec(order.features[name], name) for name in inputs]
    width = {"binary": (-1, 2), "multiclass": (-1, len(order.classes))}.get(order.kind, (-1,))
    return ModelSignature(Schema(columns), Schema([TensorSpec(np.dtype("float64"), width)]))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
