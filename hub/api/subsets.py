"""Answers with a part of each resource: ``_summary`` and ``_elements``.

https://hl7.org/fhir/R4/search.html#summary. Such an answer is tagged SUBSETTED: it must not be
sent back as an update.
"""

from collections.abc import Sequence
from typing import Any

from fhir import registry
from fhir.jsontext import dumps
from fhir.outcomes import BadRequestError
from hub.api import withheld, writes
from hub.records import Record

SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": writes.SUBSETTED,
}
SUMMARIES = ("true", "text", "data", "count", "false")
_ALWAYS = frozenset({"resourceType", "id", "meta"})


def texts(
    records: Sequence[Record], summary: str | None = None, elements: Sequence[str] = ()
) -> list[str]:
    """Return the JSON of records, or of the part of each that was asked for."""
    if summary is None and not elements:
        if any(record.type == withheld.TYPE for record in records):
            return [withheld.text_shown(record.type, record.text) for record in records]
        return [record.text for record in records]
    return [
        shown(record, summary, elements) or withheld.text_shown(record.type, record.text)
        for record in records
    ]


def shown(record: Record, summary: str | None, elements: Sequence[str]) -> str | None:
    """Return the text of the part that was asked for; None: all of it was."""
    record = withheld.shown(record)
    if elements:
        part = _named(record, set(elements))
    elif summary == "true":
        part = _summarised(record.type, record.resource)
    elif summary == "text":
        part = _named(record, {"text"})
    elif summary == "data":
        part = {name: value for name, value in record.resource.items() if name != "text"}
    else:
        return None
    meta = part.setdefault("meta", {})
    meta["tag"] = [*meta.get("tag", ()), SUBSETTED]
    return dumps(part)


def check_elements(resource_type: str, elements: Sequence[str]) -> None:
    """Refuse names that are no element of the type."""
    known = registry.elements(resource_type)
    for name in elements:
        if name not in known:
            raise BadRequestError(
                f"_elements: {resource_type} has no element {name}; it has "
                f"{', '.join(sorted(known))}",
                expression="_elements",
            )


def check_elements_of(types: Sequence[str], elements: Sequence[str]) -> None:
    """Refuse names that are an element of none of the types."""
    for name in elements:
        if not any(name in registry.elements(each) for each in types):
            raise BadRequestError(
                f"_elements: none of {', '.join(types)} has an element {name}",
                expression="_elements",
            )


def _named(record: Record, names: set[str]) -> dict[str, Any]:
    """Keep the named elements, and those that R4 requires."""
    members = registry.members(record.type)
    kept = {}
    for member, value in record.resource.items():
        found = members.get(member.removeprefix("_"))
        if member in _ALWAYS or (found and (found[0].name in names or found[0].min)):
            kept[member] = value
    return kept


def _summarised(owner: str, value: dict[str, Any]) -> dict[str, Any]:
    """Keep the elements that R4 marks as the summary, in backbones too."""
    members = registry.members(owner)
    kept: dict[str, Any] = {}
    for member, child in value.items():
        found = members.get(member.removeprefix("_"))
        if found is None or member in _ALWAYS:
            kept[member] = child
            continue
        element, _ = found
        if not element.summary:
            continue
        if element.owner and isinstance(child, list):
            kept[member] = [_summarised(element.owner, each) for each in child]
        elif element.owner and isinstance(child, dict):
            kept[member] = _summarised(element.owner, child)
        else:
            kept[member] = child
    return kept
