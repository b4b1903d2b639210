"""Commands about notices: what people have not been told yet, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from monitoring_dagster.commands import deployment, printing
from monitoring_dagster.commands.arguments import By, actor
from monitoring_dagster.commands.printing import fail, say

if TYPE_CHECKING:
    import sqlalchemy as sa

app = typer.Typer(help="What people are owed, and have not been told.", no_args_is_help=True)


@app.command("list")
def listed() -> None:
    """List what waits, is blocked or was refused, and why."""
    from monitoring_dagster.reports import notices as pages
    from monitoring_dagster.store import notices

    owed, closed = deployment.store().read(
        lambda connection: (notices.unsettled(connection), notices.closed_places(connection))
    )
    if owed:
        printing.table(pages.HEADER, pages.rows(owed), set(pages.HEADER) - {"attempts"})
    say(pages.places(closed))
    say([pages.count(owed)])


@app.command()
def retry(
    key: Annotated[str, typer.Argument(help="Of a notice that was refused, as it is listed.")],
    by: By = None,
) -> None:
    """Let a notice that was refused in every form go once more, in its full form."""
    from monitoring_dagster.store import notices
    from monitoring_dagster.store.audit import Entry, append

    who, now = actor(by), deployment.now()

    def again(connection: sa.Connection) -> bool:
        is_free = notices.retry(connection, key, now)
        if is_free:
            append(connection, [Entry(who, "notice.retried", "notice", key)], now)
        return is_free

    if not deployment.store().write(again):
        fail(
            f"no notice {key!r} was refused; `monitoring-dagster notifications list` names those "
            "that were, as quarantined"
        )
    say([f"{key} goes once more, at the next look of the sensor `delivery`."])
