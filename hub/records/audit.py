"""The hub's own audit: written in the transaction of the write; reads go through the spool."""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from sqlalchemy import insert

from hub import clock
from hub.db import db
from hub.domain.actor import Actor
from hub.records.tables import AUDIT

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Id of the request or task being served; stands in the audit and in every error answer."""


class AnonymousAuditError(ValueError):
    """Nothing is audited without somebody who did it."""


def record(
    actor: Actor,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write an audit row in the open transaction (sign-in, refusal, break-glass ...)."""
    if not actor.id:
        raise AnonymousAuditError(action)
    db.session.execute(
        insert(AUDIT).values(
            at=clock.now(),
            actor=actor.id,
            action=action,
            subject=subject,
            request_id=request_id.get(),
            detail=dict(detail) if detail else None,
        )
    )
