"""The open inference protocol, version 2, as KServe, Triton and MLServer speak it, in JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models.endpoint import Scoring, kinds, not_answered, plain

_PATH = re.compile(r"(?P<model>.*/v2/models/[^/]+(?:/versions/[^/]+)?)/infer")
_FLOATS = ("FP16", "BF16", "FP32", "FP64")
_WHOLE = re.compile(r"U?INT(8|16|32|64)")
_SCORES = ("probabilities", "predict_proba", "output_probability", "scores")
_NO_METADATA = (404, 405, 501)
"""Metadata are optional: a server without them has no such path."""


def is_spoken_at(url: str) -> bool:
    """Whether a URL is one of this protocol.

    >>> is_spoken_at("https://host/v2/models/loans/infer"), is_spoken_at("https://host/score")
    (True, False)
    """
    return _PATH.fullmatch(urlsplit(url).path) is not None


@dataclass(frozen=True)
class OpenInference:
    """POST /v2/models/NAME/infer.

    Args:
        path: the URL.
        tensor: the one input that takes all columns side by side; empty where each is its own.
        types: datatypes of the inputs, by name; by what the rows hold where it is not known.
        is_flat: inputs that take (n,) instead of (n, 1).
        output: the output that is asked for; the server's own choice if empty.
        has_classes: whether scores are probabilities, so that whole numbers cannot be them.
    """

    path: str
    has_classes: bool
    tensor: str = ""
    types: Mapping[str, str] = field(default_factory=dict)
    is_flat: frozenset[str] = frozenset()
    output: str = ""

    def written(self, values: Mapping[str, pa.ChunkedArray]) -> Any:
        """A batch of rows."""
        found = kinds(values)
        if self.tensor:
            inputs = [self._side_by_side(values, found)]
        else:
            inputs = [self._column(name, column, found[name]) for name, column in values.items()]
        request: dict[str, Any] = {"inputs": inputs}
        if not self.tensor:
            # MLServer makes a DataFrame of the columns by this; others leave it unread.
            request["parameters"] = {"content_type": "pd"}
        if self.output:
            request["outputs"] = [{"name": self.output}]
        return request

    def _column(self, name: str, column: pa.ChunkedArray, kind: str) -> dict[str, Any]:
        wanted = self.types.get(name) or _datatype(kind, column)
        shape = [len(column)] if name in self.is_flat else [len(column), 1]
        data = [_as_type(value, wanted, name) for value in plain(name, column)]
        return {"name": name, "shape": shape, "datatype": wanted, "data": data}

    def _side_by_side(
        self, values: Mapping[str, pa.ChunkedArray], found: Mapping[str, str]
    ) -> dict[str, Any]:
        wanted = self.types[self.tensor]
        texts = [name for name, kind in found.items() if (kind == "text") != (wanted == "BYTES")]
        if texts:
            raise ModelRefused(
                f"the endpoint takes all columns as one tensor of {wanted}, and {texts[0]} holds "
                f"{found[texts[0]]}; serve the model with one input per column"
            )
        columns = [[_as_type(v, wanted, n) for v in plain(n, c)] for n, c in values.items()]
        data = [value for row in zip(*columns, strict=True) for value in row]
        shape = [len(data) // len(columns), len(columns)]
        return {"name": self.tensor, "shape": shape, "datatype": wanted, "data": data}

    def read(self, answer: Any) -> Any:
        """The scores in an answer."""
        outputs = {one["name"]: one for one in answer["outputs"]}
        names = [self.output, *_SCORES] if len(outputs) > 1 else list(outputs)
        chosen = next((outputs[name] for name in names if name in outputs), None)
        if chosen is None:
            raise ModelRefused(
                f"the endpoint answers with {', '.join(map(str, outputs))[:200]}, and none of it "
                f"is named {' or '.join(_SCORES)}; serve the scores under such a name"
            )
        if self.has_classes and chosen["datatype"] not in _FLOATS:
            raise ModelRefused(
                f"the endpoint answers with {str(chosen['datatype'])[:20]}, which are decisions "
                "and no probabilities; serve the output predict_proba"
            )
        # An array of objects keeps what is no number from becoming one.
        flat = np.array(_flattened(chosen["data"]), dtype=object)
        return flat.reshape([int(size) for size in chosen["shape"]]).tolist()


def found_at(
    url: str, scoring: Scoring, features: Sequence[str], has_classes: bool
) -> OpenInference:
    """The protocol as the server's metadata of the model ask for it.

    Args:
        url: of inference.
        scoring: how to ask.
        features: the names that the model may know, in the monitor's order.
        has_classes: whether probabilities are wanted.

    Raises:
        ModelUnavailable: the server does not answer.
        ModelRefused: the model takes other columns.
    """
    match = _PATH.fullmatch(urlsplit(url).path)
    place = urlsplit(url)._replace(path=match["model"] if match else "", query="").geturl()
    status, told = scoring.call(place, method="GET")
    if status != 200 and status not in _NO_METADATA:
        not_answered(status)
    told = told if isinstance(told, dict) else {}
    inputs, outputs = _tensors(told.get("inputs")), _tensors(told.get("outputs"))
    output = next((name for name in _SCORES if name in outputs), "")
    plain_one = OpenInference(url, has_classes, output=output)
    if not inputs:
        return plain_one
    types = {name: str(one.get("datatype")) for name, one in inputs.items()}
    ranks = {name: len(one.get("shape") or ()) for name, one in inputs.items()}
    flat = frozenset(name for name, rank in ranks.items() if rank == 1)
    tensor = _tensor(inputs, features)
    return OpenInference(url, has_classes, tensor, types, flat, output)


def inputs_of(protocol: OpenInference, features: Sequence[str]) -> Sequence[str]:
    """The features that the model reads, in its order."""
    if protocol.tensor or not protocol.types:
        return features
    return list(protocol.types)


def _tensor(inputs: Mapping[str, Mapping[str, Any]], features: Sequence[str]) -> str:
    """The one input that takes all features, if there is one."""
    unknown = [name for name in inputs if name not in features]
    if not unknown:
        return ""
    name, *others = inputs
    shape = inputs[name].get("shape")
    if (
        others
        or not isinstance(shape, list)
        or len(shape) != 2
        or shape[1] not in (-1, len(features))
    ):
        raise ModelRefused(
            f"the endpoint reads {', '.join(unknown)[:200]}, and the monitor has the features "
            f"{', '.join(features)}; name its inputs as these, or take all {len(features)} of "
            "them as one tensor in this order"
        )
    return name


def _tensors(found: Any) -> dict[str, Mapping[str, Any]]:
    entries = found if isinstance(found, list) else []
    return {str(one["name"]): one for one in entries if isinstance(one, dict) and "name" in one}


def _datatype(kind: str, column: pa.ChunkedArray) -> str:
    if kind == "whole" and column.null_count:
        return "FP64"  # no whole number says that it is missing
    return {"number": "FP64", "whole": "INT64", "truth": "BOOL", "text": "BYTES"}[kind]


def _as_type(value: Any, wanted: str, name: str) -> Any:
    if value is None:
        if _WHOLE.fullmatch(wanted) or wanted == "BOOL":
            raise ModelRefused(
                f"{name} has missing values, and the endpoint takes {wanted} there, which knows "
                "none; serve the model with FP64 for this input"
            )
        return None
    is_text = isinstance(value, str)
    if is_text != (wanted == "BYTES"):
        raise ModelRefused(
            f"the endpoint takes {wanted} for {name}, where the rows have "
            f"{'texts' if is_text else 'numbers'}; correct the type of the column in the monitor"
        )
    if wanted in _FLOATS:
        return float(value)
    if wanted == "BOOL":
        return bool(value)
    return int(value) if _WHOLE.fullmatch(wanted) else value


def _flattened(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise TypeError("no list")
    return [
        one for part in data for one in (_flattened(part) if isinstance(part, list) else [part])
    ]
