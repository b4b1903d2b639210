"""Real Dagster processes for tests: code server, webserver and daemon on PostgreSQL.

Waiting is by condition with a deadline; nothing here sleeps for a fixed time to be right.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]

INSTANCE = """\
storage:
  postgres:
    postgres_url:
      env: DAGSTER_PG_URL
run_queue:
  dequeue_interval_seconds: 1
telemetry:
  enabled: false
"""

WORKSPACE = """\
load_from:
  - grpc_server:
      host: 127.0.0.1
      port: {port}
      location_name: monitoring
"""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Dagster:
    """A running set of processes, spoken to through GraphQL."""

    address: str
    logs: Path

    def query(self, text: str, **variables: object) -> dict[str, Any]:
        """Ask the webserver; returns the answer's data."""
        request = urllib.request.Request(
            f"{self.address}/graphql",
            data=json.dumps({"query": text, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = json.load(answer)
        assert "errors" not in body, body
        return body["data"]

    def until(self, what: str, probe: Callable[[], Found | None], seconds: float = 240) -> Found:
        """Wait until `probe` finds something; on the deadline show the processes' logs."""
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while time.monotonic() < deadline:
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                if (found := probe()) is not None:
                    return found
            pause.wait(0.5)
        tails = "\n".join(f"== {p.name}\n{p.read_text()[-3000:]}" for p in self.logs.glob("*.log"))
        raise AssertionError(f"{what} did not happen within {seconds:.0f} s\n{tails}")


@contextlib.contextmanager
def running_dagster(folder: Path, postgres_url: str, env: dict[str, str]) -> Iterator[Dagster]:
    """Start the processes on an instance in `folder`; stop them, hard if need be."""
    home = Path(env["DAGSTER_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(INSTANCE)
    code_port, web_port = _free_port(), _free_port()
    workspace = folder / "workspace.yaml"
    workspace.write_text(WORKSPACE.format(port=code_port))
    environment = {**os.environ, **env, "DAGSTER_PG_URL": postgres_url, "PYTHONWARNINGS": "ignore"}
    binaries = Path(sys.executable).parent
    local = ["-h", "127.0.0.1", "-p"]
    commands = {
        "code": [binaries / "dagster", "api", "grpc", "-m", "monitoring_dagster.definitions",
                 *local, str(code_port)],
        "web": [binaries / "dagster-webserver", "-w", workspace, *local, str(web_port)],
        "daemon": [binaries / "dagster-daemon", "run", "-w", workspace],
    }  # fmt: skip
    with contextlib.ExitStack() as running:
        for name, command in commands.items():
            log = running.enter_context((folder / f"{name}.log").open("w"))
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
            running.callback(_stop, process)
            if name == "code":
                _wait_for_port(code_port)
        dagster = Dagster(f"http://127.0.0.1:{web_port}", folder)
        dagster.until("the code location's load", lambda: _loaded(dagster))
        yield dagster


def _loaded(dagster: Dagster) -> bool | None:
    answer = dagster.query(
        "{ workspaceOrError { ... on Workspace { locationEntries "
        "{ loadStatus locationOrLoadError { __typename } } } } }"
    )
    entries = answer["workspaceOrError"]["locationEntries"]
    ready = entries and all(
        e["loadStatus"] == "LOADED"
        and e["locationOrLoadError"]["__typename"] == "RepositoryLocation"
        for e in entries
    )
    return True if ready else None


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        threading.Event().wait(0.2)
    raise AssertionError(f"nothing listens on port {port}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
