"""`carehub load`: people and records from FHIR files."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import click

from hub import collector
from hub.adapters import fhir_files
from hub.app import create_app
from hub.commands.reach import hub_app
from hub.domain.actor import hub_actor
from hub.services.loading import LoadReport, load_file
from hub.settings import Settings

SHOWN = 20
"""Refusals shown on screen; `--json` gives all of them."""


@click.command("load")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--home", type=click.Path(path_type=Path), help="Data folder (CAREHUB_HOME).")
@click.option("--again", is_flag=True, help="Also load files that are loaded already.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Load that many files at once; worth it on as many cores.",
)
@click.option("--strict", is_flag=True, help="End with code 1 when anything was refused.")
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[Path, ...],
    home: Path | None,
    *,
    again: bool,
    as_json: bool,
    processes: int,
    strict: bool,
) -> None:
    """Load people and records from FHIR bundles (.json) or NDJSON; files or whole folders."""
    files = fhir_files.find(paths)
    if not files:
        raise click.ClickException("There is no .json or .ndjson file there.")
    report = LoadReport()
    size = sum(path.stat().st_size for path in files)
    with (
        hub_app(home) as app,
        click.progressbar(length=size, label="loading", file=sys.stderr) as bar,
    ):
        if processes == 1 or len(files) == 1:
            collector.spare_what_is_built()
            for path in files:
                load_file(hub_actor("load"), path, report, again=again, progress=bar.update)
        else:
            _load_together(app.config["CAREHUB"], files, report, bar.update, processes, again=again)
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    else:
        _say(report)
    ctx.exit(1 if strict and report.refused else 0)


def _load_together(
    configuration: Settings,
    files: list[Path],
    report: LoadReport,
    progress: Callable[[int], None],
    processes: int,
    *,
    again: bool,
) -> None:
    """Load files in processes of their own: each file has its own place to go on from."""
    # Spawned, not forked: a child must not talk through its parent's connections.
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_join, initargs=(configuration,)
    ) as pool:
        waiting = {pool.submit(_load_one, path, again): path for path in files}
        for done in as_completed(waiting):
            report.add(done.result())
            progress(waiting[done].stat().st_size)


def _join(configuration: Settings) -> None:
    create_app(configuration).app_context().push()
    collector.spare_what_is_built()


def _load_one(path: Path, again: bool) -> LoadReport:
    report = LoadReport()
    load_file(hub_actor("load"), path, report, again=again)
    return report


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
