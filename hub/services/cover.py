"""Cover: holes found at the change that made them, kept as rows until they are filled.

``recount`` follows each change of the rota; ``count_if_changed`` is the sweep behind it, which
also rolls the fortnight on. Both hold one lock, so that two changes at once are counted one after
the other and each sees the other's.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy import select, text, update

from hub import clock
from hub.db import db
from hub.domain import calendars, cover, cover_alarms
from hub.domain.cover import Hole, Missing, Share
from hub.domain.cover_alarms import Closing
from hub.domain.cover_needs import Need
from hub.domain.cover_of_hub import needs_of, skills_of
from hub.domain.definition import HubDefinition
from hub.models.assignment import Assignment
from hub.models.cover_hole import CoverHole
from hub.models.cover_mark import CoverMark
from hub.models.definition import DefinitionVersion
from hub.services import cover_rows, definitions, rota
from hub.services.cover_rows import Counting

AHEAD_DAYS = 14
"""Local days that are looked at, today the first."""

URGENT = "urgent-work/"
"""Needs of this code are no needs of the definition: urgent work found nobody."""

_LOCK = 4_070_001
"""Key of the advisory lock of counting, nobody else's."""


def horizon(now: datetime, hub: HubDefinition) -> datetime:
    """Return the end of the days that are looked at (UTC)."""
    return day_start(now, hub, AHEAD_DAYS)


def day_start(now: datetime, hub: HubDefinition, days: int = 0) -> datetime:
    """Return the start of the local day that lies so many days after that of ``now`` (UTC)."""
    here = calendars.zone(hub.time_zone)
    day = now.astimezone(here).date() + timedelta(days=days - 1)
    return calendars.end_of_day(calendars.AROUND_THE_CLOCK, day)


def recount(
    teams: Collection[str] | None = None, *, by: str, at: datetime | None = None
) -> list[str]:
    """Count the cover of these teams (``CareTeam/<code>``; None: all); return the holes that rang.

    ``by`` names the change, ``at`` when it was made. A new or worse hole rings in the same
    transaction: its row never stands without its alarm.
    """
    _lock()
    hub, now = definitions.current(), clock.now()
    end = horizon(now, hub)
    every = needs_of(hub)
    needs = {need.code: need for need in every if teams is None or need.team in teams}
    plan = rota.around(now, end)
    found = cover.all_holes(needs.values(), plan, skills_of(hub), now, end)
    rows = [
        row
        for row in cover_rows.still_open()
        if not row.need.startswith(URGENT) and (teams is None or row.team in teams)
    ]
    changes = cover_alarms.reconcile(
        [cover_rows.kept(row) for row in rows], found, now, {need.code for need in every}
    )
    counting = Counting(hub=hub, plan=plan, needs=needs, end=end, by=by, at=at or now)
    return counting.apply(changes, {row.id: row for row in rows})


def count_if_changed() -> bool:
    """Count everything if rota, needs or day are others than at the last count; say whether."""
    _lock()
    now = clock.now()
    _close_passed(now)
    mark = _mark(definitions.current(), now)
    kept = db.session.get(CoverMark, "hub", populate_existing=True)
    if kept is not None and kept.mark == mark:
        return False
    same_needs = kept is None or kept.mark.split("|")[0] == mark.split("|")[0]
    recount(by="sweep" if same_needs else "definition")
    if kept is None:
        db.session.add(CoverMark(id="hub", mark=mark, counted_at=now))
    else:
        kept.mark, kept.counted_at = mark, now
    db.session.flush()
    return True


def watch_urgent_work() -> list[str]:
    """Ring where urgent work waits in a pool whose team has nobody on shift; return what rang.

    Counted holes say so already in the hours that are needed; this is for the others, and for a
    team whose service is open while its work lies at a desk.
    """
    waiting = db.session.execute(
        select(Assignment.owner, Assignment.team)
        .where(
            Assignment.urgent,
            Assignment.ends_at.is_(None),
            Assignment.owner.startswith("CareTeam/"),
        )
        .distinct()
    ).all()
    of_urgent = CoverHole.closed_at.is_(None) & CoverHole.need.startswith(URGENT)
    if not waiting and db.session.execute(select(CoverHole.id).where(of_urgent)).first() is None:
        return []
    _lock()
    rows = [row for row in cover_rows.still_open() if row.need.startswith(URGENT)]
    hub, now = definitions.current(), clock.now()
    end = horizon(now, hub)
    plan = rota.around(now, end)
    there = cover.presences(plan)
    found, needs = [], {}
    for team in sorted({each for owner, of in waiting for each in _concerned(hub, owner, of, now)}):
        moments = [each.starts_at for each in there.get(team, ()) if each.ends_at > now]
        if min(moments, default=end) <= now or alarmed(team, now, counted=True):
            continue
        name = hub.teams[team.removeprefix("CareTeam/")].name
        need = Need(
            code=f"{URGENT}{team.removeprefix('CareTeam/')}",
            name=f"urgent work of {name}",
            team=team,
            hours=calendars.AROUND_THE_CLOCK,
        )
        needs[need.code] = need
        until = min(moments, default=end)
        found.append(Hole(need.code, team, now, until, Missing.NOBODY, 1))
    known = {row.need for row in rows} | set(needs)
    changes = cover_alarms.reconcile([cover_rows.kept(row) for row in rows], found, now, known)
    counting = Counting(hub=hub, plan=plan, needs=needs, end=end, by="routing", at=now)
    return counting.apply(changes, {row.id: row for row in rows})


def alarmed(team: str, at: datetime, *, counted: bool = False) -> bool:
    """Say whether a hole of the team (``CareTeam/<code>``) was open for an instant at that instant.

    ``counted``: by the needs of the definition, not by urgent work that found nobody.
    """
    wanted = select(CoverHole.id).where(
        CoverHole.team == team,
        CoverHole.starts_at <= at,
        CoverHole.ends_at > at,
        CoverHole.opened_at <= at,
        CoverHole.closed_at.is_(None) | (CoverHole.closed_at > at),
    )
    if counted:
        wanted = wanted.where(CoverHole.need.not_like(f"{URGENT}%"))
    return db.session.execute(wanted.limit(1)).first() is not None


def shares(start: datetime, end: datetime) -> dict[str, Share]:
    """Return needed and covered time of persons in [start, end), by code of the need."""
    hub = definitions.current()
    there = cover.presences(rota.around(start, end))
    skills = skills_of(hub)
    return {
        need.code: cover.share(
            need, cover.stretches(need, there.get(need.team, ()), skills, start, end)
        )
        for need in needs_of(hub)
    }


def _lock() -> None:
    db.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _close_passed(now: datetime) -> None:
    db.session.execute(
        update(CoverHole)
        .where(CoverHole.closed_at.is_(None), CoverHole.ends_at <= now)
        .values(closed_at=now, closed_why=Closing.PASSED, next_alarm_at=None)
    )


def _concerned(hub: HubDefinition, owner: str, team: str | None, now: datetime) -> Iterable[str]:
    """Yield the teams that should have somebody for work in a pool."""
    if owner.removeprefix("CareTeam/") in hub.teams:
        yield owner
    of = hub.teams.get((team or "").removeprefix("CareTeam/"))
    if of is not None and calendars.is_open(hub.calendars[of.calendar], now):
        yield f"CareTeam/{of.code}"


def _mark(hub: HubDefinition, now: datetime) -> str:
    """Return a digest of all that a count depends on: definition, day, shifts, absences."""
    version = db.session.scalar(select(DefinitionVersion.id).where(DefinitionVersion.active))
    start, end = day_start(now, hub), horizon(now, hub)
    # A sum of hashes does not depend on the order; numeric, for it must not overflow.
    parts = db.session.execute(
        text(
            """
            SELECT (SELECT count(*) || ':' || coalesce(sum(hashtextextended(concat_ws('|', id,
                        practitioner, team, service, role, kind, during), 0)::numeric), 0)
                    FROM shift WHERE during && tstzrange(:start, :end)),
                   (SELECT count(*) || ':' || coalesce(sum(hashtextextended(concat_ws('|', id,
                        practitioner, during), 0)::numeric), 0)
                    FROM absence WHERE during && tstzrange(:start, :end))
            """
        ),
        {"start": start, "end": end},
    ).one()
    return "|".join((str(version), start.isoformat(), *map(str, parts)))
