"""Which codes a value set has: ``ValueSet.compose`` evaluated over what is held.

``members`` enumerates, ``holding`` asks for given codes only: a value set too large to expand can
still be asked whether it has a code. https://hl7.org/fhir/R4/valueset.html#compositions
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fhir.outcomes import NotFoundError, UnprocessableError
from fhir.terminology.code_system import CodeSystem, ListedCodeSystem
from fhir.terminology.concepts import Concept, Designation, designations
from fhir.terminology.filters import Selection, filters_of
from fhir.terminology.holdings import Holdings, canonical, said
from fhir.terminology.wording import is_called

LIMIT = 10_000
"""Codes of one expansion; more are refused as too costly."""
_DEEPEST = 20
"""Value sets that import one another."""
_MOST_IMPORTS = 2_000
"""Imports of one evaluation: twenty levels of two each would be a million."""

Key = tuple[str, str]
"""(system, code)."""


@dataclass(frozen=True, slots=True)
class Member:
    """A code of a value set, with the words it has there."""

    system: str
    version: str | None
    concept: Concept

    @property
    def key(self) -> Key:
        return self.system, self.concept.code


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions of code systems that a request names: system -> version."""

    default: Mapping[str, str] = field(default_factory=dict)
    """Where the value set names none."""
    checked: Mapping[str, str] = field(default_factory=dict)
    """The value set must not name another."""
    forced: Mapping[str, str] = field(default_factory=dict)
    """Whatever the value set names."""

    def of(self, system: str, named: str | None) -> str | None:
        if system in self.forced:
            return self.forced[system]
        checked = self.checked.get(system)
        if checked is not None and named not in {None, checked}:
            raise UnprocessableError(
                f"check-system-version: the value set names {system}|{named}, not {checked}",
                code="business-rule",
            )
        return named or checked or self.default.get(system)


@dataclass(slots=True)
class Composition:
    """One evaluation: what is held, what was asked for, and which systems were used."""

    holdings: Holdings
    text: str | None = None
    active_only: bool = False
    versions: Versions = field(default_factory=Versions)
    excluded: frozenset[str] = frozenset()
    """Code systems, as ``url`` or ``url|version``, that are left out."""
    limit: int = LIMIT
    used: dict[str, CodeSystem] = field(default_factory=dict)
    """``url|version`` -> the code systems that were looked into."""
    evaluated: int = 0
    """Value sets that the evaluation has met."""

    # What is held --------------------------------------------------------------------------

    def value_set(self, reference: str, version: str | None = None) -> Mapping[str, Any]:
        """Return a value set by its canonical. Raises NotFoundError naming it."""
        url, pinned = canonical(reference)
        version = pinned or version
        found = self.holdings.value_set(url, version)
        if found is None:
            raise NotFoundError(f"the value set {said(url, version)} is not held here")
        return found

    def system(self, url: str, version: str | None = None) -> CodeSystem:
        """Return a code system by its url. Raises NotFoundError naming it."""
        found = self.find_system(url, version)
        if found is None:
            raise NotFoundError(f"the code system {said(url, version)} is not held here")
        return found

    def find_system(self, url: str, version: str | None) -> CodeSystem | None:
        found = self.holdings.code_system(url, self.versions.of(url, version))
        if found is not None:
            self.used[said(found.url, found.version)] = found
        return found

    # Enumerating ---------------------------------------------------------------------------

    def members(self, value_set: Mapping[str, Any]) -> dict[Key, Member]:
        """Return every code, in the order of the definition. Raises ``too-costly`` above limit."""
        self.evaluated = 0
        return _Evaluation(self, value_set, ()).members()

    def holding(self, value_set: Mapping[str, Any], keys: Collection[Key]) -> dict[Key, Member]:
        """Return those of ``keys`` that the value set has."""
        self.evaluated = 0
        return _Evaluation(self, value_set, ()).holding(keys)


def too_costly(limit: int) -> UnprocessableError:
    return UnprocessableError(
        f"the expansion has more than {limit} codes: narrow it with the parameter filter",
        code="too-costly",
    )


class _Evaluation:
    """One value set inside a composition; ``path`` are those that import it."""

    def __init__(
        self, asked: Composition, value_set: Mapping[str, Any], path: tuple[str, ...]
    ) -> None:
        self._asked = asked
        self._value_set = value_set
        name = said(value_set.get("url", ""), value_set.get("version"))
        if name and name in path:
            raise UnprocessableError(
                f"the value set {name} imports itself: {' -> '.join((*path, name))}",
                code="processing",
            )
        asked.evaluated += 1
        if len(path) > _DEEPEST or asked.evaluated > _MOST_IMPORTS:
            raise UnprocessableError(
                f"value sets import one another more than {_DEEPEST} deep or {_MOST_IMPORTS} times",
                code="too-costly",
            )
        self._path = (*path, name) if name else (*path, "#")
        self._contained = {
            f"#{each['id']}": each for each in value_set.get("contained", ()) if "id" in each
        }
        compose = value_set.get("compose")
        self._compose: Mapping[str, Any] = compose or {}
        self._listed = None if compose else _expanded(value_set)
        drops = asked.active_only or self._compose.get("inactive") is False
        self._drops_inactive = drops

    def members(self) -> dict[Key, Member]:
        if self._listed is not None:
            found = self._wanted(self._listed.values())
        else:
            found = {}
            for include in self._compose.get("include", ()):
                for key, member in self._included(include).items():
                    found.setdefault(key, member)
                self._check(found)
            for exclude in self._compose.get("exclude", ()):
                for key in self._holding(exclude, found.keys()):
                    found.pop(key, None)
        self._check(found)
        return found

    def holding(self, keys: Collection[Key]) -> dict[Key, Member]:
        if self._listed is not None:
            return self._kept({key: self._listed[key] for key in keys if key in self._listed})
        found: dict[Key, Member] = {}
        for include in self._compose.get("include", ()):
            for key, member in self._holding(include, keys).items():
                found.setdefault(key, member)
        for exclude in self._compose.get("exclude", ()):
            for key in self._holding(exclude, found.keys()):
                found.pop(key, None)
        return found

    def _check(self, found: Mapping[Key, Member]) -> None:
        if len(found) > self._asked.limit:
            raise too_costly(self._asked.limit)

    # One include or exclude ----------------------------------------------------------------

    def _included(self, part: Mapping[str, Any]) -> dict[Key, Member]:
        self._readable(part)
        imports = part.get("valueSet", ())
        if not imports:
            return self._of_system(part)
        # Several value sets, or value sets and a system: what all of them have.
        found = self._import(imports[0]).members()
        for other in imports[1:]:
            kept = self._import(other).holding(found.keys())
            found = {key: member for key, member in found.items() if key in kept}
        if "system" in part:
            found = self._held_by_system(part, found.keys())
        return self._wanted(found.values())

    def _readable(self, part: Mapping[str, Any]) -> None:
        """Refuse an include in which an extension stands in the place of what it names."""
        if ("system" not in part and "valueSet" not in part) or None in part.get("valueSet", ()):
            raise UnprocessableError(
                f"the value set {self._path[-1]} does not say whose codes it takes",
                code="processing",
            )

    def _holding(self, part: Mapping[str, Any], keys: Collection[Key]) -> dict[Key, Member]:
        self._readable(part)
        found: dict[Key, Member] | None = None
        for reference in part.get("valueSet", ()):
            held = self._import(reference).holding(keys if found is None else found.keys())
            found = held
        if "system" in part:
            found = self._held_by_system(part, keys if found is None else found.keys())
        return self._kept(found or {})

    def _import(self, reference: str) -> "_Evaluation":
        if reference.startswith("#"):
            found = self._contained.get(reference)
            if found is None or found["resourceType"] != "ValueSet":
                raise NotFoundError(f"the value set {reference} is not contained")
        else:
            found = self._asked.value_set(reference)
        return _Evaluation(self._asked, found, self._path)

    def _system(self, part: Mapping[str, Any]) -> CodeSystem | None:
        url = part["system"]
        if url.startswith("#"):
            contained = self._contained.get(url)
            if contained is None or contained["resourceType"] != "CodeSystem":
                raise NotFoundError(f"the code system {url} is not contained")
            return ListedCodeSystem({"url": url, **contained})
        return self._asked.find_system(url, part.get("version"))

    def _is_excluded(self, part: Mapping[str, Any], system: CodeSystem | None) -> bool:
        url = _url(part, system)
        version = system.version if system else part.get("version")
        return not self._asked.excluded.isdisjoint({url, said(url, version)})

    def _of_system(self, part: Mapping[str, Any]) -> dict[Key, Member]:
        system = self._system(part)
        if self._is_excluded(part, system):
            return {}
        if "concept" in part:
            return self._wanted(_listed(part, system))
        if system is None:
            raise self._not_held(part)
        limit = self._asked.limit
        selected = system.select(Selection(filters_of(part), self._asked.text, limit))
        if len(selected) > limit:
            raise too_costly(limit)
        return self._wanted(_member(part, system, concept) for concept in selected)

    def _held_by_system(self, part: Mapping[str, Any], keys: Collection[Key]) -> dict[Key, Member]:
        system = self._system(part)
        url = _url(part, system)
        codes = [code for named, code in keys if named == url]
        if not codes or self._is_excluded(part, system):
            return {}
        if "concept" in part:
            listed = {member.concept.code: member for member in _listed(part, system)}
            return {
                (url, code): found
                for code in codes
                if (found := listed.get(_spelt(system, code))) is not None
            }
        if system is None:
            raise self._not_held(part)
        held = system.holding(codes, filters_of(part))
        return {
            (url, code): _member(part, system, concept)
            for code, concept in system.concepts(held).items()
        }

    def _not_held(self, part: Mapping[str, Any]) -> NotFoundError:
        version = self._asked.versions.of(part["system"], part.get("version"))
        return NotFoundError(
            f"the code system {said(part['system'], version)} is not held here, and the value set "
            f"{self._path[-1]} takes its codes from it"
        )

    def _wanted(self, members: Iterable[Member]) -> dict[Key, Member]:
        """Leave out what is inactive or not looked for, where that was asked."""
        text = self._asked.text
        return self._kept(
            {
                member.key: member
                for member in members
                if not text or is_called(member.concept.code, member.concept.words(), text)
            }
        )

    def _kept(self, found: dict[Key, Member]) -> dict[Key, Member]:
        if not self._drops_inactive:
            return found
        return {key: member for key, member in found.items() if not member.concept.inactive}


def _spelt(system: CodeSystem | None, code: str) -> str:
    known = system.concept(code) if system else None
    return known.code if known else code


def _url(part: Mapping[str, Any], system: CodeSystem | None) -> str:
    """Return the code system's own url; a contained one is named by its id."""
    named: str = part["system"]
    return system.url if system is not None and named.startswith("#") else named


def _member(part: Mapping[str, Any], system: CodeSystem, concept: Concept) -> Member:
    return Member(_url(part, system), system.version, concept)


def _listed(part: Mapping[str, Any], system: CodeSystem | None) -> Sequence[Member]:
    """Return the codes that an include lists, with its own words where it has some.

    A code that a wholly held code system does not have is none. Of a code system that is not held
    the list itself is all that is known.
    """
    listed = [each for each in part["concept"] if "code" in each]
    known = system.concepts([each["code"] for each in listed]) if system else {}
    version = system.version if system else part.get("version")
    found = []
    for each in listed:
        concept = known.get(each["code"])
        if concept is None:
            if system is not None and system.complete:
                continue
            concept = Concept(each["code"])
        if own := each.get("designation"):
            concept = replace(concept, designations=(*designations(own), *concept.designations))
        if (display := each.get("display")) and display != concept.display:
            # What the code system calls it stays one of its names.
            names = (Designation(concept.display),) if concept.display else ()
            concept = replace(
                concept, display=display, designations=(*concept.designations, *names)
            )
        found.append(Member(_url(part, system), version, concept))
    return found


def _expanded(value_set: Mapping[str, Any]) -> dict[Key, Member]:
    """Return the codes of a value set that only has an expansion."""
    expansion = value_set.get("expansion")
    if expansion is None:
        raise UnprocessableError(
            f"the value set {value_set.get('url', '')} has no definition", code="processing"
        )
    found: dict[Key, Member] = {}
    waiting = list(reversed(expansion.get("contains", ())))
    while waiting:
        each = waiting.pop()
        waiting += reversed(each.get("contains", ()))
        if "system" not in each or "code" not in each:
            continue
        concept = Concept(
            each["code"],
            each.get("display"),
            designations=designations(each.get("designation")),
            abstract=each.get("abstract", False),
            inactive=each.get("inactive", False),
        )
        member = Member(each["system"], each.get("version"), concept)
        found.setdefault(member.key, member)
    return found
