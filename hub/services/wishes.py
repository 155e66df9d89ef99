"""What a person asked for about who comes to them: flags of theirs, as every alert is one."""

from sqlalchemy import select

from fhir.messaging.codes import FLAG_CATEGORIES
from fhir.systems import FLAG_KIND
from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.errors import RuleError, StateError
from hub.domain.matching import WISHES
from hub.queries import matching
from hub.records import Record, instant

_REASONABLE_ADJUSTMENT = "RA"


def of_person(actor: Actor, patient_id: str) -> list[Record]:
    """Return the flags in force that record a wish, the oldest first."""
    table = records.table("Flag")
    rows = db.session.execute(
        select(table.c.id)
        .where(
            table.c.patient_id == patient_id,
            table.c.status == "active",
            table.c.managed,
            ~table.c.deleted,
            records.visible_to(actor, table),
        )
        .order_by(table.c.last_updated, table.c.id)
    )
    found = records.read_many(actor, [f"Flag/{each}" for each in rows.scalars()])
    return [each for each in found.values() if matching.wish_of(each.resource)]


def record(actor: Actor, patient_id: str, code: str) -> Record:
    """Record a wish; one about the gender of the worker takes the place of another such one."""
    if code not in WISHES:
        raise RuleError(f"{code} is not a wish", field="wish", allowed=sorted(WISHES))
    records.lock(actor, "Patient", patient_id)
    wish = WISHES[code]
    for flag in of_person(actor, patient_id):
        standing = matching.wish_of(flag.resource)
        if standing == wish:
            raise StateError("this wish is on the record already", field="wish")
        if standing is not None and standing.gender and wish.gender:
            end(actor, patient_id, flag.id)
    return records.create(
        actor,
        {
            "resourceType": "Flag",
            "status": "active",
            "category": [{"coding": [{"system": FLAG_CATEGORIES, "code": _REASONABLE_ADJUSTMENT}]}],
            "code": {"coding": [{"system": FLAG_KIND, "code": code}], "text": wish.words},
            "subject": {"reference": f"Patient/{patient_id}"},
            "period": {"start": instant(clock.now())},
            **({"author": {"reference": actor.practitioner}} if actor.practitioner else {}),
        },
        managed=True,
    )


def end(actor: Actor, patient_id: str, flag_id: str) -> Record:
    """End a wish: the flag becomes inactive and stays on the record."""
    flag = records.lock(actor, "Flag", flag_id)
    resource = flag.resource
    if (
        resource.get("subject", {}).get("reference") != f"Patient/{patient_id}"
        or matching.wish_of(resource) is None
    ):
        raise StateError("this wish has ended already", field="wish")
    resource["status"] = "inactive"
    resource["period"] = {**resource.get("period", {}), "end": instant(clock.now())}
    return records.update(actor, resource, type="Flag", id=flag_id, if_match=flag.version)
