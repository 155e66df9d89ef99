"""Whether somebody can take over a shift: team, role and the skills that its services count on."""

from hub.domain.definition import HubDefinition
from hub.domain.rota import Shift
from hub.domain.staffing import StaffMember


def misfit(
    taker: StaffMember, shift: Shift, definition: HubDefinition, *, any_team: bool = False
) -> str | None:
    """Return why the taker cannot work the shift in place of who works it, or None.

    A lead may bring in somebody of another team (``any_team``), never somebody in another role:
    tasks are asked of roles. Of the skills only those are asked for that a service of the shift
    needs and that would be lost.
    """
    team = shift.team.removeprefix("CareTeam/")
    if not any_team and team not in taker.teams:
        return f"{taker.name} does not work in {_team_name(definition, team)}"
    if shift.role is not None and taker.role != shift.role:
        asked = definition.roles[shift.role].name if shift.role in definition.roles else shift.role
        return f"{taker.name} is {definition.roles[taker.role].name}, the shift needs {asked}"
    lost = sorted(needed_skills(shift, definition) - set(taker.skills))
    if lost:
        return f"{taker.name} does not have the skill that the shift needs: {', '.join(lost)}"
    return None


def needed_skills(shift: Shift, definition: HubDefinition) -> frozenset[str]:
    """Return the skills of who works the shift that a service of it asks for."""
    present = definition.staff.get(shift.staff.removeprefix("Practitioner/"))
    if present is None:
        return frozenset()
    services = [
        each
        for each in definition.services.values()
        if f"CareTeam/{each.team}" == shift.team
        and shift.service in (None, f"HealthcareService/{each.code}")
    ]
    asked = {skill for each in services for skill in each.skills}
    return frozenset(asked & set(present.skills))


def _team_name(definition: HubDefinition, code: str) -> str:
    return definition.teams[code].name if code in definition.teams else code
