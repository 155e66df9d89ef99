"""Bulk export: lists of what is in it, made in one snapshot, then file by file what is on them.

Resumable: a list names versions, which can be read at any time after; a file is whole, safe and
written down, or it is written again (docs/adr/0006).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import select

from fhir import jsontext
from fhir.outcomes import FHIRError
from fhir.search.query import parse
from hub.adapters import bulk_files
from hub.adapters.bulk_files import LISTS, Written
from hub.db import db
from hub.domain.actor import Actor
from hub.models.bulk import DELETED, OUTPUT, BulkFile
from hub.records import Record, as_of, horizon, instant, spool
from hub.records.as_of import Listed, Selection
from hub.services import bulk_jobs
from hub.services.bulk_jobs import Turn
from hub.transaction import transaction

READ, READ_BYTES = 500, 4 * 1024 * 1024
"""Versions in memory at once; a single text may be longer."""
SAY_AFTER = 4.0
"""Seconds of writing after which the lease is renewed: far below ``bulk_jobs.LEASE``."""

Show = Callable[[Record, Sequence[str]], str]
"""What of a record is given away, of the elements named (none: all)."""


class NothingLeftError(Exception):
    """The client has lost its access since it asked."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be exported; ``asked`` of its job."""

    types: tuple[str, ...]
    since: datetime | None = None
    until: datetime | None = None
    of_people: bool = False
    people: tuple[str, ...] | None = None
    """Patients named by the request."""
    group: str | None = None
    filters: Mapping[str, tuple[tuple[tuple[str, str], ...], ...]] | None = None
    """Type -> searches of which one must match."""
    elements: Mapping[str, tuple[str, ...]] | None = None
    """Type -> the elements that are wanted; absent: all."""

    def as_json(self) -> dict[str, Any]:
        return {
            "types": self.types,
            "since": instant(self.since) if self.since else None,
            "until": instant(self.until) if self.until else None,
            "of_people": self.of_people,
            "people": self.people,
            "group": self.group,
            "filters": self.filters or {},
            "elements": self.elements or {},
        }


def order_of(asked: Mapping[str, Any]) -> Order:
    def moment(name: str) -> datetime | None:
        return datetime.fromisoformat(asked[name]) if asked[name] else None

    return Order(
        types=tuple(asked["types"]),
        since=moment("since"),
        until=moment("until"),
        of_people=asked["of_people"],
        people=None if asked["people"] is None else tuple(asked["people"]),
        group=asked["group"],
        filters={
            kind: tuple(tuple((name, value) for name, value in each) for each in searches)
            for kind, searches in asked["filters"].items()
        },
        elements={kind: tuple(names) for kind, names in asked["elements"].items()},
    )


def make_lists(turn: Turn) -> None:
    """Decide on the moment, list what stood then, and plan the files. Outside a transaction."""
    with transaction():
        job = bulk_jobs.hold(turn)
        asked_at, order = job.created_at, order_of(job.asked)
        actor = bulk_jobs.actor_of(job)
    if actor is None:
        raise NothingLeftError
    moment = horizon.settled(asked_at)
    stand = min(moment, order.until) if order.until else moment
    with as_of.one_snapshot():
        bulk_jobs.lock_lists(turn.job_id)
        planned = list(_listed(turn.job_id, actor, order, stand))
    with transaction():
        job = bulk_jobs.hold(turn)
        db.session.add_all(planned)
        job.moment = stand
        job.total = sum(each.count for each in planned)
        bulk_jobs.got_on(job)


def _listed(job_id: str, actor: Actor, order: Order, stand: datetime) -> Iterator[BulkFile]:
    people = _people(order, stand)
    step = current_app.config["CAREHUB"].bulk_part
    folder = bulk_files.new_folder(job_id) / LISTS
    number = 0
    for resource_type in order.types:
        chosen = Selection(
            resource_type,
            stand,
            since=order.since,
            of_people=order.of_people,
            people=people,
            filters=tuple(
                parse(resource_type, each) for each in (order.filters or {}).get(resource_type, ())
            ),
        )
        wanted = [(OUTPUT, resource_type, as_of.versions(actor, chosen))]
        if order.since is not None:
            wanted.append((DELETED, f"{resource_type}.deleted", as_of.deletions(actor, chosen)))
        for kind, name, members in wanted:
            for place, (begins, count) in enumerate(
                bulk_files.write_list(folder / name, members, step), 1
            ):
                number += 1
                yield BulkFile(
                    job_id=job_id,
                    number=number,
                    kind=kind,
                    type=resource_type,
                    name=f"{name}.{place:04d}.ndjson",
                    begins=begins,
                    count=count,
                )


def _people(order: Order, stand: datetime) -> tuple[str, ...] | None:
    """Return the ids of the Patients whose records are wanted; None: of all."""
    if order.group is None:
        return order.people
    members = members_of(as_of.content("Group", order.group, stand))
    if order.people is None:
        return members
    return tuple(each for each in members if each in set(order.people))


def members_of(group: str | None) -> tuple[str, ...]:
    """Return the ids of the Patients of this hub that a Group names and has not made inactive."""
    if group is None:
        return ()
    found = []
    for member in jsontext.loads(group).get("member", ()):
        reference = member.get("entity", {}).get("reference", "")
        if reference.startswith("Patient/") and not member.get("inactive", False):
            found.append(reference.split("/")[1])
    return tuple(dict.fromkeys(found))


def write_next(turn: Turn, show: Show) -> bool:
    """Write the next file that is not there; False where all are, and the job is done."""
    with transaction():
        job = bulk_jobs.hold(turn)
        found = db.session.execute(
            select(BulkFile)
            .where(BulkFile.job_id == turn.job_id, BulkFile.digest.is_(None))
            .order_by(BulkFile.number)
            .limit(1)
        ).scalar_one_or_none()
        if found is None:
            bulk_jobs.finish(job)
            return False
        db.session.expunge(found)
        actor, order = bulk_jobs.actor_of(job), order_of(job.asked)
    if actor is None:
        raise NothingLeftError
    elements = (order.elements or {}).get(found.type, ())
    written = _write(turn, actor, found, lambda record: show(record, elements))
    with transaction():
        job = bulk_jobs.hold(turn)
        kept = db.session.get_one(BulkFile, (turn.job_id, found.number))
        kept.size, kept.digest = written.size, written.digest
        job.done += written.count
        bulk_jobs.got_on(job)
    return True


def _write(turn: Turn, actor: Actor, planned: BulkFile, show: Callable[[Record], str]) -> Written:
    folder = bulk_files.folder(turn.job_id)
    name = planned.type if planned.kind == OUTPUT else f"{planned.type}.deleted"
    listed = bulk_files.read_list(folder / LISTS / name, planned.begins, planned.count)
    content = (
        _gone(planned.type, listed)
        if planned.kind == DELETED
        else given(turn, actor, planned.type, listed, show)
    )
    try:
        written = bulk_files.write_lines(folder / planned.name, content)
    except FileNotFoundError:
        # Cancelled a moment ago, and the folder with it; or else something is really wrong.
        with transaction():
            bulk_jobs.hold(turn)
        raise
    if written.count != planned.count:
        raise RuntimeError(f"{planned.name}: {planned.count} versions listed, {written.count} read")
    return written


def given(
    turn: Turn,
    actor: Actor,
    resource_type: str,
    listed: Iterable[Listed],
    show: Callable[[Record], str],
) -> Iterator[str]:
    said = time.monotonic()
    for wanted in _in_reach(listed):
        for record in as_of.texts(resource_type, wanted):
            yield show(record)
        # Whoever reads the audit learns whose records have left, as after a search.
        seen = [f"{resource_type}/{i}/_history/{v}" for i, v, _ in wanted]
        spool.looked_at(actor, "export", resource_type, seen)
        if time.monotonic() - said > SAY_AFTER:
            with transaction():
                bulk_jobs.hold(turn)
            said = time.monotonic()


def _gone(resource_type: str, listed: Iterable[Listed]) -> Iterator[str]:
    """Write deletions as the Bundles that the guide wants: section "Response - Output Manifest"."""
    for record_id, _version, _size in listed:
        yield jsontext.dumps(
            {
                "resourceType": "Bundle",
                "type": "transaction",
                "entry": [{"request": {"method": "DELETE", "url": f"{resource_type}/{record_id}"}}],
            }
        )


def _in_reach(listed: Iterable[Listed]) -> Iterator[list[Listed]]:
    """Give the members in groups that are read at once."""
    group: list[Listed] = []
    held = 0
    for each in listed:
        if group and (len(group) == READ or held + each[2] > READ_BYTES):
            yield group
            group, held = [], 0
        group.append(each)
        held += each[2]
    if group:
        yield group


def work(turn: Turn, show: Show, until: float) -> bool:
    """Work on an export until a moment of ``time.monotonic``; False when it is done.

    Raises LostError. A client that has lost its access, or its Group, gets a failed job.
    """
    try:
        with transaction():
            listed = bulk_jobs.hold(turn).moment is not None
        if not listed:
            make_lists(turn)
        while write_next(turn, show):
            if time.monotonic() > until:
                return True
    except NothingLeftError:
        with transaction():
            bulk_jobs.fail(turn, "the client is not active any more")
    except FHIRError as error:
        with transaction():
            bulk_jobs.fail(turn, error.text)
    return False
