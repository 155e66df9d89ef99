"""Offers and parts of work as they stand on a page, and who is out of reach."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from hub.domain.offer import OfferKind
from hub.models.offer import TaskOffer
from hub.queries.parts import Part
from hub.services import reachability
from hub.web import directory
from hub.web.presenters import words
from hub.web.presenters.tasks import STATUSES


@dataclass(frozen=True, slots=True)
class OfferLine:
    id: str
    task_id: str
    giver: str
    taker: str
    note: str
    ends: str
    """How long there is to answer: ``25 minutes left``."""
    is_part: bool
    """Of a part that comes back, not of the whole for good."""


def offer(found: TaskOffer, now: datetime) -> OfferLine:
    return OfferLine(
        id=found.id,
        task_id=found.task_id,
        giver=directory.name_of(found.giver),
        taker=directory.name_of(found.taker),
        note=found.note,
        ends=words.time_left(found.expires_at, now).words,
        is_part=found.kind == OfferKind.DELEGATION,
    )


@dataclass(frozen=True, slots=True)
class PartLine:
    id: str
    version: int
    title: str
    owner: str
    minutes: int
    status: str
    asked: str
    """Who is asked to take it and has not answered."""
    is_open: bool
    came_back: bool


def part(found: Part, *, title: str, version: int, asked: str) -> PartLine:
    return PartLine(
        id=found.id,
        version=version,
        title=title,
        owner=directory.name_of(found.owner),
        minutes=found.minutes,
        status=STATUSES[found.status],
        asked=asked,
        is_open=found.is_open,
        came_back=found.returned_at is not None,
    )


def colleagues(but: Collection[str], now: datetime) -> list[tuple[str, str]]:
    """Return staff for a choice, each with why they may not hear of work given to them."""
    staff = [each for each in directory.colleagues() if each[0] not in but]
    reach = reachability.reachability_of([reference for reference, _ in staff], now)
    return [
        (reference, f"{name} ({said})" if (said := reach[reference].sentence) else name)
        for reference, name in staff
    ]
