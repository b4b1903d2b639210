"""The same things for people at a terminal: every command, by its topic.

What each does is in `commands`. They end with 0 when all is well, with 1 when something has to be
mended, with 2 when they were not understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from monitoring_dagster.commands import (
    audit,
    database,
    days,
    doctor,
    documents,
    incidents,
    notifications,
    results,
    retraining,
)
from monitoring_dagster.commands.printing import fail
from monitoring_dagster.errors import MonitoringError, in_words


class Commands(TyperGroup):
    """Commands that tell in words what a user can mend; only our own mistakes show a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that `ctx` names."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # the reader, such as `head`, has seen enough
        except (MonitoringError, OSError) as error:
            fail(in_words(error))


app = typer.Typer(
    name="monitoring-dagster",
    cls=Commands,
    help="Watches machine-learning models in production.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for command in (
    documents.init,
    documents.check,
    days.run,
    results.measurements,
    results.verdicts,
    days.accept,
    documents.backtest,
    days.retention,
    doctor.doctor,
):
    app.command()(command)

for name, group in (
    ("incidents", incidents.app),
    ("notifications", notifications.app),
    ("retraining", retraining.app),
    ("audit", audit.app),
    ("db", database.app),
):
    app.add_typer(group, name=name)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line with `arguments`, those of the process by default."""
    app(args=arguments)
