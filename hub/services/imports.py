"""Bulk import of NDJSON that a client has sent: batch by batch, each with its progress.

A batch and the place where the next begins are committed together, so that an import goes on
after a crash without doing anything twice. A line that is refused is told by its number.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError

from fhir import jsontext
from fhir.outcomes import FHIRError, ForbiddenError, Issue, operation_outcome
from fhir.registry.types import SUPPORTED_TYPES
from hub import clock
from hub.adapters import bulk_files, fhir_files
from hub.adapters.bulk_files import INPUT, REFUSALS
from hub.adapters.fhir_files import Entry
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.scopes import permits
from hub.models.bulk import ERROR, BulkFile, BulkJob
from hub.records import new_id
from hub.services import bulk_jobs
from hub.services.bulk_jobs import Turn
from hub.services.loading import Change, LoadReport, Problem, load_entries
from hub.transaction import transaction

BATCH = 200
"""Lines a transaction: a second of work, and what a broken import repeats."""
BATCH_BYTES = 8 * 1024 * 1024
LONGEST_LINE = 20 * 1024 * 1024
"""As long as a resource that is posted."""
_OUTCOMES = ("created", "updated", "unchanged")


class NotAllowedError(Exception):
    """The client has lost its access since it sent the file."""


def work(turn: Turn, change: Change, until: float) -> bool:
    """Work on an import until a moment of ``time.monotonic``; False when it is done."""
    try:
        while _write_batch(turn, change):
            if time.monotonic() > until:
                return True
        # What was sent is in the records now; a second copy of it would only be a risk.
        (bulk_files.folder(turn.job_id) / INPUT).unlink(missing_ok=True)
    except NotAllowedError:
        with transaction():
            bulk_jobs.fail(turn, "the client is not active any more")
    return False


def _write_batch(turn: Turn, change: Change) -> bool:
    try:
        return _batch(turn, change, BATCH)
    except (DBAPIError, psycopg.DataError) as error:
        if not _is_data(error):
            raise
    # A value that the database cannot hold has undone the whole batch: find it, line by line.
    for _ in range(BATCH):
        try:
            more = _batch(turn, change, 1)
        except (DBAPIError, psycopg.DataError) as error:
            if not _is_data(error):
                raise
            more = _batch(turn, change, 1, refused="a value is outside of what can be stored")
        if not more:
            return False
    return True


def _is_data(error: Exception) -> bool:
    return isinstance(error.orig if isinstance(error, DBAPIError) else error, psycopg.DataError)


def _batch(turn: Turn, change: Change, most: int, *, refused: str | None = None) -> bool:
    """Write some lines and where the next begins in one transaction; False after the last."""
    with transaction():
        job = bulk_jobs.hold(turn)
        actor = bulk_jobs.actor_of(job)
        if actor is None:
            raise NotAllowedError
        folder = bulk_files.folder(turn.job_id)
        entries = list(_entries(job, most))
        if not entries:
            _finish(job)
            return False
        report = LoadReport()
        refusals: dict[int, str] = {}

        def refuse(entry: Entry, problem: Problem) -> None:
            refusals[entry.number] = _outcome(entry.number, problem)

        loadable = []
        for entry in entries:
            problem = refused or _problem(actor, entry)
            if problem:
                refuse(entry, problem)
            elif entry.value is not None:
                loadable.append(_named(entry, own_ids=job.asked["own_ids"]))
        load_entries(actor, loadable, report, refuse, change)
        _count(job, report)
        job.refused += len(refusals)
        job.refusal_bytes = bulk_files.append_at(
            folder / REFUSALS,
            job.refusal_bytes,
            (refusals[number] for number in sorted(refusals)),
        )
        job.done += sum(entry.size for entry in entries)
        job.line = entries[-1].number
        bulk_jobs.got_on(job)
    return True


def _entries(job: BulkJob, most: int) -> Iterator[Entry]:
    """Read the next lines; an empty one counts as a line and says nothing."""
    path = bulk_files.folder(job.id) / INPUT
    read = 0
    for number, (size, line) in enumerate(
        bulk_files.lines(path, job.done, LONGEST_LINE), job.line + 1
    ):
        if line is None:
            yield Entry(number, size, problem=f"a line has at most {LONGEST_LINE >> 20} MB")
        elif line.strip():
            yield fhir_files.alone(number, line)
        else:
            yield Entry(number, size)
        read += size
        most -= 1
        if not most or read > BATCH_BYTES:
            return


def _outcome(line: int, problem: Problem) -> str:
    """Write why a line was refused: every fault of it, and nothing that it says."""
    issues = (
        problem.issues if isinstance(problem, FHIRError) else (Issue("processing", str(problem)),)
    )
    told = [replace(issue, text=f"line {line}: {issue.text}") for issue in issues]
    outcome = operation_outcome(told)
    for issue in outcome["issue"]:
        issue["diagnostics"] = f"line {line}"
    return jsontext.dumps(outcome)


def _problem(actor: Actor, entry: Entry) -> str:
    """Say why a line cannot even be tried; empty where it can."""
    if entry.problem or entry.value is None:
        return entry.problem
    if entry.type not in SUPPORTED_TYPES:
        return f"the hub does not hold {entry.type}"
    if not all(permits(actor.scopes, entry.type, letter) for letter in "cu"):
        return f"the token's scopes do not allow it: it needs system/{entry.type}.cu"
    if "id" in entry.value and entry.value["id"] != entry.id:
        return f"{entry.type}.id is no id"
    return ""


def _named(entry: Entry, *, own_ids: bool) -> Entry:
    """Keep the id that the line brings where its client may choose ids; else give one."""
    assert entry.value is not None
    return entry if own_ids and "id" in entry.value else replace(entry, id=new_id())


def _count(job: BulkJob, report: LoadReport) -> None:
    counts = {name: Counter(job.counts.get(name, {})) for name in _OUTCOMES}
    for name in _OUTCOMES:
        counts[name].update(getattr(report, name))
    job.counts = {name: dict(sorted(each.items())) for name, each in counts.items()}


def written(counts: Mapping[str, Mapping[str, int]]) -> int:
    """Return how many resources an import has created or changed."""
    return sum(sum(counts.get(name, {}).values()) for name in ("created", "updated"))


def _finish(job: BulkJob) -> None:
    folder = bulk_files.folder(job.id)
    if job.refused:
        made = bulk_files.of_file(folder / REFUSALS, job.refused)
        db.session.add(
            BulkFile(
                job_id=job.id,
                number=1,
                kind=ERROR,
                type="OperationOutcome",
                name=REFUSALS,
                count=made.count,
                size=made.size,
                digest=made.digest,
            )
        )
        db.session.flush()
    job.moment = clock.now()
    bulk_jobs.finish(job)


def check_may_import(actor: Actor) -> None:
    """Raise ForbiddenError where the actor's scopes could not cover any line."""
    if not any(
        all(permits(actor.scopes, each, letter) for letter in "cu") for each in SUPPORTED_TYPES
    ):
        raise ForbiddenError("an import needs a system's token with system/[type].cu")


def summary(job: BulkJob) -> dict[str, Any]:
    """Say what an import did: for its manifest."""
    return {"lines": job.line, "refused": job.refused, **job.counts}
