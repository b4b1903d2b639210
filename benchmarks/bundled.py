"""The data sets that the NannyML 0.13.1 wheel carries, fetched once into `.bench/nannyml/`.

Only the data files are unpacked: nothing of the package is installed or imported.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

LOCK = Path(__file__).with_name("data.lock")
BENCH = Path(__file__).parents[1] / ".bench"
_INSIDE = "nannyml/datasets/data/"
_SUFFIXES = (".csv", ".pq")


class DataUnavailable(RuntimeError):
    """The wheel could not be fetched: no index is reachable, or its hash is another."""


def folder() -> Path:
    """The folder of the data files; the first call fetches them, every later one does nothing.

    Processes that ask at the same time wait for the one that came first.

    Raises:
        DataUnavailable: where the wheel cannot be fetched; the text is pip's own.
    """
    data = BENCH / "nannyml"
    if data.is_dir():
        return data
    BENCH.mkdir(exist_ok=True)
    with _alone(BENCH / "nannyml.lock"), tempfile.TemporaryDirectory(dir=BENCH) as temporary:
        if not data.is_dir():
            _unpacked(_fetched(Path(temporary)), Path(temporary) / "data").rename(data)
    return data


def read(name: str) -> pa.Table:
    """One data set by its name without the suffix, e.g. `synthetic_car_loan_reference`.

    Raises:
        KeyError: for a name that the wheel does not carry; the text lists those that it does.
    """
    files = {path.stem: path for path in sorted(folder().iterdir())}
    if name not in files:
        message = f"no data set {name!r}; there are: {', '.join(files)}"
        raise KeyError(message)
    path = files[name]
    return pa.csv.read_csv(path) if path.suffix == ".csv" else pa.parquet.read_table(path)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # the kernel lets go of it when the process dies
        yield


def _fetched(into: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(LOCK)]
    done = subprocess.run(
        [*command, "--dest", str(into)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        message = f"the data sets of {LOCK.name} could not be fetched: {done.stderr.strip()}"
        raise DataUnavailable(message)
    return next(into.glob("*.whl"))


def _unpacked(wheel: Path, into: Path) -> Path:
    into.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            if member.startswith(_INSIDE) and member.endswith(_SUFFIXES):
                with (
                    archive.open(member) as source,
                    (into / Path(member).name).open("wb") as target,
                ):
                    shutil.copyfileobj(source, target)
    return into
