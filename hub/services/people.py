"""What happens to everything about a person when they die: one transaction, nothing forgotten.

Source: the care model, section 8: "place of death against preference, bereavement contact task,
equipment collection task, plans closed, open tasks stopped, all services told".
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fhir.systems import OBSERVATION_KIND, SNOMED_CT
from hub import clock, records
from hub.domain import register as register_rules
from hub.domain.accountability import AccountableRole
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import RuleError, StateError
from hub.domain.plan import EDITABLE
from hub.domain.register import LeavingReason, PlaceOfDeath, RegisterEntry
from hub.domain.task_states import OPEN
from hub.queries import standing
from hub.records import Record
from hub.records.record import instant
from hub.services import accountability, care_plans, definitions, referrals, register, tasks

_HUB = hub_actor("people")

DIED = "died"
"""Code of the lists ``cancellation-reasons`` and ``withdrawal-reasons``."""


@dataclass(frozen=True, slots=True)
class DeathRecorded:
    """What a death changed."""

    patient: Record
    place: Record
    """The Observation of the place of death, with what was preferred."""
    achieved: bool | None
    """Whether it was where the person wanted to die; None where that was not known."""
    bereavement: Record
    equipment: Record
    stopped: int
    """Open tasks and referrals that were stopped."""
    plans_closed: int


def record_death(
    actor: Actor,
    patient_id: str,
    *,
    died_at: datetime,
    place: PlaceOfDeath | str,
    place_name: str = "",
    version: int | None = None,
) -> DeathRecorded:
    """Record that a person has died, and do everything that follows.

    With ``version`` the Patient must still be at it.
    """
    where = _place(place)
    if died_at > clock.now():
        raise RuleError("a death is not recorded ahead of time", field="died_at")
    patient = records.lock(actor, "Patient", patient_id)
    resource = patient.resource
    if resource.get("deceasedBoolean") or "deceasedDateTime" in resource:
        raise StateError("this death has been recorded already", field="patient")
    entry = register.current(_HUB, patient_id)
    held = accountability.current(_HUB, patient_id)

    # Leaving comes first: the entry's own rules still see the person alive.
    if entry is not None:
        register.leave(actor, patient_id, reason=LeavingReason.DIED)
    resource.pop("deceasedBoolean", None)
    resource["deceasedDateTime"] = instant(died_at)
    written = records.update(
        actor,
        resource,
        type="Patient",
        id=patient_id,
        if_match=patient.version if version is None else version,
    )
    stopped = _stop_referrals(patient_id) + _stop_tasks(patient_id)
    closed = _close_plans(patient_id)
    preferred = entry.death_first.place if entry and entry.death_first else None
    achieved = register_rules.achieved(preferred, where)
    observed = records.create(
        actor,
        _place_observation(
            written, where, died_at, name=place_name, entry=entry, achieved=achieved
        ),
        managed=True,
    )
    accountability.settle(_HUB, patient_id)
    coordinator = held.get(AccountableRole.COORDINATOR)
    return DeathRecorded(
        patient=written,
        place=observed,
        achieved=achieved,
        bereavement=_open_bereavement(
            actor, written, coordinator.practitioner if coordinator else None, entry
        ),
        equipment=_open_equipment_collection(actor, written, entry),
        stopped=stopped,
        plans_closed=closed,
    )


def _stop_referrals(patient_id: str) -> int:
    current = standing.managed(_HUB, "ServiceRequest", patient_id, status=("active", "on-hold"))
    for request in current:
        referrals.withdraw(_HUB, request.id, reason=DIED)
    return len(current)


def _stop_tasks(patient_id: str) -> int:
    """Cancel what is still open; its owners are told by the task's own rules."""
    still_open = standing.managed(_HUB, "Task", patient_id, status=OPEN)
    for task in still_open:
        tasks.cancel(_HUB, task.id, version=task.version, reason=DIED)
    return len(still_open)


def _close_plans(patient_id: str) -> int:
    in_use = standing.managed(_HUB, "CarePlan", patient_id, status=EDITABLE)
    for plan in in_use:
        care_plans.close(_HUB, plan.id, version=plan.version, reason="The person has died.")
    return len(in_use)


def _open_bereavement(
    actor: Actor, patient: Record, coordinator: str | None, entry: RegisterEntry | None
) -> Record:
    """Ask somebody who knows the family to call them."""
    definition = definitions.current()
    code = "palliative" if entry is not None else "care-coordination"
    service = definition.services.get(code) or next(iter(definition.services.values()))
    task = tasks.open_task(
        actor,
        code="bereavement",
        patient=patient.reference,
        description="Contact the family after the death",
        owner=coordinator or f"CareTeam/{service.team}",
        focus=patient.reference,
        performing_organization=f"Organization/{service.performing}",
        accountable_organization=f"Organization/{service.accountable}",
        clock="next-day" if "next-day" in definition.clocks else None,
        service=service.code,
        minutes=definition.task_minutes.get("bereavement"),
        note=f"Contacts: {entry.contacts}" if entry and entry.contacts else None,
    )
    if coordinator is None:
        tasks.ask_for_routing(_HUB, task.id)
    return task


def _open_equipment_collection(
    actor: Actor, patient: Record, entry: RegisterEntry | None
) -> Record:
    """Have the equipment collected; where none is on record somebody asks."""
    definition = definitions.current()
    service = definition.services.get("equipment") or next(iter(definition.services.values()))
    known = entry.equipment if entry else ""
    task = tasks.open_task(
        actor,
        code="equipment-collection",
        patient=patient.reference,
        description=f"Collect the equipment: {known}"
        if known
        else "Ask the family what equipment is to be collected",
        owner=f"CareTeam/{service.team}",
        focus=patient.reference,
        performing_organization=f"Organization/{service.performing}",
        accountable_organization=f"Organization/{service.accountable}",
        clock=service.clock,
        service=service.code,
        minutes=definition.task_minutes.get("equipment-collection"),
    )
    tasks.ask_for_routing(_HUB, task.id)
    return task


def _place_observation(
    patient: Record,
    where: PlaceOfDeath,
    died_at: datetime,
    *,
    name: str,
    entry: RegisterEntry | None,
    achieved: bool | None,
) -> dict[str, Any]:
    """Return where the person died, and beside it where they had wanted to."""
    value: dict[str, Any] = {
        "coding": [
            {
                "system": SNOMED_CT,
                "code": where.value,
                "display": register_rules.DEATH_WORDS[where],
            }
        ]
    }
    if name:
        value["text"] = name
    observation: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "code": {
            "coding": [{"system": OBSERVATION_KIND, "code": "place-of-death"}],
            "text": "Place of death",
        },
        "subject": {"reference": patient.reference},
        "effectiveDateTime": instant(died_at),
        "valueCodeableConcept": value,
    }
    components: list[dict[str, Any]] = []
    if entry is not None and entry.death_first is not None:
        preferred = entry.death_first.place
        components.append(
            {
                "code": {"coding": [{"system": OBSERVATION_KIND, "code": "preferred-place"}]},
                "valueCodeableConcept": {
                    "coding": [
                        {
                            "system": SNOMED_CT,
                            "code": preferred.value,
                            "display": register_rules.PREFERRED_WORDS[preferred],
                        }
                    ]
                },
            }
        )
    if achieved is not None:
        components.append(
            {
                "code": {"coding": [{"system": OBSERVATION_KIND, "code": "preference-achieved"}]},
                "valueBoolean": achieved,
            }
        )
    if components:
        observation["component"] = components
    return observation


def _place(place: PlaceOfDeath | str) -> PlaceOfDeath:
    try:
        return PlaceOfDeath(place)
    except ValueError:
        raise RuleError(
            "this is not a place of death that the hub knows",
            field="place",
            allowed=[each.value for each in PlaceOfDeath],
        ) from None
