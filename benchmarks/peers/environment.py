"""The peers' virtual environment: made once, from a lock with hashes, below the repository root."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

LOCK = Path(__file__).with_name("requirements.lock")
BENCH = Path(__file__).parents[2] / ".bench"
ENVIRONMENT = BENCH / "peers"

QUIET = {
    "DO_NOT_TRACK": "1",
    "NML_DISABLE_USAGE_LOGGING": "1",
    "WHYLOGS_NO_ANALYTICS": "True",
    "OMP_NUM_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
    "MPLBACKEND": "agg",
}
"""All three report their use to their makers unless told not to."""


def python() -> Path:
    """The interpreter of the peers' environment; the first call makes it, in about a minute.

    A changed lock makes it anew. Processes that ask at the same time wait for the first.

    Raises:
        subprocess.CalledProcessError: a package could not be installed; pip says why.
    """
    interpreter = ENVIRONMENT / "bin/python"
    BENCH.mkdir(exist_ok=True)
    with (BENCH / "peers.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # the kernel lets go of it when the process dies
        if not _is_made():
            shutil.rmtree(ENVIRONMENT, ignore_errors=True)
            _call([sys.executable, "-m", "venv", str(ENVIRONMENT)])
            pip = [str(interpreter), "-m", "pip", "install", "--quiet"]
            locked = ["--require-hashes", "--no-deps", "-r", str(LOCK)]
            _call([*pip, "--disable-pip-version-check", *locked])
            shutil.copyfile(LOCK, _installed())
    return interpreter


def _installed() -> Path:
    """A copy of the lock, written last: without it the environment is not complete."""
    return ENVIRONMENT / "installed.lock"


def _is_made() -> bool:
    return _installed().exists() and _installed().read_bytes() == LOCK.read_bytes()


def _call(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, env={**os.environ, **QUIET})
