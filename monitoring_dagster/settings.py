"""Where a deployment keeps its things: every environment variable, its default, its meaning.

Nothing is opened here and no value is a secret's; `resources` and `cli` turn settings into
stores and lakes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from monitoring_dagster.errors import SettingInvalid
from monitoring_dagster.models import variables as of_models
from monitoring_dagster.notifications import variables

HOME = "MONITORING_DAGSTER_HOME"
MONITORS = "MONITORING_DAGSTER_MONITORS"
STORE_URL = "MONITORING_DAGSTER_STORE_URL"
LAKE_URL = "MONITORING_DAGSTER_LAKE_URL"
SOURCE_ROOTS = "MONITORING_DAGSTER_SOURCE_ROOTS"
SENSOR_SECONDS = "MONITORING_DAGSTER_SENSOR_SECONDS"
TRUSTED_TYPES = "MONITORING_DAGSTER_TRUSTED_TYPES"
RETRAINING_DISABLED = "MONITORING_DAGSTER_RETRAINING_DISABLED"
DAGSTER_URL = "MONITORING_DAGSTER_DAGSTER_URL"
ENVIRONMENT = "MONITORING_DAGSTER_ENVIRONMENT"
TRACKING_URI = "MLFLOW_TRACKING_URI"

MEANING = {
    HOME: "Folder that relative paths start from; the embedded store, lake and key lie in it.",
    MONITORS: "Folder of the monitors' YAML documents.",
    STORE_URL: "SQLAlchemy URL of the store; SQLite in the home by default.",
    LAKE_URL: "Folder or fsspec URL of snapshots, profiles and references.",
    SOURCE_ROOTS: "Folders and URL prefixes that sources may be read from, separated by commas.",
    SENSOR_SECONDS: "Shortest time between two looks of a sensor; 30 by default.",
    TRACKING_URI: "MLflow server or database that models are registered in; in the home if there.",
    TRUSTED_TYPES: "Types that a registered model may hold beyond scikit-learn's, with commas.",
    RETRAINING_DISABLED: "1 keeps every model from being trained anew; the kill switch.",
    DAGSTER_URL: "Address of Dagster's pages, for links in messages; http://127.0.0.1:3000.",
    ENVIRONMENT: "Part of every pseudonym and of an incident's identity; production by default.",
    "MONITORING_DAGSTER_PSEUDONYM_KEY_ID": "Name of the key, shown in every pseudonym; k1.",
    "MONITORING_DAGSTER_PSEUDONYM_KEY": "Key of the pseudonyms (or ..._KEY_FILE: a file of it).",
    "MONITORING_DAGSTER_AUDIT_ANCHOR": "File of the audit log's checkpoints; in the home if unset.",
    "MONITORING_DAGSTER_AUDIT_KEY": "Key that signs them (or ..._KEY_FILE: a file of it).",
    "MONITORING_DAGSTER_AUDIT_PREVIOUS_KEY": "The key before, while it is replaced (or ..._FILE).",
    **of_models.MEANING,
    **variables.MEANING,
}


@dataclass(frozen=True)
class Settings:
    """The settings of one process, read from its environment."""

    home: Path
    monitors: Path
    store_url: str
    lake_url: str
    source_roots: tuple[str, ...]
    sensor_seconds: int
    tracking_uri: str | None = None
    trusted_types: tuple[str, ...] = ()
    trusted_models: frozenset[str] = frozenset()
    is_retraining_disabled: bool = False
    dagster_url: str = "http://127.0.0.1:3000"
    environment: str = "production"

    @property
    def registry_url(self) -> str | None:
        """Address of MLflow's pages, where it is a server."""
        uri = self.tracking_uri or ""
        return uri.rstrip("/") if uri.startswith(("http://", "https://")) else None

    @property
    def mlflow_uri(self) -> str:
        """Where models are trained into: MLflow's server, or the home's database, made at need."""
        return self.tracking_uri or f"sqlite:///{self.home / 'mlflow' / 'mlflow.db'}"

    @property
    def mlflow_artifacts(self) -> str | None:
        """Where files of MLflow's runs and models lie; None where a server decides.

        >>> Settings.from_environment({HOME: "/srv/watch"}).mlflow_artifacts
        'file:///srv/watch/mlflow/artifacts'
        """
        return None if self.registry_url else (self.home / "mlflow" / "artifacts").as_uri()

    @property
    def is_untouched(self) -> bool:
        """Whether nothing was ever stored in this embedded home.

        A lake without a file does not count: looking whether it can be written makes its folder.
        """
        store, lake = self.home / "store.db", self.home / "lake"
        return (
            self.store_url == f"sqlite:///{store}"
            and not store.exists()
            and not any(path.is_file() for path in lake.rglob("*"))
        )

    def made_home(self) -> Path:
        """The home, made if it is absent.

        Raises:
            SettingInvalid: it cannot be made, or not be written.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingInvalid(
                f"the home {self.home} cannot be made ({error.strerror}); "
                f"set {HOME} to a folder that this user may write"
            ) from error
        if not os.access(self.home, os.W_OK | os.X_OK):
            raise SettingInvalid(
                f"the home {self.home} cannot be written; give this user the right to, "
                f"or set {HOME} to another folder"
            )
        return self.home

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; whatever is not set has an embedded default.

        >>> Settings.from_environment({HOME: "/srv/watch"}).store_url
        'sqlite:////srv/watch/store.db'

        Raises:
            SettingInvalid: a variable holds what cannot be used.
        """
        home = Path(env.get(HOME) or ".monitoring").absolute()
        registry = home / "mlflow" / "mlflow.db"
        return cls(
            home=home,
            monitors=Path(env.get(MONITORS) or "monitors").absolute(),
            store_url=env.get(STORE_URL) or f"sqlite:///{home / 'store.db'}",
            lake_url=env.get(LAKE_URL) or str(home / "lake"),
            source_roots=_listed(env.get(SOURCE_ROOTS)) or (str(home),),
            sensor_seconds=_whole_number(SENSOR_SECONDS, env.get(SENSOR_SECONDS) or "30"),
            tracking_uri=env.get(TRACKING_URI)
            or (f"sqlite:///{registry}" if registry.exists() else None),
            trusted_types=_listed(env.get(TRUSTED_TYPES)),
            trusted_models=_digests(env.get(of_models.TRUSTED_MODELS)),
            is_retraining_disabled=env.get(RETRAINING_DISABLED) == "1",
            dagster_url=(env.get(DAGSTER_URL) or cls.dagster_url).rstrip("/"),
            environment=env.get(ENVIRONMENT) or cls.environment,
        )


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _digests(text: str | None) -> frozenset[str]:
    found = frozenset(part.lower() for part in _listed(text))
    for one in sorted(found):
        if not re.fullmatch(r"[0-9a-f]{64}", one):
            raise SettingInvalid(
                f"{of_models.TRUSTED_MODELS} holds {one!r}; required are SHA-256 digests of 64 "
                "digits, as the refusal of a model names them"
            )
    return found


def _whole_number(variable: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise SettingInvalid(f"{variable} is {text!r}; required is a whole number of at least 1")
    return int(text)
