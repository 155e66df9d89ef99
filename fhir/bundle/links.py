"""References between the entries of a transaction: each becomes ``Type/id`` when it is known.

https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/bundle.html#references
"""

import json
import re
from collections.abc import Iterable

from fhir.bundle.addresses import parameters
from fhir.registry import SUPPORTED_TYPES, elements

# A string under a name that holds a reference, or a URI, URL, OID or UUID that may point at
# another entry. An identifier stands under "value" and is never touched; nor is a canonical.
# Possessive: half the time, since the engine keeps no way back.
_reference = re.compile(
    r'"(reference|ur[il]|value(?:Uri|Url|Uuid|Oid)|address|endpoint|source|definitionUri|eventUri)"'
    r'(\s*+:\s*+)"((?:[^"\\]++|\\.)*+)"'
)
_NAME = '"reference":'
_REFERENCE = f'{_NAME}"'
_LISTS = ('"instantiatesUri"', '"policy"', '"protocol"')
_listed = re.compile("|".join(_LISTS)).search
_uris = re.compile(rf"(?:{'|'.join(_LISTS)})\s*:\s*\[[^\[\]{{}}]*\]")
_type = re.compile(r'"resourceType"\s*:\s*"(\w+)"')
_DEFINITIONS = frozenset(t for t in SUPPORTED_TYPES if "url" in elements(t))
_string = re.compile(r'"((?:[^"\\]|\\.)*)"')
_conditional = re.compile(r"([A-Z][A-Za-z]+)\?(.+)").fullmatch
_restful = re.compile(r"[a-z]+://\S+?/([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})").fullmatch

Conditions = dict[str, tuple[str, list[tuple[str, str]]]]


class Links:
    """What the full URLs of a bundle's entries stand for."""

    def __init__(self) -> None:
        self._targets: dict[str, str] = {}
        self._versions: dict[str, int] = {}
        self._only_urns = True
        self._written: dict[str, str | None] = {}
        """What a literal becomes in JSON: a bundle names one person a hundred times."""

    def add(self, full_url: str, reference: str, version: int = 1) -> None:
        """Let ``full_url`` stand for ``Type/id``, which the transaction leaves at ``version``."""
        self._written.clear()
        self._only_urns = self._only_urns and full_url.startswith("urn:")
        self._targets[full_url] = reference
        self._versions[reference] = version
        if found := _restful(full_url):
            # A relative reference in an entry means the entry with that address.
            self._targets.setdefault(found[1], reference)

    def add_condition(self, text: str, reference: str) -> None:
        self._written.clear()
        self._only_urns = False
        self._targets[text] = reference

    def resolve(self, text: str) -> str:
        """Return a resource's text with its references to other entries resolved."""
        if not self._targets:
            return text
        if self._only_urns and "\\" not in text:
            quickly = self._with_urns(text)
            if quickly is not None:
                return quickly
        written = self._written

        def resolved(found: re.Match[str]) -> str:
            name, colon, quoted = found.groups()
            try:
                target = written[quoted]
            except KeyError:
                target = self._write(quoted)
            if target is None or (name == "url" and _names_itself(text, _read(quoted))):
                return found[0]
            return f'"{name}"{colon}{target}'

        def each(found: re.Match[str]) -> str:
            target = self.target(found[1])
            return found[0] if target is None else json.dumps(target)

        text = _reference.sub(resolved, text)
        if _listed(text):
            text = _uris.sub(lambda found: _string.sub(each, found[0]), text)
        return text

    def _with_urns(self, text: str) -> str | None:
        """Do the same where each URN of the text is a reference; None: another one is there.

        Nearly all bundles are so, and to look for one name only takes a sixth of the time.
        """
        parts = text.split(_REFERENCE)
        made, urns = [parts[0]], 0
        for part in parts[1:]:
            if not part.startswith("urn:"):
                made.append(_REFERENCE + part)
                continue
            urns += 1
            literal, _, rest = part.partition('"')
            target = self._written[literal] if literal in self._written else self._write(literal)
            made.append(_REFERENCE + part if target is None else f"{_NAME}{target}{rest}")
        return "".join(made) if urns == text.count('"urn:') else None

    def _write(self, quoted: str) -> str | None:
        target = self.target(_read(quoted))
        written = self._written[quoted] = None if target is None else json.dumps(target)
        return written

    def target(self, literal: str) -> str | None:
        """Return what a reference in the bundle refers to, with its version and fragment."""
        found = self._targets.get(literal)
        if found is not None:
            return found
        address, mark, fragment = literal.partition("#")
        if mark and address and (found := self._targets.get(address)):
            return f"{found}#{fragment}"
        stem, history, _ = address.partition("/_history/")
        if history and (found := self._targets.get(stem)):
            # R4 http.html#trules: a version-specific reference stays one, of the new version.
            return f"{found}/_history/{self._versions.get(found, 1)}{mark}{fragment}"
        return None


def _read(quoted: str) -> str:
    """Read what stands between the quotes of a JSON string."""
    read: str = json.loads(f'"{quoted}"') if "\\" in quoted else quoted
    return read


def _names_itself(text: str, literal: str) -> bool:
    """Say whether a URL is the canonical one of a definition: that is its identity, no link."""
    found = _type.search(text)
    return found is not None and not literal.startswith("urn:") and found[1] in _DEFINITIONS


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
