"""The doctor: is everything that a deployment needs configured, reachable and writable?

Each examination is one function that returns one finding and never raises. Secrets are named by
fingerprint only.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from monitoring_dagster.errors import MonitoringError, SettingInvalid, in_words
from monitoring_dagster.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined: whether it is well, and what was found or must be done."""

    what: str
    is_well: bool
    text: str


def examine(settings: Settings, env: Mapping[str, str]) -> list[Finding]:
    """Examine the deployment of `settings`; writes a probe to the lake and removes it."""
    examinations: list[tuple[str, Callable[[], str]]] = [
        ("home", lambda: f"{settings.made_home()} is writable"),
        ("monitors", lambda: _monitors(settings.monitors)),
        ("store", lambda: _store(settings)),
        ("lake", lambda: _lake(settings.lake_url)),
        ("pseudonym key", lambda: _key(settings, env)),
        ("dagster home", lambda: _dagster_home(settings, env)),
    ]
    return [_found(what, examination) for what, examination in examinations]


def _found(what: str, examination: Callable[[], str]) -> Finding:
    try:
        return Finding(what, is_well=True, text=examination())
    except (MonitoringError, OSError) as error:
        return Finding(what, is_well=False, text=in_words(error))


def _monitors(folder: Path) -> str:
    from monitoring_dagster import documents
    from monitoring_dagster.errors import MonitorInvalid

    loaded = documents.load(folder)
    if loaded.problems:
        raise MonitorInvalid("\n      ".join(str(problem) for problem in loaded.problems))
    if not loaded.monitors:
        raise MonitorInvalid(f"{folder} holds no monitor; write one with `monitoring-dagster init`")
    return f"{', '.join(sorted(loaded.monitors))} in {folder}"


def _store(settings: Settings) -> str:
    from sqlalchemy.engine import make_url

    from monitoring_dagster.store import Store

    store = Store(settings.store_url)
    shown = make_url(settings.store_url).render_as_string(hide_password=True)
    if settings.is_untouched:
        return f"{shown} will be made at the first run"
    store.check()
    return f"{shown} at revision {store.revision()}"


def _lake(url: str) -> str:
    from monitoring_dagster.telemetry.lake import Lake

    lake, probe = Lake(url), f"doctor/{uuid.uuid4().hex}"
    lake.write(probe, b"well")
    lake.read(probe)
    lake.delete(probe)
    return f"{url} is writable"


def _key(settings: Settings, env: Mapping[str, str]) -> str:
    from monitoring_dagster.telemetry.pseudonyms import Pseudonyms

    key = Pseudonyms.from_environment(env, settings.home)
    return f"key {key.key_id} of {key.environment}, fingerprint {key.fingerprint}"


def _dagster_home(settings: Settings, env: Mapping[str, str]) -> str:
    home = Path(env.get("DAGSTER_HOME") or settings.home / "dagster")
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise SettingInvalid(
            f"{nearest} cannot be written; give this user the right to, or set DAGSTER_HOME"
        )
    return f"{home} is writable" if home.exists() else f"{home} will be made at the first run"
