"""An ONNX graph that answers rows of a snapshot, through onnxruntime on the processor.

What a graph may consist of is `onnx_graph`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models import onnx_graph
from monitoring_dagster.models.served import Served

_TYPES: Mapping[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": object,
}
"""What inputs may be; others are of pictures and sounds."""

_SCORES = ("probabilities", "output_probability", "scores")


@dataclass(frozen=True)
class Session:
    """A graph that is ready to be run.

    Args:
        run: feeds by name in, the scores out.
        tensor: the one input that takes all columns side by side; empty where each is its own.
        is_upright: by input, whether its column is handed as (n, 1) instead of (n,).
        labels: what the columns of the scores stand for, to bring maps into order.
    """

    run: Callable[[Mapping[str, Any]], Any]
    tensor: str
    is_upright: Mapping[str, bool]
    labels: Sequence[Any] | None


@dataclass(frozen=True)
class OnnxModel(Served[Session]):
    """A graph; the types of its inputs are ONNX's, such as `tensor(float)`."""

    def _scores(self, values: Mapping[str, pa.ChunkedArray]) -> NDArray[np.float64]:
        arrays = {name: _array(name, c, self.inputs[name]) for name, c in values.items()}
        session = self.estimator
        if session.tensor:
            feeds = {session.tensor: np.column_stack(list(arrays.values()))}
        else:
            feeds = {n: a[:, None] if session.is_upright[n] else a for n, a in arrays.items()}
        try:
            return _numbers(session.run(feeds), session.labels or ())
        except _failures() as error:
            told = str(error).strip().partition("\n")[0]
            raise ModelRefused(
                f"the ONNX graph cannot answer these rows ({told}); see that the monitor's "
                "features have the types that it takes"
            ) from error


def read(
    path: Path,
    fetch: onnx_graph.Fetch,
    inputs: Sequence[str] = (),
    classes: Sequence[Any] | None = None,
) -> OnnxModel:
    """The graph in a file, ready to be asked.

    Args:
        path: the file.
        fetch: copies a file that lies beside it.
        inputs: names of its columns by a signature, for a graph that takes them as one tensor.
        classes: what its scores stand for, in order, where its description says so.

    Raises:
        ModelRefused: it may not be run, or does not name its columns, or gives no scores.
    """
    graph = onnx_graph.read(path, fetch)
    session = _session(graph.SerializeToString())
    output = _scores_of(session.get_outputs())
    if classes is None:
        classes = onnx_graph.noted(graph, "classes")
    told = onnx_graph.classes(graph, [output.name, *_others(session, output)])
    if told is None and output.type.startswith("seq("):
        raise ModelRefused(
            f"its scores {output.name} are maps of classes that it does not list; convert it with "
            "options={'zipmap': False}"
        )
    names = list(inputs) or list(map(str, onnx_graph.noted(graph, "features") or ()))
    tensor, kinds, upright = _inputs(session.get_inputs(), names)

    def run(feeds: Mapping[str, Any]) -> Any:
        return session.run([output.name], feeds)[0]

    return OnnxModel(
        Session(run, tensor, upright, told),
        kinds,
        {name: name for name in kinds},
        classes if classes is not None else told,
    )


def _others(session: Any, output: Any) -> list[str]:
    return [one.name for one in session.get_outputs() if one.name != output.name]


def _session(content: bytes) -> Any:
    try:
        import onnxruntime
    except (ImportError, OSError) as error:
        raise ModelRefused(
            f"onnxruntime is not installed ({error}); install monitoring-dagster[models]"
        ) from error
    options = onnxruntime.SessionOptions()
    # One thread: days run side by side, a process per core.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except _failures() as error:
        told = str(error).strip().partition("\n")[0]
        raise ModelRefused(f"onnxruntime cannot run it ({told}); convert it anew") from error


@cache
def _failures() -> tuple[type[Exception], ...]:
    """What onnxruntime raises; its errors have no base of their own."""
    state = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    own = [one for one in vars(state).values() if isinstance(one, type)]
    return (
        *(one for one in own if issubclass(one, Exception)),
        ValueError,
        TypeError,
        RuntimeError,
        KeyError,
    )


def _scores_of(outputs: Sequence[Any]) -> Any:
    """The output that holds scores: numbers, or maps of them."""
    found = [o for o in outputs if o.type in ("tensor(float)", "tensor(double)")]
    found += [o for o in outputs if o.type.startswith("seq(map(")]
    named = [o for o in found if o.name in _SCORES]
    if len(found) != 1 and len(named) != 1:
        told = ", ".join(f"{o.name}: {o.type}" for o in outputs)
        raise ModelRefused(
            f"it has {len(found)} outputs that could be its scores ({told}); convert it so that "
            "one output named 'probabilities' holds them (skl2onnx: options={'zipmap': False})"
        )
    return named[0] if len(named) == 1 else found[0]


def _inputs(
    inputs: Sequence[Any], names: Sequence[str]
) -> tuple[str, dict[str, str], dict[str, bool]]:
    """The tensor that takes all columns, or none; types of the columns; which stand upright."""
    odd = [f"{one.name}: {one.type}" for one in inputs if one.type not in _TYPES]
    if odd:
        raise ModelRefused(
            f"it takes {', '.join(odd)}; numbers, texts and truth values can be given"
        )
    first = inputs[0] if len(inputs) == 1 else None
    if first is not None and list(names) != [first.name] and _is_wide(first, names):
        width = first.shape[1]
        if not names or (isinstance(width, int) and width != len(names)):
            raise ModelRefused(
                f"its input {first.name} takes {width} columns, and {len(names)} are "
                "named; store it with signature=infer_signature(rows), where rows is a DataFrame, "
                "or with the property features=[...]"
            )
        return str(first.name), {name: str(first.type) for name in names}, {}
    wide = [one for one in inputs if len(one.shape) > 2 or not _is_one(one.shape[1:])]
    if wide or not inputs:
        told = ", ".join(f"{one.name}: {one.shape}" for one in wide)
        raise ModelRefused(
            f"its inputs are not one column each ({told}); convert it with one input per column"
        )
    types = {str(one.name): str(one.type) for one in inputs}
    return "", types, {str(one.name): len(one.shape) == 2 for one in inputs}


def _is_wide(one: Any, names: Sequence[str]) -> bool:
    """Whether an input takes several columns side by side, or one under another name."""
    return len(one.shape) == 2 and (one.shape[1] != 1 or bool(names))


def _is_one(rest: Sequence[Any]) -> bool:
    return not rest or rest[0] == 1 or not isinstance(rest[0], int)


def _array(name: str, column: pa.ChunkedArray, kind: str) -> NDArray[Any]:
    """A column as ONNX takes it; a missing number is NaN, a missing text the empty one."""
    wanted = _TYPES[kind]
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_dictionary)
    if (wanted is object) != any(is_text(column.type) for is_text in texts):
        raise _other_type(name, column, kind)
    if wanted is object:
        return np.asarray(column.cast(pa.string()).fill_null("").to_pylist(), dtype=object)
    try:
        floats = column.cast(pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _other_type(name, column, kind) from error
    numbers = np.asarray(floats.to_numpy(), dtype=np.float64)
    if wanted in (np.float32, np.float64):
        return numbers.astype(wanted)
    if not np.isfinite(numbers).all():
        raise ModelRefused(
            f"{name} has missing values, and the ONNX graph takes {kind} there, which knows none; "
            "convert the model with tensor(float) for this input"
        )
    if pa.types.is_integer(column.type):
        numbers = column.to_numpy()
    return np.asarray(numbers).astype(wanted)


def _other_type(name: str, column: pa.ChunkedArray, kind: str) -> ModelRefused:
    return ModelRefused(
        f"{name} holds {column.type}, and the ONNX graph takes {kind} there; correct the type "
        "of the column in the monitor, or convert the model for such values"
    )


def _numbers(found: Any, labels: Sequence[Any]) -> NDArray[np.float64]:
    """Scores as an array; maps from class to score are brought into the order of the classes."""
    if isinstance(found, list):
        found = [[row[label] for label in labels] for row in found]
    return np.asarray(found, dtype=np.float64)
