"""`carehub escalation dry-run`: a policy tried on last month's work before it is activated."""

import json
from pathlib import Path
from typing import Any

import click

from hub.commands.reach import hub_app
from hub.domain.escalation_trial import Tally
from hub.services import definitions, escalation_trials
from hub.services.definitions import DefinitionError
from hub.services.escalation_trials import Trial

SHOWN = 40
"""Changed lines shown on screen; `--json` gives all of them."""


@click.group("escalation")
def command() -> None:
    """Try an escalation policy on last month's work."""


@command.command("dry-run")
@click.option(
    "--policy",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="YAML with the candidate policies, as escalation.yaml of a definition.",
)
@click.option(
    "--days",
    type=click.IntRange(1, escalation_trials.LONGEST_DAYS),
    default=28,
    show_default=True,
)
@click.option("--home", type=click.Path(path_type=Path), help="Data folder (CAREHUB_HOME).")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def dry_run(file: Path, days: int, home: Path | None, *, as_json: bool) -> None:
    """Play candidate policies over the clocks of the last days; nothing is written, nobody told."""
    with hub_app(home):
        try:
            candidate = escalation_trials.read(file.read_text("utf-8"))
            trial = escalation_trials.dry_run(candidate, days=days)
        except (DefinitionError, UnicodeDecodeError) as error:
            raise click.ClickException(str(error)) from None
        if as_json:
            click.echo(json.dumps(_as_json(trial), indent=2))
        else:
            _say(trial)


def _say(trial: Trial) -> None:
    click.echo(
        f"{trial.clocks} clocks from {trial.since:%d %B} to {trial.until:%d %B};"
        f" changed policies: {', '.join(trial.changed) or 'none'}"
    )
    click.echo(f"{'':24}{'happened':>10}{'current':>10}{'candidate':>10}")
    columns = [_measures(each) for each in (trial.happened, trial.current, trial.candidate)]
    for title in columns[0]:
        click.echo(f"{title:24}" + "".join(f"{column[title]:>10}" for column in columns))
    people = sorted({*trial.current.by_person, *trial.candidate.by_person})
    for who in sorted(people, key=lambda each: -trial.candidate.by_person[each]):
        click.echo(
            f"{_name(who)[:23]:24}{trial.happened.by_person[who]:>10}"
            f"{trial.current.by_person[who]:>10}{trial.candidate.by_person[who]:>10}"
        )
    for each in trial.changes[:SHOWN]:
        again = f" (repeat {each.repeat})" if each.repeat else ""
        click.echo(
            f"{'+' if each.added else '-'} {each.at:%d %b %H:%M}Z {_name(each.who)}:"
            f" {each.step}{again} of Task/{each.task}"
        )
    if len(trial.changes) > SHOWN:
        click.echo(f"and {len(trial.changes) - SHOWN} lines more: --json lists all")


def _measures(tally: Tally) -> dict[str, int]:
    return {
        "told": tally.told,
        "by telephone or mail": tally.outside,
        "nights disturbed": tally.nights,
        "most in one night": tally.worst_night,
    }


def _as_json(trial: Trial) -> dict[str, Any]:
    return {
        "since": trial.since.isoformat(),
        "until": trial.until.isoformat(),
        "clocks": trial.clocks,
        "changed": list(trial.changed),
        "happened": _tally(trial.happened),
        "current": _tally(trial.current),
        "candidate": _tally(trial.candidate),
        "rings": [
            {
                "at": ring.at.isoformat(),
                "task": f"Task/{ring.task}",
                "policy": ring.policy,
                "step": ring.step,
                "repeat": ring.repeat,
                "recipients": list(ring.recipients),
                "outside": ring.outside,
            }
            for ring in trial.rings
        ],
        "changes": [
            {
                "at": each.at.isoformat(),
                "task": f"Task/{each.task}",
                "step": each.step,
                "repeat": each.repeat,
                "who": each.who,
                "added": each.added,
            }
            for each in trial.changes
        ],
    }


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "told": tally.told,
        "outside": tally.outside,
        "nights": tally.nights,
        "worst_night": tally.worst_night,
        "by_person": dict(sorted(tally.by_person.items())),
        "by_night": [
            {"who": who, "night": night.isoformat(), "told": told}
            for (who, night), told in sorted(tally.by_night.items())
        ],
    }


def _name(reference: str) -> str:
    hub = definitions.current()
    kind, _, code = reference.partition("/")
    if kind == "CareTeam":
        return hub.teams[code].name if code in hub.teams else reference
    return hub.staff[code].name if code in hub.staff else reference
