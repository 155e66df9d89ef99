"""Reading one record: one indexed SELECT of the stored text, scoped to the actor."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fhir.outcomes import GoneError, NotFoundError
from fhir.registry.types import SUPPORTED_TYPES
from hub import db
from hub.domain.actor import Actor
from hub.records import access, spool
from hub.records.record import Record
from hub.records.tables import TABLES
from hub.transaction import current

_COLUMNS = "version, last_updated, deleted, managed, content, patient_id"


@dataclass(slots=True)
class Stored:
    """The row of a record as it is now."""

    version: int
    last_updated: datetime
    deleted: bool
    managed: bool
    content: str
    patient_id: str | None

    def as_record(self, resource_type: str, record_id: str) -> Record:
        return Record(
            type=resource_type,
            id=record_id,
            version=self.version,
            last_updated=self.last_updated,
            text=self.content,
            deleted=self.deleted,
            managed=self.managed,
        )


def supported(resource_type: str) -> None:
    """Raise NotFoundError for a type that the hub does not hold."""
    if resource_type not in TABLES:
        raise NotFoundError(
            f"the hub does not hold {resource_type}; it holds {', '.join(SUPPORTED_TYPES)}",
            code="not-supported",
        )


def fetch(
    actor: Actor | None, resource_type: str, record_id: str, *, locked: bool
) -> Stored | None:
    """Return the row, or None where there is none that ``actor`` may see.

    ``actor`` None sees everything: only for telling "not there" from "not for you" inside the
    door itself.
    """
    supported(resource_type)
    condition, parameters = ("TRUE", ()) if actor is None else access.predicate(actor, "t")
    sql = (
        f"SELECT {_COLUMNS} FROM {TABLES[resource_type].name} t WHERE t.id = %s AND {condition}"
        + (" FOR UPDATE OF t" if locked else "")
    )
    found = db.fetch(sql, (record_id, *parameters))
    return Stored(*found[0]) if found else None


def read(actor: Actor, resource_type: str, record_id: str) -> Record:
    """Return the current version. Raises NotFoundError (also for what is hidden), GoneError."""
    supported(resource_type)
    access.authorise(actor, "read", resource_type)
    stored = fetch(actor, resource_type, record_id, locked=False)
    if stored is None:
        raise NotFoundError(f"{resource_type}/{record_id} is not here")
    if stored.deleted:
        raise GoneError(f"{resource_type}/{record_id} was deleted")
    spool.looked(actor, "read", f"{resource_type}/{record_id}", stored.version)
    return stored.as_record(resource_type, record_id)


def lock(actor: Actor, resource_type: str, record_id: str) -> Record:
    """Read the current version and hold its row until the transaction ends."""
    if current() is None:
        raise RuntimeError("a lock belongs to a transaction")
    access.authorise(actor, "read", resource_type)
    stored = fetch(actor, resource_type, record_id, locked=True)
    if stored is None:
        raise NotFoundError(f"{resource_type}/{record_id} is not here")
    if stored.deleted:
        raise GoneError(f"{resource_type}/{record_id} was deleted")
    return stored.as_record(resource_type, record_id)


def lock_many(actor: Actor, resource_type: str, ids: Iterable[str]) -> dict[str, Record]:
    """Hold many rows until the transaction ends, in the order of their ids; by id.

    One order for all who lock several, so that two of them never wait for each other. One that is
    not there, is deleted or is hidden from the actor is left out.
    """
    if current() is None:
        raise RuntimeError("a lock belongs to a transaction")
    supported(resource_type)
    access.authorise(actor, "read", resource_type)
    condition, parameters = access.predicate(actor, "t")
    sql = (
        f"SELECT t.id, {_COLUMNS} FROM {TABLES[resource_type].name} t"
        f" WHERE t.id = ANY(%s::text[]) AND NOT t.deleted AND {condition}"
        " ORDER BY t.id FOR UPDATE OF t"
    )
    return {
        record_id: Stored(*rest).as_record(resource_type, record_id)
        for record_id, *rest in db.fetch(sql, (sorted(set(ids)), *parameters))
    }


def read_many(actor: Actor, references: Iterable[str]) -> dict[str, Record]:
    """Return the records that are there and visible, by reference; one statement a type."""
    wanted: dict[str, set[str]] = {}
    for reference in references:
        resource_type, _, record_id = reference.partition("/")
        if resource_type in TABLES and record_id:
            wanted.setdefault(resource_type, set()).add(record_id)
    found: dict[str, Record] = {}
    for resource_type, ids in sorted(wanted.items()):
        access.authorise(actor, "read", resource_type)
        condition, parameters = access.predicate(actor, "t")
        sql = (
            f"SELECT t.id, {_COLUMNS} FROM {TABLES[resource_type].name} t"
            f" WHERE t.id = ANY(%s::text[]) AND NOT t.deleted AND {condition}"
        )
        for record_id, *rest in db.fetch(sql, (sorted(ids), *parameters)):
            record = Stored(*rest).as_record(resource_type, record_id)
            spool.looked(actor, "read", record.reference, record.version)
            found[record.reference] = record
    return found
