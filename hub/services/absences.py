"""Absences after they were told: changed, ended early, called off; leave asked for and decided."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.models.absence import Absence
from hub.models.leave_request import LeaveRequest
from hub.records.ids import new_id
from hub.services import notices, rota, rota_changes
from hub.services.rota_changes import Touched


def change(
    actor: Actor,
    absence_id: str,
    *,
    starts_at: datetime,
    ends_at: datetime | None,
    reason: str,
) -> Absence:
    """Say anew when somebody is away and why; work follows as from a new absence."""
    found = _locked(actor, absence_id)
    rota.check_absence(starts_at, ends_at, reason)
    if (found.during.lower, found.during.upper, found.reason) == (starts_at, ends_at, reason):
        return found
    _announce(found)
    rota_changes.keep_absence(actor, found, cause="changed")
    found.during = Range(starts_at, ends_at)
    found.reason = reason
    db.session.flush()
    records.audit.record(actor, "absence-changed", found.practitioner, {"reason": reason})
    rota.follow(found)
    return found


def end(actor: Actor, absence_id: str, *, at: datetime | None = None) -> Absence:
    """End an absence that has begun, at an instant that is not before its start.

    Raises StateError where it has ended by then, or has not begun: that one is cancelled.
    """
    found = _locked(actor, absence_id)
    at = at or clock.now()
    starts_at, ends_at = found.during.lower, found.during.upper
    assert starts_at is not None
    if at <= starts_at:
        raise StateError("this absence has not begun by then: cancel it", field="at")
    if ends_at is not None and ends_at <= at:
        raise StateError("this absence has ended by then", field="at")
    _announce(found)
    rota_changes.keep_absence(actor, found, cause="ended")
    found.during = Range(starts_at, at)
    db.session.flush()
    records.audit.record(actor, "absence-ended", found.practitioner)
    _tell(actor, found.practitioner, f"absence/{found.id}/ended/{at.isoformat()}", "is back")
    return found


def back_to_work(actor: Actor, practitioner: str, *, at: datetime | None = None) -> list[Absence]:
    """End every absence that runs at an instant: somebody is back, whatever they were away for."""
    rota.check_may_report(actor, practitioner)
    at = at or clock.now()
    running = db.session.scalars(
        select(Absence.id)
        .where(Absence.practitioner == practitioner, Absence.during.contains(at))
        .order_by(Absence.id)
    )
    ids = list(running)
    if not ids:
        raise StateError(f"{rota_changes.name_of(practitioner)} is not away then", field="at")
    return [end(actor, each, at=at) for each in ids]


def cancel(actor: Actor, absence_id: str) -> None:
    """Call an absence off: it was a mistake, or the person comes to work after all."""
    found = _locked(actor, absence_id)
    _announce(found)
    rota_changes.keep_absence(actor, found, cause="cancelled")
    practitioner = found.practitioner
    db.session.delete(found)
    db.session.flush()
    records.audit.record(actor, "absence-cancelled", practitioner)
    _tell(actor, practitioner, f"absence/{absence_id}/cancelled", "is not away after all")


def check_whose(absence_id: str, practitioner: str) -> None:
    """Refuse an absence that is another person's. Raises StateError."""
    found = db.session.get(Absence, absence_id)
    if found is None or found.practitioner != practitioner:
        raise StateError(f"{practitioner} has no absence {absence_id}", field="absence")


def request_leave(
    actor: Actor, *, starts_at: datetime, ends_at: datetime, note: str | None = None
) -> LeaveRequest:
    """Ask for leave; the leads of the person's teams are told and decide."""
    if actor.practitioner is None:
        raise NotPermittedError("only the hub's staff ask for leave")
    rota.check_absence(starts_at, ends_at, "leave")
    if starts_at <= clock.now():
        raise RuleError("leave is asked for before it starts", field="starts_at")
    rota_changes.staff(actor.practitioner)
    asked = LeaveRequest(
        id=new_id(),
        practitioner=actor.practitioner,
        starts_at=starts_at,
        ends_at=ends_at,
        note=note,
        status="requested",
        requested_at=clock.now(),
    )
    db.session.add(asked)
    db.session.flush()
    notices.tell(
        _deciders(actor.practitioner),
        kind="LeaveRequest",
        subject=f"LeaveRequest/{asked.id}",
        line=f"{rota_changes.name_of(actor.practitioner)} asks for leave.",
        key=f"leave/{asked.id}/requested",
    )
    return asked


def decide_leave(
    actor: Actor, request_id: str, *, grant: bool, answer: str | None = None
) -> LeaveRequest:
    """Grant leave (it becomes an absence) or decline it with the words that the person is told."""
    asked = _open_request(request_id)
    if actor.practitioner == asked.practitioner or not rota_changes.may_plan_person(
        actor, asked.practitioner
    ):
        raise NotPermittedError("another lead of the team or a manager decides about leave")
    if not grant and not (answer or "").strip():
        raise RuleError("say why the leave is declined", field="answer")
    if grant:
        granted = rota.report_absence(
            actor,
            asked.practitioner,
            starts_at=asked.starts_at,
            ends_at=asked.ends_at,
            reason="leave",
        )
        asked.absence_id = granted.id
    asked.status = "granted" if grant else "declined"
    asked.decided_by, asked.decided_at, asked.answer = actor.id, clock.now(), answer
    db.session.flush()
    notices.tell(
        [asked.practitioner],
        kind="LeaveRequest",
        subject=f"LeaveRequest/{asked.id}",
        line=f"Your leave is {asked.status}" + (f": {answer}" if answer else "."),
        key=f"leave/{asked.id}/decided",
    )
    return asked


def withdraw_leave(actor: Actor, request_id: str) -> LeaveRequest:
    """Take back leave that was asked for and not decided yet."""
    asked = _open_request(request_id)
    if actor.practitioner != asked.practitioner:
        raise NotPermittedError("only who asked for leave takes it back")
    asked.status, asked.decided_at = "withdrawn", clock.now()
    db.session.flush()
    return asked


def _open_request(request_id: str) -> LeaveRequest:
    asked = db.session.get(LeaveRequest, request_id, with_for_update=True, populate_existing=True)
    if asked is None:
        raise StateError(f"there is no leave request {request_id}", field="request")
    if asked.status != "requested":
        raise StateError(f"this leave was {asked.status} already", field="request")
    return asked


def _locked(actor: Actor, absence_id: str) -> Absence:
    found = db.session.get(Absence, absence_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise StateError(f"there is no absence {absence_id} any more", field="absence")
    rota.check_may_report(actor, found.practitioner)
    return found


def _announce(found: Absence) -> None:
    """Name the whole time that was away: part of it is not any more."""
    starts_at = found.during.lower
    assert starts_at is not None
    rota_changes.announce([Touched(found.practitioner, None, starts_at, found.during.upper)])


def _deciders(practitioner: str) -> list[str]:
    """Return who decides: the leads; where the person leads, the duty manager."""
    return rota_changes.leads_of(practitioner) or rota_changes.duty_managers_of(practitioner)


def _tell(actor: Actor, practitioner: str, key: str, what: str) -> None:
    others = {practitioner, *rota_changes.leads_of(practitioner)} - {actor.practitioner or ""}
    notices.tell(
        sorted(others),
        kind="RotaChanged",
        subject=practitioner,
        line=f"{rota_changes.name_of(practitioner)} {what}.",
        key=key,
    )
