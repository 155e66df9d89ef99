"""The alarm of a hole in the cover: each stage rings once, and somebody hears it."""

from datetime import timedelta

from sqlalchemy import select

from hub import clock
from hub.db import db
from hub.domain import cover_alarms, cover_words, rota
from hub.domain.cover import Missing
from hub.domain.cover_alarms import Stage
from hub.domain.definition import HubDefinition
from hub.models.cover_alarm import CoverAlarm
from hub.models.cover_hole import CoverHole
from hub.records.ids import new_id
from hub.services import definitions, notices
from hub.services import rota as rota_service

DUTY_ROLE = "duty-manager"


def due_holes(limit: int = 100) -> list[str]:
    """Return ids of open holes whose next stage is due, the most overdue first."""
    found = db.session.execute(
        select(CoverHole.id)
        .where(CoverHole.closed_at.is_(None), CoverHole.next_alarm_at <= clock.now())
        .order_by(CoverHole.next_alarm_at, CoverHole.id)
        .limit(limit)
    )
    return list(found.scalars())


def ring(hole_id: str) -> list[str]:
    """Ring every stage that is due; return who was told. Of two at once the second finds nothing.

    Stages that fall due together (a hole found an hour before its start) are one notice each to
    those of all of them.
    """
    row = db.session.get(CoverHole, hole_id, with_for_update=True, populate_existing=True)
    now = clock.now()
    if row is None or row.closed_at is not None:
        return []
    if row.next_alarm_at is None or row.next_alarm_at > now:
        return []
    stages = cover_alarms.due(
        Stage(row.rung) if row.rung else None,
        row.starts_at,
        now,
        acknowledged=row.acknowledged_at is not None,
    )
    told: list[str] = []
    if stages:
        hub = definitions.current()
        urgent = any(stage is not Stage.LEAD for stage in stages)
        told = notices.tell(
            {who for stage in stages for who in _recipients(hub, row, stage)},
            kind="CoverHole",
            subject=f"CoverHole/{row.id}",
            line=line(hub, row),
            key=f"CoverHole/{row.id}/{row.round}/{stages[-1]}",
            urgent=urgent,
        )
        for stage in stages:
            db.session.add(
                CoverAlarm(
                    id=new_id(),
                    hole_id=row.id,
                    round=row.round,
                    stage=stage,
                    rung_at=now,
                    told=told,
                )
            )
        row.rung = stages[-1]
    schedule(row)
    db.session.flush()
    return told


def schedule(row: CoverHole) -> None:
    """Set when the next stage of an open hole is due."""
    row.next_alarm_at = cover_alarms.next_due(
        Stage(row.rung) if row.rung else None,
        row.starts_at,
        clock.now(),
        acknowledged=row.acknowledged_at is not None,
    )


def push_forward(hole_id: str, seconds: int) -> None:
    """Let a hole whose alarm fails wait, so that the others ring."""
    row = db.session.get(CoverHole, hole_id, with_for_update=True)
    if row is not None and row.next_alarm_at is not None:
        row.next_alarm_at = max(row.next_alarm_at, clock.now()) + timedelta(seconds=seconds)
        db.session.flush()


def tell_covered(row: CoverHole) -> list[str]:
    """Tell everybody who heard of a hole that it is filled."""
    heard = db.session.execute(select(CoverAlarm.told).where(CoverAlarm.hole_id == row.id))
    hub = definitions.current()
    return notices.tell(
        {who for told in heard.scalars() for who in told},
        kind="CoverFilled",
        subject=f"CoverHole/{row.id}",
        line=f"Covered now: {row.name}, "
        f"{cover_words.when(row.starts_at, row.ends_at, hub.time_zone)}",
        key=f"CoverHole/{row.id}/covered",
    )


def line(hub: HubDefinition, row: CoverHole) -> str:
    """Return the hole in one sentence, as its notices say it."""
    lack = cover_words.lack(Missing(row.missing), row.short, row.name)
    return f"{lack}, {cover_words.when(row.starts_at, row.ends_at, hub.time_zone)}. {row.cause}"


def _recipients(hub: HubDefinition, row: CoverHole, stage: Stage) -> set[str]:
    """Return who hears of a stage. An alarm must not ring for somebody who is away."""
    team = hub.teams.get(row.team.removeprefix("CareTeam/"))
    if team is None:
        return {f"CareTeam/{hub.spor.out_of_hours_desk}"}
    now = clock.now()
    plan = rota_service.around(now, now)
    lead, manager = f"Practitioner/{team.lead}", f"Practitioner/{team.duty_manager}"
    on_duty = {
        shift.staff for shift in rota.on_shift(plan, now) if _role(hub, shift.staff) == DUTY_ROLE
    }
    away = rota.absence_at(plan, lead, now) is not None
    managers = {manager} | on_duty
    match stage:
        case Stage.LEAD:
            return {lead} | (managers if away else set())
        case Stage.DUTY_MANAGER:
            return managers
        case Stage.LAST_CALL:
            return {lead} | managers


def _role(hub: HubDefinition, staff: str) -> str:
    person = hub.staff.get(staff.removeprefix("Practitioner/"))
    return person.role if person else ""
