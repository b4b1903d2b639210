"""Commands about the audit log: look at it, verify it, sign where it ends, erase payloads."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from monitoring_dagster.commands import deployment, printing
from monitoring_dagster.commands.arguments import By, actor, reason
from monitoring_dagster.commands.printing import say
from monitoring_dagster.errors import MonitoringError, in_words
from monitoring_dagster.settings import Settings

if TYPE_CHECKING:
    import sqlalchemy as sa

    from monitoring_dagster.store.audit import Verification

CANNOT_VERIFY = 3

app = typer.Typer(
    help="Who decided what: the audit log, which shows any later change.", no_args_is_help=True
)


@app.command()
def verify(
    first: Annotated[int, typer.Option("--from", min=1, help="The first row to check.")] = 1,
    checkpoints: Annotated[
        Path | None, typer.Option(help="File of checkpoints; the deployment's own by default.")
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(help="Public key, kept elsewhere, that signed them; the present one if none."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Check every row and checkpoint: ends with 0 if intact, 2 if broken, 3 if that is unclear."""
    from monitoring_dagster.reports import audit as pages

    try:
        found = _verified(first, checkpoints, key or [])
    except (MonitoringError, OSError) as error:
        typer.echo(in_words(error), err=True)
        raise typer.Exit(CANNOT_VERIFY) from None
    say(pages.as_json(found).splitlines() if as_json else pages.verification(found))
    raise typer.Exit(found.exit_code)


@app.command("list")
def listed(
    subject: Annotated[
        str | None, typer.Option(help="What it was done to, such as MD-7F3A9C.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
) -> None:
    """Print the last rows, the oldest of them first."""
    from monitoring_dagster.reports import audit as pages
    from monitoring_dagster.store.audit import entries

    found = deployment.store().read(
        lambda connection: entries(connection, subject_id=subject, limit=limit)
    )
    if found:
        printing.table(pages.HEADER, pages.rows(found), set(pages.HEADER) - {"seq"})
    say([f"{len(found)} rows"])


@app.command()
def export() -> None:
    """Print all rows as lines of JSON, for the independent verifier."""
    store = deployment.store()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as whole:
        store.read(lambda connection: _copy(connection, whole))
        whole.seek(0)
        shutil.copyfileobj(whole, sys.stdout)


@app.command()
def anchor() -> None:
    """Sign where the log ends, and add it to the file of checkpoints."""
    from monitoring_dagster import auditing
    from monitoring_dagster.reports import audit as pages

    home = Settings.from_environment().home
    made = auditing.anchor(deployment.store(), os.environ, home, deployment.now())
    say(
        [
            "Nothing was logged since the last checkpoint."
            if made is None
            else pages.checkpoint(made)
        ]
    )


@app.command()
def erase(
    seq: Annotated[list[int], typer.Argument(help="Numbers of the rows.")],
    because: Annotated[str, typer.Option(help="Why; kept in the log.")],
    by: By = None,
) -> None:
    """Delete the payloads of some rows for good; the log tells who did it, and still verifies."""
    from monitoring_dagster.store import audit

    who, why, now = actor(by), reason(because), deployment.now()

    def work(connection: sa.Connection) -> int:
        head = audit.head(connection)
        last = head.seq if head is not None else 0
        if unknown := [one for one in seq if not 0 < one <= last]:
            raise typer.BadParameter(f"there is no row {unknown[0]}; the log has rows 1 to {last}")
        return audit.erase(connection, seq, actor=who, because=why, at=now)

    erased = deployment.store().write(work)
    gone = len(set(seq)) - erased
    say([f"Payloads erased: {erased}" + (f"; {gone} were gone before" if gone else "")])


def _verified(first: int, checkpoints: Path | None, keys: list[str]) -> Verification:
    from monitoring_dagster import auditing
    from monitoring_dagster.store import Store
    from monitoring_dagster.store.audit import PublicKey

    settings = Settings.from_environment()
    return auditing.verify(
        Store(settings.store_url),
        os.environ,
        settings.home,
        from_seq=first,
        checkpoints=checkpoints,
        keys=[PublicKey.parse(key) for key in keys],
    )


def _copy(connection: sa.Connection, whole: IO[str]) -> None:
    """Write the log to a file; anew where the transaction is run again."""
    from monitoring_dagster.store.audit import export_lines

    whole.seek(0)
    whole.truncate()
    whole.writelines(f"{line}\n" for line in export_lines(connection))
