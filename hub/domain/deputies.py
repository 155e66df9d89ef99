"""Who acts for somebody who is away: a named deputy, else a colleague, else the team's lead.

Source: the care model, section 6, and issue 4 ("automatic deputy during absence").
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from hub.domain.definition import HubDefinition


def deputy(
    hub: HubDefinition,
    username: str,
    *,
    away: AbstractSet[str],
    on_shift: AbstractSet[str] = frozenset(),
) -> tuple[str, str] | None:
    """Return (username, why) of who acts for ``username``, or None where the hub has nobody.

    ``away`` are the usernames of people who are away or have left; ``on_shift`` those at work: a
    colleague at work comes before one who is not. The order is the definition's otherwise.
    """
    for candidate, why, chosen in _candidates(hub, username):
        usable = [
            each
            for each in candidate
            if each in hub.staff and each not in away and each != username
        ]
        if chosen:
            usable.sort(key=lambda each: each not in on_shift)
        if usable:
            return usable[0], why
    return None


def _candidates(hub: HubDefinition, username: str) -> Iterator[tuple[list[str], str, bool]]:
    person = hub.staff.get(username)
    if person is None:
        return
    if person.deputy:
        yield [person.deputy], "named deputy", False
    teams = [hub.teams[code] for code in person.teams if code in hub.teams]
    for team in teams:
        alike = [each.username for each in hub.members(team.code) if each.role == person.role]
        yield alike, f"same role in {team.name}", True
    yield [team.lead for team in teams], "team lead", False
    yield [team.duty_manager for team in teams], "duty manager", False
    managers = [
        each.username for each in hub.staff.values() if hub.roles[each.role].kind == "management"
    ]
    yield managers, "manager of the hub", True


def stand_in(
    hub: HubDefinition,
    service: str,
    *,
    away: AbstractSet[str],
    on_shift: AbstractSet[str] = frozenset(),
) -> str | None:
    """Return the username of who answers for a person while a role of ``service`` is vacant.

    The duty manager of the service's team; away, their own deputy; so that somebody always does.
    """
    known = hub.services.get(service)
    teams = [hub.teams[known.team]] if known is not None else []
    if not teams:
        teams = list(hub.teams.values())
    first = teams[0].duty_manager
    if first in hub.staff and first not in away:
        return first
    found = deputy(hub, first, away=away, on_shift=on_shift)
    if found is not None:
        return found[0]
    return next((each for each in hub.staff if each not in away), None)
