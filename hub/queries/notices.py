"""Notices that a person, or one of their teams, has not ticked off."""

from collections.abc import Sequence

from sqlalchemy import select

from hub.db import db
from hub.domain.actor import Actor
from hub.models.notice import Notice


def unseen(actor: Actor, count: int) -> Sequence[Notice]:
    """Return the newest ones, urgent ones first."""
    recipients = [each for each in (actor.practitioner, *sorted(actor.teams)) if each]
    return db.session.scalars(
        select(Notice)
        .where(Notice.recipient.in_(recipients), Notice.seen_at.is_(None))
        .order_by(Notice.urgent.desc(), Notice.id.desc())
        .limit(count)
    ).all()
