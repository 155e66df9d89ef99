"""`carehub integrity`: every invariant, checked from the records."""

import json as json_text
from dataclasses import asdict
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
    with hub_app(home):
        breaches = integrity.check()
    if as_json:
        click.echo(json_text.dumps([asdict(breach) for breach in breaches], default=str))
    ctx.exit(1 if breaches else 0)
