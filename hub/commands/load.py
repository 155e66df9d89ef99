"""`carehub load`: people and records from FHIR files."""

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import click

from hub.adapters import fhir_files
from hub.commands.reach import hub_app
from hub.domain.actor import hub_actor
from hub.services.loading import LoadReport, load_file

SHOWN = 20
"""Refusals shown on screen; `--json` gives all of them."""


@click.command("load")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--home", type=click.Path(path_type=Path), help="Data folder (CAREHUB_HOME).")
@click.option("--again", is_flag=True, help="Also load files that are loaded already.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@click.option("--strict", is_flag=True, help="End with code 1 when anything was refused.")
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[Path, ...],
    home: Path | None,
    *,
    again: bool,
    as_json: bool,
    strict: bool,
) -> None:
    """Load people and records from FHIR bundles (.json) or NDJSON; files or whole folders."""
    files = fhir_files.find(paths)
    if not files:
        raise click.ClickException("There is no .json or .ndjson file there.")
    report = LoadReport()
    size = sum(path.stat().st_size for path in files)
    with (
        hub_app(home),
        click.progressbar(length=size, label="loading", file=sys.stderr) as bar,
    ):
        for path in files:
            load_file(hub_actor("load"), path, report, again=again, progress=bar.update)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2, ensure_ascii=False))
    else:
        _say(report)
    ctx.exit(1 if strict and report.refused else 0)


def _say(report: LoadReport) -> None:
    click.echo(f"{report.files} files, {report.files_done_before} of them loaded before")
    for label, counted in (
        ("created", report.created),
        ("updated", report.updated),
        ("unchanged", report.unchanged),
        ("skipped, because the hub does not hold these types", report.skipped),
    ):
        if counted:
            click.echo(f"{counted.total()} {label}: {_by_type(counted)}")
    click.echo(f"{len(report.refused)} refused")
    for refusal in report.refused[:SHOWN]:
        click.echo(f"  {refusal.file}, entry {refusal.entry}, {refusal.subject}: {refusal.reason}")
    if len(report.refused) > SHOWN:
        click.echo(f"  and {len(report.refused) - SHOWN} more: `--json` lists all of them")


def _by_type(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counted.items()))
