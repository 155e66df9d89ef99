"""Notices inside the hub: tell somebody once, tick off what was seen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from hub import clock
from hub.db import db
from hub.domain.actor import Actor
from hub.models.notice import Notice
from hub.queries import deputising
from hub.records.ids import new_id


def tell(
    recipients: Iterable[str],
    *,
    kind: str,
    subject: str,
    line: str,
    key: str,
    urgent: bool = False,
) -> list[str]:
    """Tell each recipient once per ``key``; return those who had not been told yet."""
    return tell_many(
        Told(recipient, kind, subject, line, key, urgent=urgent) for recipient in recipients
    )


@dataclass(frozen=True, slots=True)
class Told:
    """One notice that is to be given."""

    recipient: str
    kind: str
    subject: str
    line: str
    key: str
    """Once for each recipient."""
    urgent: bool = False


def tell_many(told: Iterable[Told]) -> list[str]:
    """Give many notices with one statement; return the recipients of those that were new.

    Who is away is told, and so is who acts for them.
    """
    given = set(told)
    people = {each.recipient for each in given if each.recipient.startswith("Practitioner/")}
    acting = deputising.of(people, clock.now())
    given |= {
        replace(each, recipient=acting[each.recipient].deputy)
        for each in given
        if each.recipient in acting
    }
    rows = [
        {
            "id": new_id(),
            "recipient": each.recipient,
            "kind": each.kind,
            "subject": each.subject,
            "line": each.line,
            "urgent": each.urgent,
            "created_at": clock.now(),
            "key": each.key,
        }
        # One order for everybody who writes several, so that two of them never wait for each other.
        for each in sorted(given, key=lambda each: (each.recipient, each.key))
    ]
    if not rows:
        return []
    new = db.session.execute(
        insert(Notice)
        .values(rows)
        .on_conflict_do_nothing(constraint="uq_notice_recipient_key")
        .returning(Notice.recipient)
    )
    return sorted(new.scalars())


def recipients_of(actor: Actor) -> list[str]:
    """Return the names under which an actor is told things."""
    return [each for each in (actor.practitioner, *sorted(actor.teams)) if each]


def unseen(actor: Actor, limit: int = 50) -> Sequence[Notice]:
    """Return what the actor has not seen yet: urgent first, then newest first."""
    return (
        db.session.execute(
            select(Notice)
            .where(Notice.recipient.in_(recipients_of(actor)), Notice.seen_at.is_(None))
            .order_by(Notice.urgent.desc(), Notice.id.desc())
            .limit(limit)
        )
        .scalars()
        .all()
    )


def tick_off(actor: Actor, notice_ids: Iterable[str]) -> int:
    """Mark notices of the actor as seen; return how many were not seen before."""
    found = db.session.execute(
        update(Notice)
        .where(
            Notice.id.in_(list(notice_ids)),
            Notice.recipient.in_(recipients_of(actor)),
            Notice.seen_at.is_(None),
        )
        .values(seen_at=clock.now())
        .returning(Notice.id)
    )
    return len(found.scalars().all())
