"""What members of staff have been given: today's minutes and points, urgent work, past weeks."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Text, and_, any_, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from hub.db import db
from hub.models.assignment import Assignment
from hub.models.clock import TaskClock

FAIRNESS_DAYS = 28
"""Work of this many days before today counts for fairness (care model, section 5)."""


@dataclass(slots=True)
class Load:
    """What one person has been given."""

    minutes: int = 0
    points: int = 0
    urgent: list[tuple[datetime | None, int]] = field(default_factory=list)
    """Due instant and minutes of each open urgent task."""
    recent: int = 0
    """Minutes of the weeks before today."""


def loads(staff: Collection[str], midnight: datetime) -> dict[str, Load]:
    """Sum what was given for the day that began at ``midnight``, and what was done before it."""
    tomorrow = midnight + timedelta(days=1)
    is_open = Assignment.ends_at.is_(None)
    done_today = and_(Assignment.ends_at >= midnight, Assignment.outcome == "completed")
    for_today = or_(
        done_today,
        and_(is_open, or_(Assignment.starts_at >= midnight, TaskClock.due_at < tomorrow)),
    )
    recent = and_(Assignment.ends_at < midnight, Assignment.outcome == "completed")
    rows = db.session.execute(
        select(
            Assignment.owner,
            func.coalesce(func.sum(Assignment.minutes).filter(for_today), 0),
            func.coalesce(func.sum(Assignment.points).filter(for_today), 0),
            func.array_agg(TaskClock.due_at).filter(and_(is_open, Assignment.urgent)),
            func.array_agg(Assignment.minutes).filter(and_(is_open, Assignment.urgent)),
            func.coalesce(func.sum(Assignment.minutes).filter(recent), 0),
        )
        .outerjoin(
            TaskClock,
            and_(TaskClock.task_id == Assignment.task_id, TaskClock.stopped_at.is_(None)),
        )
        .where(
            Assignment.owner == any_(literal(sorted(staff), ARRAY(Text))),
            or_(is_open, Assignment.ends_at >= midnight - timedelta(days=FAIRNESS_DAYS)),
        )
        .group_by(Assignment.owner)
    )
    return {
        owner: Load(
            int(minutes), int(points), list(zip(due or (), sizes or (), strict=True)), int(before)
        )
        for owner, minutes, points, due, sizes, before in rows
    }


def contacts(
    patients: Collection[str], oldest: datetime
) -> tuple[dict[tuple[str, str], datetime], dict[tuple[str, str], datetime]]:
    """Return the last completed work by (person, staff) and by (person, team) since ``oldest``."""
    by_person: dict[tuple[str, str], datetime] = {}
    by_team: dict[tuple[str, str], datetime] = {}
    if not patients:
        return by_person, by_team
    rows = db.session.execute(
        select(Assignment.patient, Assignment.owner, Assignment.team, func.max(Assignment.ends_at))
        .where(
            Assignment.patient == any_(literal(sorted(patients), ARRAY(Text))),
            Assignment.outcome == "completed",
            Assignment.ends_at > oldest,
        )
        .group_by(Assignment.patient, Assignment.owner, Assignment.team)
    )
    for patient, owner, team, last in rows:
        assert patient is not None
        assert last is not None
        by_person[patient, owner] = max(last, by_person.get((patient, owner), last))
        if team is not None:
            by_team[patient, team] = max(last, by_team.get((patient, team), last))
    return by_person, by_team
