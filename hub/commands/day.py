"""`carehub day`: the seeded simulator (hub.samples)."""

import json
import sys
from datetime import date, datetime
from pathlib import Path

import click

from hub.samples import day as simulator
from hub.samples.day_client import HubLostError
from hub.samples.day_report import Report
from hub.supervisor.failures import StartError


@click.command("day")
@click.option("--seed", type=int, required=True, help="The same seed plays the same day.")
@click.option(
    "--date",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    help="The day that is played, such as 2026-12-27.",
)
@click.option("--demand", type=click.IntRange(1, 2000), default=80, show_default=True)
@click.option(
    "--chaos",
    default="",
    help=f"Kill these in the middle of the day: {','.join(simulator.CHAOS)}.",
)
@click.option(
    "--home", type=click.Path(file_okay=False, path_type=Path), help="Keep the hub in this folder."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(  # noqa: PLR0917 - click passes options by name
    seed: int, day: datetime, demand: int, chaos: str, home: Path | None, as_json: bool
) -> None:
    """Play one day at a private simulated hub, through its public doors, and count it."""
    names = [name.strip() for name in chaos.split(",") if name.strip()]
    unknown = sorted(set(names) - set(simulator.CHAOS))
    if unknown:
        raise click.BadParameter(
            f"{', '.join(unknown)}: allowed are {', '.join(simulator.CHAOS)}", param_hint="--chaos"
        )
    if home is not None and (home / "hub.json").exists():
        raise click.BadParameter(
            f"{home} holds a hub already: a day needs its own", param_hint="--home"
        )
    try:
        report = simulator.play(
            seed=seed, day=day.date(), demand=demand, chaos=names, home=home, say=_say
        )
    except (HubLostError, StartError) as failure:
        raise click.ClickException(str(failure)) from None
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        click.echo(_table(report, day.date()))
    if report.problems:
        sys.exit(1)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _table(report: Report, day: date) -> str:
    lines = [f"The hub on {day:%A} {day.day} {day:%B %Y}"]
    for name, value in report.as_json().items():
        if isinstance(value, int):
            lines.append(f"  {name.replace('_', ' '):24} {value:5}")
    lines.append("  by person (routed / completed)")
    for who, numbers in report.by_person.items():
        lines.append(f"    {who:22} {numbers['routed']:5} / {numbers['completed']}")
    lines += [f"  PROBLEM: {problem}" for problem in report.problems]
    return "\n".join(lines)
