"""An expansion as a ValueSet resource: nested or flat, in pages, with what it was made from.

https://hl7.org/fhir/R4/valueset-operation-expand.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fhir.outcomes import BadRequestError
from fhir.terminology.compose import Composition, Key, Member
from fhir.terminology.concepts import Designation
from fhir.terminology.holdings import said


@dataclass(frozen=True, slots=True)
class Form:
    """How the expansion is written."""

    offset: int | None = None
    count: int | None = None
    nested: bool = True
    """Whether a hierarchy is shown as one; pages and text filters are always flat."""
    selectable_only: bool = False
    """``excludeNotForUI``... of R4's own use: leave out what nobody may choose."""
    designations: bool = False
    designation_tokens: tuple[str, ...] = ()
    """``language`` or ``system|code`` of a use: only these."""
    language: str | None = None
    definition: bool = False
    parameters: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    """What the request said, as it is recorded in the expansion."""

    @property
    def paged(self) -> bool:
        return self.offset is not None or self.count is not None


def expand(
    asked: Composition, value_set: Mapping[str, Any], form: Form, *, identifier: str, timestamp: str
) -> dict[str, Any]:
    """Return the value set with its expansion. Raises FHIR errors, ``too-costly`` among them."""
    members = asked.members(value_set)
    if form.selectable_only:
        members = {key: found for key, found in members.items() if not found.concept.abstract}
    total = len(members)
    if form.paged:
        start = form.offset or 0
        end = None if form.count is None else start + form.count
        shown = list(members.values())[start:end]
        contains = [_entry(member, form) for member in shown]
    elif form.nested and not asked.text:
        contains = _nested(asked, members, form)
    else:
        contains = [_entry(member, form) for member in members.values()]
    expansion: dict[str, Any] = {
        "identifier": identifier,
        "timestamp": timestamp,
        "total": total,
    }
    if form.paged:
        expansion["offset"] = form.offset or 0
    used = [
        {"name": "used-codesystem", "valueUri": said(found.url, found.version)}
        for _, found in sorted(asked.used.items())
    ]
    if parameters := [*form.parameters, *used]:
        expansion["parameter"] = parameters
    if contains:
        expansion["contains"] = contains
    return _without_expansion(value_set, definition=form.definition) | {"expansion": expansion}


def _without_expansion(value_set: Mapping[str, Any], *, definition: bool) -> dict[str, Any]:
    """Return what the value set says of itself; its definition only where it is asked for."""
    dropped = {"expansion", "text", "meta"} | (set() if definition else {"compose", "contained"})
    kept = {name: value for name, value in value_set.items() if name.lstrip("_") not in dropped}
    kept.setdefault("resourceType", "ValueSet")
    kept.setdefault("status", "active")
    return kept


def _entry(member: Member, form: Form) -> dict[str, Any]:
    concept = member.concept
    found: dict[str, Any] = {"system": member.system}
    if concept.abstract:
        found["abstract"] = True
    if concept.inactive:
        found["inactive"] = True
    if member.version:
        found["version"] = member.version
    found["code"] = concept.code
    if display := concept.shown(form.language):
        found["display"] = display
    if form.designations or form.designation_tokens:
        kept = [each for each in concept.designations if _is_wanted(each, form)]
        if kept:
            found["designation"] = [each.as_json() for each in kept]
    return found


def _is_wanted(each: Designation, form: Form) -> bool:
    if not form.designation_tokens:
        return True
    use = each.use or {}
    names = {f"{use.get('system', '')}|{use.get('code', '')}", each.language}
    if each.language:
        names.add(f"urn:ietf:bcp:47|{each.language}")
    return not names.isdisjoint(form.designation_tokens)


def _nested(asked: Composition, members: Mapping[Key, Member], form: Form) -> list[dict[str, Any]]:
    """Put each code below the first of its parents that is in the expansion as well."""
    systems = {
        found.url: found for found in asked.used.values() if found.hierarchical and found.complete
    }
    entries = {key: _entry(member, form) for key, member in members.items()}
    tops = []
    above: dict[Key, Key] = {}
    for (system, code), entry in entries.items():
        parents = systems[system].parents(code) if system in systems else ()
        candidates = [(system, each) for each in parents if (system, each) in entries]
        parent = next(
            (each for each in candidates if not _is_below(each, above, (system, code))), None
        )
        if parent is None:
            tops.append(entry)
        else:
            above[system, code] = parent
            entries[parent].setdefault("contains", []).append(entry)
    return tops


def _is_below(key: Key, above: Mapping[Key, Key], other: Key) -> bool:
    """Say whether ``key`` is placed below ``other`` already: a cycle would lose both."""
    found: Key | None = key
    while found is not None:
        if found == other:
            return True
        found = above.get(found)
    return False


def whole(name: str, value: int | None) -> int | None:
    """Check ``count`` and ``offset``."""
    if value is not None and value < 0:
        raise BadRequestError(f"{name} is 0 or more", expression=name, code="value")
    return value
