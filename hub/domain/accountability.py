"""Named accountability: who must have whom, exactly one at every instant, and since when.

Source: the care model, section 6; the GP contract's named accountable GP (standards 5.2).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from hub.domain.errors import RuleError, StateError


class AccountableRole(StrEnum):
    """What somebody is named as."""

    GP = "accountable-gp"
    COORDINATOR = "care-coordinator"
    SOCIAL_WORKER = "social-worker"


TITLES = {
    AccountableRole.GP: "Named accountable GP",
    AccountableRole.COORDINATOR: "Care coordinator",
    AccountableRole.SOCIAL_WORKER: "Named social worker",
}

#: From this age everybody has a named accountable GP and a care coordinator.
NAMED_FROM_AGE = 75


@dataclass(frozen=True, slots=True)
class Holding:
    """One person is accountable in one role from ``start`` until before ``end``."""

    role: AccountableRole
    practitioner: str
    start: datetime
    end: datetime | None = None
    stands_in: bool = False
    """Nobody is named: this person answers until somebody is. The role stays vacant."""

    def holds_at(self, instant: datetime) -> bool:
        return self.start <= instant and (self.end is None or instant < self.end)


@dataclass(frozen=True, slots=True)
class Need:
    """What decides whom a person must have."""

    age: int | None = None
    complex_need: bool = False
    on_register: bool = False
    in_social_care: bool = False


@dataclass(frozen=True, slots=True)
class Vacancy:
    """A role that must be held and is not."""

    role: AccountableRole
    since: datetime | None
    """When the last holder ended; None where there never was one."""
    left_by: str | None
    reason: str


def required_roles(need: Need, *, from_age: int = NAMED_FROM_AGE) -> frozenset[AccountableRole]:
    """Return the roles that must be held for a person."""
    roles = set()
    if need.complex_need or need.on_register or (need.age is not None and need.age >= from_age):
        roles |= {AccountableRole.GP, AccountableRole.COORDINATOR}
    if need.in_social_care:
        roles.add(AccountableRole.SOCIAL_WORKER)
    return frozenset(roles)


def holder_at(
    history: Iterable[Holding], role: AccountableRole, instant: datetime
) -> Holding | None:
    """Answer "who was accountable on this date"."""
    return next((each for each in history if each.role is role and each.holds_at(instant)), None)


def current(history: Iterable[Holding], instant: datetime) -> dict[AccountableRole, Holding]:
    """Return who holds each role at an instant."""
    return {each.role: each for each in history if each.holds_at(instant)}


def name(
    history: tuple[Holding, ...], role: AccountableRole, practitioner: str, start: datetime
) -> tuple[Holding, ...]:
    """Hand a role to somebody: the holder before ends at the same instant, history is kept."""
    if not practitioner.startswith("Practitioner/"):
        raise RuleError("accountable is a named person, not a team", field="practitioner")
    last = last_of(history, role)
    if last is not None and last.stands_in and last.end is None and last.start == start:
        # Nobody has answered for no time at all.
        history = tuple(each for each in history if each is not last)
        last = last_of(history, role)
    if last is not None:
        if last.end is None and last.practitioner == practitioner and not last.stands_in:
            raise StateError(f"{practitioner} holds this already", field="practitioner")
        if start <= last.start:
            raise RuleError(
                "a new holder starts after the one before: history is not rewritten",
                field="start",
            )
        if last.end is not None and start < last.end:
            raise RuleError("another holder is named until then", field="start")
    renewed = tuple(
        replace(each, end=start) if each is last and each.end is None else each for each in history
    )
    return (*renewed, Holding(role=role, practitioner=practitioner, start=start))


def last_of(history: Iterable[Holding], role: AccountableRole) -> Holding | None:
    """Return the spell of a role that began last, a stand-in's too."""
    return max(
        (each for each in history if each.role is role), key=lambda each: each.start, default=None
    )


def stand_in(
    history: tuple[Holding, ...],
    role: AccountableRole,
    practitioner: str,
    *,
    since: datetime | None,
    now: datetime,
) -> tuple[Holding, ...]:
    """Let somebody answer for a role that nobody holds, from the moment it was left.

    ``since`` is when the need began; the spell closes the gap since the last one ended, and where
    there never was one it begins with the need. A role that is held stays as it is; a stand-in
    who is somebody else is relieved now.
    """
    last = last_of(history, role)
    if last is not None and (last.end is None or last.end > now):
        if not last.stands_in or last.end is not None or last.practitioner == practitioner:
            return history
        history = stand_down(history, role, now)
        last = last_of(history, role)
    known = [each for each in (last.end if last else None, since) if each is not None]
    start = min(max(known), now) if known else now
    return (*history, Holding(role, practitioner, start, stands_in=True))


def stand_down(
    history: tuple[Holding, ...], role: AccountableRole, now: datetime
) -> tuple[Holding, ...]:
    """End a stand-in for a role: nobody must hold it any more, or somebody else stands in."""
    kept = []
    for each in history:
        if each.role is role and each.stands_in and each.end is None:
            if each.start < now:
                kept.append(replace(each, end=now))
        else:
            kept.append(each)
    return tuple(kept)


def end(history: tuple[Holding, ...], role: AccountableRole, at: datetime) -> tuple[Holding, ...]:
    """End a role without a successor; where it is required, that is a vacancy."""
    held = holder_at((each for each in history if not each.stands_in), role, at)
    if held is None or held.end is not None:
        raise StateError(f"nobody holds {role} who could leave it", field="role")
    if at == held.start:
        raise RuleError("a holding ends after it starts", field="end")
    return tuple(replace(each, end=at) if each is held else each for each in history)


def vacancies(
    history: Iterable[Holding],
    required: Iterable[AccountableRole],
    instant: datetime,
    *,
    away: frozenset[str] = frozenset(),
) -> tuple[Vacancy, ...]:
    """Return the required roles that nobody fills; ``away`` are leavers and long absences."""
    holdings = tuple(each for each in history if not each.stands_in)
    found = []
    for role in sorted(required):
        holder = holder_at(holdings, role, instant)
        if holder is not None and holder.practitioner not in away:
            continue
        if holder is not None:
            found.append(Vacancy(role, instant, holder.practitioner, "away"))
            continue
        ended = [
            each
            for each in holdings
            if each.role is role and each.end is not None and each.end <= instant
        ]
        last = max(ended, key=lambda each: each.end or each.start, default=None)
        found.append(
            Vacancy(
                role,
                last.end if last else None,
                last.practitioner if last else None,
                "left" if last else "never named",
            )
        )
    return tuple(found)


def check(history: Iterable[Holding]) -> None:
    """Refuse a history in which two people hold one role at one instant."""
    latest: dict[AccountableRole, Holding] = {}
    for each in sorted(history, key=lambda each: (each.role, each.start)):
        before = latest.get(each.role)
        if each.end is not None and each.end <= each.start:
            raise RuleError("a holding ends after it starts", field="period")
        if before is not None and (before.end is None or each.start < before.end):
            raise RuleError(
                f"{TITLES[each.role]} is exactly one person at every instant", field="participant"
            )
        latest[each.role] = each
