"""Real Dagster processes for tests: code server, webserver and daemons on PostgreSQL.

Waiting is by condition with a deadline; nothing here sleeps for a fixed time to be right.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]

INSTANCE = """\
storage:
  postgres:
    postgres_url:
      env: DAGSTER_PG_URL
telemetry:
  enabled: false
"""

QUEUED = """\
run_queue:
  dequeue_interval_seconds: 1
"""

# Dagster's own queue does not bear two daemons: both may start the same run, which then fails.
AT_ONCE = """\
run_coordinator:
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator
"""

WORKSPACE = """\
load_from:
  - grpc_server:
      host: 127.0.0.1
      port: {port}
      location_name: monitoring
"""

LAUNCH = """
mutation Launch($job: String!, $tags: [ExecutionTag!]!, $config: RunConfigData) {
  launchRun(executionParams: {
    selector: {
      repositoryLocationName: "monitoring", repositoryName: "__repository__", jobName: $job
    },
    runConfigData: $config,
    executionMetadata: {tags: $tags}
  }) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PythonError { message }
  }
}"""

RUNS = """
query Runs($job: String!) {
  runsOrError(filter: {pipelineName: $job}) {
    ... on Runs { results { runId status tags { key value } } }
  }
}"""

EVENTS = """
query Events($run: ID!) {
  logsForRun(runId: $run) {
    ... on EventConnection { events { ... on MessageEvent { message } } }
  }
}"""

PROCESS = re.compile(r"Executing steps in process \(pid: (\d+)\)")

OVER = {"SUCCESS", "FAILURE", "CANCELED"}

Found = TypeVar("Found")


@dataclass(frozen=True)
class Dagster:
    """A running set of processes, spoken to through GraphQL."""

    address: str
    logs: Path
    processes: Processes

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

    def launch(
        self,
        job: str,
        day: dt.date | None = None,
        config: Mapping[str, object] | None = None,
        *,
        last: dt.date | None = None,
    ) -> None:
        """Launch a job as somebody does at Dagster's pages, for a day or several if they say so."""
        named = {} if day is None else {"dagster/partition": str(day)}
        if last is not None:
            ends = {"start": day, "end": last}
            named = {f"dagster/asset_partition_range_{e}": str(d) for e, d in ends.items()}
        tags = [{"key": key, "value": value} for key, value in named.items()]
        answer = self.query(LAUNCH, job=job, tags=tags, config=config or {})["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer

    def runs(self, job: str) -> list[dict[str, Any]]:
        """The runs of a job, the newest first."""
        return self.query(RUNS, job=job)["runsOrError"]["results"]

    def pid(self, run_id: str) -> int | None:
        """The process of a run, once it has said so."""
        events = self.query(EVENTS, run=run_id)["logsForRun"]["events"]
        said = [PROCESS.search(event.get("message", "")) for event in events]
        return next((int(found[1]) for found in said if found), None)

    def finished(self, job: str, count: int) -> list[dict[str, Any]] | None:
        """The runs of a job once there are so many of them and all have ended."""
        runs = self.runs(job)
        done = [run for run in runs if run["status"] in OVER]
        return done if len(done) >= count and len(done) == len(runs) else None

    def until(
        self,
        what: str,
        probe: Callable[[], Found | None],
        seconds: float = 240,
        every_seconds: float = 0.5,
    ) -> Found:
        """Wait until `probe` finds something; on the deadline show the processes' logs."""
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while time.monotonic() < deadline:
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                if (found := probe()) is not None:
                    return found
            pause.wait(every_seconds)
        tails = "\n".join(f"== {p.name}\n{p.read_text()[-3000:]}" for p in self.logs.glob("*.log"))
        raise AssertionError(f"{what} did not happen within {seconds:.0f} s\n{tails}")


@dataclass(frozen=True)
class Processes:
    """The processes by name: `code`, `web` and `daemon-N`; each can be killed and started again."""

    commands: Mapping[str, Sequence[object]]
    environment: Mapping[str, str]
    folder: Path
    code_port: int
    running: contextlib.ExitStack
    started: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, **environment: str) -> None:
        """Start one; the code server is there when this returns."""
        log = self.running.enter_context((self.folder / f"{name}.log").open("a"))
        process = subprocess.Popen(
            [str(part) for part in self.commands[name]],
            cwd=ROOT,
            env={**self.environment, **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self.started[name] = process
        self.running.callback(_stop, process)
        if name == "code":
            _wait_for_port(self.code_port, process, self.folder / "code.log")

    def workers(self) -> list[int]:
        """The processes of runs that the code server has started, as soon as there are any."""
        server = Path(f"/proc/{self.started['code'].pid}")
        children = [
            int(pid)
            for thread in server.glob("task/*/children")
            for pid in thread.read_text().split()
        ]
        return [pid for pid in children if "spawn_main" in _command(pid)]

    def kill(self, name: str) -> None:
        """Kill one by SIGKILL, with whatever it has started."""
        process = self.started[name]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def running_dagster(
    folder: Path, postgres_url: str, env: dict[str, str], *, daemons: int = 1
) -> Iterator[Dagster]:
    """Start the processes on an instance in `folder`; stop them, hard if need be."""
    home = Path(env["DAGSTER_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(INSTANCE + (QUEUED if daemons == 1 else AT_ONCE))
    code_port, web_port = _free_port(), _free_port()
    workspace = folder / "workspace.yaml"
    workspace.write_text(WORKSPACE.format(port=code_port))
    environment = {**os.environ, **env, "DAGSTER_PG_URL": postgres_url, "PYTHONWARNINGS": "ignore"}
    binaries = Path(sys.executable).parent
    local = ["-h", "127.0.0.1", "-p"]
    commands: dict[str, Sequence[object]] = {
        "code": [binaries / "dagster", "api", "grpc", "-m", "monitoring_dagster.definitions",
                 *local, str(code_port)],
        "web": [binaries / "dagster-webserver", "-w", workspace, *local, str(web_port)],
        **{
            f"daemon-{number}": [binaries / "dagster-daemon", "run", "-w", workspace]
            for number in range(daemons)
        },
    }  # fmt: skip
    with contextlib.ExitStack() as running:
        processes = Processes(commands, environment, folder, code_port, running)
        for name in commands:
            processes.start(name)
        dagster = Dagster(f"http://127.0.0.1:{web_port}", folder, processes)
        dagster.until("the code location's load", lambda: _loaded(dagster))
        yield dagster


def _command(pid: int) -> str:
    """Its command line; empty once it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


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


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        threading.Event().wait(0.2)
    raise AssertionError(f"nothing listens on port {port}\n{log.read_text()[-3000:]}")


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
