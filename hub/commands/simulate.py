"""`carehub simulate`: weeks at a private hub, and the policies of routing side by side."""

import json
import sys
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from statistics import mean

import click

from hub.domain.definition import HubDefinition
from hub.samples import SOUTHEND, month
from hub.samples.day_client import HubLostError
from hub.samples.month import MonthReport
from hub.samples.simulation import world as worlds
from hub.samples.simulation.comparison import WANTED_POINTS, Comparison, compare
from hub.samples.simulation.demand import Span
from hub.samples.simulation.table import lines_of
from hub.samples.simulation.world import World
from hub.services import definitions
from hub.supervisor.failures import StartError

_FIRST = "2026-10-12"
_LONG_SURGE = 5
"""Days of surge from which the lead over round-robin is a condition: a day or two is chance."""


@click.command("simulate")
@click.option("--days", type=click.IntRange(1, 84), default=28, show_default=True)
@click.option("--seed", type=int, default=3, show_default=True)
@click.option(
    "--from",
    "first",
    type=click.DateTime(["%Y-%m-%d"]),
    default=_FIRST,
    show_default=True,
    help="The first day. 2026-10-25 and 2027-03-28 have a clock change.",
)
@click.option(
    "--demand",
    type=click.FloatRange(0.5, 1000),
    help="Referrals on a mean working day; 67 where nothing is said.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1, 100),
    default=5,
    show_default=True,
    help="How many seeds the policies are compared on, from --seed upwards.",
)
@click.option("--compare-only", is_flag=True, help="Compare the policies; start no hub.")
@click.option(
    "--home", type=click.Path(file_okay=False, path_type=Path), help="Keep the hub in this folder."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(  # noqa: PLR0917 - click passes options by name
    days: int,
    seed: int,
    first: datetime,
    demand: float | None,
    seeds: int,
    compare_only: bool,
    home: Path | None,
    as_json: bool,
) -> None:
    """Play some weeks at a private simulated hub and count them; compare policies of routing."""
    if home is not None and (home / "hub.json").exists():
        raise click.BadParameter(
            f"{home} holds a hub already: a simulation needs its own", param_hint="--home"
        )
    definition = definitions.check(SOUTHEND)
    world = worlds.southend()
    if demand is not None:
        world = replace(world, working_day=demand)
    span = Span(first.date(), days)
    compared = compare(world, definition, span, range(seed, seed + seeds), _say)
    played = None if compare_only else _play(world, definition, span, seed, home)
    problems = [*(played.problems if played else ()), *_problems(compared)]
    if as_json:
        said = {**(played.as_json() if played else {}), **compared.as_json()}
        click.echo(json.dumps({**said, "problems": problems}, indent=2))
    else:
        click.echo("\n".join(_summary(played, span.first, days)))
        click.echo("\n".join(lines_of(compared)))
        for problem in problems:
            click.echo(f"PROBLEM: {problem}")
    if problems:
        sys.exit(1)


def _play(
    world: World, definition: HubDefinition, span: Span, seed: int, home: Path | None
) -> MonthReport:
    try:
        return month.play(world, definition, span, seed=seed, home=home, say=_say)
    except (HubLostError, StartError) as failure:
        raise click.ClickException(str(failure)) from None


def _problems(compared: Comparison) -> list[str]:
    ahead = mean(compared.points("share_surge"))
    if len(compared.span.surge_days) >= _LONG_SURGE and ahead < WANTED_POINTS:
        return [f"under surge the hub is {ahead:.1f} points ahead of round-robin, not 10"]
    return []


def _say(line: str) -> None:
    click.echo(line, err=True)


def _summary(played: MonthReport | None, first: date, days: int) -> list[str]:
    if played is None:
        return []
    lines = [f"{days} days from {first:%A} {first.day} {first:%B %Y}"]
    for name, value in played.as_json().items():
        if isinstance(value, int | float):
            lines.append(f"  {name.replace('_', ' '):24} {value:8g}")
    return [*lines, ""]
