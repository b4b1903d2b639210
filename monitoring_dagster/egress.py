"""Egress: the one way in which HTTP leaves this process, and the addresses it may go to.

No redirect is followed, no address is looked up twice, no call lasts or answers without end. What
an answer means is said by whoever asked.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from monitoring_dagster.errors import SettingInvalid

LONGEST_ANSWER = 64 * 1024
"""Bytes read of an answer; the rest is left unread."""

SECONDS = 5.0

Resolve = Callable[..., list[Any]]
"""As `socket.getaddrinfo`."""

Send = Callable[..., "Reply"]
"""As `send`."""

# An IPv6-only network reaches IPv4 through this prefix (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")
_TUNNEL_6TO4 = ipaddress.IPv6Network("2002::/16")
# Protocol assignments (RFC 6890), where one cloud has its metadata, and anycast relays of 6to4.
_SPECIAL = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("192.88.99.0/24"))


class Reach(StrEnum):
    """Which addresses a name may lead to."""

    PUBLIC = "public"
    LOOPBACK = "loopback"
    ANY = "any"
    """For a name that we trust and whose certificate is checked: a network may have its own way
    to it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its headers by lower-case name, and the beginning of its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NothingSent(ConnectionError):
    """There was no connection: surely nothing arrived. `reason` is a short name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AddressRefused(NothingSent):
    """The name leads to an address that nothing may be sent to."""


class AnswerLost(ConnectionError):
    """The connection failed after something was sent: it may have arrived."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def checked_url(
    url: str, *, named: str, hosts: Collection[str] = (), allow_insecure: bool = False
) -> str:
    """`url` itself, if something may be sent there.

    Args:
        url: what somebody configured, or what an answer gave.
        named: what the text of an error calls it, such as the variable that holds it.
        hosts: hosts that are allowed, with the names below them; any, if empty.
        allow_insecure: whether this very machine is allowed, also by plain http.

    >>> checked_url("https://files.slack.com/up?id=1", named="the upload", hosts=["slack.com"])
    'https://files.slack.com/up?id=1'
    >>> checked_url("https://slack.com.evil.example/", named="the upload", hosts=["slack.com"])
    Traceback (most recent call last):
        ...
    monitoring_dagster.errors.SettingInvalid: the upload leads to the host ...

    Raises:
        SettingInvalid: something else than that; the text never shows more than the host.
    """
    if not re.fullmatch(r"[!-~]+", url) or "\\" in url:
        raise SettingInvalid(f"{named} holds blanks or unusual characters; give a plain https URL")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise SettingInvalid(f"{named} is no URL; give one that begins with https://") from None
    if "@" in parts.netloc:
        raise SettingInvalid(
            f"{named} has a user or password before its host; give the URL without them"
        )
    is_here = is_loopback(host)
    if not host or parts.scheme not in ("https", "http") or parts.fragment:
        raise SettingInvalid(f"{named} is no URL of a host; give one that begins with https://")
    if is_here and not allow_insecure:
        raise SettingInvalid(
            f"{named} leads to this very machine ({host}), which is allowed in tests only"
        )
    if parts.scheme != "https" and not is_here:
        raise SettingInvalid(f"{named} is sent in the clear to {host}; give an https URL")
    if hosts and not is_here and not any(_is_below(host, allowed) for allowed in hosts):
        raise SettingInvalid(
            f"{named} leads to the host {host!r}; allowed are {', '.join(sorted(hosts))}"
        )
    return url


def is_loopback(host: str) -> bool:
    """Whether a host, as a URL names it, is this very machine.

    >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("::1")
    (True, True, True)
    >>> is_loopback("localhost.example")
    False
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open Internet, whatever it is written as.

    >>> is_public("93.184.216.34"), is_public("10.1.2.3"), is_public("::ffff:169.254.169.254")
    (True, False, False)
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        return ip.is_global and ip in _UNICAST and ip not in _TUNNEL_6TO4
    return ip.is_global and not ip.is_multicast and not any(ip in net for net in _SPECIAL)


def send(
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str],
    reach: Reach,
    method: str = "POST",
    seconds: float = SECONDS,
    longest_answer: int = LONGEST_ANSWER,
    proxy: str | None = None,
    resolve: Resolve = socket.getaddrinfo,
) -> Reply:
    """One request and its answer, whatever its status.

    The name is looked up once, and the connection is made to an address that was checked, so that
    a name that changes between two look-ups gains nothing. With `proxy` (http://host:port) the
    proxy looks the name up.

    Args:
        url: one that `checked_url` let pass.
        body: what is sent.
        headers: beside Host and Content-Length.
        reach: which addresses the name may lead to.
        method: of HTTP.
        seconds: for the connection, and again for all that follows, however slowly it trickles.
        longest_answer: bytes of the answer's body that are read.
        proxy: for https only.
        resolve: how names are looked up.

    Raises:
        AddressRefused: the name leads to an address beyond `reach`.
        NothingSent: there was no connection.
        AnswerLost: there was one, and it failed before the answer was whole.
    """
    parts = urlsplit(url)
    with _connected(parts, reach, seconds, proxy, resolve) as (connection, is_over):
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, target, body=body or None, headers=dict(headers))
            with connection.getresponse() as response:
                content = response.read(longest_answer)
                named = {name.lower(): value for name, value in response.headers.items()}
        except (OSError, http.client.HTTPException) as error:
            raise AnswerLost(_after(error, is_over())) from None
        # What was cut off looks like an answer that has come to its end.
        if is_over():
            raise AnswerLost("timeout")
        return Reply(response.status, named, content)


def heartbeat(
    url: str,
    *,
    method: str = "GET",
    allow_insecure: bool = False,
    seconds: float = SECONDS,
    resolve: Resolve = socket.getaddrinfo,
) -> str:
    """Tell a dead man's switch that this process is alive: `ok`, or what went wrong; never raises.

    >>> heartbeat("http://example.org/ping")
    'refused'
    """
    try:
        checked_url(url, named="the heartbeat", allow_insecure=allow_insecure)
        reply = send(
            url,
            method=method,
            headers={"User-Agent": "monitoring-dagster"},
            reach=reach_of(url),
            seconds=seconds,
            resolve=resolve,
        )
    except SettingInvalid:
        return "refused"
    except (NothingSent, AnswerLost) as error:
        return error.reason
    return "ok" if 200 <= reply.status < 300 else f"http_{reply.status}"


def reach_of(url: str) -> Reach:
    """Where the name of a configured URL may lead: to where it says that it leads."""
    return Reach.LOOPBACK if is_loopback(urlsplit(url).hostname or "") else Reach.PUBLIC


def _is_below(host: str, allowed: str) -> bool:
    return host == allowed or host.endswith(f".{allowed}")


@contextlib.contextmanager
def _connected(
    parts: SplitResult, reach: Reach, seconds: float, proxy: str | None, resolve: Resolve
) -> Iterator[tuple[http.client.HTTPConnection, Callable[[], bool]]]:
    """A connection that ends after `seconds`, and whether it has."""
    connection, is_tunnel = _prepared(parts, seconds, proxy)
    # The connection forgets its socket once it has read the headers of a last answer.
    sockets: list[socket.socket] = []
    over = threading.Event()
    clock = threading.Timer(seconds, _cut, [sockets, over])
    clock.daemon = True
    try:
        try:
            if not is_tunnel:
                connection.sock = _dialled(parts, reach, seconds, resolve)
                sockets.append(connection.sock)
            clock.start()
            if is_tunnel:
                connection.connect()
            elif isinstance(connection, http.client.HTTPSConnection):
                connection.sock = _encrypted(connection.sock, parts.hostname or "", sockets)
            sockets.append(connection.sock)
        except NothingSent:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise NothingSent(_before(error)) from None
        yield connection, over.is_set
    finally:
        clock.cancel()
        connection.close()


def _prepared(
    parts: SplitResult, seconds: float, proxy: str | None
) -> tuple[http.client.HTTPConnection, bool]:
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=seconds), False
    if proxy is None:
        return http.client.HTTPSConnection(host, parts.port, timeout=seconds), False
    by = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    connection = http.client.HTTPSConnection(by.hostname or "", by.port or 8080, timeout=seconds)
    connection.set_tunnel(host, parts.port or 443, headers=_proxy_headers(by))
    return connection, True


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    known = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(known.encode()).decode()}"}


def _dialled(parts: SplitResult, reach: Reach, seconds: float, resolve: Resolve) -> socket.socket:
    """A socket to the first address of the host that answers, all of them being allowed."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = resolve(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NothingSent("name_not_found") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses:
        raise NothingSent("name_not_found")
    if not all(_is_within(reach, address) for address in addresses):
        raise AddressRefused("address_refused")
    last: OSError = OSError()
    # One of each family is enough, and keeps the wait within twice the timeout.
    for address in addresses[:2]:
        try:
            return socket.create_connection((address, port), seconds)
        except OSError as error:
            last = error
    raise last


def _is_within(reach: Reach, address: str) -> bool:
    if reach is Reach.ANY:
        return True
    return is_loopback(address) if reach is Reach.LOOPBACK else is_public(address)


def _encrypted(plain: socket.socket, host: str, sockets: list[socket.socket]) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    secured = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    sockets.append(secured)
    try:
        secured.do_handshake()
    except BaseException:
        secured.close()
        raise
    return secured


def _cut(sockets: list[socket.socket], over: threading.Event) -> None:
    """End what waits on the newest socket; below TLS, whose own way of ending could wait too."""
    over.set()  # first: who reads the end asks at once whether it is one
    for one in sockets[-1:]:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(one, socket.SHUT_RDWR)


def _before(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate_refused"
    if isinstance(error, TimeoutError):
        return "connect_timeout"
    return "unreachable"


def _after(error: Exception, is_over: bool) -> str:
    if is_over or isinstance(error, TimeoutError):
        return "timeout"
    return "disconnected" if isinstance(error, OSError) else "unreadable_answer"
