"""Where sources may lie: every way out of the allowed roots is closed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.errors import SourceMissing, SourceRefused, SourceUnreadable
from monitoring_dagster.telemetry.sources.access import locate
from tests.telemetry_sources.conftest import DAY, Access

TABLE = pa.table({"id": ["a"], "x": [1.0]})


@pytest.mark.parametrize(
    ("path", "because"),
    [
        pytest.param("http://169.254.169.254/latest", "roots", id="an address inside the cloud"),
        pytest.param("https://evil.example/{date}", "roots", id="a server that no root names"),
        pytest.param("file:///etc/passwd", "roots", id="a file URL outside"),
        pytest.param("/etc/passwd", "roots", id="an absolute path outside"),
        pytest.param("telemetry/../../secrets/x", "roots", id="dots that climb out"),
        pytest.param("telemetry/*/../../../etc/passwd", "..", id="dots behind a wildcard"),
        pytest.param("*/{date}.parquet", "roots", id="a wildcard in place of the root"),
        pytest.param("file://host/share/x", "host", id="a file URL with a host"),
        pytest.param("simplecache::http://10.0.0.1/x", "::", id="a chained file system"),
        pytest.param("zip://*.csv::telemetry/x.zip", "::", id="an archive as a file system"),
        pytest.param("zip:///telemetry/x.zip", "scheme", id="a wrapper as a scheme"),
        pytest.param("ftp://lake/telemetry/x", "scheme", id="an unknown scheme"),
        pytest.param("memory://lake/telemetry-of-others/x", "roots", id="a root as a mere prefix"),
        pytest.param("memory://lake/telemetry/../x", "..", id="dots in a URL"),
        pytest.param("memory://lake/telemetry/%2e%2e/x", "encoded", id="encoded dots in a URL"),
        pytest.param("memory://lake/telemetry//x", "empty part", id="an empty part in a URL"),
        pytest.param("memory://lake/*/x", "roots", id="a wildcard in place of a root of a URL"),
        pytest.param("telemetry/a\nb", "control", id="a line break"),
        pytest.param("telemetry/a\0b", "control", id="a zero byte"),
    ],
)
def test_a_path_out_of_the_roots_is_refused(path, because, room, parquet):
    with pytest.raises(SourceRefused) as refused:
        room.open(parquet(path))
    assert because in str(refused.value)
    with pytest.raises(SourceRefused):
        room.version(parquet(path))


@pytest.mark.parametrize(
    "path",
    [
        "telemetry/{date}.parquet",
        "./telemetry//{date}.parquet",
        "file://{base}/telemetry/{date}.parquet",
    ],
    ids=["relative", "with needless parts", "as a file URL"],
)
def test_the_ways_to_write_a_local_path_are_equal(path, room, parquet, tmp_path):
    pq.write_table(TABLE, room.folder / f"{DAY}.parquet")
    assert room.read(parquet(path.replace("{base}", str(tmp_path)))).num_rows == 1


def test_without_roots_nothing_is_allowed(room, parquet):
    with pytest.raises(SourceRefused, match=r"allowed roots \(none\)"):
        room.limited(roots=()).open(parquet())


def test_a_link_out_of_a_root_is_refused(room, parquet, tmp_path):
    pq.write_table(TABLE, tmp_path / "outside.parquet")
    (room.folder / f"{DAY}.parquet").symlink_to(tmp_path / "outside.parquet")
    for path in ("telemetry/{date}.parquet", "telemetry/*.parquet"):
        with pytest.raises(SourceRefused, match="link that leads out"):
            room.open(parquet(path))


def test_a_linked_folder_out_of_a_root_is_refused(room, parquet, tmp_path):
    (tmp_path / "outside").mkdir()
    pq.write_table(TABLE, tmp_path / "outside" / f"{DAY}.parquet")
    (room.folder / "inner").symlink_to(tmp_path / "outside")
    for path in ("telemetry/inner/{date}.parquet", "telemetry/*/{date}.parquet"):
        with pytest.raises(SourceRefused):
            room.open(parquet(path))


def test_a_link_within_the_roots_is_followed(room, parquet):
    pq.write_table(TABLE, room.folder / "original.parquet")
    (room.folder / f"{DAY}.parquet").symlink_to(room.folder / "original.parquet")
    assert room.read(parquet()).num_rows == 1


def test_a_link_to_nothing_is_not_taken_for_a_complete_day(room, parquet):
    pq.write_table(TABLE, room.folder / "a.parquet")
    (room.folder / "b.parquet").symlink_to(room.folder / "gone.parquet")
    with pytest.raises(SourceUnreadable, match="does not exist"):
        room.open(parquet("telemetry/*.parquet"))


def test_a_pipe_is_refused_instead_of_waiting_for_it(room, parquet):
    os.mkfifo(room.folder / f"{DAY}.parquet")
    with pytest.raises(SourceRefused, match="a device or a pipe"):
        room.open(parquet())


def test_a_password_in_a_url_is_refused_and_not_repeated(tmp_path):
    with pytest.raises(SourceRefused, match="secrets belong in the environment") as refused:
        locate("https://me:sesame@lake/x", DAY, Access(roots=("https://lake",), base=tmp_path))
    assert "sesame" not in str(refused.value)


def test_access_never_shows_the_environment(tmp_path):
    access = Access(roots=(), base=tmp_path, env={"URL": "db://me:sesame@host"})
    assert "sesame" not in repr(access)


def test_a_missing_package_is_named(room, parquet):
    with pytest.raises(SourceUnreadable, match=r"s3.*not installed"):
        room.limited(roots=("s3://lake",)).open(parquet("s3://lake/{date}.parquet"))


def test_the_host_of_a_root_is_compared_without_regard_to_case(tmp_path):
    access = Access(roots=("HTTPS://Data.Example/Drop/",), base=tmp_path)
    assert locate("https://data.example/Drop/{date}.csv", DAY, access).pattern == (f"{DAY}.csv",)
    with pytest.raises(SourceRefused):
        locate("https://data.example/drop/{date}.csv", DAY, access)


class _Handler(BaseHTTPRequestHandler):
    body = b""

    def do_HEAD(self) -> None:
        self._answer(False)

    def do_GET(self) -> None:
        self._answer(True)

    def _answer(self, with_body: bool) -> None:
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/secret/there.csv")
        else:
            self.send_response(404 if self.path.startswith("/data/missing") else 200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        if with_body:
            self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@pytest.fixture
def server() -> Iterator[str]:
    handler = type("Handler", (_Handler,), {"body": b"id,x\na,1\n"})
    with HTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_a_server_within_the_roots_is_read(room, csv, server):
    room = room.limited(roots=(f"{server}/data",))
    assert room.read(csv(f"{server}/data/{{date}}.csv")).to_pydict() == {"id": ["a"], "x": ["1"]}
    with pytest.raises(SourceMissing):
        room.open(csv(f"{server}/data/missing.csv"))
    with pytest.raises(SourceRefused):
        room.open(csv(f"{server}/secret/there.csv"))


def test_a_redirect_out_of_the_roots_is_not_followed(room, csv, server):
    room = replace(room, access=replace(room.access, roots=(f"{server}/moved",)))
    with pytest.raises(SourceRefused, match="redirects"):
        room.open(csv(f"{server}/moved/{{date}}.csv"))
