"""The command line `carehub`. A command's module is loaded when it is called: `up` is quick."""

import importlib

import click

from hub.supervisor.failures import StartError

COMMANDS = {
    "up": "Start a hub and keep it running.",
    "token": "Print a bearer token for a registered client.",
    "demo-users": "List the users of the sample hub and their password.",
    "load": "Load people and records from FHIR bundles or NDJSON.",
    "terminology": "Load a SNOMED CT release that you hold a licence for.",
    "day": "Play one simulated day at a private hub and report.",
    "escalation": "Try an escalation policy on last month's work.",
    "simulate": "Play some weeks at a private hub; compare policies of routing.",
    "integrity": "Check every invariant of a hub.",
    "routes": "List the addresses that the hub answers.",
    "migrate": "Bring the database's schema up to date.",
}
"""What `carehub --help` says of each; the command itself is ``command`` of its module."""


class LazyGroup(click.Group):
    """A group whose commands are found by name in hub.commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"hub.commands.{cmd_name.replace('-', '_')}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except StartError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=LazyGroup)
@click.version_option(package_name="carehub")
def cli() -> None:
    """Carehub: the shared care-coordination system of a health and social care hub."""
