"""From a registry URI to where the files of a model lie, through MLflow; nothing is read of them.

The registry's address is an argument: MLflow's own process-wide one is neither read nor set when
it is given.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from monitoring_dagster.errors import ModelUnavailable

if TYPE_CHECKING:
    from mlflow import MlflowClient

_URI = re.compile(
    r"models:/(?:(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))|(?P<id>m-[0-9a-f]+))"
)


def location(uri: str, tracking_uri: str | None) -> str:
    """Where the registry keeps the files of a model.

    Args:
        uri: `models:/NAME@ALIAS`, `models:/NAME/VERSION` or `models:/m-ID`.
        tracking_uri: address of the registry; MLflow's default for None.

    Raises:
        ModelUnavailable: the URI is another one, or the registry does not answer or know it.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise ModelUnavailable(
            f"{uri!r} names no model of the registry; give model.uri as models:/NAME@ALIAS, "
            "models:/NAME/VERSION or models:/m-ID"
        )
    _must_exist(tracking_uri)
    client = _client(uri, tracking_uri)
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        if match["id"]:
            return str(client.get_logged_model(match["id"]).artifact_location)
        version = match["version"]
        if version is None:
            version = client.get_model_version_by_alias(match["name"], match["alias"]).version
        return str(client.get_model_version_download_uri(match["name"], str(version)))
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise _unavailable(uri, error) from error


def name_of(uri: str) -> str | None:
    """The registered model that a URI names; None where it names another thing.

    >>> name_of("models:/loans@champion"), name_of("models:/m-0a1b"), name_of("https://host/score")
    ('loans', None, None)
    """
    match = _URI.fullmatch(uri)
    return match["name"] if match else None


def aliased(name: str, alias: str, tracking_uri: str | None) -> str | None:
    """The version of a registered model that has an alias; None where none has it.

    Raises:
        ModelUnavailable: the registry does not answer, or does not know the model.
    """
    _must_exist(tracking_uri)
    client = _client(name, tracking_uri)
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        version = client.get_registered_model(name).aliases.get(alias)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise _unavailable(name, error) from error
    return None if version is None else str(version)


def _client(uri: str, tracking_uri: str | None) -> MlflowClient:
    # Monitoring tells nobody that it runs; MLflow reads this as it is imported. And a log is no
    # place for progress bars.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # No way of MLflow may open a pickle in this process, whatever asks for it.
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        raise _unavailable(uri, error) from error


def _must_exist(tracking_uri: str | None) -> None:
    """Refuse a SQLite file that is not there: MLflow would make an empty registry of it."""
    if tracking_uri is None or not tracking_uri.startswith("sqlite:///"):
        return
    file = Path(tracking_uri.removeprefix("sqlite:///").partition("?")[0])
    if not file.is_file():
        raise ModelUnavailable(
            f"there is no MLflow registry at {file}; correct MLFLOW_TRACKING_URI, or register "
            "the model there"
        )


def _unavailable(what: str, error: Exception) -> ModelUnavailable:
    told = str(error).strip().partition("\n")[0] or type(error).__name__
    return ModelUnavailable(
        f"{what} cannot be fetched: {told}; see that the model is registered and that "
        "MLFLOW_TRACKING_URI leads to its registry"
    )
