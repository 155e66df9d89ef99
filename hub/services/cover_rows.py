"""Rows of holes in the cover: opened, changed and closed as a count says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from hub import clock
from hub.db import db
from hub.domain import cover, cover_alarms, cover_words
from hub.domain.cover import Hole, Missing
from hub.domain.cover_alarms import Change, Closing, Kept
from hub.domain.cover_needs import Need
from hub.domain.cover_of_hub import skills_of
from hub.domain.definition import HubDefinition
from hub.domain.rota import Rota
from hub.models.cover_hole import CoverHole
from hub.records.ids import new_id
from hub.services import cover_alarms as alarms


def still_open() -> list[CoverHole]:
    """Return every open hole, locked, the oldest first."""
    found = db.session.execute(
        select(CoverHole)
        .where(CoverHole.closed_at.is_(None))
        .order_by(CoverHole.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found.scalars())


def kept(row: CoverHole) -> Kept:
    """Return a row as the rules see it."""
    return Kept(
        id=row.id,
        need=row.need,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        missing=Missing(row.missing),
        short=row.short,
        to_horizon=row.to_horizon,
    )


@dataclass(frozen=True, kw_only=True)
class Counting:
    """One count: what it looked at, for the rows that it writes."""

    hub: HubDefinition
    plan: Rota
    needs: Mapping[str, Need]
    end: datetime
    """The end of what was looked at."""
    by: str
    """The change that was counted after."""
    at: datetime
    """When it was made."""

    def apply(self, changes: cover_alarms.Changes, rows: Mapping[str, CoverHole]) -> list[str]:
        """Write the changes; return the ids of the holes that rang."""
        for row_id, why in changes.closed:
            rows[row_id].closed_at = clock.now()
            rows[row_id].closed_why = why
            rows[row_id].next_alarm_at = None
            if why is Closing.COVERED:
                alarms.tell_covered(rows[row_id])
        rings = []
        for change in changes.opened:
            row = self._opened(change, rows)
            db.session.add(row)
            if change.rings:
                rings.append(row)
        for change in changes.kept:
            row = rows[change.row or ""]
            self._write(row, change.hole)
            if change.rings:
                row.round += 1
                row.rung = row.acknowledged_at = row.acknowledged_by = row.note = None
                row.cause = self._cause(change.hole)
                row.caused_by, row.caused_at = self.by, self.at
                rings.append(row)
            alarms.schedule(row)
        db.session.flush()
        for row in rings:
            alarms.ring(row.id)
        return [row.id for row in rings]

    def _opened(self, change: Change, rows: Mapping[str, CoverHole]) -> CoverHole:
        need = self.needs[change.hole.need]
        row = CoverHole(
            id=new_id(),
            need=need.code,
            name=need.name,
            team=need.team,
            service=need.service,
            cause=self._cause(change.hole),
            caused_by=self.by,
            caused_at=self.at,
            opened_at=clock.now(),
            round=1,
        )
        if change.like is not None:
            # A part of what everybody has heard of: it goes on from there.
            like = rows[change.like]
            row.rung = like.rung
            row.acknowledged_at = like.acknowledged_at
            row.acknowledged_by = like.acknowledged_by
            row.note = like.note
        self._write(row, change.hole)
        alarms.schedule(row)
        return row

    def _write(self, row: CoverHole, hole: Hole) -> None:
        row.starts_at, row.ends_at = hole.starts_at, hole.ends_at
        row.missing, row.short = hole.missing, hole.short
        row.to_horizon = hole.ends_at >= self.end

    def _cause(self, hole: Hole) -> str:
        away = cover.lost_to_absence(
            self.needs[hole.need], self.plan, skills_of(self.hub), hole.starts_at, hole.ends_at
        )
        names = [
            self.hub.staff[each].name
            for each in (staff.removeprefix("Practitioner/") for staff in away)
            if each in self.hub.staff
        ]
        return cover_words.cause(hole.missing, names)
