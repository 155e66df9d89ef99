"""SMART v2 scopes: what a token may do.

https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

_SCOPE = re.compile(r"(system|user|patient)/(\*|[A-Z][A-Za-z]+)\.(\w+|\*)")
_LETTERS = "cruds"
_VERSION_1 = {"read": "rs", "write": "cud", "*": _LETTERS}


@dataclass(frozen=True, slots=True)
class Scope:
    level: str
    type: str
    """A resource type, or ``*``."""
    actions: frozenset[str]
    """Letters of ``cruds``: create, read, update, delete, search."""

    def covers(self, other: "Scope") -> bool:
        return (
            self.level == other.level
            and self.type in {"*", other.type}
            and self.actions >= other.actions
        )


@lru_cache(maxsize=1024)
def parse(text: str) -> Scope | None:
    """Read one scope; None where it is not one (``openid`` and the like)."""
    match = _SCOPE.fullmatch(text)
    if match is None:
        return None
    level, type_, actions = match.groups()
    letters = _VERSION_1.get(actions, actions)
    # SMART asks for the letters in the order of "cruds"; "sr" is no scope.
    if not letters or [each for each in _LETTERS if each in letters] != list(letters):
        return None
    return Scope(level, type_, frozenset(letters))


def uncovered(requested: Iterable[str], registered: Iterable[str]) -> list[str]:
    """Return the requested scopes that go beyond what was registered, or cannot be read."""
    held = [scope for scope in map(parse, registered) if scope is not None]
    refused = []
    for text in requested:
        scope = parse(text)
        if scope is None or not any(each.covers(scope) for each in held):
            refused.append(text)
    return refused


@lru_cache(maxsize=4096)
def permits(scopes: frozenset[str], type_: str, action: str) -> bool:
    """Tell whether a system with these scopes may do ``action`` (one letter) on a type.

    A ``user/`` or ``patient/`` scope is bound to one person: it gives a system nothing.
    """
    held = (scope for scope in map(parse, scopes) if scope is not None and scope.level == "system")
    return any(action in scope.actions and scope.type in {"*", type_} for scope in held)
