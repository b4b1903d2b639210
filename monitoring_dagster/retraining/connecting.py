"""Reaching MLflow: a client for one address, limits on how long it is waited for, and its errors.

Whatever it fails with becomes one of two errors here: it does not answer, or it refuses. What is
asked of it is `tracking` and `registering`.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from monitoring_dagster.errors import RegistryRefused, RegistryUnavailable

if TYPE_CHECKING:
    from mlflow import MlflowClient

SECONDS = "MLFLOW_HTTP_REQUEST_TIMEOUT"
CALL_SECONDS, UPLOAD_SECONDS = "10", "120"

# MLflow's own limits are for a service that throttles: 7 retries of 120 s each, after pauses as
# long as a server asks for. So a dead one cost 4 minutes, and a hanging one a quarter of an hour.
# What is set already counts.
ENVIRONMENT: Mapping[str, str] = {
    SECONDS: CALL_SECONDS,
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}

# MLflow answers, and would answer the same tomorrow. An unknown path is none of these: it is what
# a proxy says while the server behind it is replaced. Nor is what exists already: somebody else
# was faster, and the next attempt finds it.
_REFUSALS = frozenset({"INVALID_PARAMETER_VALUE", "NOT_FOUND", "RESOURCE_DOES_NOT_EXIST"})

_PASSWORD = re.compile(r"//[^/@\s]+@")
_MOST_TOLD = 300


def connect(uri: str) -> MlflowClient:
    """A client of the MLflow at `uri`; an embedded database is made at first use (4 s).

    Args:
        uri: `http://` or `https://` of a server, or the SQLAlchemy URL of a database. MLflow's own
            process-wide address is neither read nor set.

    Raises:
        RegistryUnavailable: it cannot be reached.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    with reached():
        if uri.startswith("sqlite:///"):
            file = Path(uri.removeprefix("sqlite:///").partition("?")[0])
            file.parent.mkdir(parents=True, exist_ok=True)
        return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def reached() -> Iterator[None]:
    """Turn what MLflow fails with into our errors, and keep its warnings to itself.

    It warns of what newer pandas and SQLAlchemy will do to it, which nobody here can act on.

    Raises:
        RegistryUnavailable: it is down, slow, locked or broken, or does not know us.
        RegistryRefused: it answers, and does not do what was asked.
    """
    from google.protobuf.json_format import ParseError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except MlflowException as error:
        told = _refused if error.error_code in _REFUSALS else _unavailable
        raise told(error) from error
    except (SQLAlchemyError, ParseError, OSError) as error:
        raise _unavailable(error) from error


@contextmanager
def patiently() -> Iterator[None]:
    """While files are uploaded: a server that puts them elsewhere answers when they are there."""
    before = os.environ.get(SECONDS)
    if before == CALL_SECONDS:
        os.environ[SECONDS] = UPLOAD_SECONDS
    try:
        yield
    finally:
        if before is not None:
            os.environ[SECONDS] = before


def answered(identity: str | int | None, what: str) -> str:
    """The identity that MLflow gave, as text.

    Raises:
        RegistryUnavailable: it gave none, as a proxy does that answers for a server.
    """
    if identity in (None, ""):
        raise RegistryUnavailable(
            f"MLflow answered without saying which {what} it means; see that MLFLOW_TRACKING_URI "
            "leads to an MLflow server"
        )
    return str(identity)


def _refused(error: Exception) -> RegistryRefused:
    return RegistryRefused(
        f"MLflow refuses: {_told(error)}; look there at the model and its versions, and correct "
        "model.uri if it names another"
    )


def _unavailable(error: Exception) -> RegistryUnavailable:
    return RegistryUnavailable(
        f"MLflow does not answer: {_told(error)}; see that it is up, that MLFLOW_TRACKING_URI "
        "leads to it and that its credentials are right"
    )


def _told(error: Exception) -> str:
    """The first line of the error, without the password that an address may hold."""
    text = str(error).strip().partition("\n")[0] or type(error).__name__
    return _PASSWORD.sub("//", text)[:_MOST_TOLD]
