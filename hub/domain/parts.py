"""Parts of a task: delegated and got back, or split for good. Minutes are never lost or doubled.

At every instant: the size of the whole = what is left on it + what stands on its parts.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from hub.domain.errors import RuleError
from hub.domain.task_states import OPEN, TaskStatus

MOST = 12
"""Parts of one split: more is a plan, not a task."""


class PartKind(StrEnum):
    DELEGATION = "delegation"
    """Somebody does it for the owner, who stays accountable; it comes back done or refused."""
    SPLIT = "split"
    """One of the parts that the whole was divided into."""


class Settled(StrEnum):
    """What becomes of the whole once a part has changed."""

    STAYS = "stays"
    COMPLETES = "completes"
    REOPENS = "reopens"
    STOPS_PARTS = "stops-parts"


_BACK = frozenset({TaskStatus.CANCELLED, TaskStatus.ENTERED_IN_ERROR, TaskStatus.REJECTED})
_STOPPED = frozenset({TaskStatus.CANCELLED, TaskStatus.ENTERED_IN_ERROR})


def comes_back(part: TaskStatus) -> bool:
    """Say whether the minutes of a part that ended so go back to the whole."""
    return part in _BACK


def are_done(parts: Iterable[tuple[PartKind, TaskStatus]]) -> bool:
    """Say whether the parts close the whole: it was split, all are done, none came back.

    A part that failed or was called off does not: what is left is for the owner to decide.
    """
    found = list(parts)
    return any(kind is PartKind.SPLIT for kind, _ in found) and all(
        status is TaskStatus.COMPLETED for _, status in found
    )


def settled(
    whole: TaskStatus, parts: Sequence[tuple[PartKind, TaskStatus]], *, closed_by_parts: bool
) -> Settled:
    """Return what becomes of the whole; asked again it says ``STAYS``."""
    is_open = any(status in OPEN for _, status in parts)
    if whole in OPEN and parts and are_done(parts):
        return Settled.COMPLETES
    if whole is TaskStatus.COMPLETED and closed_by_parts and not are_done(parts):
        return Settled.REOPENS
    if whole in _STOPPED and is_open:
        return Settled.STOPS_PARTS
    return Settled.STAYS


def shares(whole: int, wanted: Sequence[int | None]) -> list[int]:
    """Divide the minutes of a task among its parts so that the sum is the whole.

    Parts without a number share what the others leave, equally; the first get what does not
    divide. Raises RuleError (field ``minutes``) where the numbers do not add up.
    """
    if any(each is not None and each < 1 for each in wanted):
        raise RuleError("a part has at least one minute", field="minutes")
    given = sum(each for each in wanted if each is not None)
    open_ = sum(1 for each in wanted if each is None)
    left = whole - given
    if left < open_ or (not open_ and left):
        raise RuleError(
            f"the minutes of the parts must add up to those of the task ({whole}), "
            f"each part at least one; given are {given}",
            field="minutes",
            allowed=[str(whole)],
        )
    each, more = divmod(left, open_) if open_ else (0, 0)
    found = []
    for one in wanted:
        if one is not None:
            found.append(one)
            continue
        found.append(each + (1 if more > 0 else 0))
        more -= 1
    return found
