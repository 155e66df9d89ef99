"""Everything there is to say about a resource at once, for ``$validate``: errors and advice.

https://hl7.org/fhir/R4/resource-operation-validate.html. What ordinary writes refuse is in
``fhir.validation``; this adds profiles, bindings that advise, and a second opinion.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from fhir import jsontext, r4, registry
from fhir.outcomes import Issue
from fhir.registry.profiles import Profile, extensible_binding, profile
from fhir.validation import validate
from fhir.validation.items import Item, every, root
from fhir.validation.membership import Members, Membership
from fhir.validation.profiles import bound, check
from fhir.validation.references import is_absolute

_BASE = "http://hl7.org/fhir/StructureDefinition/"
_ORDER = {"fatal": 0, "error": 1, "warning": 2, "information": 3}
_ELSEWHERE = frozenset({"Element", "Resource", "DomainResource"})


def review(
    resource: dict[str, Any],
    *,
    resource_type: str | None = None,
    profiles: Sequence[str] = (),
    members: Members | None = None,
) -> list[Issue]:
    """Return every issue, errors first.

    ``profiles`` are checked beside those that the resource and the resources inside it name.
    ``members`` says whether a value set has a code; by default what the standard defines does.
    """
    found = validate(resource, resource_type=resource_type)
    sound = not found
    if isinstance(resource.get("resourceType"), str):
        found += _advice(root(resource), profiles, members or Membership())
    if sound:
        found += second_opinion(resource)
    found.sort(key=lambda issue: _ORDER[issue.severity])
    return list(dict.fromkeys(found))


def _advice(whole: Item, profiles: Sequence[str], members: Members) -> Iterator[Issue]:
    for item in every(whole):
        if item.owner in registry.resource_types():
            asked = profiles if item is whole else ()
            yield from _profiled(item, asked, members)
            if registry.is_domain_resource(item.owner) and "text" not in item.below:
                text = "a resource should have a narrative for people (dom-6)"
                yield Issue("invariant", text, item.path, "warning")
        yield from _addresses(item)
        value_set = extensible_binding(item.element)
        if value_set is not None and item.kind in {"code", "CodeableConcept", "Coding"}:
            yield from bound("extensible", value_set, item, members)
        for name in ("extension", "modifierExtension"):
            yield from _extensions(item, name, members)


def _profiled(item: Item, asked: Sequence[str], members: Members) -> Iterator[Issue]:
    meta = item.below.get("meta")
    named = meta.get("profile") if isinstance(meta, dict) else None
    declared = [each for each in (named if isinstance(named, list) else ()) if _is_text(each)]
    for canonical in dict.fromkeys([*asked, *declared]):
        url, _, version = canonical.partition("|")
        if url == _BASE + item.owner:
            continue
        known = profile(url)
        if known is None:
            text = "a profile that this hub does not know: not checked against it"
            yield Issue("informational", text, f"{item.path}.meta.profile", "information")
        elif known.type != item.owner:
            text = f"{known.name} is a profile of {known.type}"
            yield Issue("structure", text, item.path)
        else:
            if version and version != known.version:
                text = f"checked against version {known.version} of {known.name}"
                yield Issue("informational", text, item.path, "information")
            yield from check(item, known, members)


def _addresses(item: Item) -> Iterator[Issue]:
    """Advise on addresses that R4 wants absolute, and that its own examples leave relative."""
    if item.kind == "canonical" and isinstance(item.value, str):
        if not item.value.startswith("#") and not is_absolute(item.value):
            yield Issue("value", "a canonical should be absolute", item.path, "warning")
    elif item.element == "Bundle.entry" and isinstance(url := item.below.get("fullUrl"), str):
        at = f"{item.path}.fullUrl"
        if not is_absolute(url):
            yield Issue("value", "a fullUrl should be absolute", at, "warning")
        resource = item.below.get("resource")
        held = resource if isinstance(resource, dict) else {}
        own = f"/{held.get('resourceType')}/{held.get('id')}"
        if url.startswith(("http://", "https://")) and "id" in held and not url.endswith(own):
            yield Issue("value", "fullUrl and resource name different records", at, "warning")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _extensions(parent: Item, name: str, members: Members) -> Iterator[Issue]:
    """Check the extensions whose definition is known, wherever they stand."""
    listed = parent.below.get(name)
    for index, value in enumerate(listed if isinstance(listed, list) else ()):
        url = value.get("url") if isinstance(value, dict) else None
        known = profile(url) if isinstance(url, str) else None
        if known is None or known.type != "Extension":
            continue
        path = f"{parent.path}.{name}[{index}]"
        item = Item("Extension", "Extension", value, value, path, "Extension")
        if not _may_stand(known, parent):
            text = f"{known.name} belongs to {', '.join(known.contexts)}"
            yield Issue("structure", text, path)
        yield from check(item, known, members)


def _may_stand(known: Profile, parent: Item) -> bool:
    here = {parent.element, parent.kind, parent.owner} | _ELSEWHERE
    return not known.contexts or not here.isdisjoint(known.contexts)


def second_opinion(resource: dict[str, Any]) -> Iterator[Issue]:
    """Ask the models of fhir.resources where we found nothing: they are of R4B, so they advise."""
    try:
        getattr(r4, resource["resourceType"]).model_validate_json(jsontext.dumps(resource))
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False, include_context=False):
            # Their text may repeat the value; their kind of fault and its place do not.
            text = f"a second validator (models of R4B) disagrees: {fault['type']}"
            yield Issue("processing", text, _place(resource, fault["loc"]), "warning")


def _place(resource: dict[str, Any], steps: Sequence[int | str]) -> str:
    kind = resource["resourceType"]
    path = kind
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if step != kind else ""
    return str(path)
