"""Conflicts of interest: recorded with their author, ended, and acted on at once."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import RuleError, StateError
from hub.domain.matching import CONFLICTS
from hub.models.assignment import Assignment
from hub.models.conflict import ConflictOfInterest
from hub.services import definitions, routing

_HUB = hub_actor("conflicts")
_LONGEST = 1000


def record(
    actor: Actor, patient: str, practitioner: str, *, reason: str, note: str | None = None
) -> ConflictOfInterest:
    """Record that ``practitioner`` must not work for ``patient`` (references).

    Their open work for the person goes to others in the same transaction. Raises RuleError for
    an unknown reason or member of staff, StateError where it stands already, and what reading
    the person raises: only who may see somebody says who must not.
    """
    if reason not in CONFLICTS:
        raise RuleError(
            f"{reason} is not a reason for a conflict of interest",
            field="reason",
            allowed=sorted(CONFLICTS),
        )
    if practitioner.removeprefix("Practitioner/") not in definitions.current().staff:
        raise RuleError("name a member of staff", field="practitioner")
    if note is not None and len(note) > _LONGEST:
        raise RuleError(f"use no more than {_LONGEST} characters", field="note")
    records.read(actor, "Patient", patient.removeprefix("Patient/"))
    # The index is the judge: two who record the same at once have recorded it once.
    kept = db.session.execute(
        insert(ConflictOfInterest)
        .values(
            id=records.new_id(),
            practitioner=practitioner,
            patient=patient,
            reason=reason,
            note=note,
            recorded_by=actor.practitioner or actor.id,
            recorded_at=clock.now(),
        )
        .on_conflict_do_nothing()
        .returning(ConflictOfInterest)
    ).scalar_one_or_none()
    if kept is None:
        raise StateError("this conflict of interest stands already", field="practitioner")
    records.audit.record(
        actor, "conflict-recorded", patient, {"practitioner": practitioner, "reason": reason}
    )
    open_work = db.session.execute(
        select(Assignment.task_id).where(
            Assignment.owner == practitioner,
            Assignment.patient == patient,
            Assignment.ends_at.is_(None),
        )
    )
    routing.route_many(_HUB, list(open_work.scalars()), cause="conflict", displaced=practitioner)
    return kept


def end(actor: Actor, patient: str, conflict_id: str) -> ConflictOfInterest:
    """End a conflict of one person; it stays on the record. StateError where it has ended."""
    records.read(actor, "Patient", patient.removeprefix("Patient/"))
    found = db.session.execute(
        select(ConflictOfInterest)
        .where(ConflictOfInterest.id == conflict_id, ConflictOfInterest.patient == patient)
        .with_for_update()
    ).scalar_one_or_none()
    if found is None or found.ended_at is not None:
        raise StateError("this conflict of interest has ended already", field="conflict")
    found.ended_at = clock.now()
    found.ended_by = actor.practitioner or actor.id
    db.session.flush()
    records.audit.record(actor, "conflict-ended", patient, {"practitioner": found.practitioner})
    return found
