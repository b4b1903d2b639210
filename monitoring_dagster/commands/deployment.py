"""The deployment that commands are about: its store, its monitors, and the present.

Everything is looked up when it is asked for; what cannot be found ends the command in words.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from monitoring_dagster.commands.printing import fail
from monitoring_dagster.settings import Settings

if TYPE_CHECKING:
    from monitoring_dagster.deciding import Deciding
    from monitoring_dagster.monitors.contract import Monitor
    from monitoring_dagster.store import Store
    from monitoring_dagster.upkeep import Upkeep


def now() -> dt.datetime:
    """The present."""
    return dt.datetime.now(dt.UTC)


def store(to_do: str = "`monitoring-dagster run NAME ...` does") -> Store:
    """The store, of which nothing is made by asking; `to_do` says what makes an absent one."""
    from monitoring_dagster.store import Store

    settings = Settings.from_environment()
    if settings.is_untouched:
        fail(f"nothing was measured yet; {to_do}")
    return Store(settings.store_url)


def monitors() -> dict[str, Monitor]:
    """The monitors whose documents are valid."""
    from monitoring_dagster import documents

    return dict(documents.load(Settings.from_environment().monitors).monitors)


def monitor_named(name: str) -> Monitor:
    """One of them; where there is none, what may have been meant."""
    from monitoring_dagster import documents
    from monitoring_dagster.reports import terminal

    folder = Settings.from_environment().monitors
    loaded = documents.load(folder)
    if name not in loaded.monitors:
        problems = [str(problem) for problem in loaded.problems]
        advice = terminal.near(name, loaded.monitors)
        fail("\n".join([*problems, f"no valid monitor {name!r} in {folder}; {advice}"]))
    return loaded.monitors[name]


def deciding() -> Deciding:
    """What people decide about actions with, for every monitor."""
    from monitoring_dagster.resources import Workplace

    store()  # refuses where nothing was measured yet
    return Workplace().deciding(monitors().values())


def upkeep() -> Upkeep:
    """What answers incidents, with every monitor."""
    from monitoring_dagster.resources import Workplace

    store()  # refuses where there is nothing to answer yet
    return Workplace().upkeep(monitors().values())
