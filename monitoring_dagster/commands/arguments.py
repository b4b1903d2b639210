"""Arguments that commands share, and what of them cannot be meant.

Nothing is looked up here: that is `deployment`.
"""

from __future__ import annotations

import datetime as dt
import getpass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no day; required is one such as 2026-01-31"
        ) from None


DAY: dict[str, Any] = {"parser": _day, "metavar": "YYYY-MM-DD"}
FirstDay = Annotated[dt.date, typer.Option("--from", help="First day.", **DAY)]
LastDay = Annotated[dt.date, typer.Option("--to", help="Last day.", **DAY)]
By = Annotated[str | None, typer.Option(help="Who you are; the user by default.")]


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def refuse_format(output_format: Format, output: Path | None) -> None:
    """Refuse a format that cannot be printed, and a file that nothing is written to."""
    if output_format is Format.PARQUET and output is None:
        raise typer.BadParameter("--format parquet needs --output FILE")
    if output_format is Format.TABLE and output is not None:
        raise typer.BadParameter("--output needs --format csv, json or parquet")


def reason(because: str) -> str:
    """A reason that is kept; refused where it is none."""
    if not because.strip():
        raise typer.BadParameter("--because is empty; required is a reason that others understand")
    return because.strip()


def person(by: str | None) -> str:
    """Who does it: the given name, else that of the user of this process."""
    if by is not None and by.strip():
        return by.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # such as in a container whose user has no name
        raise typer.BadParameter("this user has no name; give yours with --by") from None


def actor(by: str | None) -> str:
    """The same as the audit log writes it, so that nobody signs as the system or from Slack.

    >>> actor("ann")
    'user:ann'
    """
    return f"user:{person(by)}"


def length(hours: float) -> dt.timedelta:
    """So many hours; how many are too many is said where they count.

    >>> length(1.5)
    datetime.timedelta(seconds=5400)
    """
    if not 0 < hours <= 100_000:  # refuses NaN as well
        raise typer.BadParameter(f"--hours is {hours:g}; required is a number above 0")
    return dt.timedelta(hours=hours)
