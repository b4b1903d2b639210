"""Nothing leaves for an address that was not allowed, nor waits or reads without end."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from monitoring_dagster.egress import (
    AddressRefused,
    AnswerLost,
    NothingSent,
    Reach,
    checked_url,
    heartbeat,
    is_public,
    send,
)
from monitoring_dagster.errors import SettingInvalid
from tests.slack.loopback import nobody_listening
from tests.slack.sink import running_sink

PRIVATE = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "127.0.0.1",
    "0.0.0.0",  # noqa: S104 - refused
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "::ffff:10.0.0.1",
    "::10.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "2002:a00:1::",
    "2001:0:a00:1::",
    "fe80::1%eth0",
    "fc00::1",
    "fec0::1",
    "ff02::1",
]


def resolving(*addresses: str) -> Callable[..., list[Any]]:
    """A look-up that gives each of these once, and what must not be asked for after them."""
    left = list(addresses)

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (left.pop(0), port))]

    return resolve


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::808:808"]
)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_nothing_is_sent_where_a_public_name_leads_to(address: str) -> None:
    with pytest.raises(AddressRefused):
        send(
            "https://hooks.example.org/x",
            headers={},
            reach=Reach.PUBLIC,
            resolve=resolving(address),
        )


def test_one_private_address_among_public_ones_is_enough() -> None:
    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, port)) for address in ("93.184.216.34", "10.0.0.1")]

    with pytest.raises(AddressRefused):
        send("https://a.example/", headers={}, reach=Reach.PUBLIC, resolve=resolve)


def test_the_connection_is_made_to_the_address_that_was_checked() -> None:
    with running_sink() as sink:
        url = sink.url.replace("127.0.0.1", "localhost")
        # A second look-up would find nothing to give.
        reply = send(url, headers={}, reach=Reach.LOOPBACK, resolve=resolving("127.0.0.1"))
    assert reply.status == 200
    assert sink.requests[0].headers["Host"].startswith("localhost:")


@pytest.mark.parametrize("found", [[], OSError(), UnicodeError()], ids=repr)
def test_a_name_that_is_not_found_means_nothing_sent(found: object) -> None:
    def resolve(*_: Any, **__: Any) -> list[Any]:
        if isinstance(found, Exception):
            raise found
        return []

    with pytest.raises(NothingSent, match="name_not_found"):
        send("https://a.example/", headers={}, reach=Reach.PUBLIC, resolve=resolve)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.org/", "in the clear"),
        ("ftp://example.org/", "no URL of a host"),
        ("file:///etc/passwd", "no URL of a host"),
        ("https://", "no URL of a host"),
        ("https:///path", "no URL of a host"),
        ("https://user:secret@example.org/", "user or password"),
        ("https://@example.org/", "user or password"),
        ("https://example.org/#secret", "no URL of a host"),
        ("https://example.org/ secret", "unusual characters"),
        ("https://example.org/\r\nX: secret", "unusual characters"),
        ("https://example.org\\@evil.example/", "unusual characters"),
        ("https://exämple.org/", "unusual characters"),
        ("https://[::1/", "no URL"),
        ("https://example.org:99999/", "no URL"),
        ("https://localhost/", "this very machine"),
        ("https://127.0.0.1/", "this very machine"),
        ("https://[::1]/", "this very machine"),
        ("", "unusual characters"),
    ],
)
def test_a_url_is_refused_and_no_secret_of_it_shown(url: str, why: str) -> None:
    with pytest.raises(SettingInvalid, match=f"^THIS.*{why}") as caught:
        checked_url(url, named="THIS")
    assert "secret" not in str(caught.value)


def test_insecure_is_for_this_machine_only() -> None:
    assert checked_url("http://127.0.0.1:8/", named="THIS", allow_insecure=True)
    with pytest.raises(SettingInvalid, match="in the clear"):
        checked_url("http://10.0.0.1/", named="THIS", allow_insecure=True)


@pytest.mark.parametrize("name", ["127.1", "2130706433", "0x7f.1", "localhost.example"])
def test_another_spelling_of_this_machine_does_not_help(name: str) -> None:
    url = checked_url(f"https://{name}/", named="THIS")
    with pytest.raises(AddressRefused):
        send(url, headers={}, reach=Reach.PUBLIC, resolve=resolving("127.0.0.1"))


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with running_sink() as sink:
        sink.script(["redirect"])
        assert send(sink.url, headers={}, reach=Reach.LOOPBACK).status == 302
    assert len(sink.requests) == 1


def test_nobody_listening_means_nothing_sent() -> None:
    with nobody_listening() as address, pytest.raises(NothingSent, match="unreachable"):
        send(address, headers={}, reach=Reach.LOOPBACK)


@contextlib.contextmanager
def talking(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server of one connection, to which `talk` does what it wants."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError), server.accept()[0] as connection:
                connection.recv(65536)
                talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


def test_an_answer_that_trickles_is_given_up() -> None:
    over = threading.Event()

    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n")
        while not over.wait(0.02):
            connection.sendall(b"X-Slow: 1\r\n")

    with talking(trickle) as url:
        with pytest.raises(AnswerLost, match="timeout"):
            send(url, headers={}, reach=Reach.LOOPBACK, seconds=0.5)
        over.set()


def test_of_an_answer_without_end_only_the_beginning_is_read() -> None:
    def pour(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with talking(pour) as url:
        reply = send(url, headers={}, reach=Reach.LOOPBACK, longest_answer=1000)
    assert reply.body == b"x" * 1000


def test_a_server_without_tls_gets_nothing() -> None:
    got: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        got.append(connection.recv(65536))

    with talking(answer) as url, pytest.raises(NothingSent):
        send(url.replace("http:", "https:"), body=b"words", headers={}, reach=Reach.LOOPBACK)
    assert b"words" not in b"".join(got)


def test_a_proxy_is_asked_for_a_tunnel_and_given_no_header() -> None:
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as connection:
                got.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.0 407 Who are you\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        proxy = f"http://me:pass@127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(NothingSent, match="unreachable"):
            send(
                "https://slack.com/api/x",
                headers={"Authorization": "Bearer xoxb-1"},
                reach=Reach.ANY,
                proxy=proxy,
            )
        thread.join()
    assert got[0].startswith(b"CONNECT slack.com:443")
    assert b"Proxy-Authorization: Basic bWU6cGFzcw==" in got[0]
    assert b"xoxb" not in got[0]


@contextlib.contextmanager
def encrypting(folder: Path, name: str) -> Iterator[int]:
    """Port of a server that answers one request over TLS with a certificate for `name`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(dt.datetime(2020, 1, 1))  # noqa: DTZ001 - as the builder takes it
        .not_valid_after(dt.datetime(2100, 1, 1))  # noqa: DTZ001
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with (
                contextlib.suppress(OSError),
                server.accept()[0] as open_one,
                context.wrap_socket(open_one, server_side=True) as connection,
            ):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("name", "is_trusted"),
    [("localhost", True), ("localhost", False), ("other.example", True)],
    ids=["a certificate that is trusted", "one that is not", "one of another name"],
)
def test_https_is_spoken_with_whom_the_certificate_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_trusted: bool
) -> None:
    with encrypting(tmp_path, name) as port:
        if is_trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        url, found = f"https://localhost:{port}/x", resolving("127.0.0.1")
        if is_trusted and name == "localhost":
            reply = send(url, headers={}, reach=Reach.LOOPBACK, resolve=found)
            assert (reply.status, reply.body) == (200, b"hi")
        else:
            with pytest.raises(NothingSent, match="certificate_refused"):
                send(url, headers={}, reach=Reach.LOOPBACK, resolve=found)


@pytest.mark.parametrize(
    ("step", "said"),
    [(200, "ok"), (204, "ok"), (500, "http_500"), ("redirect", "http_302")],
    ids=str,
)
def test_a_heartbeat_says_how_it_went(step: Any, said: str) -> None:
    with running_sink() as sink:
        sink.script([step])
        assert heartbeat(sink.url, allow_insecure=True) == said
    assert [request.verb for request in sink.requests] == ["GET"]


@pytest.mark.parametrize(
    "url", ["", "nonsense", "http://example.org", "https://127.0.0.1/", "https://u@h/", "\x00"]
)
def test_a_heartbeat_to_nowhere_is_refused_and_does_not_raise(url: str) -> None:
    assert heartbeat(url) == "refused"


def test_a_heartbeat_that_is_lost_does_not_raise() -> None:
    with nobody_listening() as address:
        assert heartbeat(address, allow_insecure=True) == "unreachable"
    with running_sink() as sink:
        sink.script(["reset"])
        assert heartbeat(sink.url, allow_insecure=True) == "disconnected"
    private = resolving("192.168.1.1")
    assert heartbeat("https://a.example/", resolve=private) == "address_refused"
