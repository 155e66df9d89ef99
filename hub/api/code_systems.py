"""``CodeSystem/$lookup``, ``$subsumes`` and ``$validate-code``.

https://hl7.org/fhir/R4/codesystem-operations.html
"""

from collections.abc import Iterator, Sequence
from typing import Any

from flask import Response

from fhir.outcomes import BadRequestError, NotFoundError
from fhir.terminology import CodeSystem, Composition, Concept, ListedCodeSystem, checking, relation
from fhir.terminology.code_system import is_held
from fhir.terminology.holdings import said
from hub import records
from hub.api import answers, codings
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import Given, answer, given
from hub.api.value_sets import context, names, of_verdict
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.records import access, terminology

_DESIGNATION = (
    Parameter("language", "code", use="out"),
    Parameter("use", "Coding", use="out"),
    Parameter("value", "string", use="out", min=1),
)
_PROPERTY = (
    Parameter("code", "code", use="out", min=1),
    Parameter("value", "Element", use="out"),
    Parameter("description", "string", use="out"),
)

LOOKUP = Operation(
    "lookup",
    "What a code system says of a code.",
    (
        Parameter("code", "code", documentation="With system."),
        Parameter("system", "uri"),
        Parameter("version", "string"),
        Parameter("coding", "Coding"),
        Parameter("displayLanguage", "code"),
        Parameter("property", "code", max="*", documentation="None: everything that is known."),
        Parameter("name", "string", use="out", min=1),
        Parameter("version", "string", use="out"),
        Parameter("display", "string", use="out", min=1),
        Parameter("designation", "", use="out", max="*", parts=_DESIGNATION),
        Parameter("property", "", use="out", max="*", parts=_PROPERTY),
    ),
    type=True,
    types=("CodeSystem",),
    cost="read",
    canonical="http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup",
)

SUBSUMES = Operation(
    "subsumes",
    "How two codes of a code system stand to each other.",
    (
        Parameter("codeA", "code"),
        Parameter("codeB", "code"),
        Parameter("system", "uri"),
        Parameter("version", "string"),
        Parameter("codingA", "Coding"),
        Parameter("codingB", "Coding"),
        Parameter("outcome", "code", use="out", min=1),
    ),
    type=True,
    instance=True,
    types=("CodeSystem",),
    cost="read",
    canonical="http://hl7.org/fhir/OperationDefinition/CodeSystem-subsumes",
)

VALIDATE = Operation(
    "validate-code",
    "Whether a code system has a code, and calls it so.",
    (
        Parameter("url", "uri", documentation="The code system; may end in |version."),
        Parameter("codeSystem", "CodeSystem", documentation="The code system itself."),
        Parameter("code", "code"),
        Parameter("version", "string"),
        Parameter("display", "string"),
        *codings.CHECKED,
    ),
    type=True,
    instance=True,
    types=("CodeSystem",),
    cost="read",
    canonical="http://hl7.org/fhir/OperationDefinition/CodeSystem-validate-code",
    id="CodeSystem-validate-code",
)


def _text(asked: Given, name: str) -> str | None:
    return asked.text(name) if name in asked else None


def _of_record(actor: Actor, record_id: str) -> CodeSystem:
    """Return the code system that is a record; one without content cannot be asked."""
    resource = records.read(actor, "CodeSystem", record_id).resource
    if not is_held(resource):
        raise NotFoundError(f"the codes of CodeSystem/{record_id} are not held here")
    return ListedCodeSystem({"url": f"CodeSystem/{record_id}", **resource})


# $lookup -----------------------------------------------------------------------------------


@operation(LOOKUP)
def lookup(_type: str | None, _record_id: str | None) -> Response:
    actor = current_actor()
    access.authorise(actor, "read", "CodeSystem")
    asked = given()
    asked.only(*names(LOOKUP))
    if codings.only_one(asked, "code", "coding") == "coding":
        if extra := [name for name in ("system", "version") if name in asked]:
            raise BadRequestError(f"a coding has its own {extra[0]}", expression=extra[0])
        wanted = codings.coding(asked.value("coding", "Coding"), "coding")
        system_url, code, version = wanted.system, wanted.code, wanted.version
    else:
        code = asked.needed("code")
        system_url, version = asked.needed("system"), _text(asked, "version")
    system = Composition(terminology.holdings(actor)).system(system_url, version)
    concept = system.concept(code)
    if concept is None:
        raise NotFoundError(
            f"the code system {said(system.url, system.version)} has no code {code}"
        )
    language = _text(asked, "displayLanguage")
    shown = set(codings.texts(asked, "property"))
    return answers.of_json(answer(*_looked_up(system, concept, language, shown)))


def _looked_up(
    system: CodeSystem, concept: Concept, language: str | None, shown: set[str]
) -> Iterator[dict[str, Any]]:
    """Yield the answer's parameters; ``shown`` empty: everything."""
    yield {"name": "name", "valueString": system.name}
    if system.version:
        yield {"name": "version", "valueString": system.version}
    yield {"name": "display", "valueString": concept.shown(language) or concept.code}
    for each in concept.designations:
        if not shown or "designation" in shown or f"lang.{each.language}" in shown:
            parts: list[dict[str, Any]] = []
            if each.language:
                parts.append({"name": "language", "valueCode": each.language})
            if each.use:
                parts.append({"name": "use", "valueCoding": dict(each.use)})
            parts.append({"name": "value", "valueString": each.value})
            yield {"name": "designation", "part": parts}
    if not shown or "url" in shown:
        yield _property("url", {"valueUri": system.url})
    if concept.definition and (not shown or "definition" in shown):
        yield _property("definition", {"valueString": concept.definition})
    for name, links in (("parent", system.parents), ("child", system.children)):
        if not shown or name in shown:
            yield from _linked(system, name, links(concept.code), language)
    for each_property in concept.properties:
        if each_property.code in {"parent", "child"}:
            continue
        if not shown or each_property.code in shown:
            yield _property(
                each_property.code,
                {each_property.member: each_property.value},
                each_property.description,
            )


def _linked(
    system: CodeSystem, name: str, linked: Sequence[str], language: str | None
) -> Iterator[dict[str, Any]]:
    known = system.concepts(linked)
    for code in linked:
        display = known[code].shown(language) if code in known else None
        yield _property(name, {"valueCode": code}, display)


def _property(code: str, value: dict[str, Any], description: str | None = None) -> dict[str, Any]:
    parts = [{"name": "code", "valueCode": code}, {"name": "value", **value}]
    if description:
        parts.append({"name": "description", "valueString": description})
    return {"name": "property", "part": parts}


# $subsumes ---------------------------------------------------------------------------------


@operation(SUBSUMES)
def subsumes(_type: str | None, record_id: str | None) -> Response:
    actor = current_actor()
    access.authorise(actor, "read", "CodeSystem")
    asked = given()
    asked.only(*names(SUBSUMES))
    version = _text(asked, "version")
    system_url = _text(asked, "system")
    code: dict[str, str] = {}
    for side in ("A", "B"):
        if codings.only_one(asked, f"code{side}", f"coding{side}") == f"code{side}":
            code[side] = asked.needed(f"code{side}")
            continue
        name = f"coding{side}"
        wanted = codings.coding(asked.value(name, "Coding"), name)
        if system_url not in {None, wanted.system}:
            raise BadRequestError(
                f"{name} is of the code system {wanted.system}, not {system_url}: two code "
                "systems have no relationship here",
                expression=name,
                code="value",
            )
        system_url, code[side] = wanted.system, wanted.code
        version = version or wanted.version
    if record_id is not None:
        system = _of_record(actor, record_id)
        if system_url not in {None, system.url}:
            raise BadRequestError("the address names another code system", expression="system")
    elif system_url is None:
        raise BadRequestError("the parameter system is missing", expression="system")
    else:
        system = Composition(terminology.holdings(actor)).system(system_url, version)
    outcome = relation(system, code["A"], code["B"])
    return answers.of_json(answer({"name": "outcome", "valueCode": outcome.value}))


# $validate-code ----------------------------------------------------------------------------


@operation(VALIDATE)
def validate_code(_type: str | None, record_id: str | None) -> Response:
    actor = current_actor()
    access.authorise(actor, "read", "CodeSystem")
    asked = given()
    asked.only(*names(VALIDATE))
    system = _named(actor, asked, record_id)
    wanted = codings.checked(asked, system=system.url, version=None, system_parameter="url")
    verdicts = []
    for each in wanted:
        if each.system != system.url:
            message = f"a coding of {each.system} is not of the code system {system.url}"
            verdicts.append(checking.Verdict(result=False, message=message))
        else:
            verdicts.append(checking.in_code_system(system, each, context(asked)))
    return of_verdict(checking.any_of(verdicts))


def _named(actor: Actor, asked: Given, record_id: str | None) -> CodeSystem:
    if record_id is not None:
        if extra := [name for name in ("url", "codeSystem", "version") if name in asked]:
            raise BadRequestError(
                f"the address names the code system: {extra[0]} cannot name another",
                expression=extra[0],
            )
        return _of_record(actor, record_id)
    holdings = Composition(terminology.holdings(actor))
    if "codeSystem" not in asked and "url" not in asked and "coding" in asked:
        wanted = codings.coding(asked.value("coding", "Coding"), "coding")
        return holdings.system(wanted.system, wanted.version)
    if codings.only_one(asked, "url", "codeSystem") == "codeSystem":
        given_here = codings.resource(asked, "codeSystem", "CodeSystem")
        assert given_here is not None
        return ListedCodeSystem({"url": "", **given_here})
    url, _, version = asked.needed("url").partition("|")
    return holdings.system(url, version or _text(asked, "version"))
