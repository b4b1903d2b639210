"""Where a deployment keeps its things: every environment variable, its default, its meaning.

Nothing is opened here and no value is a secret's; `resources` and `cli` turn settings into
stores and lakes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOME = "MONITORING_DAGSTER_HOME"
MONITORS = "MONITORING_DAGSTER_MONITORS"
STORE_URL = "MONITORING_DAGSTER_STORE_URL"
LAKE_URL = "MONITORING_DAGSTER_LAKE_URL"
SOURCE_ROOTS = "MONITORING_DAGSTER_SOURCE_ROOTS"
SENSOR_SECONDS = "MONITORING_DAGSTER_SENSOR_SECONDS"

MEANING = {
    HOME: "Folder that relative paths start from; the embedded store, lake and key lie in it.",
    MONITORS: "Folder of the monitors' YAML documents.",
    STORE_URL: "SQLAlchemy URL of the store; SQLite in the home by default.",
    LAKE_URL: "Folder or fsspec URL of snapshots, profiles and references.",
    SOURCE_ROOTS: "Folders and URL prefixes that sources may be read from, separated by commas.",
    SENSOR_SECONDS: "Shortest time between two looks of a sensor; 30 by default.",
    "MONITORING_DAGSTER_ENVIRONMENT": "Part of every pseudonym; production by default.",
    "MONITORING_DAGSTER_PSEUDONYM_KEY_ID": "Name of the key, shown in every pseudonym; k1.",
    "MONITORING_DAGSTER_PSEUDONYM_KEY": "Key of the pseudonyms (or ..._KEY_FILE: a file of it).",
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

    @property
    def is_untouched(self) -> bool:
        """Whether nothing was ever stored in this embedded home."""
        embedded = self.home / "store.db", self.home / "lake"
        return self.store_url == f"sqlite:///{embedded[0]}" and not any(
            path.exists() for path in embedded
        )

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; whatever is not set has an embedded default.

        >>> Settings.from_environment({HOME: "/srv/watch"}).store_url
        'sqlite:////srv/watch/store.db'
        """
        home = Path(env.get(HOME) or ".monitoring").absolute()
        roots = [root.strip() for root in env.get(SOURCE_ROOTS, "").split(",")]
        return cls(
            home=home,
            monitors=Path(env.get(MONITORS) or "monitors").absolute(),
            store_url=env.get(STORE_URL) or f"sqlite:///{home / 'store.db'}",
            lake_url=env.get(LAKE_URL) or str(home / "lake"),
            source_roots=tuple(root for root in roots if root) or (str(home),),
            sensor_seconds=int(env.get(SENSOR_SECONDS) or 30),
        )
