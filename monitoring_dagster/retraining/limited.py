"""The limited process from outside: started with little, listened to, and ended with all of it.

Its output is read as it comes and only the end kept: no trainer fills a disk by printing.
When and why it is ended is `process`; what it does is `child`.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from monitoring_dagster.retraining.handover import WORK

PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
"""Variables of the deployment that a trainer sees, beside those of its threads."""

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""1 unless the deployment says otherwise: with more, sums may be added up in another order."""

KEPT_BYTES = 128_000
"""Of what a trainer prints, the end."""

_GRACE_SECONDS = 10.0
_CHUNK = 65_536


class LimitedProcess:
    """The process of a trainer; at the exit of its `with` nobody of it is left.

    Linux also ends it with the thread that started it: start and leave it in the same one.

    Args:
        folder: with the order and the rows; private.
        memory_mb: megabytes that it may hold.
        environment: the deployment's, of which little is passed on.
        seed: of Python's hashes, which say in which order sets are gone through.
    """

    def __init__(
        self, folder: Path, memory_mb: int, environment: Mapping[str, str], seed: int
    ) -> None:
        self._kept = bytearray()
        self._dropped_bytes = 0
        work = (folder / WORK).absolute()
        work.mkdir(mode=0o700, exist_ok=True)
        self._output, written = os.pipe()
        held, self._hold = os.pipe()
        try:
            self._popen = subprocess.Popen(  # noqa: S603 - our own module, no shell
                # -P: what a trainer leaves in the folder that it runs in is never imported.
                [
                    *(sys.executable, "-P", "-X", "faulthandler"),
                    *(
                        "-m",
                        "monitoring_dagster.retraining.child",
                        str(folder.absolute()),
                        str(memory_mb),
                    ),
                ],
                stdin=held,
                stdout=written,
                stderr=subprocess.STDOUT,
                cwd=work,
                env=_environment(environment, work, seed),
                start_new_session=True,
                umask=0o077,
            )
        finally:
            os.close(written)
            os.close(held)
        os.set_blocking(self._output, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it with everything that it started."""
        # Closing the hold tells the child to end everybody; its own end follows.
        os.close(self._hold)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(_GRACE_SECONDS)
        # Whoever outlived a child that was itself killed is still in its group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        while self._read():
            pass
        self._selector.close()
        os.close(self._output)

    @property
    def pid(self) -> int:
        """Its process id, which is also that of its session."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """Its exit code, or the negative number of the signal that ended it; None while it runs."""
        return self._popen.poll()

    @property
    def printed(self) -> str:
        """The end of what it printed."""
        text = bytes(self._kept).decode("utf-8", errors="replace")
        if not self._dropped_bytes:
            return text
        return f"({self._dropped_bytes:,} bytes before this were not kept)\n{text}"

    def listen(self, seconds: float) -> None:
        """Take what it prints, and return after `seconds` at the latest if it prints nothing."""
        if self._selector.select(seconds):
            self._read()

    def _read(self) -> bool:
        """Take a piece of what was printed; whether there may be more."""
        try:
            piece = os.read(self._output, _CHUNK)
        except BlockingIOError:
            return False
        if not piece:
            with contextlib.suppress(KeyError):
                self._selector.unregister(self._output)
            return False
        self._kept += piece
        excess = len(self._kept) - KEPT_BYTES
        if excess > 0:
            del self._kept[:excess]
            self._dropped_bytes += excess
        return True


def _environment(given: Mapping[str, str], work: Path, seed: int) -> dict[str, str]:
    """An allow-list: whatever the deployment holds beside it, a trainer does not see."""
    return {
        **{name: given[name] for name in PASSED_ON if name in given},
        **{name: given.get(name, "1") for name in THREADS},
        "HOME": str(work),
        "TMPDIR": str(work),
        # What the deployment can import, a trainer can; and what lies where it was started, which
        # Dagster's processes have on their path, and a command's do not.
        "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in (*sys.path, "")),
        "PYTHONHASHSEED": str(seed),
        "PYTHONUTF8": "1",
        # The last words before a crash are those that are needed.
        "PYTHONUNBUFFERED": "1",
        "MPLBACKEND": "Agg",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
