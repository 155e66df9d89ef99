"""Messages from other systems: one inbox row each, done once, answered as BaRS says, never lost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.domain.actor import Actor


@dataclass(frozen=True, slots=True)
class MessageAnswer:
    """What the sender gets: HTTP status, a Bundle or an OperationOutcome, echoed headers."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


def process(actor: Actor, headers: Mapping[str, str], body: bytes) -> MessageAnswer:
    """Take one message: grammar, inbox row and effect inside the caller's transaction."""
    raise NotImplementedError
