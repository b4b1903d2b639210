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

from monitoring_dagster.errors import MonitoringError
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
        ("home", lambda: _home(settings.home)),
        ("monitors", lambda: _monitors(settings.monitors)),
        ("store", lambda: _store(settings.store_url)),
        ("lake", lambda: _lake(settings.lake_url)),
        ("pseudonym key", lambda: _key(settings, env)),
        ("dagster home", lambda: _dagster_home(settings, env)),
    ]
    return [_found(what, examination) for what, examination in examinations]


def _found(what: str, examination: Callable[[], str]) -> Finding:
    try:
        return Finding(what, is_well=True, text=examination())
    except (MonitoringError, OSError) as error:
        return Finding(what, is_well=False, text=str(error))


def _home(home: Path) -> str:
    home.mkdir(parents=True, exist_ok=True)
    if not os.access(home, os.W_OK):
        raise PermissionError(f"{home} cannot be written; give this user write access")
    return f"{home} is writable"


def _monitors(folder: Path) -> str:
    from monitoring_dagster.errors import MonitorInvalid
    from monitoring_dagster.monitors.loader import load_folder

    loaded = load_folder(folder)
    if loaded.problems:
        raise MonitorInvalid("\n      ".join(str(problem) for problem in loaded.problems))
    if not loaded.monitors:
        raise MonitorInvalid(f"{folder} holds no monitor; write one with `monitoring-dagster init`")
    return f"{', '.join(sorted(loaded.monitors))} in {folder}"


def _store(url: str) -> str:
    from sqlalchemy.engine import make_url

    from monitoring_dagster.store import Store

    store = Store(url)
    store.check()
    return f"{make_url(url).render_as_string(hide_password=True)} at revision {store.revision()}"


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
    if not home.exists():
        return f"{home} will be made at the first run"
    if not os.access(home, os.W_OK):
        raise PermissionError(f"{home} cannot be written; give this user write access")
    return f"{home} is writable"
