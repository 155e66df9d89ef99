"""Small readers of FHIR elements, shared by the presenters."""

from collections.abc import Iterable, Mapping
from typing import Any

Element = Mapping[str, Any]


def coding(concept: Element | None) -> Element:
    """Return the first coding of a CodeableConcept, or nothing."""
    for each in (concept or {}).get("coding", ()):
        return dict(each)
    return {}


def code(concept: Element | None) -> str:
    return str(coding(concept).get("code", ""))


def concept_text(concept: Element | None) -> str:
    """Return the words of a CodeableConcept: its text, a display, or the bare code."""
    if not concept:
        return ""
    if concept.get("text"):
        return str(concept["text"])
    for each in concept.get("coding", ()):
        if each.get("display"):
            return str(each["display"])
    return code(concept)


def codes(concepts: Iterable[Element] | Element | None) -> set[str]:
    """Return every code of one or several CodeableConcepts."""
    if concepts is None:
        return set()
    several = [concepts] if isinstance(concepts, Mapping) else list(concepts)
    return {
        str(each["code"]) for one in several for each in one.get("coding", ()) if "code" in each
    }


def reference(element: Element | None) -> str:
    return str((element or {}).get("reference", ""))


def identifier(resource: Element, system: str) -> str:
    for each in resource.get("identifier", ()):
        if each.get("system") == system:
            return str(each.get("value", ""))
    return ""


def extension(resource: Element, url: str) -> Element:
    for each in resource.get("extension", ()):
        if each.get("url") == url:
            return dict(each)
    return {}


def notes(resource: Element) -> list[Element]:
    return [dict(each) for each in resource.get("note", ()) if each.get("text")]


def human_name(names: Iterable[Element]) -> str:
    """Return the name in use, given names first, as people say it."""
    found = sorted(names, key=lambda each: _NAME_USE.get(str(each.get("use", "")), 3))
    if not found:
        return ""
    first = found[0]
    said = " ".join([*first.get("prefix", ()), *first.get("given", ()), first.get("family", "")])
    return said.strip() or str(first.get("text", ""))


_NAME_USE = {"usual": 0, "official": 1, "nickname": 4, "old": 5, "maiden": 5, "temp": 4}
