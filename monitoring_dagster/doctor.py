"""The doctor: is everything that a deployment needs configured, reachable and writable?

Each examination is one function that says what it found, or raises what has to be mended. Secrets
are named by fingerprint only. Whether alerts reach people is `doctor_alerts`.
"""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monitoring_dagster.errors import MonitoringError, SettingInvalid, in_words
from monitoring_dagster.settings import Settings

if TYPE_CHECKING:
    from monitoring_dagster.instance import Sensor

DAEMON_AFTER = dt.timedelta(minutes=10)
"""A sensor that was not evaluated for so long is evaluated by nobody."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined: whether it is well, and what was found or must be done."""

    what: str
    is_well: bool
    text: str


def examine(
    settings: Settings, env: Mapping[str, str], clock: Callable[[], dt.datetime]
) -> Iterator[Finding]:
    """Examine the deployment of `settings`, one by one; writes a probe to the lake and removes it.

    Nothing is posted anywhere; `clock` is the clock, aware.
    """
    from monitoring_dagster import doctor_alerts

    examinations: list[tuple[str, Callable[[], str]]] = [
        ("home", lambda: f"{settings.made_home()} is writable"),
        ("monitors", lambda: _monitors(settings.monitors)),
        ("store", lambda: _store(settings)),
        ("lake", lambda: _lake(settings.lake_url)),
        ("pseudonym key", lambda: _key(settings, env)),
        ("audit key", lambda: _audit_key(settings, env)),
        ("dagster home", lambda: _dagster_home(settings, env)),
        ("sensors", lambda: _sensors(settings, env, clock())),
        *doctor_alerts.examinations(settings, env, clock),
    ]
    for what, examination in examinations:
        yield found(what, examination)


def found(what: str, examination: Callable[[], str]) -> Finding:
    """What an examination says; never raises what a user can mend."""
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


def _audit_key(settings: Settings, env: Mapping[str, str]) -> str:
    from monitoring_dagster.store.audit.keys import Signer

    public = Signer.from_environment(env, settings.home).public_key
    return f"key {public.key_id} of {public.name} signs its checkpoints"


def _dagster_home(settings: Settings, env: Mapping[str, str]) -> str:
    home = _home_of_dagster(settings, env)
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise SettingInvalid(
            f"{nearest} cannot be written; give this user the right to, or set DAGSTER_HOME"
        )
    return f"{home} is writable" if home.exists() else f"{home} will be made at the first run"


def _home_of_dagster(settings: Settings, env: Mapping[str, str]) -> Path:
    return Path(env.get("DAGSTER_HOME") or settings.home / "dagster")


def _sensors(settings: Settings, env: Mapping[str, str], now: dt.datetime) -> str:
    """Whether the daemon evaluates every sensor: nothing is delivered and caught up without."""
    from monitoring_dagster import instance

    home, start = _home_of_dagster(settings, env), "`dagster dev -w workspace.yaml` starts them"
    if not home.is_dir() or not any(home.iterdir()):
        return f"none was evaluated yet; {start}"
    known = instance.sensors(home)
    evaluated = [sensor.last_at for sensor in known if sensor.last_at is not None]
    if not evaluated:
        return f"none of {len(known)} was evaluated yet; {start}"
    if max(evaluated) < now - DAEMON_AFTER:
        raise SettingInvalid(
            f"none was evaluated since {max(evaluated):%Y-%m-%d %H:%M} UTC, so that nothing is "
            f"delivered: the daemon does not run; {start}, `dagster-daemon run` the daemon alone"
        )
    problems = [problem for sensor in known if (problem := _of_sensor(sensor, now))]
    if problems:
        raise SettingInvalid("\n      ".join(problems))
    return (
        f"{', '.join(sensor.name for sensor in known)}; the last at {max(evaluated):%H:%M:%S} UTC"
    )


def _of_sensor(sensor: Sensor, now: dt.datetime) -> str:
    if not sensor.is_on:
        return f"{sensor.name} is turned off; turn it on in Dagster, under Automation"
    if sensor.last_at is None or sensor.last_at < now - DAEMON_AFTER:
        last = f"since {sensor.last_at:%Y-%m-%d %H:%M} UTC" if sensor.last_at else "yet"
        return f"{sensor.name} was not evaluated {last}; reload the code location in Dagster"
    if sensor.failure:
        return f"{sensor.name} failed at {sensor.last_at:%H:%M:%S} UTC: {sensor.failure}"
    return ""
