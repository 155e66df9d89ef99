"""Code systems: what every one can answer, and those that list their concepts in a resource.

https://hl7.org/fhir/R4/codesystem.html
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from fhir.outcomes import UnprocessableError
from fhir.terminology.concepts import Concept, Property, designations
from fhir.terminology.filters import Filter, Selection, unknown_code, unsupported
from fhir.terminology.pattern import Pattern
from fhir.terminology.wording import is_called

CONCEPT_PROPERTIES = "http://hl7.org/fhir/concept-properties#"
_NO_SUBSUMPTION = frozenset({"grouped-by", "part-of"})
"""Meanings of a hierarchy in which a parent is not the wider concept."""
_INACTIVE = frozenset({"inactive", "retired"})
_DEEPEST = 200


class CodeSystem(Protocol):
    """What the operations ask of a code system, whatever keeps it."""

    url: str
    version: str | None
    name: str
    complete: bool
    """Whether every code is held: what is not here is no code then."""
    hierarchical: bool

    def concept(self, code: str) -> Concept | None: ...

    def concepts(self, codes: Collection[str]) -> Mapping[str, Concept]:
        """Return those of ``codes`` that there are."""

    def select(self, wanted: Selection) -> Sequence[Concept]:
        """Return what meets the selection, in order, and no more than one above its limit."""

    def holding(self, codes: Collection[str], filters: Sequence[Filter]) -> set[str]:
        """Return those of ``codes`` that meet every filter."""

    def parents(self, code: str) -> Sequence[str]: ...

    def children(self, code: str) -> Sequence[str]: ...

    def ancestors(self, code: str) -> set[str]:
        """Return the codes that subsume this one, itself not among them."""

    def descendants(self, code: str, limit: int) -> Sequence[str]:
        """Return codes that this one subsumes, itself not among them, at most ``limit`` + 1."""


def is_held(resource: Mapping[str, Any]) -> bool:
    """Say whether a CodeSystem resource has content of its own."""
    return resource.get("content") not in {"not-present", "supplement"}


class ListedCodeSystem:
    """A code system that a CodeSystem resource lists."""

    def __init__(self, resource: Mapping[str, Any]) -> None:
        self.url: str = resource["url"]
        self.version: str | None = resource.get("version")
        self.name: str = resource.get("title") or resource.get("name") or self.url
        self.complete = resource.get("content") == "complete"
        self._subsumes = resource.get("hierarchyMeaning") not in _NO_SUBSUMPTION
        self._folded: dict[str, str] | None = None if resource.get("caseSensitive") else {}
        self._uses = _uses(resource.get("property", ()))
        self._declared = {each.get("code") for each in resource.get("property", ())}
        self._concepts: dict[str, Concept] = {}
        self._parents: dict[str, list[str]] = {}
        self._children: dict[str, list[str]] = {}
        self._read(resource.get("concept", ()))
        self.hierarchical = bool(self._parents)

    # Reading -------------------------------------------------------------------------------

    def _read(self, listed: Sequence[Mapping[str, Any]]) -> None:
        """Read the concepts in their order, without recursion: clients may nest them deep."""
        waiting: list[tuple[Mapping[str, Any], str | None, int]] = [
            (each, None, 0) for each in reversed(listed)
        ]
        links: list[tuple[str, str]] = []
        while waiting:
            said, parent, depth = waiting.pop()
            if "code" not in said:
                # R4 allows an extension in the place of any value: why the code is absent.
                continue
            if depth > _DEEPEST:
                raise UnprocessableError(
                    f"the code system {self.url} is nested more than {_DEEPEST} deep",
                    code="too-costly",
                )
            concept = self._concept(said)
            self._concepts.setdefault(concept.code, concept)
            if self._folded is not None:
                self._folded.setdefault(concept.code.casefold(), concept.code)
            if parent is not None:
                links.append((parent, concept.code))
            for each in concept.properties:
                use = self._uses.get(each.code)
                if use == "parent":
                    links.append((each.text, concept.code))
                elif use == "child":
                    links.append((concept.code, each.text))
            waiting += [
                (child, concept.code, depth + 1) for child in reversed(said.get("concept", ()))
            ]
        for above, below in dict.fromkeys(links):
            if above in self._concepts and below in self._concepts:
                self._parents.setdefault(below, []).append(above)
                self._children.setdefault(above, []).append(below)

    def _concept(self, said: Mapping[str, Any]) -> Concept:
        found = tuple(_properties(said.get("property", ())))
        marks = {self._uses[p.code]: p for p in found if p.code in self._uses}
        status = marks["status"].text if "status" in marks else ""
        return Concept(
            code=said["code"],
            display=said.get("display"),
            definition=said.get("definition"),
            designations=designations(said.get("designation")),
            properties=found,
            abstract="notSelectable" in marks and marks["notSelectable"].text == "true",
            inactive=("inactive" in marks and marks["inactive"].text == "true")
            or status in _INACTIVE,
        )

    # Single codes --------------------------------------------------------------------------

    def _spelt(self, code: str) -> str:
        if self._folded is None or code in self._concepts:
            return code
        return self._folded.get(code.casefold(), code)

    def concept(self, code: str) -> Concept | None:
        return self._concepts.get(self._spelt(code))

    def concepts(self, codes: Collection[str]) -> Mapping[str, Concept]:
        return {code: found for code in codes if (found := self.concept(code)) is not None}

    def parents(self, code: str) -> Sequence[str]:
        return self._parents.get(self._spelt(code), ())

    def children(self, code: str) -> Sequence[str]:
        return self._children.get(self._spelt(code), ())

    def ancestors(self, code: str) -> set[str]:
        return set(_reached(self._spelt(code), self._parents)) if self._subsumes else set()

    def descendants(self, code: str, limit: int) -> Sequence[str]:
        if not self._subsumes:
            return ()
        return list(_reached(self._spelt(code), self._children))[: limit + 1]

    # Many codes ----------------------------------------------------------------------------

    def select(self, wanted: Selection) -> Sequence[Concept]:
        tests = [self._test(each) for each in wanted.filters]
        found = []
        for concept in self._concepts.values():
            if not all(test(concept) for test in tests):
                continue
            if wanted.text and not is_called(concept.code, concept.words(), wanted.text):
                continue
            found.append(concept)
            if wanted.limit is not None and len(found) > wanted.limit:
                break
        return found

    def holding(self, codes: Collection[str], filters: Sequence[Filter]) -> set[str]:
        tests = [self._test(each) for each in filters]
        return {
            code
            for code, concept in self.concepts(codes).items()
            if all(test(concept) for test in tests)
        }

    def _test(self, wanted: Filter) -> Callable[[Concept], bool]:
        if wanted.op in {"is-a", "descendent-of", "is-not-a", "generalizes"}:
            return self._by_place(wanted)
        values = self._values(wanted)
        match wanted.op:
            case "=":
                return lambda c: wanted.value in values(c)
            case "in":
                allowed = set(wanted.listed())
                return lambda c: not allowed.isdisjoint(values(c))
            case "not-in":
                refused = set(wanted.listed())
                return lambda c: refused.isdisjoint(values(c))
            case "regex":
                pattern = Pattern(wanted.value)
                return lambda c: any(pattern.matches(value) for value in values(c))
            case _:
                if wanted.value not in {"true", "false"}:
                    raise UnprocessableError(
                        f"the filter {wanted.property} exists is true or false", code="value"
                    )
                return lambda c: bool(values(c)) is (wanted.value == "true")

    def _by_place(self, wanted: Filter) -> Callable[[Concept], bool]:
        """Test by the place of a concept in the hierarchy, relative to one code."""
        if wanted.property not in {"concept", "code"}:
            raise unsupported(self.url, wanted)
        root = self.concept(wanted.value)
        if root is None:
            raise unknown_code(self.url, wanted.value)
        if wanted.op == "generalizes":
            above = self.ancestors(root.code) | {root.code}
            return lambda c: c.code in above
        below = set(self.descendants(root.code, len(self._concepts)))
        if wanted.op == "descendent-of":
            return lambda c: c.code in below
        below.add(root.code)
        return lambda c: (c.code in below) is (wanted.op == "is-a")

    def _values(self, wanted: Filter) -> Callable[[Concept], tuple[str, ...]]:
        """Return how the values of a property are read from a concept."""
        match wanted.property:
            case "concept" | "code":
                return lambda c: (c.code,)
            case "display":
                return lambda c: (c.display,) if c.display else ()
            case "definition":
                return lambda c: (c.definition,) if c.definition else ()
            case "designation":
                return lambda c: tuple(each.value for each in c.designations)
            case "parent":
                return lambda c: tuple(self.parents(c.code))
            case "child":
                return lambda c: tuple(self.children(c.code))
            case "inactive":
                return lambda c: ("true" if c.inactive else "false",)
            case "notSelectable" | "abstract":
                return lambda c: ("true" if c.abstract else "false",)
            case code if code in self._declared:
                return lambda c: tuple(each.text for each in c.properties if each.code == code)
            case _:
                raise unsupported(self.url, wanted)


def _uses(declared: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what a property is for, by its code: its uri says so, or its customary name."""
    uses = {code: code for code in ("parent", "child", "inactive", "status", "notSelectable")} | {
        "abstract": "notSelectable"
    }
    for each in declared:
        uri = each.get("uri", "")
        if uri.startswith(CONCEPT_PROPERTIES) and "code" in each:
            uses[each["code"]] = uri.removeprefix(CONCEPT_PROPERTIES)
    return uses


def _properties(listed: Sequence[Mapping[str, Any]]) -> Iterator[Property]:
    for said in listed:
        member = next((name for name in said if name.startswith("value")), None)
        if member is not None and "code" in said:
            yield Property(said["code"], member, said[member])


def _reached(start: str, links: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield what is linked to ``start`` over any number of steps; a cycle ends the walk."""
    seen = {start}
    waiting = [start]
    while waiting:
        for after in links.get(waiting.pop(), ()):
            if after not in seen:
                seen.add(after)
                waiting.append(after)
                yield after
