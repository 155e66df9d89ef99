"""`carehub routes`: the addresses of the hub. Needs no database."""

import click

from hub.app import create_app
from hub.auth.public_routes import PUBLIC_ROUTES


@click.command("routes")
@click.option("--public", is_flag=True, help="Only those that answer without signing in, and why.")
def command(*, public: bool) -> None:
    """List the addresses that the hub answers."""
    for rule in sorted(create_app().url_map.iter_rules(), key=lambda rule: rule.rule):
        reason = PUBLIC_ROUTES.get(rule.rule)
        if public and reason is None:
            continue
        methods = ",".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        click.echo(f"{methods:<16} {rule.rule}" + (f"  ({reason})" if public else ""))
