"""A real MLflow server for the tests: one process on a free port of the loopback, and its end.

Only starting and stopping belongs here. A conftest that imports `mlflow_url` has it as a fixture.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

READY = "Application startup complete"


@pytest.fixture(scope="session")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an MLflow server of this test process; starting it takes 10 to 20 s."""
    with running_mlflow(tmp_path_factory.mktemp("mlflow-server")) as url:
        yield url


@contextlib.contextmanager
def running_mlflow(folder: Path) -> Iterator[str]:
    """Address of an MLflow server whose database and files lie in `folder`."""
    server, url = _start(folder)
    try:
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _start(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Start on a free port; another process may take the port first, so try a few."""
    log: list[str] = []
    for _ in range(3):
        port = _free_port()
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
        command += ["--port", str(port), "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
        command += ["--artifacts-destination", str(folder / "artifacts")]
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # it has workers, and ends with all of them
        )
        if _is_ready(server, log):
            return server, f"http://127.0.0.1:{port}"
        server.wait()
    raise RuntimeError("the MLflow server did not start:\n" + "".join(log))


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return kept | {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "OMP_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
    }


def _is_ready(server: subprocess.Popen[str], log: list[str]) -> bool:
    assert server.stderr is not None
    for line in server.stderr:
        log.append(line)
        if READY in line:
            # Somebody must go on reading, or the server blocks on a full pipe.
            threading.Thread(target=_drain, args=(server.stderr,), daemon=True).start()
            return True
    server.stderr.close()
    return False


def _drain(lines: Any) -> None:
    with contextlib.closing(lines):
        for _ in lines:
            pass


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
