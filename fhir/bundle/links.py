"""References between the entries of a transaction: each becomes ``Type/id`` when it is known.

https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/bundle.html#references
"""

import json
import re
from collections.abc import Iterable

from fhir.bundle.addresses import parameters

# A string under a name that holds a reference, or a URI that may point at another entry. An
# identifier stands under "value" and is never touched.
_reference = re.compile(
    r'"(reference|url|uri|canonical|valueUri|valueUrl|valueCanonical)"'
    r'(\s*:\s*)"((?:[^"\\]|\\.)*)"'
)
_conditional = re.compile(r"([A-Z][A-Za-z]+)\?(.+)").fullmatch
_restful = re.compile(r"[a-z]+://\S+?/([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})").fullmatch

Conditions = dict[str, tuple[str, list[tuple[str, str]]]]


class Links:
    """What the full URLs of a bundle's entries stand for."""

    def __init__(self) -> None:
        self._targets: dict[str, str] = {}

    def add(self, full_url: str, reference: str) -> None:
        """Let ``full_url`` stand for ``Type/id``."""
        self._targets[full_url] = reference
        if found := _restful(full_url):
            # A relative reference in an entry means the entry with that address.
            self._targets.setdefault(found[1], reference)

    def add_condition(self, text: str, reference: str) -> None:
        self._targets[text] = reference

    def resolve(self, text: str) -> str:
        """Return a resource's text with its references to other entries resolved."""
        if not self._targets:
            return text

        def resolved(found: re.Match[str]) -> str:
            name, colon, quoted = found.groups()
            literal = json.loads(f'"{quoted}"') if "\\" in quoted else quoted
            address, mark, fragment = literal.partition("#")
            target = self._targets.get(literal)
            if target is None and address:
                target = self._targets.get(address)
                target = target and f"{target}{mark}{fragment}"
            return found[0] if target is None else f'"{name}"{colon}{json.dumps(target)}'

        return _reference.sub(resolved, text)


def unresolved(text: str) -> list[str]:
    """Return the references of a resource to ``urn:uuid:`` entries that the bundle has not."""
    return [
        found[3]
        for found in _reference.finditer(text)
        if found[1] == "reference" and found[3].startswith(("urn:uuid:", "urn:oid:"))
    ]


def conditional_references(texts: Iterable[str]) -> Conditions:
    """Return the conditional references of resources: text -> (type, search parameters)."""
    conditions: Conditions = {}
    for text in texts:
        for found in _reference.finditer(text):
            if found[1] != "reference" or "?" not in found[3]:
                continue
            literal = json.loads(f'"{found[3]}"')
            if condition := _conditional(literal):
                conditions[literal] = (
                    condition[1],
                    parameters(condition[2]),
                )
    return conditions
