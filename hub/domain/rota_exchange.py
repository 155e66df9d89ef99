"""A rota that comes from elsewhere, against the one that stands: what an import would change.

An entry is named by its UID; its SEQUENCE says which of two states is newer (RFC 5545, 3.8.7.4).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.domain.rota import WORK


@dataclass(frozen=True, slots=True)
class Entry:
    """One shift as a file tells it. ``where`` names it for a person: "row 7", "event a@b"."""

    where: str
    uid: str
    sequence: int | None
    """None: the file does not count its changes; what it says is taken as the newest."""
    username: str
    team: str
    """Code of the hub's team."""
    starts_at: datetime
    ends_at: datetime
    kind: str = WORK
    service: str | None = None
    """Code of the hub's service."""
    areas: tuple[str, ...] = ()
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a file, where: an import with a fault changes nothing."""

    where: str
    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A shift on the rota as an import sees it."""

    id: str
    uid: str
    sequence: int
    username: str
    team: str
    starts_at: datetime
    ends_at: datetime
    kind: str
    service: str | None
    areas: tuple[str, ...]


class Act(StrEnum):
    """What an import does with an entry."""

    ADD = "add"
    CHANGE = "change"
    CANCEL = "cancel"
    SAME = "same"
    OLDER = "older"
    """The rota has a newer state of it: the file is out of date and changes nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the dry run."""

    act: Act
    entry: Entry
    before: Standing | None


def compare(
    entries: Iterable[Entry], standing: Mapping[str, Standing], gone: Mapping[str, int]
) -> tuple[list[Line], list[Fault]]:
    """Return what each entry would do, and entries that name one shift twice.

    ``standing`` and ``gone`` are by UID; ``gone`` gives the SEQUENCE of shifts that were called
    off: only a newer state puts them back.
    """
    lines: list[Line] = []
    faults: list[Fault] = []
    seen: dict[str, str] = {}
    for entry in entries:
        if entry.uid in seen:
            faults.append(Fault(entry.where, "UID", f"is the same shift as {seen[entry.uid]}"))
            continue
        seen[entry.uid] = entry.where
        lines.append(
            Line(_act(entry, standing.get(entry.uid), gone), entry, standing.get(entry.uid))
        )
    return lines, faults


def _act(entry: Entry, before: Standing | None, gone: Mapping[str, int]) -> Act:
    if before is None:
        if entry.cancelled:
            return Act.SAME
        if entry.uid in gone and (entry.sequence is None or entry.sequence <= gone[entry.uid]):
            return Act.OLDER
        return Act.ADD
    if entry.sequence is not None and entry.sequence < before.sequence:
        return Act.OLDER
    if entry.cancelled:
        return Act.CANCEL
    if _facts(entry) == _facts(before):
        return Act.SAME
    return Act.CHANGE


def _facts(each: Entry | Standing) -> tuple[object, ...]:
    return (
        each.username,
        each.team,
        each.starts_at,
        each.ends_at,
        each.kind,
        each.service,
        tuple(sorted(each.areas)),
    )
