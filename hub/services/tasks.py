"""Work itself: tasks opened, claimed, accepted, done, handed on. Each verb under a version.

States: behaviour.md's twelfth rule, kept in ``hub.domain.task_states``. Both sides are told of
every change, and a task is never without an owner.
"""

from collections.abc import Iterable
from datetime import datetime

from hub.domain.actor import Actor
from hub.records.record import Record


def open_task(
    actor: Actor,
    *,
    code: str,
    patient: str | None,
    description: str,
    owner: str,
    priority: str = "routine",
    due_at: datetime | None = None,
    focus: str | None = None,
    performing_organization: str,
    accountable_organization: str,
    roles: Iterable[str] = (),
    clock: str | None = None,
    step: str | None = None,
    note: str | None = None,
    requester: str | None = None,
    minutes: int | None = None,
    id: str | None = None,  # noqa: A002 - the FHIR element
) -> Record:
    """Open a managed Task. ``patient``, ``owner`` ... are references (``Patient/1``).

    With ``clock`` (a clock code of the hub definition) the clock starts now, its due instant
    becomes the task's, and its escalation policy is frozen. ``step`` is the business status,
    ``minutes`` the size of the work. A task given to a pool (CareTeam) is *not* routed by
    itself: ``ask_for_routing`` does that.
    """
    raise NotImplementedError


def ask_for_routing(actor: Actor, task_id: str, *, cause: str = "new") -> None:
    """Emit ``TaskAwaitsRouting``: the relay hands the task to a person after the commit."""
    raise NotImplementedError


def claim(actor: Actor, task_id: str, *, version: int) -> Record:
    """Take a task of the actor's own team: who comes second is told who was first."""
    raise NotImplementedError


def accept(actor: Actor, task_id: str, *, version: int) -> Record:
    raise NotImplementedError


def decline(
    actor: Actor, task_id: str, *, version: int, reason: str, note: str | None = None
) -> Record:
    """Give the task back with a coded reason; it goes to the team's pool and is routed again."""
    raise NotImplementedError


def start(actor: Actor, task_id: str, *, version: int, step: str | None = None) -> Record:
    raise NotImplementedError


def advance(actor: Actor, task_id: str, *, version: int, step: str) -> Record:
    """Record a step of the referral (``first-contact``, ``assessed`` ...) on open work."""
    raise NotImplementedError


def hold(actor: Actor, task_id: str, *, version: int, reason: str, review_at: datetime) -> Record:
    """Put work aside until ``review_at``; the clock pauses only for a reason that it knows."""
    raise NotImplementedError


def resume(actor: Actor, task_id: str, *, version: int) -> Record:
    raise NotImplementedError


def complete(
    actor: Actor, task_id: str, *, version: int, outcome: str, note: str | None = None
) -> Record:
    """Finish the work; ``outcome`` becomes the business status unless the step stays."""
    raise NotImplementedError


def hand_over(
    actor: Actor, task_id: str, *, version: int, to: str, note: str | None = None
) -> Record:
    """Hand open work to ``to`` (``Practitioner/x``), who has to accept it."""
    raise NotImplementedError


def cancel(
    actor: Actor, task_id: str, *, version: int, reason: str, note: str | None = None
) -> Record:
    raise NotImplementedError


def assign(
    actor: Actor,
    task_id: str,
    *,
    to: str,
    because: str,
    version: int | None = None,
    cause: str = "new",
) -> Record:
    """Let the hub own a task to somebody (routing, absence, escalation): status `requested`."""
    raise NotImplementedError
