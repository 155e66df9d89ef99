"""Operations of the hub's own, for systems that know something first: a rota system, a hospital.

``Practitioner/[id]/$report-absence``, ``Patient/[id]/$record-death`` and ``[type]/[id]/$adopt``
take a Parameters resource (https://hl7.org/fhir/R4/operations.html) and do everything that follows.
"""

from flask import Response

from fhir.outcomes import BadRequestError, ForbiddenError
from hub import clock, records
from hub.api import answers
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import answer, given
from hub.auth import current_actor
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.scopes import permits
from hub.services import adoption, people, rota, rota_changes
from hub.transaction import transaction

MANAGERS = frozenset({"duty-manager", "service-manager"})
"""Roles that may say that somebody else is away."""


@operation(
    Operation(
        "report-absence",
        "Record that somebody is away; all their open work moves in the same transaction.",
        (
            Parameter("start", "dateTime", documentation="With its time zone; absent: from now."),
            Parameter("end", "dateTime", documentation="With its time zone; absent: open."),
            Parameter("reason", "code", min=1),
            Parameter("absence", "string", use="out", min=1),
        ),
        instance=True,
        types=("Practitioner",),
        affects_state=True,
    )
)
def report_absence(_type: str | None, practitioner_id: str | None) -> Response:
    actor = current_actor()
    assert practitioner_id is not None
    _check_absence(actor, practitioner_id)
    asked = given()
    with transaction():
        records.read(actor, "Practitioner", practitioner_id)
        by = actor
        if actor.kind is ActorKind.SYSTEM:
            # Its scope is the permission; the hub acts on its word, and the audit names it.
            records.audit.record(actor, "absence-reported", f"Practitioner/{practitioner_id}")
            by = hub_actor("rota")
        away = rota.report_absence(
            by,
            f"Practitioner/{practitioner_id}",
            starts_at=asked.instant("start") or clock.now(),
            ends_at=asked.instant("end"),
            reason=asked.needed("reason"),
        )
        said = answer({"name": "absence", "valueString": away.id})
    return answers.of_json(said)


@operation(
    Operation(
        "record-death",
        "Record a death: work stops, plans close, services are told, bereavement and equipment.",
        (
            Parameter("died", "dateTime", min=1, documentation="With its time zone."),
            Parameter("place", "string", min=1),
            Parameter("return", "Patient", use="out", min=1),
        ),
        instance=True,
        types=("Patient",),
        affects_state=True,
    )
)
def record_death(_type: str | None, patient_id: str | None) -> Response:
    actor = current_actor()
    assert patient_id is not None
    if actor.kind is ActorKind.SYSTEM and not permits(actor.scopes, "Patient", "u"):
        raise ForbiddenError("recording a death needs the scope system/Patient.u")
    asked = given()
    died_at = asked.instant("died")
    if died_at is None:
        raise BadRequestError("say when: a parameter died with valueDateTime", expression="died")
    with transaction():
        recorded = people.record_death(
            actor, patient_id, died_at=died_at, place=asked.needed("place")
        )
    return answers.of_record(recorded.patient)


@operation(
    Operation(
        "adopt",
        "Make a foreign plan, flag or task the hub's own; a Task names the service that takes it.",
        (
            Parameter("version", "positiveInt", min=1, documentation="The version you saw."),
            Parameter("service", "code", documentation="For a Task: who takes it."),
            Parameter("return", "Resource", use="out", min=1),
        ),
        instance=True,
        types=("CarePlan", "Flag", "Task"),
        affects_state=True,
    )
)
def adopt(resource_type: str | None, record_id: str | None) -> Response:
    actor = current_actor()
    if actor.kind is not ActorKind.PERSON:
        raise ForbiddenError("a person takes over what others sent: use a person's token")
    asked = given()
    version = asked.number("version")
    if version is None:
        raise BadRequestError("name the version you saw: version, valuePositiveInt")
    with transaction():
        adopted = adoption.adopt(
            actor,
            f"{resource_type}/{record_id}",
            version=version,
            service=asked.text("service"),
        )
    return answers.of_record(adopted)


def _check_absence(actor: Actor, practitioner_id: str) -> None:
    own = actor.practitioner == f"Practitioner/{practitioner_id}"
    if actor.kind is ActorKind.SYSTEM:
        if not permits(actor.scopes, "Practitioner", "u"):
            raise ForbiddenError("reporting an absence needs the scope system/Practitioner.u")
    elif not (
        own
        or actor.role in MANAGERS
        or rota_changes.may_plan_person(actor, f"Practitioner/{practitioner_id}")
    ):
        raise ForbiddenError("only a lead or a manager reports that somebody else is away")
