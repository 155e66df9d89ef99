"""The lists of somebody's work: to do, waiting for an answer, on hold; filtered and in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.models.offer import TaskOffer
from hub.queries.parts import Part
from hub.web import directory
from hub.web.presenters import offers, words
from hub.web.presenters.offers import OfferLine
from hub.web.presenters.tasks import TaskLine


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a tab: the task and what is said of it there."""

    task: TaskLine
    act: str
    """What its button does: ``answer claim accept start resume complete withdraw none``."""
    note: str = ""
    offer: OfferLine | None = None


@dataclass(frozen=True, slots=True)
class DoneLine:
    task_id: str
    version: int
    title: str
    person: str
    when: str
    undo_left: str
    """How long it can be taken back; empty when that time is over."""


def shown(rows: list[Row], wanted: str, order: str) -> list[Row]:
    """Return the rows that have every word of ``wanted``, in the order that is asked for."""
    return _ordered([each for each in rows if _fits(each.task, wanted)], order)


def _fits(task: TaskLine, wanted: str) -> bool:
    who = task.person
    text = (
        f"{task.title} {task.kind} {who.name} {who.postcode} {task.owner} {task.urgent}".casefold()
    )
    return all(word in text for word in wanted.casefold().split())


def _ordered(rows: list[Row], order: str) -> list[Row]:
    if order == "newest":
        return sorted(rows, key=lambda each: each.task.id, reverse=True)
    if order == "person":
        # By the family name, which stands last.
        return sorted(rows, key=lambda each: each.task.person.name.casefold().split()[::-1])
    if order == "place":
        return sorted(rows, key=lambda each: (each.task.person.postcode or "~").casefold())
    return rows


Groups = list[tuple[str, str, list[Row]]]


def todo(
    lines: list[TaskLine],
    asked: Sequence[TaskOffer],
    given: Sequence[TaskOffer],
    others: Mapping[str, TaskLine],
    now: datetime,
    *,
    flat: bool,
) -> Groups:
    takers = {each.task_id: directory.name_of(each.taker) for each in given}
    # A part that waits to be taken is not work of mine: the whole is.
    parts = {each.task_id for each in given if each.kind == "delegation"}
    mine = [each for each in lines if each.mine and each.id not in parts]
    new = [Row(each, "accept") for each in mine if each.status in {"requested", "received"}]
    going = [
        Row(
            each,
            "complete" if each.status == "in-progress" else "start",
            f"Offered to {takers[each.id]}: yours until they accept" if each.id in takers else "",
        )
        for each in mine
        if each.status in {"accepted", "ready", "in-progress"}
    ]
    offered = [
        Row(others[each.task_id], "answer", "", offers.offer(each, now))
        for each in asked
        if each.task_id in others
    ]
    if flat:
        return [("Offered to you", "asked", offered), ("With you", "mine", new + going)]
    return [
        ("Offered to you", "asked", offered),
        ("New for you", "new", new),
        ("Late", "late", [each for each in going if each.task.clock.tone == "late"]),
        ("Today", "today", [each for each in going if each.task.clock.tone in {"soon", "today"}]),
        ("Later", "later", [each for each in going if each.task.clock.tone in {"later", "none"}]),
    ]


def waiting(
    given: Sequence[TaskOffer],
    parts: Sequence[Part],
    others: Mapping[str, TaskLine],
    now: datetime,
) -> Groups:
    offered = [
        Row(others[each.task_id], "withdraw", "", offers.offer(each, now))
        for each in given
        if each.task_id in others
    ]
    asked = {each.task_id for each in given}
    with_others = [
        Row(
            others[each.id],
            "none",
            f"With {directory.name_of(each.owner)}, {words.plural(each.minutes, 'minute')}",
        )
        for each in parts
        if each.id in others and each.id not in asked and not others[each.id].mine
    ]
    return [("Offered by you", "offered", offered), ("Parts with others", "parts", with_others)]


def on_hold(lines: list[TaskLine], reviews: Mapping[str, str]) -> list[Row]:
    return [
        Row(each, "resume", f"Look again {at}" if (at := reviews.get(each.id)) else "")
        for each in lines
        if each.mine and each.status == "on-hold"
    ]
