"""Stuck work is found, and its lead is told once for each sign; what moves again is closed."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from hub import clock
from hub.db import db
from hub.domain import stuck as rules
from hub.domain.actor import Actor
from hub.domain.calendars import AROUND_THE_CLOCK
from hub.domain.definition import HubDefinition
from hub.models.stuck import StuckTask
from hub.queries import stuck as query
from hub.records.ids import new_id
from hub.services import definitions, notices


def look() -> list[StuckTask]:
    """Find what is stuck now, tell the leads of what is new, close what is not any more.

    Returns the new findings.
    """
    definition, now = definitions.current(), clock.now()
    policy = definition.stuck
    found: dict[tuple[str, str], dict[str, object]] = {}
    for each in query.held(policy.shortest):
        team = definition.teams.get(each.team.removeprefix("CareTeam/"))
        calendar = definition.calendars[team.calendar] if team else AROUND_THE_CLOCK
        for sign in rules.signs(each.work, policy, calendar, now):
            found[each.task_id, sign.sign] = {
                "id": new_id(),
                "task_id": each.task_id,
                "sign": sign.sign.value,
                "team": each.team,
                "owner": each.work.owner,
                "since": sign.since,
                "words": sign.words,
                "found_at": now,
            }
    _close(set(found))
    new = _open(found.values())
    for row in new:
        _tell_lead(definition, row)
    return new


def open_of(actor: Actor) -> Sequence[StuckTask]:
    """Return the stuck work of the teams an actor leads, or of all for a manager; longest first."""
    query_ = select(StuckTask).where(StuckTask.gone_at.is_(None)).order_by(StuckTask.since)
    teams = teams_led(actor)
    if teams is not None:
        query_ = query_.where(StuckTask.team.in_(teams))
    return db.session.execute(query_).scalars().all()


def teams_led(actor: Actor) -> list[str] | None:
    """Return the teams that an actor leads; None: a manager, who looks after all of them."""
    definition = definitions.current()
    role = definition.roles.get(actor.role or "")
    if role is not None and role.kind == "management":
        return None
    name = (actor.practitioner or "").removeprefix("Practitioner/")
    return [f"CareTeam/{team.code}" for team in definition.teams.values() if team.lead == name]


def signs_of(task_id: str) -> list[StuckTask]:
    """Return how a task is stuck now."""
    found = db.session.execute(
        select(StuckTask)
        .where(StuckTask.task_id == task_id, StuckTask.gone_at.is_(None))
        .order_by(StuckTask.since)
    )
    return list(found.scalars())


def _close(still: set[tuple[str, str]]) -> None:
    open_rows = db.session.execute(
        select(StuckTask.id, StuckTask.task_id, StuckTask.sign).where(StuckTask.gone_at.is_(None))
    )
    gone = [row.id for row in open_rows if (row.task_id, row.sign) not in still]
    if gone:
        db.session.execute(
            update(StuckTask).where(StuckTask.id.in_(gone)).values(gone_at=clock.now())
        )


def _open(rows: Iterable[dict[str, object]]) -> list[StuckTask]:
    values = sorted(rows, key=lambda row: (str(row["task_id"]), str(row["sign"])))
    if not values:
        return []
    # Two looks at once find the same: the index keeps one row, and one is told.
    made = db.session.execute(
        insert(StuckTask).values(values).on_conflict_do_nothing().returning(StuckTask)
    )
    return list(made.scalars())


def _tell_lead(definition: HubDefinition, row: StuckTask) -> None:
    team = definition.teams.get(row.team.removeprefix("CareTeam/"))
    if team is None:
        return
    owner = definition.staff.get(row.owner.removeprefix("Practitioner/"))
    having = f" with {owner.name}" if owner else ""
    notices.tell(
        [f"Practitioner/{team.lead}"],
        kind="TaskStuck",
        subject=f"Task/{row.task_id}",
        line=f"Work{having} does not move: {row.words}",
        key=f"stuck/{row.id}",
    )
