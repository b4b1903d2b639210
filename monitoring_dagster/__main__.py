"""Runs the command line as `python -m monitoring_dagster`."""

from monitoring_dagster.cli import app

app()
