"""From a registry URI to local files of a model, through MLflow; nothing is read of them here.

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


def fetch(where: str, file: str, folder: Path, tracking_uri: str | None) -> Path:
    """Copy one file of a model into `folder`.

    Raises:
        ModelUnavailable: it is not there, or its store cannot be reached.
    """
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    uri = f"{where.rstrip('/')}/{file}"
    try:
        copied = download_artifacts(
            artifact_uri=uri, dst_path=str(folder), tracking_uri=tracking_uri
        )
    except (MlflowException, OSError, ImportError) as error:
        raise _unavailable(uri, error) from error
    return Path(copied)


def _client(uri: str, tracking_uri: str | None) -> MlflowClient:
    # Monitoring tells nobody that it runs; MLflow reads this as it is imported. And a log is no
    # place for progress bars.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
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
