"""The cover of some days as pages and the API show it: cells, holes, shares, fairness."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub import clock
from hub.domain import cover, fairness
from hub.domain.cover import Cell, Hole, Share
from hub.domain.cover_needs import Need, with_skill
from hub.domain.cover_of_hub import needs_of, skills_of
from hub.domain.definition import HubDefinition
from hub.domain.fairness import Group
from hub.queries import cover as cover_query
from hub.services import definitions, rota
from hub.services.cover import day_start, horizon

WEEKS = 12
"""Quality and fairness look back so far, or as far as the hub knows its rota."""


@dataclass(frozen=True, slots=True)
class Covered:
    """One need over some days."""

    need: Need
    cells: tuple[Cell, ...]
    holes: tuple[Hole, ...]
    share: Share


def needs_for(
    hub: HubDefinition, *, team: str | None = None, service: str | None = None
) -> tuple[Need, ...]:
    """Return the needs of a team or of a service (codes): its own and those of its whole team."""
    if service is not None:
        return tuple(
            need
            for need in needs_of(hub)
            if need.service == service
            or (need.service is None and need.team == f"CareTeam/{hub.services[service].team}")
        )
    return tuple(need for need in needs_of(hub) if need.team == f"CareTeam/{team}")


def about_skill(needs: Iterable[Need], skill: str) -> tuple[Need, ...]:
    """Return what is needed of a skill: the needs that name it, or one person in the same hours."""
    listed = tuple(needs)
    naming = tuple(need for need in listed if skill in need.skills)
    return naming or tuple(with_skill(need, skill) for need in listed[:1])


def covered(needs: Collection[Need], start: datetime, end: datetime) -> tuple[Covered, ...]:
    """Return these needs over [start, end), hour by hour from ``start``."""
    skills = skills_of(definitions.current())
    there = cover.presences(rota.around(start, end))
    found = []
    for need in needs:
        stretches = cover.stretches(need, there.get(need.team, ()), skills, start, end)
        found.append(
            Covered(
                need,
                cover.cells(need, stretches, start, end),
                cover.holes(need, stretches),
                cover.share(need, stretches),
            )
        )
    return tuple(found)


def fortnight(hub: HubDefinition) -> tuple[datetime, datetime]:
    """Return the days that are looked at, from the start of today (UTC)."""
    now = clock.now()
    return day_start(now, hub), horizon(now, hub)


def looking_back() -> tuple[datetime, datetime]:
    """Return the last twelve weeks, or the part of them of which the rota is known (UTC)."""
    now = clock.now()
    begins = cover_query.rota_begins()
    if begins is None:
        return now, now
    # The day on which it begins is known in part only.
    whole = day_start(begins, definitions.current(), 1)
    return max(now - timedelta(weeks=WEEKS), min(whole, now)), now


def looking_ahead() -> tuple[datetime, datetime]:
    """Return the next twelve weeks, or the part of them that is planned (UTC)."""
    now = clock.now()
    return now, max(min(now + timedelta(weeks=WEEKS), cover_query.rota_ends() or now), now)


def shared_out(start: datetime, end: datetime) -> tuple[Group, ...]:
    """Return who carried what in [start, end), by team and role."""
    hub = definitions.current()
    return fairness.groups(hub, fairness.tallies(hub, rota.around(start, end), start, end))
