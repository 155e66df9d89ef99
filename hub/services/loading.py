"""Bulk loading of people and records from files; repeatable, resumable, and it hides nothing.

Ids are kept, so that a second load of the same file changes nothing; a resource that differs from
the record it names becomes that record's next version (as a PUT of it would).
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fhir.outcomes import FHIRError
from fhir.registry.types import SUPPORTED_TYPES
from hub import clock, records
from hub.adapters import fhir_files
from hub.adapters.fhir_files import Entry
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import RuleError
from hub.models.loaded_file import LoadedFile
from hub.records.bulk import insert_many, new_version
from hub.transaction import transaction

BATCH = 400
"""Resources a transaction: more gain nothing, and what a broken load repeats stays small."""

_BLOCK = 1 << 20
_COMPARING = hub_actor("load")

Problem = str | FHIRError | RuleError
Refuse = Callable[[Entry, Problem], None]
Change = Callable[[Actor, Entry, records.Record], None]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One entry that was not loaded, and why."""

    file: str
    entry: int
    subject: str
    reason: str


@dataclass(slots=True)
class LoadReport:
    """What became of every entry of every file."""

    files: int = 0
    files_done_before: int = 0
    created: Counter[str] = field(default_factory=Counter)
    updated: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    """Entries of types that the hub does not hold, by type."""
    refused: list[Refusal] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        # Not asdict of the whole: it makes of a Counter one that counts pairs.
        counted = ("created", "updated", "unchanged", "skipped")
        return {
            "files": self.files,
            "files_done_before": self.files_done_before,
            **{name: dict(getattr(self, name)) for name in counted},
            "refused": [asdict(each) for each in self.refused],
        }

    def add(self, other: "LoadReport") -> None:
        """Count what another process has loaded."""
        self.files += other.files
        self.files_done_before += other.files_done_before
        for name in ("created", "updated", "unchanged", "skipped"):
            getattr(self, name).update(getattr(other, name))
        self.refused += other.refused


def load_file(
    actor: Actor,
    path: Path,
    report: LoadReport,
    *,
    again: bool = False,
    progress: Callable[[int], None] = lambda _size: None,
) -> None:
    """Load one file, batch by batch, each in a transaction of its own with its progress.

    ``again`` loads a file that was loaded before; ``progress`` hears the bytes that are settled.
    """
    digest = _digest(path)
    report.files += 1
    done = db.session.get(LoadedFile, digest)
    begin = 0 if again or done is None else done.position
    if done is not None and done.finished and not again:
        report.files_done_before += 1
        progress(path.stat().st_size)
        return
    db.session.rollback()
    waiting: list[Entry] = []
    for entry in fhir_files.entries(path):
        if entry.number <= begin:
            progress(entry.size)
            continue
        waiting.append(entry)
        if len(waiting) == BATCH:
            _load_batch(actor, path, digest, waiting, report)
            progress(sum(one.size for one in waiting))
            waiting = []
    _load_batch(actor, path, digest, waiting, report, finished=True)
    progress(sum(one.size for one in waiting))


def _load_batch(
    actor: Actor,
    path: Path,
    digest: str,
    batch: list[Entry],
    report: LoadReport,
    *,
    finished: bool = False,
) -> None:
    def refuse(entry: Entry, problem: Problem) -> None:
        subject = f"{entry.type}/{entry.id}" if entry.id else entry.type
        report.refused.append(Refusal(path.name, entry.number, subject, str(problem)))

    with transaction():
        load_entries(actor, batch, report, refuse)
        row = db.session.get(LoadedFile, digest)
        if row is None:
            row = LoadedFile(digest=digest, name=path.name, position=0, finished=False)
            db.session.add(row)
        if batch:
            row.position = batch[-1].number
        row.finished = finished
        row.loaded_at = clock.now()


def load_entries(
    actor: Actor,
    entries: list[Entry],
    report: LoadReport,
    refuse: Refuse,
    change: Change | None = None,
) -> None:
    """Load entries inside the open transaction; ``change`` writes one over a known record."""
    for group in _without_repeats(entries):
        _load_group(actor, group, report, refuse, change or _supersede)


def _without_repeats(batch: list[Entry]) -> Iterator[list[Entry]]:
    """Give the batch in groups in which no record stands twice: the later is a change of it."""
    group: list[Entry] = []
    seen: set[tuple[str, str]] = set()
    for entry in batch:
        if (entry.type, entry.id) in seen:
            yield group
            group, seen = [], set()
        group.append(entry)
        seen.add((entry.type, entry.id))
    yield group


def _load_group(
    actor: Actor, group: list[Entry], report: LoadReport, refuse: Refuse, change: Change
) -> None:
    versions = []
    by_reference: dict[str, Entry] = {}
    for entry in group:
        if entry.value is None:
            refuse(entry, entry.problem)
            continue
        if entry.type not in SUPPORTED_TYPES:
            report.skipped[entry.type] += 1
            continue
        try:
            versions.append(new_version(actor, entry.body, id=entry.id))
        except (FHIRError, RuleError) as error:
            refuse(entry, error)
            continue
        by_reference[f"{entry.type}/{entry.id}"] = entry
    written = insert_many(actor, versions)
    present = [reference for reference in by_reference if reference not in written]
    # What is there is only compared: a client that may write and not read is told no more.
    stored = records.read_many(_COMPARING, present) if present else {}
    for reference, entry in by_reference.items():
        if reference in written:
            report.created[entry.type] += 1
        elif (known := stored.get(reference)) is None:
            refuse(entry, "a deleted record has this id: deleted records are not loaded again")
        else:
            _load_again(actor, entry, known, report, refuse, change=change)


def _load_again(
    actor: Actor,
    entry: Entry,
    known: records.Record,
    report: LoadReport,
    refuse: Refuse,
    *,
    change: Change,
) -> None:
    assert entry.value is not None
    if records.is_managed(known.resource):
        refuse(entry, "the hub keeps a managed record under this id")
        return
    if _content(known.resource) == _content(entry.value):
        report.unchanged[entry.type] += 1
        return
    try:
        change(actor, entry, known)
    except (FHIRError, RuleError) as error:
        refuse(entry, error)
        return
    report.updated[entry.type] += 1


def _supersede(actor: Actor, entry: Entry, known: records.Record) -> None:
    assert entry.value is not None
    body = entry.value | {"id": entry.id}
    records.update(actor, body, type=entry.type, id=entry.id, if_match=known.version)


def _content(resource: dict[str, Any]) -> dict[str, Any]:
    """Give what a client says in a resource: without its id and the server's part of meta."""
    content = {name: value for name, value in resource.items() if name not in {"id", "meta"}}
    meta = resource.get("meta") or {}
    own = {name: meta[name] for name in meta if name not in {"versionId", "lastUpdated"}}
    return content | ({"meta": own} if own else {})


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
