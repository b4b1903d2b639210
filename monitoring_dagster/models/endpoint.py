"""A model behind HTTP: rows out in batches, scores in, within limits of time and size.

How rows and scores are written is said by a protocol each, `simple_protocol` and `open_inference`;
how bytes travel, by `egress`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_dagster import egress
from monitoring_dagster.errors import ModelRefused, ModelUnavailable, SettingInvalid
from monitoring_dagster.models.served import Served
from monitoring_dagster.models.variables import (
    SCORING_ALLOW_INSECURE,
    SCORING_HOSTS,
    SCORING_TOKEN,
    SCORING_TOKEN_FILE,
)

MOST_ROWS = 1_000
"""Of one request."""

LARGEST_REQUEST = 4 * 1024**2
LARGEST_ANSWER = 8 * 1024**2
SECONDS = 30.0


@dataclass(frozen=True)
class Scoring:
    """Which endpoints may be asked, and how.

    Args:
        hosts: with the names below them; the token goes to no other.
        token: shown as a bearer; nothing is shown without one.
        allow_insecure: whether this very machine may be asked, by plain http.
        seconds: for the connection of a request, and again for its answer.
    """

    hosts: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    allow_insecure: bool = False
    seconds: float = SECONDS

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Scoring:
        """Read the variables of scoring.

        >>> Scoring.from_environment({SCORING_HOSTS: "models.example.org, ml.example.com"}).hosts
        ('models.example.org', 'ml.example.com')

        Raises:
            SettingInvalid: the token cannot be read or sent.
        """
        hosts = tuple(
            host.strip() for host in env.get(SCORING_HOSTS, "").split(",") if host.strip()
        )
        return cls(hosts, _token(env), env.get(SCORING_ALLOW_INSECURE) == "1")

    def call(self, url: str, body: bytes = b"", method: str = "POST") -> tuple[int, Any]:
        """One request: its status, and its answer as JSON where that is 200.

        Raises:
            ModelUnavailable: the URL may not be asked, nothing answered, or not yet.
            ModelRefused: the endpoint does not take the rows, or answers with something else than
                JSON.
        """
        reply = self._sent(url, body, method)
        if reply.status == 200:
            return 200, _json(reply.body)
        if reply.status in (400, 413, 415, 422):
            raise ModelRefused(
                f"the endpoint does not take the rows (HTTP {reply.status}); see its log, and that "
                "the monitor's features are those that it reads"
            )
        return reply.status, None

    def _sent(self, url: str, body: bytes, method: str) -> egress.Reply:
        is_here = egress.is_loopback(urlsplit(url).hostname or "")
        headers = {"Accept": "application/json", "User-Agent": "monitoring-dagster"}
        headers |= {"Content-Type": "application/json"} if body else {}
        headers |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            return egress.send(
                url,
                body=body,
                headers=headers,
                reach=egress.Reach.LOOPBACK if is_here else egress.Reach.ANY,
                method=method,
                seconds=self.seconds,
                longest_answer=LARGEST_ANSWER + 1,
            )
        except (egress.NothingSent, egress.AnswerLost) as error:
            raise ModelUnavailable(
                f"the endpoint at {urlsplit(url).hostname} does not answer ({error.reason}); see "
                "that it runs, and that it answers 1,000 rows in time"
            ) from error

    def checked(self, url: str) -> str:
        """`url` itself, if it may be asked.

        Raises:
            ModelUnavailable: its host is not one that the operator named, or it is no https URL.
        """
        try:
            egress.checked_url(
                url, named="model.uri", hosts=self.hosts, allow_insecure=self.allow_insecure
            )
        except SettingInvalid as error:
            raise ModelUnavailable(
                f"{error}; {SCORING_HOSTS} names the hosts that may be asked"
            ) from error
        host = urlsplit(url).hostname or ""
        if not self.hosts and not egress.is_loopback(host):
            raise ModelUnavailable(
                f"model.uri leads to {host}, and no endpoint may be asked; let the operator add "
                f"the host to {SCORING_HOSTS}"
            )
        return url


class Exchange(Protocol):
    """How a protocol writes rows and reads scores."""

    @property
    def path(self) -> str:
        """The URL that rows are sent to."""
        ...

    def written(self, values: Mapping[str, pa.ChunkedArray]) -> Any:
        """A batch of rows, as JSON takes it."""
        ...

    def read(self, answer: Any) -> Any:
        """The scores in an answer, as (nested) lists of numbers."""
        ...


@dataclass(frozen=True)
class Connection:
    """An endpoint that may be asked."""

    scoring: Scoring
    exchange: Exchange


@dataclass(frozen=True)
class EndpointModel(Served[Connection]):
    """A model that runs elsewhere."""

    def _scores(self, values: Mapping[str, pa.ChunkedArray]) -> NDArray[np.float64]:
        rows = len(next(iter(values.values())))
        parts = [
            self._batch({name: column.slice(at, MOST_ROWS) for name, column in values.items()})
            for at in range(0, rows, MOST_ROWS)
        ]
        if len({part.ndim for part in parts}) != 1 or len({part.shape[1:] for part in parts}) != 1:
            raise ModelRefused("the endpoint answers with arrays of several shapes; mend it")
        return np.concatenate(parts)

    def _batch(self, values: Mapping[str, pa.ChunkedArray]) -> NDArray[np.float64]:
        """The scores of a batch, in smaller ones where the request would be too large."""
        rows = len(next(iter(values.values())))
        body = json.dumps(self.estimator.exchange.written(values), allow_nan=False).encode()
        if len(body) <= LARGEST_REQUEST:
            return self._asked(body, rows)
        if rows == 1:
            raise ModelRefused(
                f"a single row makes a request of {len(body):,} bytes, and {LARGEST_REQUEST:,} "
                "are the most; leave out features with long texts"
            )
        half = rows // 2
        bounds = ((0, half), (half, rows - half))
        parts = [self._batch({n: c.slice(*b) for n, c in values.items()}) for b in bounds]
        return np.concatenate(parts)

    def _asked(self, body: bytes, rows: int) -> NDArray[np.float64]:
        url = self.estimator.exchange.path
        status, answer = self.estimator.scoring.call(url, body)
        if status != 200:
            not_answered(status)
        try:
            scores = np.array(self.estimator.exchange.read(answer), dtype=object)
            is_number = all(type(one) in (int, float) for one in scores.ravel().tolist())
            scores = scores.astype(np.float64) if is_number else None
        except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
            raise _odd(rows) from error
        if scores is None or scores.ndim not in (1, 2) or len(scores) != rows:
            raise _odd(rows)
        return scores[:, 0] if scores.shape[1:] == (1,) else scores


def not_answered(status: int) -> NoReturn:
    """Say what a status means.

    Raises:
        ModelUnavailable: always.
    """
    advice = "see its log"
    if status in (401, 403):
        advice = f"let the operator set {SCORING_TOKEN} to a token that it takes"
    elif 300 <= status < 400:
        advice = "redirects are not followed; give the address that it leads to"
    elif status == 404:
        advice = "correct model.uri"
    raise ModelUnavailable(f"the endpoint answers with HTTP {status}; {advice}")


def kinds(values: Mapping[str, pa.ChunkedArray]) -> dict[str, str]:
    """By column, whether it holds `number`, `whole`, `text` or `truth`.

    Raises:
        ModelRefused: it holds something else.
    """
    return {name: _kind(name, column.type) for name, column in values.items()}


def _kind(name: str, kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_integer(kind):
        return "whole"
    if pa.types.is_boolean(kind):
        return "truth"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    raise ModelRefused(
        f"{name} holds {kind}, and an endpoint can be given numbers, texts and truth values; "
        "declare the column with one of these types"
    )


def plain(name: str, column: pa.ChunkedArray) -> Iterator[Any]:
    """The values of a column as JSON takes them; missing values and NaN are null."""
    is_float = _kind(name, column.type) == "number"
    values = column.cast(pa.float64()) if is_float else column
    for value in values.to_pylist():
        if is_float and value is not None and not np.isfinite(value):
            if not np.isnan(value):
                raise ModelRefused(
                    f"{name} holds infinity, which JSON cannot say; clean the column"
                )
            value = None  # noqa: PLW2901 - not a number is no number
        yield value


def _json(body: bytes) -> Any:
    if len(body) > LARGEST_ANSWER:
        raise ModelRefused(
            f"the endpoint's answer has more than {LARGEST_ANSWER:,} bytes, for 1,000 rows at "
            "most; let it answer with scores alone"
        )
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ModelRefused(
            "the endpoint's answer is no JSON, which knows neither NaN nor infinity; mend it"
        ) from error


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)


def _odd(rows: int) -> ModelRefused:
    return ModelRefused(
        f"the endpoint answers {rows} rows with something else than one score, or one per class, "
        "for each of them; see deploy/scoring.openapi.yaml"
    )


def _token(env: Mapping[str, str]) -> str:
    path = env.get(SCORING_TOKEN_FILE)
    token = env.get(SCORING_TOKEN, "")
    if not token and path:
        try:
            token = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingInvalid(
                f"{SCORING_TOKEN_FILE} names {path}, which cannot be read; correct it, or set "
                f"{SCORING_TOKEN}"
            ) from error
    token = token.strip()
    if not all("!" <= letter <= "~" for letter in token):
        raise SettingInvalid(
            f"{SCORING_TOKEN} holds blanks or unusual characters; give the plain token"
        )
    return token


def columns_of(values: Mapping[str, pa.ChunkedArray]) -> Sequence[list[Any]]:
    """Every column as JSON takes it."""
    return [list(plain(name, column)) for name, column in values.items()]
