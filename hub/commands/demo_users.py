"""`carehub demo-users`: who can sign in to the sample hub."""

import json

import click

from hub import samples
from hub.commands.reach import hub_app


@click.command("demo-users")
def command() -> None:
    """List the users of the sample hub and their password, as JSON."""
    with hub_app():
        click.echo(json.dumps(samples.demo_users(), indent=2, ensure_ascii=False))
