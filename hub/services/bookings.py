"""Bookings by message: an Appointment in the person's record and its Slot taken or given back."""

from typing import Any

from sqlalchemy import text

from fhir.messaging import Entry, Message
from fhir.messaging.refusal import conflict, not_found
from fhir.outcomes import FHIRError
from hub import records
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.models.message import InboxMessage
from hub.records import Record
from hub.services import definitions, identification, inbox, referral_messages, tracing
from hub.services.enclosures import Enclosures
from hub.services.inbox import Arrival

_HUB = hub_actor("messages")
_PREFIX = "Appointment/"


def slot_free(slot: Entry | str) -> bool:
    """Say whether a Slot can be booked, and let nobody else book it before this transaction ends.

    A Slot that the hub keeps no diary for is free until a booking has taken it.
    """
    slot_id = _slot_id(slot)
    db.session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"Slot/{slot_id}"},
    )
    record = _find("Slot", slot_id)
    return record is None or record["status"] == "free"


def book(actor: Actor, arrival: Arrival, message: Message) -> Record:
    """Write the Appointment, take its Slot, trace who it is for where that is not proven."""
    del arrival
    appointment = message.focus.resource
    entry = _patient_entry(message)
    definition = definitions.current()
    identified = identification.identify(
        _HUB,
        referral_messages.demographics(entry.resource, trusted=inbox.trusted(actor.id)),
        typed=False,
    )
    parts = _parts(message, entry, identified.patient.reference)
    for slot in _slots(message, appointment):
        _take(parts, message, slot)
    written = records.create(_HUB, parts.rewritten(appointment))
    if identified.tracing:
        tracing.open_task_for(_HUB, identified, written, definition)
    records.audit.record(actor, "booked", written.reference)
    return written


def change(actor: Actor, arrival: Arrival, message: Message) -> Record:
    """Write the sender's new version of a booking; another Slot must be free."""
    earlier = _on_file(arrival, message)
    appointment = message.focus.resource
    parts = _parts(message, _patient_entry(message), patient_of(earlier))
    held = {s.get("reference") for s in earlier.get("slot") or ()}
    for slot in _slots(message, appointment):
        if f"Slot/{_slot_id(slot)}" in held:
            parts.stands_for(*_named(slot))
            continue
        if not slot_free(slot):
            raise conflict("The slot is no longer free", "Appointment.slot")
        _take(parts, message, slot)
    changed = {**parts.rewritten(appointment), "id": earlier.id}
    written = records.update(
        _HUB, changed, type="Appointment", id=earlier.id, if_match=earlier.version
    )
    now_held = {s.get("reference") for s in written.get("slot") or ()}
    _give_back(held - now_held)
    records.audit.record(actor, "booking-changed", written.reference)
    return written


def cancel(actor: Actor, arrival: Arrival, message: Message) -> Record:
    """Cancel a booking that is still current, and give its Slot back."""
    earlier = _on_file(arrival, message)
    changed = earlier.resource
    changed["status"] = message.focus.resource["status"]
    written = records.update(
        _HUB, changed, type="Appointment", id=earlier.id, if_match=earlier.version
    )
    _give_back({s.get("reference") for s in earlier.get("slot") or ()})
    records.audit.record(actor, "booking-cancelled", written.reference)
    return written


def patient_of(appointment: Record) -> str:
    """Return the reference of the person that an Appointment is for."""
    for participant in appointment.get("participant") or ():
        reference = str((participant.get("actor") or {}).get("reference", ""))
        if reference.startswith("Patient/"):
            return reference
    return ""


def _on_file(arrival: Arrival, message: Message) -> Record:
    mine = InboxMessage.client == arrival.client
    identities = [message.focus.resource.get("id"), message.focus.full_url.rpartition(":")[2]]
    searches = (
        InboxMessage.subject.in_([f"{_PREFIX}{each}" for each in identities if each]),
        InboxMessage.bundle_id == arrival.bundle_id,
        InboxMessage.correlation_id == arrival.correlation_id,
    )
    for condition in searches:
        for row in inbox.latest(mine, condition):
            if str(row.subject).startswith(_PREFIX):
                found = records.lock(_HUB, "Appointment", str(row.subject).removeprefix(_PREFIX))
                if found["status"] != "booked":
                    raise conflict("The booking is no longer current", "Appointment.status")
                return found
    raise not_found("No booking of this sender is on file that the message could mean")


def _patient_entry(message: Message) -> Entry:
    for participant in message.focus.resource.get("participant") or ():
        entry = message.resolve(participant.get("actor"))
        if entry is not None and entry.type == "Patient":
            return entry
    # `decide` refuses an Appointment that names no Patient of the message.
    raise LookupError("Appointment without a Patient")


def _parts(message: Message, patient: Entry, reference: str) -> Enclosures:
    parts = Enclosures(((e.full_url, e.resource) for e in message.entries), definitions.current())
    parts.stands_for(patient.full_url, patient.resource, reference)
    return parts


def _slots(message: Message, appointment: dict[str, Any]) -> list[Entry | str]:
    return [
        message.resolve(reference) or str(reference.get("reference", ""))
        for reference in appointment.get("slot") or ()
    ]


def _slot_id(slot: Entry | str) -> str:
    if isinstance(slot, str):
        return slot.rpartition("/")[2]
    return str(slot.resource.get("id") or slot.full_url.rpartition(":")[2])


def _named(slot: Entry | str) -> tuple[str, dict[str, Any], str]:
    reference = f"Slot/{_slot_id(slot)}"
    if isinstance(slot, str):
        return slot, {}, reference
    return slot.full_url, slot.resource, reference


def _take(parts: Enclosures, message: Message, slot: Entry | str) -> None:
    """Mark the Slot busy; one that the hub did not know is kept as the message says."""
    slot_id = _slot_id(slot)
    parts.stands_for(*_named(slot))
    known = _find("Slot", slot_id)
    if known is not None:
        _mark(known, "busy")
        return
    if isinstance(slot, str):
        return
    schedule = message.resolve(slot.resource.get("schedule"))
    if schedule is not None:
        schedule_id = str(schedule.resource.get("id") or schedule.full_url.rpartition(":")[2])
        parts.stands_for(schedule.full_url, schedule.resource, f"Schedule/{schedule_id}")
        if _find("Schedule", schedule_id) is None:
            records.create(_HUB, parts.rewritten(schedule.resource), id=schedule_id)
    taken = {**parts.rewritten(slot.resource), "status": "busy"}
    records.create(_HUB, taken, id=slot_id)


def _give_back(references: set[Any]) -> None:
    for reference in sorted(str(each) for each in references if each):
        known = _find("Slot", reference.removeprefix("Slot/"))
        if known is not None and known["status"] == "busy":
            _mark(known, "free")


def _mark(slot: Record, status: str) -> None:
    changed = slot.resource
    changed["status"] = status
    records.update(_HUB, changed, type="Slot", id=slot.id, if_match=slot.version)


def _find(resource_type: str, record_id: str) -> Record | None:
    try:
        return records.lock(_HUB, resource_type, record_id)
    except FHIRError:
        return None
