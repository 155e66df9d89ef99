"""The rota in words: a week of a team, a shift, an offer, an absence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from hub import clock
from hub.domain.rota import WORK
from hub.models.absence import Absence
from hub.models.leave_request import LeaveRequest
from hub.models.rota_history import RotaHistory
from hub.models.shift import Shift
from hub.models.shift_offer import ShiftOffer
from hub.services import definitions
from hub.services.rota_changes import bounds
from hub.web import directory
from hub.web.presenters import words

ABSENCES = {
    "sickness": "Sickness",
    "leave": "Leave",
    "training": "Training",
    "other": "Other absence",
}
CAUSES = {
    "planned": "planned from the pattern",
    "added": "added",
    "replaced": "given to somebody else",
    "extended": "made longer",
    "moved": "given other hours",
    "swapped": "swapped",
    "imported": "imported",
    "taken-off": "called off",
}


@dataclass(frozen=True, slots=True)
class ShiftLine:
    id: str
    who: str
    practitioner: str
    day: str
    """``Monday 28 December``."""
    hours: str
    """``07:30 to 15:30``."""
    on_call: bool
    team: str
    details: str
    """Service and areas it is kept for; empty where it is for all."""
    away: bool
    running: bool
    """It has begun: nobody can take it over any more."""
    changed: str
    """How it came to stand so, where it is not as planned."""


@dataclass(frozen=True, slots=True)
class Day:
    label: str
    today: bool
    shifts: tuple[ShiftLine, ...]
    away: str


@dataclass(frozen=True, slots=True)
class Row:
    who: str
    role: str
    days: tuple[Day, ...]


def shift_line(shift: Shift, absences: Iterable[Absence] = ()) -> ShiftLine:
    starts, ends = (words.local(each) for each in bounds(shift))
    until = f"{ends:%H:%M}" if (ends - starts).days == 0 else f"{ends:%a %H:%M}"
    service = [directory.name_of(shift.service)] if shift.service else []
    return ShiftLine(
        id=shift.id,
        who=directory.name_of(shift.practitioner),
        practitioner=shift.practitioner,
        day=f"{starts:%A} {starts.day} {starts:%B}",
        hours=f"{starts:%H:%M} to {until}",
        on_call=shift.kind != WORK,
        team=directory.name_of(shift.team),
        details=", ".join([*service, *(_area(each) for each in shift.areas)]),
        away=any(
            each.practitioner == shift.practitioner and each.during.overlaps(shift.during)
            for each in absences
        ),
        running=starts <= clock.now(),
        changed="" if shift.cause == "planned" else CAUSES.get(shift.cause, shift.cause),
    )


def week(
    people: Sequence[str],
    shifts: Sequence[Shift],
    absences: Sequence[Absence],
    monday: date,
    today: date,
    *,
    reasons_for: frozenset[str],
) -> list[Row]:
    """Return the rows of a week; why somebody is away is for ``reasons_for`` only."""
    rows = []
    for each in people:
        mine = [shift for shift in shifts if shift.practitioner == each]
        away = [absence for absence in absences if absence.practitioner == each]
        days = []
        for number in range(7):
            day = monday + timedelta(days=number)
            days.append(
                Day(
                    label=f"{day:%a} {day.day}",
                    today=day == today,
                    shifts=tuple(
                        shift_line(shift, away)
                        for shift in mine
                        if words.local(bounds(shift)[0]).date() == day
                    ),
                    away=_away_on(day, away, open_reason=each in reasons_for),
                )
            )
        rows.append(Row(directory.name_of(each), directory.role_of(each), tuple(days)))
    return rows


def _away_on(day: date, absences: Iterable[Absence], *, open_reason: bool) -> str:
    start = datetime.combine(day, time(), words.LONDON)
    end = start + timedelta(days=1)
    for each in absences:
        lower, upper = each.during.lower, each.during.upper
        if lower is not None and lower < end and (upper is None or upper > start):
            return ABSENCES.get(each.reason, "Away") if open_reason else "Away"
    return ""


@dataclass(frozen=True, slots=True)
class OfferLine:
    id: str
    shift: ShiftLine
    against: ShiftLine | None
    by: str
    to: str
    note: str
    until: str
    mine: bool
    """Offered by the reader; else offered to them."""


def offer_line(offer: ShiftOffer, shifts: dict[str, Shift], me: str) -> OfferLine | None:
    """Return an offer, or None where a shift of it is not on the rota any more."""
    if offer.shift_id not in shifts or (offer.against_id and offer.against_id not in shifts):
        return None
    return OfferLine(
        id=offer.id,
        shift=shift_line(shifts[offer.shift_id]),
        against=shift_line(shifts[offer.against_id]) if offer.against_id else None,
        by=directory.name_of(offer.offered_by),
        to=directory.name_of(offer.offered_to),
        note=offer.note or "",
        until=words.moment(offer.expires_at),
        mine=offer.offered_by == me,
    )


@dataclass(frozen=True, slots=True)
class AwayLine:
    id: str
    who: str
    why: str
    from_: str
    until: str
    running: bool


def absence_line(absence: Absence, now: datetime) -> AwayLine:
    lower, upper = absence.during.lower, absence.during.upper
    assert lower is not None
    return AwayLine(
        id=absence.id,
        who=directory.name_of(absence.practitioner),
        why=ABSENCES.get(absence.reason, "Away"),
        from_=words.moment(lower),
        until=words.moment(upper) if upper else "not known yet",
        running=lower <= now,
    )


@dataclass(frozen=True, slots=True)
class LeaveLine:
    id: str
    who: str
    practitioner: str
    from_: str
    until: str
    note: str


def leave_line(asked: LeaveRequest) -> LeaveLine:
    return LeaveLine(
        id=asked.id,
        who=directory.name_of(asked.practitioner),
        practitioner=asked.practitioner,
        from_=words.moment(asked.starts_at),
        until=words.moment(asked.ends_at),
        note=asked.note or "",
    )


def past_line(was: RotaHistory) -> tuple[str, str]:
    """Return (when, sentence) of a change: what it was before, who changed it and why."""
    assert was.during.lower is not None
    assert was.during.upper is not None
    starts, ends = words.local(was.during.lower), words.local(was.during.upper)
    before = f"{directory.name_of(was.practitioner)}, {starts:%a} {starts:%H:%M} to {ends:%H:%M}"
    by = directory.name_of(f"Practitioner/{was.ended_by.removeprefix('user/')}") or was.ended_by
    why = f": {was.reason}" if was.reason else ""
    return (
        words.moment(was.ended_at),
        f"Before: {before}. {CAUSES.get(was.cause, was.cause).capitalize()} by {by}{why}.",
    )


def _area(code: str) -> str:
    areas = definitions.current().areas
    return areas[code].name if code in areas else code
