"""`carehub migrate`: the schema of a hub that is not kept by `carehub up`."""

from pathlib import Path

import click

from hub import settings
from hub.supervisor import engines
from hub.supervisor.prepare import upgrade


@click.command("migrate")
@click.option("--home", type=click.Path(path_type=Path), help="Data folder (CAREHUB_HOME).")
def command(home: Path | None) -> None:
    """Bring the database's schema up to date."""
    environment = settings.environment()
    if home is not None:
        environment["CAREHUB_HOME"] = str(home)
    configured = settings.load(environment)
    told = settings.running(configured.home) if engines.in_use(configured.home) else {}
    if address := environment.get("DATABASE_URL") or told.get("DATABASE_URL"):
        upgrade(settings.load(environment | {"DATABASE_URL": address}).database_url)
    else:
        with engines.start(configured.home, engine=configured.engine) as private:
            upgrade(private.database_url)
    click.echo("The schema is up to date.")
