"""What a routing decision looks at and what it keeps: tasks, candidates, weights, reasons.

Source: the care model, section 5; the design, decision 6.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from hub.domain.calendars import Calendar
from hub.domain.errors import RuleError
from hub.domain.rota import Rota


class Priority(StrEnum):
    """FHIR request priority."""

    ROUTINE = "routine"
    URGENT = "urgent"
    ASAP = "asap"
    STAT = "stat"


@dataclass(frozen=True, slots=True)
class RoutingTask:
    """What the decision knows of the work. References are FHIR references (``CareTeam/x``)."""

    id: str
    team: str
    """``CareTeam/<id>`` of the service the task belongs to."""
    desk: str
    """``CareTeam/<id>`` of the duty desk: owns it when nobody fits."""
    priority: Priority = Priority.ROUTINE
    roles: frozenset[str] = frozenset()
    """Role codes that may do it; empty: any role of the team."""
    skills: frozenset[str] = frozenset()
    """Skills it needs, all of them."""
    neighbours: tuple[str, ...] = ()
    """``CareTeam/<id>`` to widen to, in order."""
    out_of_hours_desk: str | None = None
    """Gets urgent work at once while the service is closed."""
    due_at: datetime | None = None
    minutes: int = 45
    """Size of the task."""
    points: int = 0
    """Weight of the task: what it costs beside its minutes. 0: points do not bind it."""
    place: str | None = None
    """Area code of the person's home or care home."""
    only_in_area: bool = False
    """The service sends nobody outside the areas that they cover."""
    travel: tuple[tuple[str, int], ...] = ()
    """(area code, minutes) from each area to ``place``."""
    care_home: str | None = None
    """Organisation code of the care home that the person lives in."""
    language: str | None = None
    """Language the person asked for, where it matters to them."""
    language_only: bool = False
    """Nobody who does not speak it, not even when nobody else is there."""
    gender: str | None = None
    """Gender of worker the person asked for."""
    gender_only: bool = False
    """Nobody of another gender, not even when nobody else is there."""
    refused_by: frozenset[str] = frozenset()
    """``Practitioner/<id>`` of those who declined or breached it already."""
    service: str | None = None
    """``HealthcareService/<code>`` that the work is of; None: any."""

    def __post_init__(self) -> None:
        if not self.desk or not self.team:
            raise RuleError("a task always has a team and a desk to fall back on", field="desk")
        if self.minutes < 0:
            raise RuleError("a task takes no negative time", field="minutes")
        if self.points < 0:
            raise RuleError("a task has no negative points", field="points")

    @property
    def is_urgent(self) -> bool:
        return self.priority is not Priority.ROUTINE


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the decision knows of one member of staff."""

    staff: str
    """``Practitioner/<id>``"""
    name: str
    team: str
    role: str
    skills: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    gender: str | None = None
    capacity_minutes: int = 360
    """Room of today's shift."""
    capacity_points: int | None = None
    """Points that a day of this person has; None: points do not bind them."""
    rounds: frozenset[str] = frozenset()
    """Organisation codes of the care homes whose round they do."""
    load_minutes: int = 0
    """Task minutes already given for today."""
    load_points: int = 0
    """Points already given for today."""
    open_urgent: int = 0
    """Urgent tasks open now."""
    ahead_minutes: int = 0
    """Minutes of urgent work before this one, the road counted (``routing_clock``)."""
    recent_minutes: int = 0
    """Task minutes given in the last four weeks: fairness."""
    last_saw: date | None = None
    """Last contact with this person."""
    team_saw: date | None = None
    """Last contact of the candidate's team with this person."""
    may_see: bool = True
    """False where no legitimate relationship can be made (``hidden_by`` says why)."""
    hidden_by: str | None = None
    """Why they may not see the record, in words: no sharing agreement, restricted, objection."""
    conflict: str | None = None
    """Why this person must not do it: family, a complaint, the person's wish."""
    unreachable: str = ""
    """Why they may not hear of it, in words: neither rung nor signed in. A flag, never a bar."""


class Reach(StrEnum):
    """Whom a step of the widening asks."""

    TEAM = "team"
    NEIGHBOURS = "neighbours"
    ON_CALL = "on-call"
    """Those of the team and then of its neighbours who can be called from home."""
    DESK = "desk"
    """The duty desk. Always there: it ends every list, written or not."""


@dataclass(frozen=True, slots=True)
class WideningStep:
    """One step of the search: asked only when the steps before it found nobody."""

    to: Reach
    only_urgent: bool = False
    """Whether routine work passes this step by."""


@dataclass(frozen=True, slots=True)
class RoutingPolicy:
    """Weights of the score, in points. A hub tunes them; the order is the care model's."""

    code: str = "default"
    same_worker: int = 400
    same_team: int = 150
    place: int = 120
    load: int = 100
    urgency: int = 90
    language: int = 60
    gender: int = 60
    unreachable: int = 200
    """Taken off for whoever may not hear of the work."""
    fairness: int = 40
    continuity_days: int = 365
    """A contact older than this is not continuity any more."""
    fair_share_minutes: int = 7200
    """Minutes of four weeks at which the fairness points are used up."""
    urgent_overrun_minutes: int = 60
    """How far past the room of a shift urgent work may go: safety comes before capacity."""
    by_clock: bool = False
    """Give urgent work by its clock: to somebody who can begin before it is due."""
    road_minutes: int = 12
    """Usual way to a visit, where urgent work before this one is counted."""
    reserve_minutes: int = 30
    """For the visit that somebody is at just now, and the way to this one."""
    minutes_per_visit: int = 45
    """Turns minutes into the visits that a person reads."""
    travel: int = 0
    """Points for being near: all of them next door, none at ``travel_limit_minutes``."""
    travel_limit_minutes: int = 40
    care_home_round: int = 0
    """Points for whoever does the round of the person's care home."""
    capacity_points: int | None = None
    """Points of one person's day, where their own entry does not say; None: no limit."""
    urgent_overrun_points: int = 0
    """How far past the points of a day urgent work may go."""
    widening: tuple[WideningStep, ...] = (
        WideningStep(Reach.TEAM),
        WideningStep(Reach.NEIGHBOURS),
        WideningStep(Reach.ON_CALL),
        WideningStep(Reach.DESK),
    )
    """Who is asked, in order. What finds nobody goes to the desk, whatever stands here."""


class Level(StrEnum):
    """How far the search went."""

    TEAM = "team"
    NEIGHBOUR = "neighbour"
    ON_CALL = "on-call"
    DESK = "desk"
    OUT_OF_HOURS = "out-of-hours"


class Bar(StrEnum):
    """Why a candidate was not considered, in the order in which it is looked at."""

    REFUSED = "refused"
    ROLE = "role"
    SKILLS = "skills"
    ABSENT = "absent"
    OFF_SHIFT = "off-shift"
    OTHER_SERVICE = "other-service"
    NO_RELATIONSHIP = "no-relationship"
    CONFLICT = "conflict"
    PLACE = "place"
    GENDER = "gender"
    LANGUAGE = "language"
    NO_CAPACITY = "no-capacity"
    NO_POINTS = "no-points"
    TOO_LATE = "too-late"


@dataclass(frozen=True, slots=True)
class Exclusion:
    staff: str
    bar: Bar
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """The points of one candidate who fits; ``parts`` names each weight that counted."""

    staff: str
    total: int
    parts: dict[str, int] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything the decision looked at, trimmed to what can change it."""

    task: RoutingTask
    candidates: tuple[Candidate, ...]
    rota: Rota
    calendar: Calendar
    policy: RoutingPolicy
    now: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """Who owns the task, and why. Equal inputs give an equal decision."""

    owner: str
    """``Practitioner/<id>``, or ``CareTeam/<id>`` of a desk; never empty."""
    level: Level
    reasons: tuple[str, ...]
    tell_lead: bool
    """The search widened past the team: its shift lead is told."""
    works_from: datetime
    """When the owner can begin: now, or when the service opens next."""
    exclusions: tuple[Exclusion, ...]
    scores: tuple[Score, ...]
    """Best first; the first one owns the task when it went to a person."""
    inputs: Inputs
