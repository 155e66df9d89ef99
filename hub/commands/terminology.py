"""`carehub terminology`: code systems that are not part of Carehub."""

import sys
from pathlib import Path

import click

from hub.adapters import rf2_files
from hub.commands.reach import hub_app
from hub.domain.actor import hub_actor
from hub.domain.errors import RuleError
from hub.services import snomed_releases
from hub.transaction import transaction


@click.group("terminology")
def command() -> None:
    """Load code systems that are not part of Carehub."""


@command.command("load-snomed")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--home", type=click.Path(path_type=Path), help="Data folder (CAREHUB_HOME).")
@click.option(
    "--edition", type=int, help="Module that the edition is named by; found out if not given."
)
def load_snomed(folder: Path, home: Path | None, *, edition: int | None) -> None:
    """Load a SNOMED CT release (RF2 snapshot) that you hold a licence for.

    FOLDER holds the unpacked release with everything it depends on. It replaces the release before
    when it is whole; a load that is stopped leaves everything as it was.
    """
    try:
        size = rf2_files.size(rf2_files.find(folder))
        with (
            hub_app(home),
            click.progressbar(length=size, label="reading", file=sys.stderr) as bar,
            transaction(),
        ):
            made = snomed_releases.load(
                hub_actor("load"), folder, edition=edition, progress=bar.update
            )
            said = f"{made.version} is in use: {made.concepts} concepts"
    except RuleError as error:
        raise click.ClickException(error.text) from None
    click.echo(said)
