"""What an MLmodel file says of a model: which file holds it, what it takes, what its scores mean.

The text is read as plain data; whether it may be believed is up to whoever loads the model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models.stored_files import contained

MOST_BYTES = 4_000_000

CLASSES = "classes"
"""Key of a model's metadata: the classes that its scores stand for, in order."""

_STORE_ANEW = (
    "store it anew with mlflow.sklearn.log_model(..., serialization_format='skops') and its "
    "signature"
)
_STORE_BOOSTER = "store its booster with mlflow.lightgbm.log_model(model.booster_, ...)"

_NOT_READ = ("uri", "model_code_path")
"""Keys of a flavour that tell where something came from; MLflow opens nothing there."""


class Kind(StrEnum):
    """Models that can be read without running code of theirs."""

    SKLEARN = "sklearn"
    LIGHTGBM = "lightgbm"
    ONNX = "onnx"


class NeedsCode(ModelRefused):
    """Code of the model's own would run as it is loaded."""


@dataclass(frozen=True)
class Stored:
    """The one file that a readable model lies in."""

    kind: Kind
    file: str


@dataclass(frozen=True)
class Description:
    """An MLmodel file."""

    content: Mapping[str, Any]

    @property
    def inputs(self) -> dict[str, str]:
        """The names of the inputs and their MLflow types; empty where they have no names."""
        signature = self.content.get("signature")
        try:
            declared = json.loads((signature or {}).get("inputs") or "[]")
            return {str(each["name"]): str(each["type"]) for each in declared}
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            return {}

    @property
    def classes(self) -> tuple[Any, ...] | None:
        """What the scores stand for, in order, where the model's metadata say so."""
        metadata = self.content.get("metadata")
        found = metadata.get(CLASSES) if isinstance(metadata, dict) else None
        if found is None:
            return None
        if not isinstance(found, list) or any(isinstance(one, dict | list) for one in found):
            raise ModelRefused("its metadata hold classes that are no list; give ['no', 'yes']")
        return tuple(found)

    def must_stay_inside(self) -> None:
        """See that no flavour names a file outside the model.

        Raises:
            ModelRefused: one does.
        """
        for text in _texts(self.content.get("flavors")):
            if text.startswith("/") or ".." in PurePosixPath(text).parts:
                raise ModelRefused(
                    f"its description names {text!r}, which lies outside the model; store it anew"
                )


def read(path: Path) -> Description:
    """The description in a file.

    Raises:
        ModelRefused: it is none.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if path.stat().st_size > MOST_BYTES:
        raise ModelRefused(f"the model's file {path.name} is too large to be one; {_STORE_ANEW}")
    try:
        found = YAML(typ="safe", pure=True).load(path.read_bytes())
    except (YAMLError, ValueError, RecursionError) as error:
        raise ModelRefused(f"the model's file {path.name} is damaged; {_STORE_ANEW}") from error
    if not isinstance(found, dict):
        raise ModelRefused(f"the model's file {path.name} describes no model; {_STORE_ANEW}")
    return Description(found)


def stored_file(description: Mapping[str, Any]) -> Stored:
    """The file of a model that can be read without running code of its own.

    >>> stored_file({"flavors": {"sklearn": {
    ...     "serialization_format": "skops", "pickled_model": "model.skops"}}}).file
    'model.skops'

    Raises:
        NeedsCode: the model is of another kind, or stored in another format.
        ModelRefused: its file lies outside of it.
    """
    flavors = description.get("flavors")
    flavors = flavors if isinstance(flavors, dict) else {}
    kind = next((one for one in Kind if isinstance(flavors.get(one), dict)), None)
    if kind is None:
        kinds = ", ".join(sorted(map(str, flavors))) or "none"
        raise NeedsCode(
            f"it is no scikit-learn model of skops, LightGBM booster or ONNX graph (its kinds: "
            f"{kinds}), and only those can be read without running code of theirs; convert it to "
            f"ONNX, or wrap it in a scikit-learn pipeline and {_STORE_ANEW}"
        )
    flavor = flavors[kind]
    file = str(flavor.get("pickled_model" if kind is Kind.SKLEARN else "data"))
    written = _written(kind, flavor, file)
    if written:
        advice = _STORE_BOOSTER if kind is Kind.LIGHTGBM else _STORE_ANEW
        raise NeedsCode(
            f"it is stored as {written}, which can run any code when it is opened, so it was not; "
            f"{advice}"
        )
    if PurePosixPath(contained(file)).name != file:
        raise ModelRefused(f"its file {file!r} lies outside the model; {_STORE_ANEW}")
    return Stored(kind, file)


def _written(kind: Kind, flavor: Mapping[str, Any], file: str) -> str:
    """The format, where it is one that runs code."""
    if kind is Kind.ONNX:
        return ""
    written = str(flavor.get("serialization_format", "pickle"))
    if kind is Kind.SKLEARN:
        return "" if written == "skops" else written
    is_booster = flavor.get("model_class") in (None, "lightgbm.basic.Booster")
    if is_booster and not file.endswith((".pkl", ".skops")):
        return ""
    return f"a LightGBM estimator by {written}"


def _texts(root: Any) -> Iterator[str]:
    """Every text below `root`, whatever refers to what."""
    waiting, seen = [root], set[int]()
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict | list) and id(item) not in seen:
            seen.add(id(item))
            pairs = item.items() if isinstance(item, dict) else enumerate(item)
            waiting.extend(value for key, value in pairs if key not in _NOT_READ)
