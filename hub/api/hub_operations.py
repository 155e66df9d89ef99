"""Operations of the hub's own, for systems that know something first: a rota system, a hospital.

``Practitioner/[id]/$report-absence``, ``Patient/[id]/$record-death`` and ``[type]/[id]/$adopt``
take a Parameters resource (https://hl7.org/fhir/R4/operations.html) and do everything that follows.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Response

from fhir import jsontext
from fhir.outcomes import BadRequestError, ForbiddenError
from hub import clock, records
from hub.api import answers, limits, negotiation
from hub.api.site import blueprint
from hub.auth import current_actor
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.scopes import permits
from hub.services import adoption, people, rota
from hub.transaction import transaction

MANAGERS = frozenset({"duty-manager", "service-manager"})
"""Roles that may say that somebody else is away."""


@blueprint.post("/Practitioner/<fhirid:practitioner_id>/$report-absence")
def report_absence(practitioner_id: str) -> Response:
    """Record that somebody is away; all their open work moves in the same transaction."""
    actor = current_actor()
    _check_absence(actor, practitioner_id)
    given = _parameters()
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
            starts_at=_instant(given, "start") or clock.now(),
            ends_at=_instant(given, "end"),
            reason=_text(given, "reason"),
        )
        said = {
            "resourceType": "Parameters",
            "parameter": [{"name": "absence", "valueString": away.id}],
        }
    return _answer(said)


@blueprint.post("/Patient/<fhirid:patient_id>/$record-death")
def record_death(patient_id: str) -> Response:
    """Record a death: work stopped, plans closed, services told, bereavement and equipment."""
    actor = current_actor()
    if actor.kind is ActorKind.SYSTEM and not permits(actor.scopes, "Patient", "u"):
        raise ForbiddenError("recording a death needs the scope system/Patient.u")
    given = _parameters()
    died_at = _instant(given, "died")
    if died_at is None:
        raise BadRequestError("say when: a parameter died with valueDateTime", expression="died")
    with transaction():
        recorded = people.record_death(
            actor, patient_id, died_at=died_at, place=_text(given, "place")
        )
    return answers.of_record(recorded.patient)


@blueprint.post("/CarePlan/<fhirid:record_id>/$adopt", defaults={"resource_type": "CarePlan"})
@blueprint.post("/Flag/<fhirid:record_id>/$adopt", defaults={"resource_type": "Flag"})
@blueprint.post("/Task/<fhirid:record_id>/$adopt", defaults={"resource_type": "Task"})
def adopt(resource_type: str, record_id: str) -> Response:
    """Make a foreign plan, flag or task the hub's own; a Task names the service that takes it."""
    actor = current_actor()
    if actor.kind is not ActorKind.PERSON:
        raise ForbiddenError("a person takes over what others sent: use a person's token")
    given = _parameters()
    version = given.get("version", {}).get("valuePositiveInt")
    if type(version) is not int:
        raise BadRequestError("name the version you saw: version, valuePositiveInt")
    with transaction():
        adopted = adoption.adopt(
            actor,
            f"{resource_type}/{record_id}",
            version=version,
            service=_text(given, "service") if "service" in given else None,
        )
    return answers.of_record(adopted)


def _check_absence(actor: Actor, practitioner_id: str) -> None:
    own = actor.practitioner == f"Practitioner/{practitioner_id}"
    if actor.kind is ActorKind.SYSTEM:
        if not permits(actor.scopes, "Practitioner", "u"):
            raise ForbiddenError("reporting an absence needs the scope system/Practitioner.u")
    elif not own and actor.role not in MANAGERS:
        raise ForbiddenError("only a manager reports that somebody else is away")


def _parameters() -> Mapping[str, Mapping[str, Any]]:
    negotiation.check_accept()
    negotiation.check_content_type()
    body, _ = jsontext.parse(limits.body())
    if body.get("resourceType") != "Parameters":
        raise BadRequestError("this operation takes a Parameters resource", code="structure")
    listed = body.get("parameter", [])
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise BadRequestError("Parameters.parameter is a list", code="structure")
    return {str(each.get("name")): each for each in listed}


def _instant(given: Mapping[str, Mapping[str, Any]], name: str) -> datetime | None:
    if name not in given:
        return None
    value = given[name].get("valueDateTime") or given[name].get("valueInstant")
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise BadRequestError(f"{name} is a valueDateTime", expression=name) from None
    if found.tzinfo is None:
        raise BadRequestError(f"{name} needs its time zone", expression=name)
    return found


def _text(given: Mapping[str, Mapping[str, Any]], name: str) -> str:
    value = given.get(name, {}).get("valueCode") or given.get(name, {}).get("valueString")
    if not isinstance(value, str) or not value:
        raise BadRequestError(f"the parameter {name} is missing", expression=name)
    return value


def _answer(said: dict[str, Any]) -> Response:
    return Response(jsontext.dumps(said), content_type=negotiation.FHIR_JSON)
