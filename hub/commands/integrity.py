"""`carehub integrity`: every invariant, checked from the records."""

import json as json_text
from pathlib import Path

import click

from hub.commands.reach import hub_app
from hub.queries import integrity


@click.command("integrity")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--home", type=click.Path(path_type=Path), help="Data folder (CAREHUB_HOME).")
@click.pass_context
def command(ctx: click.Context, *, as_json: bool, home: Path | None) -> None:
    """Check every invariant of a hub; ends with code 1 when one is broken."""
    results = []
    with hub_app(home):
        for result in integrity.check():
            results.append(result)
            if not as_json:
                click.echo(f"{'holds ' if result.holds else 'BROKEN'} {result.title}")
                for breach in result.breaches:
                    click.echo(f"         {breach.subject}: {breach.detail}")
    if as_json:
        click.echo(json_text.dumps([result.as_json() for result in results], indent=2))
    ctx.exit(0 if all(result.holds for result in results) else 1)
