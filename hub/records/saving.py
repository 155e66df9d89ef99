"""Writing records: the one door. Validate, guard, authorise, check the version, write it all."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fhir import jsontext
from fhir.jsontext import Parsed
from fhir.outcomes import (
    BadRequestError,
    ConflictError,
    FHIRError,
    GoneError,
    InvalidResourceError,
    NotFoundError,
    UnprocessableError,
    VersionConflictError,
)
from fhir.registry.types import SUPPORTED_TYPES
from fhir.systems import MANAGED_TAG_CODE, MANAGED_TAG_SYSTEM
from fhir.validation import validate
from hub import clock, db
from hub.db import in_session
from hub.domain.actor import Actor
from hub.records import access, audit, guards
from hub.records.ids import new_id
from hub.records.reading import Stored, fetch
from hub.records.record import Record, instant, is_managed
from hub.records.row import EMPTY, Row, row_of, rows_apart, scalar_columns
from hub.records.statements import insert_sql, update_sql
from hub.transaction import current, transaction

MANAGED_TAG_JSON = f'{{"system":"{MANAGED_TAG_SYSTEM}","code":"{MANAGED_TAG_CODE}"}}'

_TRIES = 10
"""A write without If-Match that keeps losing to others gives up with 409 after this many."""

Body = dict[str, Any] | str | bytes | Parsed


@dataclass(slots=True)
class Version:
    """A version about to be written."""

    type: str
    id: str
    number: int
    at: datetime
    text: str
    row: Row
    value: dict[str, Any]
    """The resource as it is indexed; empty for a deletion."""
    deleted: bool = False

    def as_record(self) -> Record:
        return Record(
            type=self.type,
            id=self.id,
            version=self.number,
            last_updated=self.at,
            text=self.text,
            deleted=self.deleted,
            managed=self.row.managed,
        )


def read_body(body: Body, expected_type: str | None = None) -> tuple[dict[str, Any], str]:
    """Return (value, text) of a body; refuse types that the hub does not hold."""
    if isinstance(body, Parsed):
        value, text = body.value, body.text
    elif isinstance(body, dict):
        value, text = body, jsontext.dumps(body)
    else:
        value, text = jsontext.parse(body)
    resource_type = value.get("resourceType")
    if not isinstance(resource_type, str):
        raise BadRequestError(
            "resourceType is missing", expression="resourceType", code="structure"
        )
    if expected_type is not None and resource_type != expected_type:
        raise BadRequestError(
            f"resourceType must be {expected_type}, as in the address",
            expression="resourceType",
        )
    if resource_type not in SUPPORTED_TYPES:
        raise NotFoundError(
            f"the hub does not hold {resource_type}; it holds {', '.join(SUPPORTED_TYPES)}",
            code="not-supported",
        )
    return value, text


def check(value: dict[str, Any], *, server_meta: bool = True) -> None:
    """Raise InvalidResourceError with every fault of the resource."""
    faults = [
        issue
        for issue in validate(value, server_meta=server_meta)
        if issue.severity in {"error", "fatal"}
    ]
    if faults:
        raise InvalidResourceError(faults)


def prepare(
    value: dict[str, Any],
    text: str,
    *,
    id: str,  # noqa: A002 - the element's name
    number: int,
    managed: bool,
    at: datetime | None = None,
) -> Version:
    """Give a valid resource its id and meta, and derive its rows."""
    tagged = is_managed(value)
    if tagged and not managed:
        raise UnprocessableError(
            f"meta.tag {MANAGED_TAG_SYSTEM}|{MANAGED_TAG_CODE} is set by the hub only: "
            "send the resource without it",
            expression=f"{value['resourceType']}.meta.tag",
        )
    at = at or clock.now()
    spliced = jsontext.splice(
        Parsed(value, text),
        id=id,
        version=number,
        last_updated=instant(at),
        add_tag=MANAGED_TAG_JSON if managed and not tagged else None,
    )
    # A tag that was added must be found by _tag too.
    indexed = jsontext.loads(spliced) if managed and not tagged else {**value, "id": id}
    return Version(value["resourceType"], id, number, at, spliced, row_of(indexed), indexed)


def create(
    actor: Actor,
    resource: Body,
    *,
    type: str | None = None,  # noqa: A002 - the field's name
    id: str | None = None,  # noqa: A002 - the element's name
    managed: bool = False,
) -> Record:
    """Store a new record and return it; ``type`` is what the address says it must be.

    ``id`` and ``meta.versionId``/``lastUpdated`` in the resource are ignored
    (https://hl7.org/fhir/R4/http.html#create). Raises ConflictError where ``id`` is taken,
    InvalidResourceError, ForbiddenError, or what a guard raises.
    """
    if managed and current() is None:
        # Guards write rows of their own: they and the record are kept together or not at all.
        with transaction():
            return create(actor, resource, type=type, id=id, managed=managed)
    value, text = read_body(resource, type)
    access.authorise(actor, "create", value["resourceType"])
    check(value, server_meta=False)
    version = prepare(value, text, id=id or new_id(), number=1, managed=managed)
    if managed:
        guards.check(actor, None, jsontext.loads(version.text))
    if not insert_version(actor, version, "create"):
        raise ConflictError(f"{version.type}/{version.id} exists already", code="duplicate")
    return version.as_record()


def update(
    actor: Actor,
    resource: Body,
    *,
    type: str,  # noqa: A002 - the field's name
    id: str,  # noqa: A002 - the element's name
    if_match: int | None = None,
    create: bool = False,
) -> Record:
    """Supersede the current version and return the new one.

    ``if_match`` is checked in the statement that writes. Without it the last writer wins, one
    version after another. With ``create`` an id that was never used is created (update as
    create). Raises NotFoundError, VersionConflictError, InvalidResourceError, ForbiddenError.
    """
    value, text = read_body(resource, type)
    access.authorise(actor, "update", type)
    if value.get("id") != id:
        raise BadRequestError(
            f"the resource's id must be {id}, as in the address", expression=f"{type}.id"
        )
    check(value)
    for _ in range(_TRIES):
        # Inside a transaction the row is held, so what a guard writes cannot be written twice.
        stored = fetch(actor, type, id, locked=current() is not None)
        if stored is not None and stored.managed and current() is None:
            with transaction():
                return update(actor, resource, type=type, id=id, if_match=if_match)
        if stored is None:
            if not create:
                raise NotFoundError(f"{type}/{id} is not here")
            if fetch(None, type, id, locked=False) is not None:
                if fetch(actor, type, id, locked=False) is not None:
                    continue  # somebody created it between the two looks
                raise NotFoundError(f"{type}/{id} is not here")
            if if_match is not None:
                raise VersionConflictError(f"{type}/{id}", current=0, given=if_match)
            access.authorise(actor, "create", type)
            version = prepare(value, text, id=id, number=1, managed=False)
            if insert_version(actor, version, "create"):
                return version.as_record()
            continue
        if if_match is not None and stored.version != if_match:
            raise VersionConflictError(f"{type}/{id}", current=stored.version, given=if_match)
        managed = stored.managed
        version = prepare(value, text, id=id, number=stored.version + 1, managed=managed)
        if managed:
            old = None if stored.deleted else jsontext.loads(stored.content)
            guards.check(actor, old, jsontext.loads(version.text))
        if supersede(actor, stored, version, "update"):
            return version.as_record()
    raise _lost(actor, type, id, if_match)


def adopt(
    actor: Actor,
    resource: dict[str, Any],
    *,
    type: str,  # noqa: A002 - the field's name
    id: str,  # noqa: A002 - the element's name
    if_match: int,
) -> Record:
    """Make a foreign record managed, as its next version, under the rules of a new one.

    Only ``hub.services.adoption`` calls this: everything else keeps what others send as it is.
    """
    if current() is None:
        raise RuntimeError("an adoption belongs to a transaction")
    value, text = read_body(resource, type)
    check(value)
    stored = fetch(actor, type, id, locked=True)
    if stored is None or stored.deleted:
        raise NotFoundError(f"{type}/{id} is not here")
    if stored.version != if_match:
        raise VersionConflictError(f"{type}/{id}", current=stored.version, given=if_match)
    if stored.managed:
        raise ConflictError(f"{type}/{id} is this hub's own already")
    version = prepare(value, text, id=id, number=stored.version + 1, managed=True)
    guards.check(actor, None, jsontext.loads(version.text))
    if not supersede(actor, stored, version, "adopt"):
        raise _lost(actor, type, id, if_match)
    return version.as_record()


def delete(
    actor: Actor,
    type: str,  # noqa: A002 - the field's name
    id: str,  # noqa: A002 - the element's name
    *,
    if_match: int | None = None,
) -> None:
    """Delete a record; its versions stay readable. A second delete does nothing."""
    access.authorise(actor, "delete", type)
    for _ in range(_TRIES):
        stored = fetch(actor, type, id, locked=current() is not None)
        if stored is None:
            raise NotFoundError(f"{type}/{id} is not here")
        if stored.managed and current() is None:
            with transaction():
                delete(actor, type, id, if_match=if_match)
                return
        if if_match is not None and stored.version != if_match:
            raise VersionConflictError(f"{type}/{id}", current=stored.version, given=if_match)
        if stored.deleted:
            return
        if stored.managed:
            guards.check(actor, jsontext.loads(stored.content), None)
        row = replace(EMPTY, patient_id=stored.patient_id, managed=stored.managed)
        version = Version(type, id, stored.version + 1, clock.now(), "", row, {}, deleted=True)
        if supersede(actor, stored, version, "delete"):
            return
    raise _lost(actor, type, id, if_match)


def _lost(actor: Actor, type: str, id: str, if_match: int | None) -> FHIRError:  # noqa: A002
    stored = fetch(actor, type, id, locked=False)
    if stored is None:
        return GoneError(f"{type}/{id} was deleted")
    if if_match is not None:
        return VersionConflictError(f"{type}/{id}", current=stored.version, given=if_match)
    return ConflictError(f"{type}/{id} is being changed by others: try again")


def _parameters(actor: Actor, version: Version, action: str) -> dict[str, Any]:
    from_row = version.row
    return {
        **dict.fromkeys(scalar_columns(version.type)),
        **from_row.scalars,
        "resource_type": version.type,
        "id": version.id,
        "source": f"{version.type}/{version.id}",
        "version": version.number,
        "last_updated": version.at,
        "now": version.at,
        "deleted": version.deleted,
        "managed": from_row.managed,
        "patient_id": from_row.patient_id,
        "content": version.text,
        "present": from_row.present,
        "idx": "{" + ",".join(map(str, from_row.idx)) + "}",
        "actor": actor.id,
        "action": action,
        "request": audit.request_id.get(),
    }


def _index_rows(prefix: str, new: Row, old: Row, into: dict[str, Any]) -> frozenset[str]:
    """Add the rows that ``new`` has and ``old`` has not to the parameters; name their tables."""
    used: set[str] = set()
    if strings := sorted(new.strings - old.strings):
        used.add("strings")
        into[f"{prefix}s_param"] = [s[0] for s in strings]
        into[f"{prefix}s_value"] = [s[1] for s in strings]
    if dates := sorted(new.dates - old.dates):
        used.add("dates")
        into[f"{prefix}d_param"] = [d[0] for d in dates]
        into[f"{prefix}d_lo"] = [d[1] for d in dates]
        into[f"{prefix}d_hi"] = [d[2] for d in dates]
    if quantities := sorted(new.quantities - old.quantities):
        used.add("quantities")
        into[f"{prefix}q_param"] = [q[0] for q in quantities]
        into[f"{prefix}q_lo"] = [q[1] for q in quantities]
        into[f"{prefix}q_hi"] = [q[2] for q in quantities]
        into[f"{prefix}q_unit"] = [q[3] for q in quantities]
        into[f"{prefix}q_companion"] = [q[4] for q in quantities]
    if related := sorted(new.relationships - old.relationships):
        used.add("relationships")
        into[f"{prefix}r_patient"] = [r[0] for r in related]
        into[f"{prefix}r_party"] = [r[1] for r in related]
        into[f"{prefix}r_basis"] = [r[2] for r in related]
    return frozenset(used)


def insert_version(actor: Actor, version: Version, action: str) -> bool:
    """Insert version 1; False where the id is taken."""
    parameters = _parameters(actor, version, action)
    added = _index_rows("", version.row, EMPTY, parameters)
    return _execute(insert_sql(version.type, added), parameters)


def supersede(actor: Actor, stored: Stored, version: Version, action: str) -> bool:
    """Write ``version`` over ``stored``; False where somebody else has superseded it."""
    parameters = _parameters(actor, version, action)
    parameters["expected"] = stored.version
    old, new = EMPTY, version.row
    if not stored.deleted:
        before = jsontext.loads(stored.content)
        old, new = rows_apart(before, version.value, version.row)
    added = _index_rows("", new, old, parameters)
    removed = _index_rows("x", old, new, parameters)
    return _execute(update_sql(version.type, added, removed), parameters)


def _execute(sql: str, parameters: dict[str, Any]) -> bool:
    session = in_session()
    if current() is None and session is not None and session.in_transaction():
        # A page has read through the session before: its transaction would be rolled back at the
        # end of the request, and this write with it. Commit it here.
        with transaction():
            return _execute(sql, parameters)
    found = db.fetch(sql, parameters)
    return bool(found[0][0])
