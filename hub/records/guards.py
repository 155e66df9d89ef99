"""Guards: the hub's rules for managed records, one or more a type, called before every write.

A guard sees the actor, the old resource (None on create) and the new one (None on delete), and
raises a RuleError to refuse. Foreign records have no guards.
"""

from collections.abc import Callable
from typing import Any

from hub.domain.actor import Actor

Guard = Callable[[Actor, dict[str, Any] | None, dict[str, Any] | None], None]

_guards: dict[str, list[Guard]] = {}


def guard(resource_type: str) -> Callable[[Guard], Guard]:
    """Register a guard for the managed records of a type."""

    def register(function: Guard) -> Guard:
        _guards.setdefault(resource_type, []).append(function)
        return function

    return register


def check(actor: Actor, old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
    """Call every guard of the record's type."""
    either = new or old
    assert either is not None
    for function in _guards.get(either["resourceType"], ()):
        function(actor, old, new)
