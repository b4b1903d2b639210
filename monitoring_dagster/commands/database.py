"""Commands about the store's database."""

from __future__ import annotations

import typer

from monitoring_dagster.settings import Settings

app = typer.Typer(help="The store's database.", no_args_is_help=True)


@app.command()
def upgrade() -> None:
    """Bring the store's database to this code's revision."""
    from monitoring_dagster.store import Store

    settings = Settings.from_environment()
    settings.made_home()
    store = Store(settings.store_url)
    store.upgrade()
    typer.echo(f"The store is at revision {store.revision()}.")
