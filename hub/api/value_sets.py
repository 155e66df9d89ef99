"""``ValueSet/$expand`` and ``ValueSet/$validate-code``.

https://hl7.org/fhir/R4/valueset-operations.html
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from flask import Response

from fhir.outcomes import BadRequestError
from fhir.terminology import Composition, Versions, checking, expansion
from fhir.terminology.checking import Context, Verdict
from fhir.terminology.expansion import Form
from hub import clock, records
from hub.api import answers, codings
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import Given, answer, given
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.records import access, instant, terminology

_WHICH = (
    Parameter("url", "uri", documentation="Canonical url; may end in |version."),
    Parameter("valueSet", "ValueSet", documentation="The value set itself."),
    Parameter("valueSetVersion", "string", documentation="The version of url."),
)

EXPAND = Operation(
    "expand",
    "The codes of a value set.",
    (
        *_WHICH,
        Parameter("filter", "string", documentation="Each word begins a word of a display."),
        Parameter("offset", "integer", documentation="Pages are flat."),
        Parameter("count", "integer", documentation="0: only the total."),
        Parameter("includeDesignations", "boolean"),
        Parameter("designation", "string", max="*", documentation="A language, or system|code."),
        Parameter("includeDefinition", "boolean"),
        Parameter("activeOnly", "boolean"),
        Parameter("excludeNested", "boolean"),
        Parameter("excludeNotForUI", "boolean", documentation="True: no abstract codes."),
        Parameter("excludePostCoordinated", "boolean", documentation="None are ever included."),
        Parameter("displayLanguage", "code"),
        Parameter("exclude-system", "canonical", max="*"),
        Parameter("system-version", "canonical", max="*"),
        Parameter("check-system-version", "canonical", max="*"),
        Parameter("force-system-version", "canonical", max="*"),
        Parameter("return", "ValueSet", use="out", min=1),
    ),
    type=True,
    instance=True,
    types=("ValueSet",),
    canonical="http://hl7.org/fhir/OperationDefinition/ValueSet-expand",
)

VALIDATE = Operation(
    "validate-code",
    "Whether a code is in a value set, and is called so.",
    (
        *_WHICH,
        Parameter("code", "code", documentation="With system."),
        Parameter("system", "uri"),
        Parameter("systemVersion", "string"),
        Parameter("display", "string"),
        *codings.CHECKED,
    ),
    type=True,
    instance=True,
    types=("ValueSet",),
    cost="read",
    canonical="http://hl7.org/fhir/OperationDefinition/ValueSet-validate-code",
    id="ValueSet-validate-code",
)

LONGEST_FILTER = 200

_RECORDED = {
    "filter": "valueString",
    "displayLanguage": "valueCode",
    "designation": "valueString",
    "exclude-system": "valueUri",
    "system-version": "valueUri",
    "check-system-version": "valueUri",
    "force-system-version": "valueUri",
}
_RECORDED_FLAGS = (
    *("activeOnly", "includeDesignations", "includeDefinition", "excludeNested"),
    *("excludeNotForUI", "excludePostCoordinated"),
)


def names(declared: Operation) -> tuple[str, ...]:
    return tuple(each.name for each in declared.parameters if each.use == "in")


@operation(EXPAND)
def expand(_type: str | None, record_id: str | None) -> Response:
    actor = current_actor()
    access.authorise(actor, "read", "ValueSet")
    asked = given()
    asked.only(*names(EXPAND))
    words = asked.text("filter") if "filter" in asked else None
    if words is not None and len(words) > LONGEST_FILTER:
        raise BadRequestError(
            f"filter has at most {LONGEST_FILTER} characters", expression="filter", code="too-long"
        )
    composition = Composition(
        terminology.holdings(actor),
        text=words,
        active_only=asked.flag("activeOnly") is True,
        versions=Versions(
            default=codings.versions(asked, "system-version"),
            checked=codings.versions(asked, "check-system-version"),
            forced=codings.versions(asked, "force-system-version"),
        ),
        excluded=frozenset(codings.texts(asked, "exclude-system")),
    )
    form = _form(asked)
    value_set = named(actor, asked, record_id, composition)
    made = expansion.expand(
        composition,
        value_set,
        form,
        identifier=f"urn:uuid:{uuid4()}",
        timestamp=instant(clock.now()),
    )
    return answers.of_json(made)


def _form(asked: Given) -> Form:
    flags = {name: asked.flag(name) for name in _RECORDED_FLAGS}
    offset = expansion.whole("offset", asked.number("offset"))
    count = expansion.whole("count", asked.number("count"))
    recorded: list[dict[str, Any]] = [
        {"name": name, member: value}
        for name, member in _RECORDED.items()
        for value in codings.texts(asked, name)
    ]
    recorded += [
        {"name": name, "valueBoolean": value} for name, value in flags.items() if value is not None
    ]
    recorded += [
        {"name": name, "valueInteger": value}
        for name, value in (("offset", offset), ("count", count))
        if value is not None
    ]
    return Form(
        offset=offset,
        count=count,
        nested=flags["excludeNested"] is not True,
        selectable_only=flags["excludeNotForUI"] is True,
        designations=flags["includeDesignations"] is True,
        designation_tokens=codings.texts(asked, "designation"),
        language=asked.text("displayLanguage") if "displayLanguage" in asked else None,
        definition=flags["includeDefinition"] is True,
        parameters=recorded,
    )


def named(
    actor: Actor, asked: Given, record_id: str | None, composition: Composition
) -> Mapping[str, Any]:
    """Return the value set that is meant: of the address, of the request, or by its url."""
    if record_id is not None:
        if extra := [each for each in ("url", "valueSet", "valueSetVersion") if each in asked]:
            raise BadRequestError(
                f"the address names the value set: {extra[0]} cannot name another",
                expression=extra[0],
            )
        return records.read(actor, "ValueSet", record_id).resource
    which = codings.only_one(asked, "url", "valueSet")
    if which == "valueSet":
        given_here = codings.resource(asked, "valueSet", "ValueSet")
        assert given_here is not None
        return given_here
    version = asked.text("valueSetVersion") if "valueSetVersion" in asked else None
    return composition.value_set(asked.needed("url"), version)


@operation(VALIDATE)
def validate_code(_type: str | None, record_id: str | None) -> Response:
    actor = current_actor()
    access.authorise(actor, "read", "ValueSet")
    asked = given()
    asked.only(*names(VALIDATE))
    composition = Composition(terminology.holdings(actor))
    value_set = named(actor, asked, record_id, composition)
    wanted = codings.checked(
        asked,
        system=asked.text("system") if "system" in asked else None,
        version=asked.text("systemVersion") if "systemVersion" in asked else None,
        system_parameter="system",
    )
    verdicts = [
        checking.in_value_set(composition, value_set, each, context(asked)) for each in wanted
    ]
    return of_verdict(checking.any_of(verdicts))


def context(asked: Given) -> Context:
    return Context(
        abstract=asked.flag("abstract") is not False,
        language=asked.text("displayLanguage") if "displayLanguage" in asked else None,
    )


def of_verdict(verdict: Verdict) -> Response:
    said: list[dict[str, Any]] = [{"name": "result", "valueBoolean": verdict.result}]
    if verdict.message:
        said.append({"name": "message", "valueString": verdict.message})
    if verdict.display:
        said.append({"name": "display", "valueString": verdict.display})
    return answers.of_json(answer(*said))
