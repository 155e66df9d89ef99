"""`carehub migrate`: the schema of a hub that is not kept by `carehub up`."""

import tempfile
from pathlib import Path

import click

from hub import settings
from hub.supervisor import engines
from hub.supervisor.failures import StartError
from hub.supervisor.prepare import drift, upgrade


@click.command("migrate")
@click.option("--home", type=click.Path(path_type=Path), help="Data folder (CAREHUB_HOME).")
@click.option(
    "--check",
    is_flag=True,
    help="Only check, on a throwaway database, that they fit the models.",
)
def command(home: Path | None, *, check: bool) -> None:
    """Bring the database's schema up to date."""
    if check:
        _check()
        return
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


def _check() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="carehub-") as folder,
        engines.start(Path(folder), durable=False, engine=settings.load().engine) as private,
    ):
        upgrade(private.database_url)
        difference = drift(private.database_url)
    if difference:
        raise StartError(f"Models and migrations disagree: {difference}")
    click.echo("Models and migrations agree.")
