"""$export of the system, of all Patients, of a Group: the kick-off, read and checked.

https://hl7.org/fhir/uv/bulkdata/export.html. A worker does the rest (workflows/bulk.py).
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from flask import Response

from fhir import registry
from fhir.bundle import parameters as pairs_of
from fhir.outcomes import BadRequestError, ForbiddenError
from fhir.registry import SUPPORTED_TYPES
from fhir.registry.search_parameters import patient_parameters
from fhir.search.query import parse
from fhir.validation.invariants import instant_of
from fhir.validation.primitives import is_date_time
from hub import records
from hub.api import bulk, negotiation
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import Given, given
from hub.auth import current_actor
from hub.domain.actor import Actor, ActorKind
from hub.domain.scopes import permits
from hub.models.bulk import EXPORT
from hub.services import bulk_jobs, exports
from hub.services.exports import Order
from hub.transaction import transaction

_HL7 = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition"
FORMATS = ("application/fhir+ndjson", "application/ndjson", "ndjson")
COMPARTMENT = tuple(
    each for each in SUPPORTED_TYPES if each == "Patient" or patient_parameters(each)
)
"""Types whose records can be in the compartment of a Patient."""

_PARAMETERS = (
    Parameter("_outputFormat", "string", documentation=f"{', '.join(FORMATS)}."),
    Parameter("_since", "instant", documentation="Only what has changed after it."),
    Parameter("_until", "instant", documentation="As it was then; not with _typeFilter."),
    Parameter("_type", "string", max="*", documentation="Types, with commas."),
    Parameter("_elements", "string", max="*", documentation="Elements, with commas."),
    Parameter("_typeFilter", "string", max="*", documentation="Searches: [type]?[search]."),
)
_PATIENT = Parameter("patient", "Reference", max="*", documentation="Only these; by POST.")
_ASSOCIATED = "includeAssociatedData"
_GET_OR_POST = ("GET", "POST")
_RESULT_PARAMETERS = re.compile(
    r"_(sort|count|total|summary|elements|cursor|contained|include|revinclude|format|pretty)(:.*)?"
).fullmatch
_NEXT_FILTER = re.compile(r",(?=[A-Z][A-Za-z]*\?)")


@operation(
    Operation(
        "export",
        "Export all that the client may read.",
        _PARAMETERS,
        system=True,
        methods=_GET_OR_POST,
        # It makes work for hours.
        cost="write",
        canonical=f"{_HL7}/export",
    )
)
def export_system(_type: str | None, _id: str | None) -> Response:
    actor = current_actor()
    if actor.kind is ActorKind.PERSON:
        raise ForbiddenError("a person does not export the system: Patient/$export gives yours")
    asked = _asked(_PARAMETERS)
    return _start(actor, asked, SUPPORTED_TYPES)


@operation(
    Operation(
        "export",
        "Export the records of all people whom the client may see.",
        (*_PARAMETERS, _PATIENT),
        type=True,
        types=("Patient",),
        methods=_GET_OR_POST,
        # It makes work for hours.
        cost="write",
        canonical=f"{_HL7}/patient-export",
        id="patient-export",
    )
)
def export_patients(_type: str | None, _id: str | None) -> Response:
    actor = current_actor()
    asked = _asked((*_PARAMETERS, _PATIENT))
    people = _people(asked)
    if people is not None:
        seen = records.read_many(actor, [f"Patient/{each}" for each in people])
        _refuse_strangers(people, {each.id for each in seen.values()}, "is not here")
    return _start(actor, asked, COMPARTMENT, people=people)


@operation(
    Operation(
        "export",
        "Export the records of the people of a Group.",
        (*_PARAMETERS, _PATIENT),
        instance=True,
        types=("Group",),
        methods=_GET_OR_POST,
        # It makes work for hours.
        cost="write",
        canonical=f"{_HL7}/group-export",
        id="group-export",
    )
)
def export_group(_type: str | None, group_id: str | None) -> Response:
    actor = current_actor()
    assert group_id is not None
    asked = _asked((*_PARAMETERS, _PATIENT))
    group = records.read(actor, "Group", group_id)
    people = _people(asked)
    if people is not None:
        _refuse_strangers(people, set(exports.members_of(group.text)), "is no member of the Group")
    return _start(actor, asked, COMPARTMENT, people=people, group=group_id)


def _asked(allowed: Sequence[Parameter]) -> Given:
    asked = given()
    if not negotiation.wants_async():
        raise BadRequestError("an export runs in the background: send Prefer: respond-async")
    names = [each.name for each in allowed]
    if negotiation.prefer().lenient:
        return Given([each for each in asked if each.get("name") in names])
    if _ASSOCIATED in asked:
        raise BadRequestError(
            f"{_ASSOCIATED} is not supported: with Prefer: handling=lenient it is left out",
            expression=_ASSOCIATED,
        )
    asked.only(*names)
    return asked


def _start(
    actor: Actor,
    asked: Given,
    held: Sequence[str],
    *,
    people: tuple[str, ...] | None = None,
    group: str | None = None,
) -> Response:
    wanted = asked.text("_outputFormat")
    # The "+" of a media type in an address arrives as a space.
    if wanted is not None and wanted.replace(" ", "+") not in FORMATS:
        raise BadRequestError(
            f"_outputFormat: valid values are {', '.join(FORMATS)}", expression="_outputFormat"
        )
    types = _types(actor, asked, held)
    until, filters = _moment(asked, "_until"), _filters(asked, types)
    if until is not None and filters:
        raise BadRequestError(
            "_until cannot go with _typeFilter: a search sees records as they are now",
            expression="_until",
        )
    order = Order(
        types=types,
        since=_moment(asked, "_since"),
        until=until,
        of_people=held is COMPARTMENT,
        people=people,
        group=group,
        filters=filters,
        elements=_elements(asked, types),
    )
    job_id = records.new_id()
    with transaction():
        bulk_jobs.ask(actor, job_id, EXPORT, request=bulk.called(), asked=order.as_json())
    return bulk.accepted(job_id, EXPORT)


def _listed(asked: Given, name: str) -> list[str]:
    """Return every value of a parameter that may be given several times."""
    return [
        text
        for each in asked
        if each.get("name") == name and (text := Given([each]).text(name)) is not None
    ]


def _split(asked: Given, name: str) -> list[str]:
    found = [part.strip() for text in _listed(asked, name) for part in text.split(",")]
    return [part for part in found if part]


def _types(actor: Actor, asked: Given, held: Sequence[str]) -> tuple[str, ...]:
    named = list(dict.fromkeys(_split(asked, "_type")))
    if unknown := [each for each in named if each not in held]:
        if not negotiation.prefer().lenient:
            raise BadRequestError(
                f"_type: {', '.join(unknown)} is not exported here; valid are {', '.join(held)}",
                expression="_type",
            )
        named = [each for each in named if each in held]
        if not named:
            raise BadRequestError("_type: nothing of it is exported here", expression="_type")
    if actor.kind is not ActorKind.SYSTEM:
        return tuple(named or held)
    allowed = [
        each
        for each in named or held
        if all(permits(actor.scopes, each, letter) for letter in "rs")
    ]
    if not allowed or (named and allowed != named):
        missing = next((each for each in named if each not in allowed), "[type]")
        raise ForbiddenError(f"the token's scopes do not allow it: it needs system/{missing}.rs")
    return tuple(allowed)


def _moment(asked: Given, name: str) -> datetime | None:
    said = asked.value(name, "instant", "dateTime", "string")
    if said is None:
        return None
    # A "+" of a time zone that was not percent-encoded arrives as a space.
    text = str(said).replace(" ", "+")
    if not is_date_time(text) or "T" not in text:
        raise BadRequestError(
            f"{name} must be an instant such as 2026-05-01T09:00:00Z", expression=name
        )
    return instant_of(text)


def _elements(asked: Given, types: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read ``[element]`` (of every type that has it) and ``[type].[element]``."""
    found: dict[str, list[str]] = {}
    for part in _split(asked, "_elements"):
        before, dot, name = part.rpartition(".")
        of = [each for each in ([before] if dot else types) if each in types]
        having = [each for each in of if name in registry.elements(each)]
        if not having:
            raise BadRequestError(
                "_elements: there is no such element in what is exported: [element] or "
                f"[type].[element], types {', '.join(types)}",
                expression="_elements",
            )
        for each in having:
            found.setdefault(each, []).append(name)
    return {each: tuple(names) for each, names in found.items()}


def _filters(
    asked: Given, types: Sequence[str]
) -> dict[str, tuple[tuple[tuple[str, str], ...], ...]]:
    found: dict[str, list[tuple[tuple[str, str], ...]]] = {}
    for text in _searches(asked):
        resource_type, _, query = text.partition("?")
        if resource_type not in types or not query:
            raise BadRequestError(
                f"_typeFilter is [type]?[search], of a type that is exported: {', '.join(types)}",
                expression="_typeFilter",
            )
        pairs = tuple(pairs_of(query))
        for name, _value in pairs:
            if _RESULT_PARAMETERS(name):
                raise BadRequestError(
                    f"_typeFilter: {name} shapes an answer, it selects nothing",
                    expression="_typeFilter",
                )
        parse(resource_type, pairs)
        found.setdefault(resource_type, []).append(pairs)
    return {each: tuple(searches) for each, searches in found.items()}


def _searches(asked: Given) -> Iterator[str]:
    for text in _listed(asked, "_typeFilter"):
        # Commas stand between filters, and between alternatives inside one.
        yield from _NEXT_FILTER.split(text)


def _people(asked: Given) -> tuple[str, ...] | None:
    """Return the ids of ``patient``; None where it was not given."""
    found = []
    for each in asked:
        if each.get("name") != "patient":
            continue
        reference: Any = each.get("valueReference")
        target = reference.get("reference") if isinstance(reference, dict) else None
        kind, _, name = target.partition("/") if isinstance(target, str) else ("", "", "")
        if kind != "Patient" or not name or "/" in name:
            raise BadRequestError(
                "patient is sent by POST as valueReference with Patient/[id]", expression="patient"
            )
        found.append(name)
    return tuple(dict.fromkeys(found)) or None


def _refuse_strangers(people: Sequence[str], known: set[str], why: str) -> None:
    for place, each in enumerate(people):
        if each not in known:
            raise BadRequestError(f"patient[{place}] {why}", expression=f"patient[{place}]")
