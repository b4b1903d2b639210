"""The limited process: it ends with its parent, leaves nobody behind, and trains in a fork.

`limited` runs it as `python -m monitoring_dagster.retraining.child FOLDER MEGABYTES`. The first
process only watches, and loads nothing for it; what the fork does is `fitting`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import traceback
from pathlib import Path
from typing import NoReturn

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_MEGABYTE = 1_000_000


def main(folder: Path, memory_mb: int) -> NoReturn:
    """Train what `folder` orders, and exit as the trainer's process did.

    Standard input is the parent's hold: when it closes, by the parent's will or by its death,
    everything that was started here is killed.
    """
    signals = _watched_signals()
    # Orphans come here instead of to init, so that even a daemon that left the session is found.
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    watcher = os.getpid()
    worker = os.fork()
    if worker == 0:
        _work(folder, memory_mb, watcher)
    status = _status(worker, signals)
    _end_everybody()
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


def _watched_signals() -> int:
    """A pipe that tells of a child's end and of the parent's death as bytes: signal numbers."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return reader


def _status(worker: int, signals: int) -> int:
    """Wait for the worker's end, or make it where the parent lets go; its wait status."""
    while True:
        ready, _, _ = select.select([0, signals], [], [])
        is_over = 0 in ready or signal.SIGTERM in os.read(signals, 64)
        if is_over:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        ended, status = os.waitpid(worker, 0 if is_over else os.WNOHANG)
        if ended:
            return status


def _end_everybody() -> None:
    """Kill whoever is left below this process, and their children as they are orphaned."""
    while True:
        for child in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    """The processes whose parent this one is; none where there is no /proc."""
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            # The name, in brackets, may hold anything; behind it stand the state and the parent.
            if int(entry.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(entry.parent.name))
    return found


def _work(folder: Path, memory_mb: int, watcher: int) -> NoReturn:
    """Become the process that trains: limited, and dead as soon as the watcher is."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != watcher:
            os._exit(code)
        _limit(memory_mb)
        # The hold is the watcher's alone to read.
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        from monitoring_dagster.retraining import fitting

        code = fitting.run(folder)
    except Exception:  # noqa: BLE001 - of our own code: the log is where it can be told
        traceback.print_exc()
    finally:
        # Threads and exit handlers of foreign code are not waited for.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _limit(memory_mb: int) -> None:
    """Bound the memory of this process, and of each that it starts.

    RLIMIT_DATA counts what is written to; RLIMIT_AS would count address space that is only
    reserved. Training with scikit-learn, LightGBM, onnxruntime and MLflow in one process, which
    held 600 MB at most, counted 0.32 GB by the first and 0.98 by the second with one thread, 0.56
    and 1.88 with 8 threads, 0.98 and 2.37 with 32: a limit by the second would have to be set by
    the number of threads.
    """
    most = memory_mb * _MEGABYTE
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    # A core dump would hold the training rows.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        # Where the machine runs out of memory, this goes and not the deployment.
        Path("/proc/self/oom_score_adj").write_text("1000")


def _prctl(option: int, value: int) -> None:
    """Linux's prctl; other systems do without."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
