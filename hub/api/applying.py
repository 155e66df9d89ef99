"""``$apply`` on PlanDefinition and ActivityDefinition: what a definition proposes for one person.

The answer is not kept (https://hl7.org/fhir/R4/plandefinition-operation-apply.html): whoever asked
decides what of it is created.
"""

from collections.abc import Mapping
from typing import Any

from flask import Response

from fhir.apply import Setting, apply_activity, apply_plan
from fhir.outcomes import BadRequestError, InvalidResourceError, UnprocessableError
from fhir.search.text import literal
from fhir.validation import validate
from hub import clock, records
from hub.api import answers
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import Given, given
from hub.auth import current_actor
from hub.domain.actor import Actor

_DEFINITIONS = {
    "PlanDefinition": "planDefinition",
    "ActivityDefinition": "activityDefinition",
}
_CONTEXT = {
    "encounter": "Encounter",
    "practitioner": "Practitioner",
    "organization": "Organization",
}
_USER = ("userType", "userLanguage", "userTaskContext", "setting", "settingContext")
_FOUND_BY_URL = ("ActivityDefinition", "PlanDefinition", "Questionnaire")
_SUBJECTS = ("Patient", "Practitioner", "Organization", "Location", "Device", "Group")


@operation(
    Operation(
        "apply",
        "Say what a definition proposes for one subject: a CarePlan, or one request. Not kept.",
        (
            Parameter("planDefinition", "PlanDefinition", documentation="On the type only."),
            Parameter(
                "activityDefinition", "ActivityDefinition", documentation="On the type only."
            ),
            Parameter("subject", "string", min=1, documentation="One reference, Type/[id]."),
            *(Parameter(name, "string") for name in _CONTEXT),
            *(
                Parameter(name, "CodeableConcept", documentation=f"%{name} in expressions.")
                for name in _USER
            ),
            Parameter("return", "Resource", use="out", min=1),
        ),
        type=True,
        instance=True,
        types=("ActivityDefinition", "PlanDefinition"),
        canonical="http://hl7.org/fhir/OperationDefinition/[type]-apply",
    )
)
def apply(resource_type: str | None, record_id: str | None) -> Response:
    assert resource_type is not None
    actor = current_actor()
    asked = given()
    own = _DEFINITIONS[resource_type]
    asked.only(*(() if record_id else (own,)), "subject", *_CONTEXT, *_USER)
    definition = _definition(actor, asked, resource_type, record_id)
    setting = _setting(actor, asked)
    made = (apply_plan if resource_type == "PlanDefinition" else apply_activity)(
        definition, setting
    )
    faults = [each for each in validate(made, server_meta=False) if each.severity == "error"]
    if faults:
        names = ", ".join(sorted({each.expression or "" for each in faults}))
        raise UnprocessableError(
            f"what the definition yields is not legal R4: {names}", expression=own
        )
    return answers.of_json(made)


def _definition(
    actor: Actor, asked: Given, resource_type: str, record_id: str | None
) -> dict[str, Any]:
    if record_id is not None:
        return records.read(actor, resource_type, record_id).resource
    name = _DEFINITIONS[resource_type]
    definition = asked.resource(name)
    if definition is None or definition.get("resourceType") != resource_type:
        raise BadRequestError(f"give the {resource_type}: the parameter {name}", expression=name)
    faults = [each for each in validate(definition, server_meta=False) if each.severity == "error"]
    if faults:
        raise InvalidResourceError(faults)
    return definition


def _setting(actor: Actor, asked: Given) -> Setting:
    subject = _read(actor, asked, "subject", _SUBJECTS)
    if subject is None:
        raise BadRequestError("say for whom: the parameter subject", expression="subject")
    context = {name: _read(actor, asked, name, (kind,)) for name, kind in _CONTEXT.items()}
    more = {name: asked.value(name, "CodeableConcept", "string") or [] for name in _USER}

    def find(address: str) -> dict[str, Any] | None:
        return _by_url(actor, address)

    return Setting(subject=subject, at=clock.now(), find=find, more=more, **context)


def _read(actor: Actor, asked: Given, name: str, types: tuple[str, ...]) -> dict[str, Any] | None:
    value = asked.value(name, "string", "Reference")
    if value is None:
        return None
    reference = value.get("reference") if isinstance(value, Mapping) else value
    resource_type, _, record_id = str(reference).partition("/")
    if resource_type not in types or not record_id or "/" in record_id:
        raise BadRequestError(
            f"{name} is a reference {' or '.join(f'{each}/[id]' for each in types)}",
            expression=name,
        )
    return records.read(actor, resource_type, record_id).resource


def _by_url(actor: Actor, address: str) -> dict[str, Any] | None:
    url, _, version = address.partition("|")
    criteria = [("url", literal(url)), ("_total", "none"), ("_count", "1"), ("_sort", "-date")]
    if version:
        criteria.append(("version", literal(version)))
    for resource_type in _FOUND_BY_URL:
        for record in records.search(actor, resource_type, criteria).records:
            return record.resource
    return None
