"""``$meta``, ``$meta-add`` and ``$meta-delete``: the profiles, tags and labels of records.

https://hl7.org/fhir/R4/resource-operation-meta.html and its two neighbours
"""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response

from fhir.outcomes import BadRequestError, UnprocessableError
from fhir.registry import SUPPORTED_TYPES
from hub import records
from hub.api import answers, writes
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import answer, given
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.records import access
from hub.records.labels import KINDS, labels, relabel

_HL7 = "http://hl7.org/fhir/OperationDefinition/Resource-"
_RETURN = Parameter("return", "Meta", use="out", min=1)
_IGNORED = frozenset({"versionId", "lastUpdated"})
"""A client may send back what ``$meta`` gave: these are the server's."""


@operation(
    Operation(
        "meta",
        "The profiles, tags and security labels of a record, or those in use on a type or here.",
        (_RETURN,),
        system=True,
        type=True,
        instance=True,
        types=SUPPORTED_TYPES,
        canonical=f"{_HL7}meta",
    )
)
def meta(resource_type: str | None, record_id: str | None) -> Response:
    given().only()
    actor = current_actor()
    if resource_type is not None and record_id is not None:
        return _answer(records.read(actor, resource_type, record_id)["meta"])
    if resource_type is not None:
        return _answer(labels(actor, [resource_type]))
    return _answer(labels(actor, _readable(actor)))


def _readable(actor: Actor) -> list[str]:
    return [
        each
        for each in SUPPORTED_TYPES
        if access.allows(actor, "read", each) and access.allows(actor, "search", each)
    ]


@operation(
    Operation(
        "meta-add",
        "Add profiles, tags and security labels to a record, without a new version.",
        (Parameter("meta", "Meta", min=1), _RETURN),
        instance=True,
        types=SUPPORTED_TYPES,
        affects_state=True,
        canonical=f"{_HL7}meta-add",
    )
)
def meta_add(resource_type: str | None, record_id: str | None) -> Response:
    return _relabelled(resource_type, record_id, "meta-add", _with)


@operation(
    Operation(
        "meta-delete",
        "Take profiles, tags and security labels off a record, without a new version.",
        (Parameter("meta", "Meta", min=1), _RETURN),
        instance=True,
        types=SUPPORTED_TYPES,
        affects_state=True,
        canonical=f"{_HL7}meta-delete",
    )
)
def meta_delete(resource_type: str | None, record_id: str | None) -> Response:
    return _relabelled(resource_type, record_id, "meta-delete", _without)


def _with(labels: list[Any], wanted: list[Any]) -> list[Any]:
    have = {_key(each) for each in labels}
    return [*labels, *(each for each in wanted if _key(each) not in have)]


def _without(labels: list[Any], unwanted: list[Any]) -> list[Any]:
    gone = {_key(each) for each in unwanted}
    return [each for each in labels if _key(each) not in gone]


def _relabelled(
    resource_type: str | None,
    record_id: str | None,
    action: str,
    change: Callable[[list[Any], list[Any]], list[Any]],
) -> Response:
    assert resource_type is not None
    assert record_id is not None
    asked = _asked()

    def changed(meta: dict[str, Any]) -> dict[str, Any]:
        for kind, named in asked.items():
            if labels := change(meta.get(kind, []), named):
                meta[kind] = labels
            else:
                meta.pop(kind, None)
        return meta

    actor = current_actor()
    writes.refuse_change(resource_type)
    writes.refuse_kept(actor, resource_type, record_id)
    return _answer(relabel(actor, resource_type, record_id, action, changed)["meta"])


def _asked() -> dict[str, list[Any]]:
    """Read the parameter ``meta``: the labels that are named, by kind."""
    asked = given()
    asked.only("meta")
    found = asked.value("meta", "Meta")
    if not isinstance(found, dict):
        raise BadRequestError("the parameter meta is missing: valueMeta", expression="meta")
    for name, value in found.items():
        if name in _IGNORED:
            continue
        if name not in KINDS or not isinstance(value, list):
            raise BadRequestError(
                f"meta may hold {', '.join(KINDS)}, each a list", expression="meta"
            )
        for label in value:
            if not isinstance(label, str if name == "profile" else dict):
                raise BadRequestError(f"meta.{name} holds something else", expression="meta")
    wanted = {kind: found[kind] for kind in KINDS if kind in found}
    for tag in wanted.get("tag", ()):
        if tag.get("code") == writes.SUBSETTED:
            raise UnprocessableError("no record is a part of one", expression="meta.tag")
    return wanted


def _key(label: Any) -> Any:
    """Return what a label is compared by: a profile's URL, system and code of a Coding."""
    return (label.get("system"), label.get("code")) if isinstance(label, Mapping) else label


def _answer(found: dict[str, Any]) -> Response:
    # An empty Meta is no legal value: a type without labels answers without one.
    return answers.of_json(answer(*([{"name": "return", "valueMeta": found}] if found else [])))
