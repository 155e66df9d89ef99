"""Refusals of the hub's rules. The edge turns them into a page or an OperationOutcome.

::

    RuleError                  422 a rule of the hub says no; names the field and what is allowed
    ├── NotPermittedError      403 the actor may not do this
    └── StateError             409 not in this state; lists what is allowed
"""

from collections.abc import Iterable


class RuleError(Exception):
    """A rule of the hub refuses. ``field`` names the input, ``allowed`` what would be accepted."""

    def __init__(self, text: str, *, field: str | None = None, allowed: Iterable[str] = ()) -> None:
        self.allowed = tuple(allowed)
        self.field = field
        self.text = text + (f"; allowed: {', '.join(self.allowed)}" if self.allowed else "")
        super().__init__(self.text)


class NotPermittedError(RuleError):
    """The actor may not do this."""


class StateError(RuleError):
    """The thing is not in a state in which this can be done."""
