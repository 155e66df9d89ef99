"""The rota as it stands, and as it was known at an instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import Range

from hub.db import db
from hub.domain import rota
from hub.models.absence import Absence
from hub.models.leave_request import LeaveRequest
from hub.models.rota_history import RotaHistory
from hub.models.shift import Shift


@dataclass(frozen=True, slots=True)
class KnownShift:
    """A shift in one of its states, with who made that state and why."""

    row_id: str
    shift: rota.Shift
    changed_by: str | None
    cause: str
    reason: str | None
    known_from: datetime


def shifts(team: str | None, start: datetime, end: datetime) -> Sequence[Shift]:
    """Return the shifts of a team (None: of every team) that touch [start, end), by person."""
    statement = (
        select(Shift)
        .where(Shift.during.overlaps(Range(start, end)))
        .order_by(Shift.practitioner, func.lower(Shift.during))
    )
    if team is not None:
        statement = statement.where(Shift.team == team)
    return db.session.scalars(statement).all()


def staffed(teams: Sequence[str], at: datetime) -> set[str]:
    """Return those of the teams that have somebody at work at an instant: not away, not on call."""
    away = exists().where(Absence.practitioner == Shift.practitioner, Absence.during.contains(at))
    return set(
        db.session.scalars(
            select(Shift.team)
            .where(Shift.team.in_(teams), Shift.during.contains(at), Shift.kind == rota.WORK, ~away)
            .distinct()
        )
    )


def shifts_of(practitioner: str, start: datetime, end: datetime) -> Sequence[Shift]:
    """Return somebody's shifts that touch [start, end), the first one first."""
    return db.session.scalars(
        select(Shift)
        .where(Shift.practitioner == practitioner, Shift.during.overlaps(Range(start, end)))
        .order_by(func.lower(Shift.during))
    ).all()


def absences(people: Sequence[str], start: datetime, end: datetime | None) -> Sequence[Absence]:
    """Return the absences of these people that touch [start, end), the first one first."""
    return db.session.scalars(
        select(Absence)
        .where(Absence.practitioner.in_(people), Absence.during.overlaps(Range(start, end)))
        .order_by(func.lower(Absence.during), Absence.id)
    ).all()


def leave_requests(people: Sequence[str]) -> Sequence[LeaveRequest]:
    """Return the leave that these people have asked for and that is not decided."""
    return db.session.scalars(
        select(LeaveRequest)
        .where(LeaveRequest.practitioner.in_(people), LeaveRequest.status == "requested")
        .order_by(LeaveRequest.starts_at, LeaveRequest.id)
    ).all()


def history(row_id: str) -> Sequence[RotaHistory]:
    """Return what a shift or an absence was before each of its changes, the oldest first."""
    return db.session.scalars(
        select(RotaHistory).where(RotaHistory.row_id == row_id).order_by(RotaHistory.number)
    ).all()


def called_off(start: datetime, end: datetime) -> Sequence[RotaHistory]:
    """Return the last state of each shift in [start, end) that is not on the rota any more."""
    stands = select(Shift.id).where(Shift.id == RotaHistory.row_id).exists()
    return db.session.scalars(
        select(RotaHistory)
        .where(
            RotaHistory.kind == "shift",
            RotaHistory.cause.in_(["taken-off", "imported"]),
            RotaHistory.during.overlaps(Range(start, end)),
            ~stands,
        )
        .order_by(RotaHistory.number)
    ).all()


def as_known(at: datetime, known_at: datetime) -> rota.Rota:
    """Return who was on the rota and who was away at an instant, as the hub knew at another."""
    return rota.Rota(
        shifts=tuple(each.shift for each in shifts_as_known(at, known_at)),
        absences=tuple(_absences_as_known(at, known_at)),
    )


def shifts_as_known(at: datetime, known_at: datetime) -> list[KnownShift]:
    """Return the shifts at an instant, as the hub knew them at another, by person."""
    now_so = db.session.scalars(
        select(Shift).where(Shift.during.contains(at), Shift.known_from <= known_at)
    )
    found = [
        KnownShift(
            each.id,
            _shift(
                each.practitioner,
                each.team,
                each.during,
                {name: getattr(each, name) for name in _KEPT},
            ),
            each.changed_by,
            each.cause,
            each.reason,
            each.known_from,
        )
        for each in now_so
    ]
    for was in _states("shift", at, known_at):
        assert was.known.lower is not None
        found.append(
            KnownShift(
                was.row_id,
                _shift(was.practitioner, was.team, was.during, was.content),
                was.content.get("changed_by"),
                was.content.get("cause", "planned"),
                was.content.get("reason"),
                was.known.lower,
            )
        )
    return sorted(found, key=lambda each: (each.shift.staff, each.shift.starts_at))


_KEPT = ("role", "place", "kind", "service", "areas")


def _absences_as_known(at: datetime, known_at: datetime) -> list[rota.Absence]:
    now_so = db.session.scalars(
        select(Absence).where(Absence.during.contains(at), Absence.known_from <= known_at)
    )
    found = [(each.practitioner, each.during, each.reason) for each in now_so]
    found += [
        (was.practitioner, was.during, was.content["reason"])
        for was in _states("absence", at, known_at)
    ]
    return [
        rota.Absence(who, during.lower, during.upper, reason)
        for who, during, reason in sorted(found, key=lambda each: each[0])
        if during.lower is not None
    ]


def _states(kind: str, at: datetime, known_at: datetime) -> Sequence[RotaHistory]:
    return db.session.scalars(
        select(RotaHistory).where(
            RotaHistory.kind == kind,
            RotaHistory.during.contains(at),
            RotaHistory.known.contains(known_at),
        )
    ).all()


def _shift(
    practitioner: str, team: str | None, during: Range[datetime], content: dict[str, object]
) -> rota.Shift:
    assert during.lower is not None
    assert during.upper is not None
    areas = content.get("areas") or []
    assert isinstance(areas, list)
    return rota.Shift(
        practitioner,
        team or "",
        during.lower,
        during.upper,
        _words(content.get("role")),
        _words(content.get("place")),
        _words(content.get("kind")) or rota.WORK,
        _words(content.get("service")),
        tuple(str(each) for each in areas),
    )


def _words(value: object) -> str | None:
    return None if value is None else str(value)
