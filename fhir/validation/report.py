"""The reporting pass: walk the resource along the registry and name every fault.

It runs where ``accept`` said no, so it may take its time. Texts never repeat the value.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fhir import narrative, registry
from fhir.outcomes import Issue
from fhir.registry import Element
from fhir.validation import bindings, contained
from fhir.validation.accept import CONCEPT_CODING, rules_of
from fhir.validation.contained import Container
from fhir.validation.invariants import sentence
from fhir.validation.primitives import CHECKS, FORMS
from fhir.validation.references import is_absolute, is_well_formed, known_types, target_type

_EMPTY = object()


def report(resource: dict[str, Any], path: str | None = None) -> Iterator[Issue]:
    """Yield every fault of a resource and of the resources inside it."""
    kind = resource.get("resourceType")
    if not isinstance(kind, str):
        yield Issue("required", "resourceType is missing", _at(path, "resourceType"))
    elif kind not in known_types():
        yield Issue("structure", "resourceType is no R4 resource type", _at(path, "resourceType"))
    else:
        here = path or kind
        container = Container.of(resource)
        yield from _object(kind, resource, here, container)
        yield from contained.faults(resource, here)


def _at(path: str | None, name: str) -> str:
    return f"{path}.{name}" if path else name


def _object(owner: str, value: Any, path: str, container: Container) -> Iterator[Issue]:
    """Check a resource, a complex value or a backbone element."""
    if not isinstance(value, dict):
        yield Issue("structure", "must be a JSON object", path)
        return
    if not value:
        yield Issue("invalid", "must not be empty: leave it out", path)
        return
    sound = True
    for issue in _members(owner, value, path, container):
        sound = False
        yield issue
    if value.keys() == {"id"} and owner not in known_types():
        yield Issue("invariant", "must have a value or children, not only an id (ele-1)", path)
    if not sound:
        return
    for key, holds in rules_of(owner).items():
        if not holds(value):
            yield Issue("invariant", f"{sentence(owner, key)} ({key})", path)


def _members(owner: str, value: dict[str, Any], path: str, container: Container) -> Iterator[Issue]:
    known = registry.members(owner)
    chosen: dict[str, set[str]] = {}
    is_resource = owner in known_types()
    for name, child in value.items():
        if name == "resourceType" and is_resource:
            continue
        primitive = name.removeprefix("_")
        found = known.get(primitive)
        if found is None or (primitive != name and found[1] not in CHECKS):
            yield Issue("structure", f"R4 defines no such element in {owner}", _at(path, name[:64]))
            continue
        element, kind = found
        chosen.setdefault(element.name, set()).add(primitive)
        at = f"{path}.{element.name}"
        if primitive == name:
            yield from _present(element, kind, child, value.get(f"_{name}", _EMPTY), at, container)
            if kind == "Extension" and owner != "Extension":
                yield from _relative_urls(child, at)
        elif primitive not in value:
            yield from _present(element, kind, _EMPTY, child, at, container)
    for element in registry.elements(owner).values():
        at = f"{path}.{element.name}" + ("[x]" if element.choice else "")
        given = len(chosen.get(element.name, ()))
        if element.min and not given:
            yield Issue("required", f"{at} is required", at)
        elif given > 1:
            yield Issue("structure", "only one type of value may be given", at)


def _relative_urls(extensions: Any, path: str) -> Iterator[Issue]:
    """Only inside another extension may the URL of an extension be relative."""
    for index, each in enumerate(extensions if isinstance(extensions, list) else ()):
        url = each.get("url") if isinstance(each, dict) else None
        if isinstance(url, str) and url and not is_absolute(url):
            at = f"{path}[{index}].url"
            yield Issue("invalid", "the URL of an extension must be absolute", at)


def _present(  # noqa: PLR0917 - one argument for each thing that is known of the member
    element: Element, kind: str, value: Any, shadow: Any, path: str, container: Container
) -> Iterator[Issue]:
    """Check a member that is there; ``shadow`` is its ``_name`` sibling (extensions)."""
    if not element.many:
        yield from _single(element, kind, value, shadow, path, container)
        return
    sound = True
    for part in (value, shadow):
        if part is _EMPTY:
            continue
        if part is None:
            sound = False
            yield Issue("invalid", "null is not allowed here: leave the element out", path)
        elif not isinstance(part, list):
            sound = False
            yield Issue("structure", "may repeat: must be a JSON array", path)
            if part is value:
                yield from _single(element, kind, value, _EMPTY, path, container)
        elif not part:
            sound = False
            yield Issue("invalid", "an array must not be empty: leave the element out", path)
    if not sound:
        return
    if value is not _EMPTY and shadow is not _EMPTY and len(value) != len(shadow):
        yield Issue("structure", "the array of extensions must be as long as the values'", path)
        return
    size = len(shadow if value is _EMPTY else value)
    for index in range(size):
        item = _EMPTY if value is _EMPTY else value[index]
        extended = _EMPTY if shadow is _EMPTY else shadow[index]
        at = f"{path}[{index}]"
        # In an array of primitives null stands where the other array has something to say.
        if item is None and extended not in (None, _EMPTY):
            item = _EMPTY
        elif extended is None and item not in (None, _EMPTY):
            extended = _EMPTY
        yield from _single(element, kind, item, extended, at, container)


def _single(  # noqa: PLR0917 - see _present
    element: Element, kind: str, value: Any, shadow: Any, path: str, container: Container
) -> Iterator[Issue]:
    if isinstance(value, list) or isinstance(shadow, list):
        yield Issue("structure", "cannot repeat: must not be a JSON array", path)
        return
    if value is None or shadow is None:
        yield Issue("invalid", "null is not allowed here: leave the element out", path)
        return
    if value is not _EMPTY and isinstance(shadow, dict) and shadow.keys() == {"id"}:
        # ele-1 wants a value or children: here the value is beside it.
        yield from _members("Element", shadow, path, container)
    elif shadow is not _EMPTY:
        yield from _object("Element", shadow, path, container)
    if value is _EMPTY:
        return
    if kind in CHECKS:
        yield from _primitive(element, kind, value, path)
    elif kind != "Resource":
        yield from _complex(element, kind, value, path, container)
    elif not isinstance(value, dict):
        yield Issue("structure", "must be a resource: a JSON object", path)
    elif element.name != "contained" or str(value.get("resourceType")) not in known_types():
        yield from report(value, path)
    else:
        # Its references are those of the resource around it.
        yield from _object(value["resourceType"], value, path, container)


def _primitive(element: Element, kind: str, value: Any, path: str) -> Iterator[Issue]:
    if value == "" and kind != "xhtml":
        yield Issue("invalid", "a string must not be empty: leave the element out", path)
    elif isinstance(value, dict):
        yield Issue("structure", FORMS[kind], path)
    elif kind == "xhtml" and isinstance(value, str):
        for fault in narrative.faults(value):
            yield Issue("invalid", fault, path)
    elif not CHECKS[kind](value):
        yield Issue("value", FORMS[kind], path)
    elif element.codes and not bindings.is_bound(kind, element.codes, value):
        yield Issue("code-invalid", f"must be one of: {bindings.allowed(element.codes)}", path)


def _complex(
    element: Element, kind: str, value: Any, path: str, container: Container
) -> Iterator[Issue]:
    sound = True
    for issue in _object(element.owner or kind, value, path, container):
        sound = False
        yield issue
    if not sound:
        return
    if element.codes and not bindings.is_bound(kind, element.codes, value):
        yield Issue("code-invalid", f"must be one of: {bindings.allowed(element.codes)}", path)
    if element.path == CONCEPT_CODING and not is_absolute(value.get("system", "urn:")):
        text = "the system of a concept's code must be an absolute URI"
        yield Issue("invalid", text, f"{path}.system")
    if kind == "Reference":
        yield from _reference(element, value, path, container)


def _reference(
    element: Element, value: Mapping[str, Any], path: str, container: Container
) -> Iterator[Issue]:
    kinds = {value["type"]} & known_types() if "type" in value else set()
    reference = value.get("reference")
    if reference is not None:
        if not is_well_formed(reference):
            yield Issue("value", "must be Type/id, #id or an absolute URL", path)
            return
        if reference.startswith("#"):
            if not container.holds(reference[1:]):
                text = sentence("Reference", "ref-1")
                yield Issue("invariant", f"{text} (ref-1)", path)
                return
            kind = container.type_of(reference[1:])
        else:
            kind = target_type(reference)
        if kind is not None:
            kinds.add(kind)
    if element.targets and not kinds <= element.targets:
        wanted = ", ".join(sorted(element.targets))
        yield Issue("structure", f"must refer to: {wanted}", path)
    elif len(kinds) > 1:
        yield Issue("structure", "type and reference name different types", path)
