"""Who can help with something, for whom, where and when: the directory of services, asked.

Source: the care model, section 3; a SPOR asks "who can help with a blocked catheter on Sunday at
19:00 in SS1". What a service does stands in its own plain words, so the words of the question are
compared with them; nobody is turned away, a service that cannot help says why and when it could.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from hub.domain import calendars
from hub.domain.capacity import FORGOTTEN, Capacity
from hub.domain.definition import HubDefinition, Service

_WORD = re.compile(r"[a-z]{3,}")
_EMPTY_WORDS = """
and the for with who can help helps need needs has have her his she they their them person patient
somebody someone please from that this what when where you your not out are was sunday monday
tuesday wednesday thursday friday saturday
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
"""Words that say nothing about what is needed."""
_SHORTEST_STEM = 4
_NAME, _SKILL, _SUMMARY = 3, 2, 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for."""

    at: datetime
    words: str = ""
    postcode: str = ""
    age: int | None = None
    """In years."""


@dataclass(frozen=True, slots=True)
class Found:
    """One service as an answer."""

    service: Service
    score: int
    is_open: bool
    opens_at: datetime
    """``asked.at`` where it is open then, else when it opens next."""
    obstacles: tuple[str, ...] = ()
    """Why it is not for this person or place, in words."""
    capacity: Capacity | None = None
    """What it last said of its places; None where that is too long ago."""

    @property
    def helps(self) -> bool:
        return not self.obstacles


def find(
    hub: HubDefinition, asked: Asked, capacities: Mapping[str, Capacity], *, now: datetime
) -> list[Found]:
    """Return the services that the words fit, who can help now first, then who can later.

    Among them who has lately said to be full comes last, and of those whom the words fit alike who
    has said to have places comes first; a word of long ago counts less (``Capacity.room``). It is
    of ``now``: for another day it says nothing.

    Without words every service fits. Raises RuleError for a postcode of no area of the hub.
    """
    area = area_of(hub, asked.postcode)
    wanted = stems(asked.words)
    today = abs(asked.at - now) < FORGOTTEN
    found = [
        replace(
            _found(hub, service, asked, area, score),
            capacity=capacities.get(service.code) if today else None,
        )
        for service in hub.services.values()
        if (score := _score(service, wanted)) or not wanted
    ]
    return sorted(
        found,
        key=lambda each: (
            not each.helps,
            not each.is_open,
            each.capacity is not None and each.capacity.is_full(now),
            -each.score,
            -round(each.capacity.room(now), 3) if each.capacity else 0.0,
            each.opens_at,
            each.service.name,
        ),
    )


def area_of(hub: HubDefinition, postcode: str) -> str | None:
    """Return the area code of a postcode or its outward half; None for no postcode or elsewhere."""
    outward = postcode.strip().upper()
    if " " in outward:
        outward = outward.split()[0]
    elif len(outward) > 4:
        outward = outward[:-3]
    return next((area.code for area in hub.areas.values() if outward in area.postcodes), None)


def stems(words: str) -> frozenset[str]:
    """Return what is asked for, without endings: ``wounds`` and ``wound`` are one."""
    return frozenset(_stem(each) for each in _WORD.findall(words.lower()) if each not in _EMPTY)


def _stem(word: str) -> str:
    for ending in ("ings", "ing", "ies", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM - 1:
            return word[: -len(ending)]
    return word


def _score(service: Service, wanted: Iterable[str]) -> int:
    said = {
        _NAME: stems(service.name),
        _SKILL: stems(" ".join(service.skills).replace("-", " ")),
        _SUMMARY: stems(service.summary),
    }
    return sum(
        max((weight for weight, known in said.items() if _among(each, known)), default=0)
        for each in wanted
    )


def _among(stem: str, known: frozenset[str]) -> bool:
    return stem in known or any(
        len(stem) >= _SHORTEST_STEM and (each.startswith(stem) or stem.startswith(each))
        for each in known
        if len(each) >= _SHORTEST_STEM
    )


def _found(
    hub: HubDefinition, service: Service, asked: Asked, area: str | None, score: int
) -> Found:
    calendar = hub.calendars[service.calendar]
    obstacles = []
    if not service.serves_age(asked.age):
        obstacles.append(_ages(service))
    if asked.postcode.strip():
        if area is None:
            obstacles.append(f"{asked.postcode.strip().upper()} is in no area of the hub")
        elif service.areas and area not in service.areas:
            names = ", ".join(hub.areas[each].name for each in service.areas)
            obstacles.append(f"only for {names}")
    opens = calendars.next_open(calendar, asked.at)
    return Found(service, score, opens <= asked.at, max(opens, asked.at), tuple(obstacles))


def _ages(service: Service) -> str:
    lowest, highest = service.minimum_age, service.maximum_age
    if highest is None:
        return f"only from {lowest} years"
    if lowest is None:
        return f"only up to {highest} years"
    return f"only from {lowest} to {highest} years"
