"""MLflow that is down, slow, lying or does not know us: one error, soon, and few retries."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from monitoring_dagster.errors import RegistryUnavailable
from monitoring_dagster.retraining.connecting import ENVIRONMENT
from tests.retraining_tracking.acting import NOW, Place, action

ANSWERS = {
    "an internal error": (500, "application/json", b'{"error_code": "INTERNAL_ERROR"}'),
    "a gateway that sees nobody": (502, "text/html", b"<html>Bad Gateway</html>"),
    "come back in an hour": (503, "text/plain", b"busy"),
    "not authenticated": (401, "text/plain", b"You are not authenticated."),
    "not allowed": (403, "application/json", b'{"error_code": "PERMISSION_DENIED"}'),
    "no such page": (404, "text/html", b"<html>not found</html>"),
    "a page for people": (200, "text/html", b"<html>Sign in</html>"),
    "an empty document": (200, "application/json", b"{}"),
    "a document of another shape": (200, "application/json", b'{"experiment": [1], "runs": 7}'),
}


@dataclass
class Liar:
    """A loopback server that answers everything alike, or not at all."""

    status: int = 200
    kind: str = "text/plain"
    body: bytes = b""
    is_mute: bool = False
    asked: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    url: str = ""


@pytest.fixture
def liar() -> Iterator[Liar]:
    told = Liar()

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            told.asked.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if told.is_mute:
                told.over.wait()
                return
            self.send_response(told.status)
            self.send_header("Content-Type", told.kind)
            self.send_header("Content-Length", str(len(told.body)))
            if told.status == 503:
                self.send_header("Retry-After", "3600")
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    yield told
    told.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_whatever_else_answers_is_mlflow_unavailable(
    liar: Liar, answer: tuple[int, str, bytes], model_dir: Path
) -> None:
    liar.status, liar.kind, liar.body = answer
    place = Place(liar.url, None)
    with pytest.raises(RegistryUnavailable, match="MLFLOW_TRACKING_URI"):
        place.tracking().run_of(action(), now=NOW)
    with pytest.raises(RegistryUnavailable, match="MLFLOW_TRACKING_URI"):
        place.registry().champion_version("flights")
    assert len(liar.asked) <= 2 * (1 + int(ENVIRONMENT["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]))


def test_a_server_that_never_answers_is_given_up(
    liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    liar.is_mute = True
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryUnavailable, match=r"MLflow does not answer: .*ReadTimeoutError"):
        Place(liar.url, None).tracking().run_of(action(), now=NOW)
    assert len(liar.asked) == 1


def test_nobody_at_the_address_is_mlflow_unavailable(liar: Liar) -> None:
    gone = Place("http://127.0.0.1:9", None)
    with pytest.raises(RegistryUnavailable, match="MLflow does not answer"):
        gone.tracking().run_of(action(), now=NOW)
    with pytest.raises(RegistryUnavailable, match="MLflow does not answer"):
        gone.registry().move_alias("flights", "champion", "1")


def test_waiting_is_limited_unless_the_operator_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, embedded: Place
) -> None:
    import os

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "45")
    embedded.tracking()
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "45"
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "2"
    assert os.environ["MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER"] == "false"


def test_a_password_in_the_address_is_not_told() -> None:
    with pytest.raises(RegistryUnavailable) as refused:
        Place("http://anna:s3cret@127.0.0.1:9", None).tracking().run_of(action(), now=NOW)
    assert "s3cret" not in str(refused.value)


def test_a_database_that_cannot_be_made_is_mlflow_unavailable(tmp_path: Path) -> None:
    (tmp_path / "mlflow").write_text("a file, and no folder")
    with pytest.raises(RegistryUnavailable, match="MLflow does not answer"):
        Place(f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}", None).tracking()


def test_a_database_that_is_damaged_is_mlflow_unavailable(embedded: Place) -> None:
    tracking = embedded.tracking()
    Path(embedded.uri.removeprefix("sqlite:///")).write_bytes(b"\0" * 4_096)
    with pytest.raises(RegistryUnavailable, match="MLflow does not answer"):
        tracking.run_of(action(), now=NOW)


def test_files_that_cannot_be_kept_are_mlflow_unavailable(
    embedded: Place, tmp_path: Path, model_dir: Path
) -> None:
    tracking, registry = embedded.tracking(), embedded.registry()
    run_id = tracking.run_of(action(), now=NOW)
    shutil.rmtree(tmp_path / "artifacts", ignore_errors=True)
    (tmp_path / "artifacts").write_text("a file, and no folder")
    with pytest.raises(RegistryUnavailable):
        tracking.keep(run_id, {"decision.json": "{}"})
    with pytest.raises(RegistryUnavailable):
        registry.register(action(), model_dir, name="flights", run_id=run_id)
    assert registry.registered(action(), "flights") is None
