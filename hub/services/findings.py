"""Findings of the auditor: opened once, seen again, cleared; new critical ones ring."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from hub import clock
from hub.db import db
from hub.models.audit_finding import AuditFinding
from hub.records.ids import new_id
from hub.services import definitions, notices

CRITICAL = frozenset(
    {
        "task-owner",
        "task-assignment",
        "escalation-missed",
        "cover-alarm-missed",
        "overdue-unescalated",
        "owner-off-shift",
        "routing-never-asked",
        "clock-history",
        "outbox-poisonous",
        "conservation",
        "mesh-taken",
    }
)
"""What may hurt somebody within hours: the duty managers are told when it is first seen."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one invariant found in one run: subject -> detail; ``whole`` when nothing was cut."""

    invariant: str
    title: str
    breaches: Mapping[str, str]
    whole: bool


def note(seen: Seen) -> list[AuditFinding]:
    """Keep what one run found; return the findings that are new. One statement, two auditors."""
    now = clock.now()
    opened: list[AuditFinding] = []
    if seen.breaches:
        rows = [
            {
                "id": new_id(),
                "invariant": seen.invariant,
                "subject": subject,
                "detail": detail,
                "first_seen": now,
                "last_seen": now,
            }
            for subject, detail in sorted(seen.breaches.items())
        ]
        statement = insert(AuditFinding).values(rows)
        kept = db.session.execute(
            statement.on_conflict_do_update(
                index_elements=["invariant", "subject"],
                index_where=AuditFinding.cleared_at.is_(None),
                set_={"last_seen": now, "detail": statement.excluded.detail},
            ).returning(AuditFinding.id)
        )
        fresh = set(kept.scalars()) & {row["id"] for row in rows}
        opened = list(
            db.session.execute(select(AuditFinding).where(AuditFinding.id.in_(fresh))).scalars()
        )
    if seen.whole:
        db.session.execute(
            update(AuditFinding)
            .where(
                AuditFinding.invariant == seen.invariant,
                AuditFinding.cleared_at.is_(None),
                AuditFinding.subject.not_in(list(seen.breaches)),
            )
            .values(cleared_at=now)
        )
    if seen.invariant in CRITICAL:
        _ring(seen.title, opened)
    return opened


def open_findings(limit: int = 300) -> list[AuditFinding]:
    """Return what is not cleared, the oldest first."""
    query = select(AuditFinding).where(AuditFinding.cleared_at.is_(None))
    ordered = query.order_by(AuditFinding.first_seen, AuditFinding.id).limit(limit)
    return list(db.session.execute(ordered).scalars())


def cleared(limit: int = 50) -> list[AuditFinding]:
    """Return what was cleared, the last found first."""
    query = select(AuditFinding).where(AuditFinding.cleared_at.is_not(None))
    ordered = query.order_by(AuditFinding.first_seen.desc()).limit(limit)
    return list(db.session.execute(ordered).scalars())


def _ring(title: str, opened: list[AuditFinding]) -> None:
    if not opened:
        return
    managers = {team.duty_manager for team in definitions.current().teams.values()}
    for finding in opened:
        notices.tell(
            [f"Practitioner/{each}" for each in managers if each],
            kind="AuditFinding",
            subject=finding.subject,
            line=f"The auditor found a hole. This no longer holds: {title}",
            key=f"finding/{finding.id}",
            urgent=True,
        )
