"""Offers of work that wait for an answer, and the past ones of a task."""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from hub.db import db
from hub.models.offer import TaskOffer


def open_offer(task_id: str | None, *, locked: bool = False) -> TaskOffer | None:
    """Return the offer of a task that waits for an answer. Lock the Task first, always."""
    query = select(TaskOffer).where(TaskOffer.task_id == task_id, TaskOffer.answered_at.is_(None))
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.execute(query).scalar_one_or_none()


def taker_of(task_id: str | None) -> str | None:
    """Return ``Practitioner/<id>`` who is asked to take a task."""
    return db.session.scalar(
        select(TaskOffer.taker).where(TaskOffer.task_id == task_id, TaskOffer.answered_at.is_(None))
    )


def offers_of(task_id: str) -> Sequence[TaskOffer]:
    """Return every offer of a task, oldest first."""
    query = select(TaskOffer).where(TaskOffer.task_id == task_id).order_by(TaskOffer.id)
    return db.session.execute(query).scalars().all()


def to_answer(practitioner: str | None) -> Sequence[TaskOffer]:
    """Return what somebody is asked to take, what ends first first."""
    return _waiting(TaskOffer.taker == practitioner) if practitioner else ()


def made_by(practitioner: str | None) -> Sequence[TaskOffer]:
    """Return what somebody has offered and nobody has answered yet."""
    return _waiting(TaskOffer.giver == practitioner) if practitioner else ()


def open_of(task_ids: Collection[str], *, locked: bool = False) -> dict[str, TaskOffer]:
    """Return the open offers of many tasks, by task id."""
    if not task_ids:
        return {}
    query = (
        select(TaskOffer)
        .where(TaskOffer.task_id.in_(list(task_ids)), TaskOffer.answered_at.is_(None))
        .order_by(TaskOffer.task_id)
    )
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    return {each.task_id: each for each in db.session.execute(query).scalars()}


def _waiting(condition: object) -> Sequence[TaskOffer]:
    query = (
        select(TaskOffer)
        .where(condition, TaskOffer.answered_at.is_(None))  # type: ignore[arg-type]
        .order_by(TaskOffer.expires_at, TaskOffer.id)
    )
    return db.session.execute(query).scalars().all()
