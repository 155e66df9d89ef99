"""`carehub token`: a bearer token, printed alone."""

import click

from hub.auth import issue_token
from hub.commands.reach import hub_app
from hub.domain.errors import RuleError
from hub.transaction import transaction


@click.command("token")
@click.option("--client", required=True, help="Identifier of the registered client.")
@click.option("--scope", default="", help='Scopes, such as "system/*.cruds"; all it has if absent.')
@click.option("--ttl", default=3600, show_default=True, help="Seconds that the token lives.")
def command(client: str, scope: str, ttl: int) -> None:
    """Print a bearer token for a registered client."""
    with hub_app():
        try:
            with transaction():
                token = issue_token(client, scope, ttl)
        except RuleError as error:
            raise click.ClickException(str(error)) from None
    click.echo(token)
