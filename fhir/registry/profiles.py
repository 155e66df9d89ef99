"""Profiles: what UK Core asks of a resource beyond R4, and codes of value sets that advise.

Data: definitions/profiles.json, value_sets.json and extensible.json, made by generate_profiles.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

_DEFINITIONS = Path(__file__).parent / "definitions"


@dataclass(slots=True)
class Node:
    """What a profile says of one element or slice, with what it says of the elements below."""

    name: str
    """Without ``[x]``; empty for the root."""
    slice: str | None = None
    min: int = 0
    max: int | None = None
    types: tuple[Mapping[str, Any], ...] = ()
    """``{"code", "profile", "targetProfile"}``; empty: those of the base."""
    fixed: Any = None
    pattern: Any = None
    binding: tuple[str, str] | None = None
    """Strength and canonical of the value set."""
    must: bool = False
    """Must support."""
    slicing: tuple[tuple[str, str], ...] = ()
    """Discriminators: kind and path."""
    closed: bool = False
    rules: tuple[tuple[str, str, str, str], ...] = ()
    """Key, severity, sentence and FHIRPath of each constraint."""
    children: "list[Node]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile together with the profiles that it is made from."""

    url: str
    name: str
    type: str
    version: str
    root: Node
    contexts: tuple[str, ...]
    """Where an extension may stand; empty: anywhere."""


@cache
def _definitions(name: str) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads((_DEFINITIONS / name).read_bytes())
    return content


def profile_urls() -> tuple[str, ...]:
    return tuple(_definitions("profiles.json"))


def _rules_by_id(url: str) -> dict[str, dict[str, Any]]:
    """Return the rules of each element: the profile's own over those of its base."""
    definition = _definitions("profiles.json").get(url)
    if definition is None:
        return {}
    found = _rules_by_id(definition["base"])
    for rules in definition["elements"]:
        before = found.get(rules["id"], {})
        found[rules["id"]] = {
            **before,
            **rules,
            "rules": [*before.get("rules", ()), *rules.get("rules", ())],
        }
    return found


def _with_slices(by_id: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Let each slice have what is said of its element: ``component.code`` holds in every one."""
    found = dict(by_id)
    for identifier in by_id:
        if ":" not in identifier.rpartition(".")[2]:
            continue
        element = identifier.rpartition(":")[0]
        for other, rules in by_id.items():
            if other.startswith(f"{element}."):
                below = identifier + other[len(element) :]
                found[below] = {**rules, **found.get(below, {})}
    return found


def _node(name: str, rules: Mapping[str, Any]) -> Node:
    maximum = rules.get("max", "*")
    return Node(
        name=name.partition(":")[0].removesuffix("[x]"),
        slice=name.partition(":")[2] or None,
        min=rules.get("min", 0),
        max=None if maximum == "*" else int(maximum),
        types=tuple(rules.get("types", ())),
        fixed=rules.get("fixed"),
        pattern=rules.get("pattern"),
        binding=tuple(rules["binding"]) if "binding" in rules else None,
        must=rules.get("must", False),
        slicing=tuple((kind, path) for kind, path in rules.get("slicing", ())),
        closed=rules.get("closed", False),
        rules=tuple((key, level, text, path) for key, level, text, path in rules.get("rules", ())),
    )


def _tree(by_id: dict[str, dict[str, Any]]) -> Node:
    """Build the tree of ids such as ``Patient.identifier:nhsNumber.system``."""
    nodes: dict[str, Node] = {}

    def grown(identifier: str) -> Node:
        if identifier not in nodes:
            above, _, name = identifier.rpartition(".")
            nodes[identifier] = node = _node(name if above else "", by_id.get(identifier, {}))
            if above:
                grown(above).children.append(node)
        return nodes[identifier]

    root = Node("")
    for identifier in by_id:
        grown(identifier)
        root = grown(identifier.partition(".")[0])
    return root


def profile(url: str) -> Profile | None:
    """Return a profile by its canonical (without version); None: it is not known here."""
    # Clients name what they like: only what is known may stay in memory.
    return _profile(url) if url in _definitions("profiles.json") else None


@cache
def _profile(url: str) -> Profile:
    definition = _definitions("profiles.json")[url]
    return Profile(
        url=url,
        name=definition["name"],
        type=definition["type"],
        version=definition["version"],
        root=_tree(_with_slices(_rules_by_id(url))),
        contexts=tuple(definition.get("contexts", ())),
    )


@cache
def advised_codes(canonical: str) -> Mapping[str, frozenset[str]] | None:
    """Return system -> codes of a value set; None: they are not known here."""
    systems = _definitions("value_sets.json").get(canonical)
    if systems is None:
        return None
    return MappingProxyType({system: frozenset(codes) for system, codes in systems.items()})


def extensible_binding(path: str) -> str | None:
    """Return the value set of an extensible binding of R4: ``Patient.maritalStatus``."""
    found: str | None = _definitions("extensible.json").get(path)
    return found
