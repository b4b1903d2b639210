"""An ONNX graph as it is written: what it may consist of, what it takes, what its scores stand for.

Nothing is run here; running is `onnx_model`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from monitoring_dagster.errors import ModelRefused

DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
"""Operators of the standard; others need a library of their own, or load files."""

MOST_BYTES = 2 * 1024**3
"""Of the graph with its external tensors; the format itself ends there."""

_PASSED_ON = ("Cast", "Reshape", "Identity", "Squeeze", "Flatten")

Fetch = Callable[[str], Path]
"""Copies a file that lies beside the model, by its plain name, and says where to."""


def read(path: Path, fetch: Fetch) -> Any:
    """The graph in a file, with its external tensors within.

    Raises:
        ModelRefused: it is damaged or too large, uses other operators than those of the standard,
            or has tensors outside its folder.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise ModelRefused(
            f"ONNX is not installed ({error}); install monitoring-dagster[models] and onnx"
        ) from error
    _must_be_small(path.stat().st_size)
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except DecodeError as error:
        raise _damaged(error) from error
    foreign = sorted(_domains(model) - {*DOMAINS, *(one.domain for one in model.functions)})
    if foreign:
        raise ModelRefused(
            f"it uses operators of {', '.join(foreign)}, and only those of the ONNX standard are "
            "run; convert it without custom operators"
        )
    _take_in(model, path, fetch)
    return model


def _must_be_small(size: int) -> None:
    if size > MOST_BYTES:
        raise ModelRefused(
            f"it has {size:,} bytes with its tensors, more than the {MOST_BYTES:,} that an ONNX "
            "graph may have; store a smaller one"
        )


def _damaged(error: Exception) -> ModelRefused:
    told = str(error).strip().partition("\n")[0]
    return ModelRefused(f"it is no ONNX graph ({told}); convert and store it anew")


def _messages(root: Any) -> Iterator[Any]:
    """Every part of a graph, those of inner graphs and functions included."""
    from google.protobuf.message import Message

    waiting = [root]
    while waiting:
        item = waiting.pop()
        yield item
        for _, value in item.ListFields():
            if isinstance(value, Message):
                waiting.append(value)
            elif not isinstance(value, str | bytes | int | float):
                waiting.extend(one for one in value if isinstance(one, Message))


def _domains(model: Any) -> set[str]:
    return {item.domain for item in _messages(model) if type(item).__name__ == "NodeProto"}


def _take_in(model: Any, path: Path, fetch: Fetch) -> None:
    """Load external tensors, each from a file with a plain name beside the model."""
    import onnx

    tensors = [
        tensor
        for tensor in _messages(model)
        if type(tensor).__name__ == "TensorProto"
        and tensor.data_location == onnx.TensorProto.EXTERNAL
    ]
    size = path.stat().st_size
    for tensor in tensors:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        name = entries.get("location", "")
        if PurePosixPath(name).name != name or name in ("", ".", "..") or "\\" in name:
            raise ModelRefused(
                f"its tensor {tensor.name} lies in {name!r}, outside the model; store it anew "
                "with its tensors within, or in one file beside it"
            )
        file = path.parent / name
        file = file if file.exists() else fetch(name)
        size += _length(entries, file)
        _must_be_small(size)
        _load(tensor, file.parent)


def _length(entries: Mapping[str, str], file: Path) -> int:
    length = entries.get("length", "")
    return int(length) if length.isdecimal() else file.stat().st_size


def _load(tensor: Any, folder: Path) -> None:
    import onnx
    from onnx.external_data_helper import load_external_data_for_tensor

    try:
        load_external_data_for_tensor(tensor, str(folder))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise _damaged(error) from error
    tensor.data_location = onnx.TensorProto.DEFAULT
    del tensor.external_data[:]


def noted(model: Any, key: str) -> list[Any] | None:
    """A list that the graph's own properties hold as JSON, such as `features` or `classes`."""
    found = {entry.key: entry.value for entry in model.metadata_props}.get(key)
    if found is None:
        return None
    try:
        values = json.loads(found)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or any(isinstance(one, dict | list) for one in values):
        raise ModelRefused(
            f'its property {key!r} is no list; write it as JSON, such as ["no", "yes"]'
        )
    return values


def classes(model: Any, outputs: Sequence[str]) -> list[Any] | None:
    """What the scores stand for, by the node that an output comes from; None if it is not said.

    Args:
        model: the graph.
        outputs: names of outputs that show it: the scores and, where there is one, the label.
    """
    made_by = {name: node for node in model.graph.node for name in node.output}
    for output in outputs:
        node = made_by.get(output)
        while node is not None and node.op_type in _PASSED_ON and node.input:
            node = made_by.get(node.input[0])
        found = None if node is None else _labels(node, model)
        if found:
            return found
    return None


def _labels(node: Any, model: Any) -> list[Any] | None:
    for attribute in node.attribute:
        if attribute.name in ("classlabels_int64s", "classlabels_ints") and attribute.ints:
            return list(attribute.ints)
        if attribute.name == "classlabels_strings" and attribute.strings:
            return [word.decode("utf-8", "replace") for word in attribute.strings]
    if node.op_type != "ArrayFeatureExtractor" or not node.input:
        return None
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    return _constant(constants.get(node.input[0]))


def _constant(tensor: Any) -> list[Any] | None:
    if tensor is None:
        return None
    from onnx import numpy_helper

    try:
        values = numpy_helper.to_array(tensor).ravel().tolist()
    except (ValueError, TypeError) as error:
        raise _damaged(error) from error
    return [one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in values]
