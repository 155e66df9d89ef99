"""Who is on shift: shifts and absences as instants, so a clock change cannot move a night shift.

Source: the care model, section 5 ("who is on shift now: rota, not working pattern alone").
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from hub.domain.errors import RuleError

WORK = "work"
ON_CALL = "on-call"
KINDS = (WORK, ON_CALL)


REST = timedelta(hours=11)
"""Daily rest between two shifts: Working Time Regulations 1998, regulation 10."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One person at work from ``starts_at`` to ``ends_at`` (aware; the end is off shift)."""

    staff: str
    """``Practitioner/<id>``"""
    team: str
    """``CareTeam/<id>`` the shift is worked for."""
    starts_at: datetime
    ends_at: datetime
    role: str | None = None
    place: str | None = None
    kind: str = "work"
    """``work`` or ``on-call``: who is on call is asked only when nobody at work fits."""
    service: str | None = None
    """``HealthcareService/<code>`` the shift is kept for; None: all services of the team."""
    areas: tuple[str, ...] = ()
    """Areas of home visits in this shift; empty: those of the person."""

    def __post_init__(self) -> None:
        if self.starts_at.tzinfo is None or self.ends_at.tzinfo is None:
            raise RuleError("a shift needs its time zone", field="starts_at")
        if self.ends_at <= self.starts_at:
            raise RuleError("a shift ends after it starts", field="ends_at")
        if self.kind not in KINDS:
            raise RuleError(f"{self.kind} is not a kind of shift", field="kind", allowed=KINDS)


@dataclass(frozen=True, slots=True)
class Absence:
    """One person away, planned or sick; ``ends_at`` None while nobody knows when they return."""

    staff: str
    starts_at: datetime
    ends_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Rota:
    """The shifts and absences that a decision looks at."""

    shifts: tuple[Shift, ...] = ()
    absences: tuple[Absence, ...] = ()

    def of(self, staff: AbstractSet[str]) -> Self:
        """Return only what is about these people."""
        return replace(
            self,
            shifts=tuple(shift for shift in self.shifts if shift.staff in staff),
            absences=tuple(absence for absence in self.absences if absence.staff in staff),
        )

    def between(self, start: datetime, end: datetime) -> Self:
        """Return only what touches [start, end), in a stable order; one instant if they are equal.

        Equal rotas written down in another order give equal results.
        """
        return replace(
            self,
            shifts=tuple(
                sorted(
                    {
                        shift
                        for shift in self.shifts
                        if start < shift.ends_at
                        and (shift.starts_at < end or shift.starts_at == start)
                    },
                    key=_shift_key,
                )
            ),
            absences=tuple(
                sorted(
                    {
                        absence
                        for absence in self.absences
                        if (absence.ends_at is None or start < absence.ends_at)
                        and (absence.starts_at < end or absence.starts_at == start)
                    },
                    key=lambda absence: (absence.staff, absence.starts_at, absence.reason),
                )
            ),
        )


def absence_at(rota: Rota, staff: str, at: datetime) -> Absence | None:
    """Return why somebody is away at an instant, or None."""
    return next(
        (absence for absence in rota.absences if absence.staff == staff and _covers(absence, at)),
        None,
    )


def shift_at(rota: Rota, staff: str, at: datetime) -> Shift | None:
    """Return the shift somebody works at an instant, absences not looked at."""
    working = [
        shift
        for shift in rota.shifts
        if shift.staff == staff and shift.starts_at <= at < shift.ends_at
    ]
    return max(working, key=_shift_key) if working else None


def on_shift(rota: Rota, at: datetime, *, team: str | None = None) -> tuple[Shift, ...]:
    """Return the shifts at work at an instant, absent people left out, by staff id."""
    away = {absence.staff for absence in rota.absences if _covers(absence, at)}
    return tuple(
        sorted(
            (
                shift
                for shift in rota.shifts
                if shift.starts_at <= at < shift.ends_at
                and shift.staff not in away
                and team in (None, shift.team)
            ),
            key=_shift_key,
        )
    )


def attended(
    shift: Shift, absences: Iterable[Absence]
) -> tuple[tuple[datetime, datetime, bool], ...]:
    """Return the shift cut where its person comes and goes: (from, to, whether they are there)."""
    away = sorted(
        (max(each.starts_at, shift.starts_at), min(each.ends_at or shift.ends_at, shift.ends_at))
        for each in absences
        if each.staff == shift.staff
        and each.starts_at < shift.ends_at
        and (each.ends_at is None or each.ends_at > shift.starts_at)
    )
    pieces: list[tuple[datetime, datetime, bool]] = []
    reached = shift.starts_at
    for starts, ends in away:
        if starts > reached:
            pieces.append((reached, starts, True))
        if ends > reached:
            begins = max(starts, reached)
            if pieces and not pieces[-1][2] and pieces[-1][1] == begins:
                begins = pieces.pop()[0]
            pieces.append((begins, ends, False))
            reached = ends
    if reached < shift.ends_at:
        pieces.append((reached, shift.ends_at, True))
    return tuple(pieces)


def overlapping(shifts: Iterable[Shift]) -> tuple[tuple[Shift, Shift], ...]:
    """Return the pairs in which one person would work two shifts at once."""
    latest: dict[str, Shift] = {}
    pairs = []
    for shift in sorted(shifts, key=lambda shift: (shift.staff, shift.starts_at, shift.ends_at)):
        before = latest.get(shift.staff)
        if before is not None and shift.starts_at < before.ends_at:
            pairs.append((before, shift))
        if before is None or shift.ends_at > before.ends_at:
            latest[shift.staff] = shift
    return tuple(pairs)


def _covers(absence: Absence, at: datetime) -> bool:
    return absence.starts_at <= at and (absence.ends_at is None or at < absence.ends_at)


def _shift_key(shift: Shift) -> tuple[str, datetime, datetime, str]:
    return (shift.staff, shift.ends_at, shift.starts_at, shift.team)
