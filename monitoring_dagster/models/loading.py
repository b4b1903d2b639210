"""From a registry URI to a model that can be asked; nothing of it runs on the way.

Only scikit-learn models that skops stored are read. A pickle is refused unread: opening one runs
whatever its author wrote.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models import registry, trust
from monitoring_dagster.models.sklearn_model import SklearnModel

_DESCRIPTION = "MLmodel"
_MOST_BYTES = 4_000_000
_STORE_ANEW = (
    "store it anew with mlflow.sklearn.log_model(..., serialization_format='skops') and its "
    "signature"
)


def load(uri: str, *, tracking_uri: str | None, trusted: Sequence[str] = ()) -> SklearnModel:
    """Fetch a model and read it.

    The registry's client (2 s) and scikit-learn (1 s) are imported when this is called.

    Args:
        uri: `models:/NAME@ALIAS`, `models:/NAME/VERSION` or `models:/m-ID`.
        tracking_uri: address of the MLflow registry (setting MLFLOW_TRACKING_URI).
        trusted: full names of types that a model may consist of beyond `trust.TRUSTED`.

    Raises:
        ModelUnavailable: it cannot be fetched.
        ModelRefused: it is no scikit-learn model that skops stored, holds types that are not
            trusted, does not name its inputs, or gives no probabilities.
    """
    where = registry.location(uri, tracking_uri)
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        description = _description(registry.fetch(where, _DESCRIPTION, Path(folder), tracking_uri))
        try:
            file = stored_file(description)
            estimator = trust.read(registry.fetch(where, file, Path(folder), tracking_uri), trusted)
            return _model(estimator, description)
        except ModelRefused as refused:
            raise ModelRefused(f"{uri} is refused: {refused}") from refused


def _description(path: Path) -> Mapping[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if path.stat().st_size > _MOST_BYTES:
        raise ModelRefused(f"the model's file {path.name} is too large to be one; {_STORE_ANEW}")
    try:
        found = YAML(typ="safe", pure=True).load(path.read_bytes())
    except (YAMLError, ValueError) as error:
        raise ModelRefused(f"the model's file {path.name} is damaged; {_STORE_ANEW}") from error
    if not isinstance(found, dict):
        raise ModelRefused(f"the model's file {path.name} describes no model; {_STORE_ANEW}")
    return found


def stored_file(description: Mapping[str, Any]) -> str:
    """The file that skops wrote, by what MLflow's description of the model says.

    >>> stored_file({"flavors": {"sklearn": {
    ...     "serialization_format": "skops", "pickled_model": "model.skops"}}})
    'model.skops'

    Raises:
        ModelRefused: the model is of another kind, or stored in another format.
    """
    flavors = description.get("flavors")
    flavors = flavors if isinstance(flavors, dict) else {}
    flavor = flavors.get("sklearn")
    if not isinstance(flavor, dict):
        kinds = ", ".join(sorted(map(str, flavors))) or "none"
        raise ModelRefused(
            f"it is no scikit-learn model (its kinds: {kinds}), and only those can be read "
            f"without running code of theirs; wrap it in a scikit-learn pipeline and {_STORE_ANEW}"
        )
    written = flavor.get("serialization_format", "pickle")
    if written != "skops":
        raise ModelRefused(
            f"it is stored as {written}, which can run any code when it is opened, so it was not; "
            f"{_STORE_ANEW}"
        )
    file = str(flavor.get("pickled_model"))
    if PurePosixPath(file).name != file or file in ("", ".", ".."):
        raise ModelRefused(f"its file {file!r} lies outside the model; {_STORE_ANEW}")
    return file


def _model(estimator: Any, description: Mapping[str, Any]) -> SklearnModel:
    from sklearn.base import is_classifier

    inputs = _inputs(estimator, description)
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


def _inputs(estimator: Any, description: Mapping[str, Any]) -> dict[str, str]:
    """The names of the inputs and their types, by the signature or by the fit."""
    signature = description.get("signature")
    try:
        declared = json.loads((signature or {}).get("inputs") or "[]")
        inputs = {str(each["name"]): str(each["type"]) for each in declared}
    except (AttributeError, KeyError, TypeError, ValueError):
        inputs = {}
    if not inputs:
        inputs = dict.fromkeys(map(str, getattr(estimator, "feature_names_in_", ())), "")
    if not inputs:
        raise ModelRefused(
            "it does not name its inputs; store it with signature=infer_signature(rows, "
            "predictions), where rows is a DataFrame"
        )
    return inputs
