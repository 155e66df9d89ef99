"""How many people must be at work, when and with what skill: as written, and as it is counted."""

from dataclasses import dataclass, replace

from hub.domain.calendars import Calendar, Opening
from hub.domain.errors import RuleError


@dataclass(frozen=True, slots=True)
class CoverNeed:
    """One need in the hub definition. Codes are keys of the other sections."""

    code: str
    name: str
    """What is needed, as people say it: ``District nurses, west``."""
    team: str | None = None
    service: str | None = None
    """Exactly one of the two: a team's people, or those of a service's team who can do its work."""
    roles: tuple[str, ...] = ()
    """Roles that count; empty: those of the service, or everybody of the team."""
    skills: tuple[str, ...] = ()
    """Skills that each person who counts has, all of them."""
    calendar: str | None = None
    """Hours of one of the hub's calendars; with ``weekly``: the service's or team's is not used."""
    weekly: tuple[tuple[Opening, ...], ...] | None = None
    """Hours of its own, Monday first."""
    bank_holiday: tuple[Opening, ...] | None = None
    """Hours on a bank holiday; None: as the calendar has them."""
    least: int = 1
    """People at work at any moment of these hours."""
    least_on_call: int = 0
    """People on call at any moment of these hours."""

    def __post_init__(self) -> None:
        if (self.team is None) == (self.service is None):
            raise RuleError("a need is of a team or of a service", field="team")
        if self.calendar is not None and self.weekly is not None:
            raise RuleError("a need has a calendar or hours of its own", field="calendar")
        if self.least + self.least_on_call < 1:
            raise RuleError("a need of nobody is none", field="least")


@dataclass(frozen=True, slots=True)
class Need:
    """A need as it is counted: codes looked up, hours known."""

    code: str
    name: str
    team: str
    """``CareTeam/<id>`` whose shifts count."""
    hours: Calendar
    service: str | None = None
    """Code of the service, where the need is a service's."""
    roles: frozenset[str] = frozenset()
    """Empty: any role."""
    skills: frozenset[str] = frozenset()
    bank_holiday: tuple[Opening, ...] | None = None
    least: int = 1
    least_on_call: int = 0


def with_skill(need: Need, skill: str) -> Need:
    """Return the question "is there anybody with this skill?" over the hours of a need."""
    return replace(
        need,
        code=f"{need.code}/{skill}",
        roles=frozenset(),
        skills=frozenset({skill}),
        least=1,
        least_on_call=0,
    )
