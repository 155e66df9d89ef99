"""Guards: the hub's rules for managed records, one or more a type, called before every write.

A guard sees the actor, the old resource (None on create) and the new one (None on delete), and
raises a RuleError to refuse. Foreign records have no guards.
"""

from collections.abc import Callable, Sequence
from typing import Any

from hub.domain.actor import Actor

Guard = Callable[[Actor, dict[str, Any] | None, dict[str, Any] | None], None]

Change = tuple[dict[str, Any] | None, dict[str, Any] | None]
"""The old resource and the new one."""

ManyGuard = Callable[[Actor, Sequence[Change]], None]

_guards: dict[str, list[tuple[Guard, ManyGuard | None]]] = {}


def guard(resource_type: str, *, many: ManyGuard | None = None) -> Callable[[Guard], Guard]:
    """Register a guard for the managed records of a type.

    ``many`` does the same for many records of one write with fewer statements; without it each of
    them is looked at by itself.
    """

    def register(function: Guard) -> Guard:
        _guards.setdefault(resource_type, []).append((function, many))
        return function

    return register


def check(actor: Actor, old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
    """Call every guard of the record's type."""
    either = new or old
    assert either is not None
    for function, _ in _guards.get(either["resourceType"], ()):
        function(actor, old, new)


def check_many(actor: Actor, resource_type: str, changes: Sequence[Change]) -> None:
    """Call every guard of a type for many records; each guard sees all of them before the next."""
    for function, many in _guards.get(resource_type, ()):
        if many is not None:
            many(actor, changes)
            continue
        for old, new in changes:
            function(actor, old, new)
