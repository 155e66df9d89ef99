"""The needs of a hub: what its definition says, and what is sensible where it says nothing.

Source: the care model, sections 4 and 5: a calendar says who may be given work; while a service
is open somebody must be there to be given it.
"""

from hub.domain.calendars import BankHolidayRule, Calendar
from hub.domain.cover_needs import CoverNeed, Need
from hub.domain.definition import HubDefinition, Service, Team


def needs_of(hub: HubDefinition) -> tuple[Need, ...]:
    """Return every need of a hub, by code: what it wrote, and a default for what it left out.

    A service of the bundle without a need of its own or of its team needs one person of its roles
    while it is open; a team that is left then (a desk, the single point of referral) needs one
    person of any role in its own calendar.
    """
    written = [_written(hub, need) for need in hub.cover_needs.values()]
    own = {need.service for need in hub.cover_needs.values()}
    teams = {need.team for need in hub.cover_needs.values()}
    defaults = [
        _of_service(hub, service)
        for service in hub.services.values()
        if service.in_bundle and service.code not in own and service.team not in teams
    ]
    counted = {need.team for need in (*written, *defaults)}
    rest = [
        _of_team(hub, team) for team in hub.teams.values() if f"CareTeam/{team.code}" not in counted
    ]
    return tuple(sorted((*written, *defaults, *rest), key=lambda need: need.code))


def skills_of(hub: HubDefinition) -> dict[str, frozenset[str]]:
    """Return ``Practitioner/<id>`` -> skill codes."""
    return {f"Practitioner/{each.username}": frozenset(each.skills) for each in hub.staff.values()}


def _written(hub: HubDefinition, need: CoverNeed) -> Need:
    service = hub.services[need.service] if need.service is not None else None
    team = service.team if service is not None else need.team or ""
    if need.weekly is None:
        usual = service.calendar if service is not None else hub.teams[team].calendar
        hours = hub.calendars[need.calendar or usual]
    else:
        hours = Calendar(
            code=need.code,
            title=need.name,
            weekly=need.weekly,
            on_bank_holiday=BankHolidayRule.AS_ANY_DAY,
            bank_holidays=hub.bank_holidays,
            time_zone=hub.time_zone,
        )
    return Need(
        code=need.code,
        name=need.name,
        team=f"CareTeam/{team}",
        hours=hours,
        service=need.service,
        roles=frozenset(need.roles or (service.roles if service is not None else ())),
        skills=frozenset(need.skills),
        bank_holiday=need.bank_holiday,
        least=need.least,
        least_on_call=need.least_on_call,
    )


def _of_service(hub: HubDefinition, service: Service) -> Need:
    return Need(
        code=f"service-{service.code}",
        name=service.name,
        team=f"CareTeam/{service.team}",
        hours=hub.calendars[service.calendar],
        service=service.code,
        roles=frozenset(service.roles),
    )


def _of_team(hub: HubDefinition, team: Team) -> Need:
    return Need(
        code=f"team-{team.code}",
        name=team.name,
        team=f"CareTeam/{team.code}",
        hours=hub.calendars[team.calendar],
    )
