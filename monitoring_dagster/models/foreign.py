"""A model that needs code of its own: trusted by its digest, and run in a process apart.

The process knows no secret of the deployment and is ended with the model. It is no jail: whoever
trusts a digest has read what is in the folder.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models.served import Served

SECONDS_TO_LOAD = 300.0
SECONDS_TO_ANSWER = 600.0
MOST_SCORES = 100_000_000

_CHILD = Path(__file__).with_name("foreign_child.py")
_LOG = "output.txt"
_LONGEST_LINE = 1024 * 1024
_TYPES: Mapping[str, pa.DataType] = {
    "double": pa.float64(),
    "float": pa.float32(),
    "long": pa.int64(),
    "integer": pa.int32(),
    "string": pa.string(),
    "boolean": pa.bool_(),
}


class Child:
    """The process that a model runs in."""

    def __init__(self, folder: Path, work: Path) -> None:
        """Start it.

        Args:
            folder: the model.
            work: where rows and answers are exchanged; removed with the process.

        Raises:
            ModelRefused: it cannot be loaded.
        """
        self._work = work
        self._process, self._answers = _started(folder, work)
        self._rest = b""
        self._stop = weakref.finalize(self, _stop, self._process, self._answers, work)
        try:
            self.classes: Sequence[Any] | None = self._heard(SECONDS_TO_LOAD).get("classes")
        except ModelRefused:
            self.close()
            raise

    def ask(self, table: pa.Table) -> NDArray[np.float64]:
        """What the model makes of a table.

        Raises:
            ModelRefused: it failed, did not answer in time, or with something else than numbers.
        """
        if not self._stop.alive:
            raise self._failed("its process has ended")
        rows, answers = self._work / "rows.arrow", self._work / "answers.bin"
        with pa.OSFile(str(rows), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        question = json.dumps({"rows": str(rows), "answers": str(answers)}) + "\n"
        try:
            self._stdin.write(question.encode())
            self._stdin.flush()
        except OSError as error:
            raise self._failed("its process has ended") from error
        return _scores(answers, self._heard(SECONDS_TO_ANSWER).get("shape"))

    def close(self) -> None:
        """End the process and remove its files."""
        self._stop()

    @property
    def _stdin(self) -> Any:
        return self._process.stdin

    def _heard(self, seconds: float) -> dict[str, Any]:
        """The next line that the process tells."""
        while b"\n" not in self._rest:
            readable, _, _ = select.select([self._answers], [], [], seconds)
            told = os.read(self._answers, 65_536) if readable else b""
            if not told or len(self._rest) > _LONGEST_LINE:
                why = "its process ended" if readable else f"no answer came in {seconds:.0f} s"
                raise self._failed(why)
            self._rest += told
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            told = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self._failed("its answer is none") from error
        if not isinstance(told, dict):
            raise self._failed("its answer is none")
        if "error" in told:
            raise ModelRefused(
                f"the model fails in its own code ({str(told['error'])[:500]}); see that the "
                "packages that it needs are installed, and that the rows have its types"
            )
        return told

    def _failed(self, why: str) -> ModelRefused:
        self._stop()
        return ModelRefused(f"the model that runs in a process of its own fails: {why}")


@dataclass(frozen=True)
class ForeignModel(Served[Child]):
    """A model of any kind that MLflow can run; the types of its inputs are MLflow's."""

    def _scores(self, values: Mapping[str, pa.ChunkedArray]) -> NDArray[np.float64]:
        table = {name: _cast(name, column, self.inputs[name]) for name, column in values.items()}
        return self.estimator.ask(pa.table(table))


def start(folder: Path, inputs: Mapping[str, str], classes: Sequence[Any] | None) -> ForeignModel:
    """Run the model in `folder`, which is moved away and removed with the model.

    Args:
        folder: a copy of the model whose digest was seen to be trusted.
        inputs: names and MLflow types of its columns.
        classes: what its scores stand for, in order, where its description says so.

    Raises:
        ModelRefused: it does not name its inputs, or cannot be loaded.
    """
    if not inputs:
        raise ModelRefused(
            "it does not name its inputs; store it with signature=infer_signature(rows, "
            "predictions), where rows is a DataFrame"
        )
    work = Path(tempfile.mkdtemp(prefix="foreign-model-"))
    child = Child(Path(shutil.move(folder, work / "model")), work)
    known = child.classes if classes is None else classes
    return ForeignModel(child, inputs, {name: name for name in inputs}, known)


def _started(folder: Path, work: Path) -> tuple[subprocess.Popen[bytes], int]:
    answers, told = os.pipe()
    command = [sys.executable, "-I", "-B", str(_CHILD), str(folder), str(told)]
    try:
        with (work / _LOG).open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - a fixed command
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=work,
                env=_environment(work),
                pass_fds=[told],
                start_new_session=True,
            )
    except OSError as error:
        os.close(answers)
        raise ModelRefused(f"its process cannot be started ({error.strerror})") from error
    finally:
        os.close(told)
    return process, answers


def _environment(work: Path) -> dict[str, str]:
    """All that the process learns of its surroundings."""
    libraries = os.environ.get("LD_LIBRARY_PATH")
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(work),
        "TMPDIR": str(work),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "MLFLOW_TRACKING_URI": f"sqlite:///{work / 'none.db'}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true",
        **({"LD_LIBRARY_PATH": libraries} if libraries else {}),
    }


def _stop(process: subprocess.Popen[bytes], answers: int, work: Path) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
    process.wait()
    os.close(answers)
    shutil.rmtree(work, ignore_errors=True)


def _scores(path: Path, shape: Any) -> NDArray[np.float64]:
    is_shape = isinstance(shape, list) and 1 <= len(shape) <= 2
    if not is_shape or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise ModelRefused(f"the model answers with an array of shape {shape}, not one per row")
    size = int(np.prod(shape))
    if size > MOST_SCORES or path.stat().st_size != size * 8:
        raise ModelRefused("the model answers with another number of scores than it says")
    return np.fromfile(path, dtype=np.float64).reshape(shape)


def _cast(name: str, column: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    wanted = _TYPES.get(kind)
    if wanted is None:
        return column
    try:
        return column.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ModelRefused(
            f"the model takes {kind} for {name} where the rows have {column.type} ({error}); "
            "correct the type of the column in the monitor"
        ) from error
