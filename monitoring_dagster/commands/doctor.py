"""The command that says what is wrong with a deployment."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import time
from functools import partial
from typing import Annotated

import typer

from monitoring_dagster.settings import MEANING, Settings

_NAMES = max(map(len, MEANING))


def doctor(
    live: Annotated[
        bool,
        typer.Option("--live", help="Try Slack with a test message, which is deleted again."),
    ] = False,
) -> None:
    """Say what is configured, reachable and writable; no secret is printed."""
    from monitoring_dagster import doctor as examining
    from monitoring_dagster import doctor_alerts

    settings, clock = Settings.from_environment(), partial(dt.datetime.now, dt.UTC)
    findings = examining.examine(settings, os.environ, clock)
    if live:
        tried = doctor_alerts.rehearse(settings, os.environ, clock, time.sleep)
        findings = itertools.chain(findings, tried)
    are_well = True
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.is_well else 'MEND'}  {finding.what}: {finding.text}")
        are_well &= finding.is_well
    typer.echo("\nSettings (environment variables):")
    for name, meaning in MEANING.items():
        typer.echo(f"  {name:<{_NAMES}} {'set  ' if os.environ.get(name) else 'unset'}  {meaning}")
    raise typer.Exit(0 if are_well else 1)
