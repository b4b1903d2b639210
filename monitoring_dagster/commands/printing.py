"""How commands print: lines and tables that no text from outside can disturb, and failures.

What is printed is made in `reports`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from monitoring_dagster.commands.arguments import Format

if TYPE_CHECKING:
    import pyarrow as pa

_WIDEST = 1_000


def fail(text: str) -> NoReturn:
    """Say what has to be mended, and end with 1."""
    typer.echo(text, err=True)
    raise typer.Exit(1)


def literal(text: str) -> str:
    r"""Text on one line that a terminal shows and does not obey.

    Names and values come from telemetry: they may hold control sequences, or characters that
    reorder what is read.

    >>> literal("plan=\x1b[2Jgold\u202e")
    'plan=�[2Jgold�'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def say(lines: Iterable[str]) -> None:
    """Print lines that may hold texts from outside."""
    for line in lines:
        typer.echo(literal(line))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], wrapped: Iterable[str]) -> None:
    """Print a table; columns that are `wrapped` fold where the terminal is narrow.

    A column named in `wrapped` holds text and stands left, the others stand right.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    folding = set(wrapped)
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in header:
        if name in folding:
            shown.add_column(name, overflow="fold")
        else:
            shown.add_column(name, justify="right", no_wrap=True)
    for cells in rows:
        shown.add_row(*[Text(literal(cell)) for cell in cells])
    # A pipe has no width; what is shown holds no markup, whatever it looks like.
    width = None if sys.stdout.isatty() else _WIDEST
    console = Console(width=width, markup=False, highlight=False, emoji=False)
    unbounded = console.options.update(max_width=_WIDEST)
    if console.measure(shown, options=unbounded).maximum > console.width:
        shown.padding = (0, 1, 0, 0)
    console.print(shown)


def export(rows: pa.Table, kind: Format, output: Path | None, what: str) -> None:
    """Print rows as csv or json, or write them to a file and say so, such as `12 verdicts`."""
    from monitoring_dagster.reports import export as exporting

    content = exporting.as_bytes(rows, kind.value)
    if output is None:
        typer.echo(content.decode(), nl=False)
    else:
        output.write_bytes(content)
        typer.echo(f"{rows.num_rows} {what} in {output}")


def export_privately(rows: pa.Table, kind: Format, output: Path | None, what: str) -> None:
    """The same for rows of people: a file that is made is readable by its owner only."""
    if output is not None:
        os.close(os.open(output, os.O_WRONLY | os.O_CREAT, 0o600))
        output.chmod(0o600)
    export(rows, kind, output, what)
