"""What a hub is made of, as data: organisations, services, teams, staff, clocks, rules, codes.

A hub definition is loaded from versioned files (``hub.services.definitions``), never from code;
these frozen shapes are what the rest of the hub reads. Codes are the keys of every mapping.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from hub.domain.answers import Answers
from hub.domain.calendars import Calendar
from hub.domain.clocks import ClockRule
from hub.domain.content import CodeList, Form, PlanSection
from hub.domain.cover_needs import CoverNeed
from hub.domain.discharge import DischargePolicy
from hub.domain.escalation import EscalationPolicy
from hub.domain.frequent import FrequentRule
from hub.domain.handover import HandoverPolicy
from hub.domain.offer import WorkPolicy
from hub.domain.red_flags import RedFlag
from hub.domain.routing import RoutingPolicy
from hub.domain.staffing import RotaPattern, ShiftTime, StaffMember
from hub.domain.stuck import StuckPolicy
from hub.domain.transport import TransportPolicy


@dataclass(frozen=True, slots=True)
class Organisation:
    """An employer or a commissioner. ``code`` is the record id: ``Organization/<code>``."""

    code: str
    ods_code: str
    name: str
    kind: str
    """``commissioner lead-provider subcontractor local-authority gp-hub practice care-home
    hospital hospice voluntary ambulance nhs-111 out-of-hours pharmacy`` (code list
    ``organisation-kinds``)."""
    part_of: str | None = None
    """The organisation above it in the tree."""
    phone: str = ""
    postcode: str = ""
    population: int | None = None
    """Registered or resident people it serves, where it has a list."""
    area: str | None = None
    agreement_signed: date | None = None
    """When it signed the sharing agreement; None: no cross-organisation reading."""


@dataclass(frozen=True, slots=True)
class Area:
    """A cluster or locality: where a service goes."""

    code: str
    name: str
    population: int
    postcodes: tuple[str, ...] = ()
    """Outward codes (``SS1``) that lie in it."""


@dataclass(frozen=True, slots=True)
class Journey:
    """Minutes on the road from one area to another, the same there and back."""

    code: str
    start: str
    """Area code."""
    end: str
    """Area code; the same as ``start``: from one home to the next inside the area."""
    minutes: int


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the multi-disciplinary team, as tasks ask for it."""

    code: str
    name: str
    sds_code: str | None = None
    """National job role (R0700 ...)."""
    kind: str = "clinical"
    """``clinical social-care coordination administration management voluntary``."""
    registered: bool = True
    """Whether the role is held by registered professionals."""


@dataclass(frozen=True, slots=True)
class Team:
    """People who share a pool of work. ``code`` is the record id: ``CareTeam/<code>``."""

    code: str
    name: str
    organisation: str
    calendar: str
    """Who may be given work, and when."""
    lead: str
    """Username of the team lead, who hears at three quarters of a clock."""
    duty_manager: str
    """Username of the duty manager, who gets what breached."""
    neighbours: tuple[str, ...] = ()
    """Teams to widen to when nobody here fits, in order."""
    desk: str | None = None
    """The duty desk (a team) that takes what nobody else can; None: this team is one."""
    areas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """What a person can be referred to. ``code`` is the record id: ``HealthcareService/<code>``."""

    code: str
    name: str
    summary: str
    """What it does for the person, in plain words, as referrers read it."""
    performing: str
    """Organisation that does the work."""
    accountable: str
    """Organisation that answers for it."""
    team: str
    calendar: str
    clock: str
    """Clock of a routine referral."""
    urgent_clock: str | None = None
    """Clock of an urgent one; None: the same."""
    dos_id: str | None = None
    """Directory of Services id, the target of a BaRS message."""
    messages_to: str | None = None
    """Registered system that takes referrals to it by message; of services outside the bundle."""
    use_case: str = ""
    """Code of the standard's use cases that such a referral is; empty: none of them is meant."""
    roles: tuple[str, ...] = ()
    """Roles that can do the first task; empty: any. Roles of neighbours make widening possible."""
    skills: tuple[str, ...] = ()
    minimum_age: int | None = None
    maximum_age: int | None = None
    areas: tuple[str, ...] = ()
    """Empty: the whole district."""
    neighbours: tuple[str, ...] = ()
    """Services a referral may be moved to inside the bundle."""
    only_in_area: bool = False
    """Its people go to the areas that they cover and nowhere else: a filter, not a wish."""
    minutes: int = 45
    """Size of its usual task."""
    in_bundle: bool = True
    """False: outside the bundle; a referral to it is redirected, not routed."""
    self_referral: bool = False
    escalation: str = "standard"

    def clock_for(self, priority: str) -> str:
        """Return the code of the clock that a referral of this FHIR priority runs on."""
        if priority != "routine" and self.urgent_clock:
            return self.urgent_clock
        return self.clock

    def serves_age(self, years: int | None) -> bool:
        if years is None:
            return True
        lowest = 0 if self.minimum_age is None else self.minimum_age
        return lowest <= years and (self.maximum_age is None or years <= self.maximum_age)


@dataclass(frozen=True, slots=True)
class Spor:
    """The single point of referral."""

    team: str
    calendar: str
    triage_clocks: Mapping[str, str]
    """FHIR priority -> clock code."""
    out_of_hours_desk: str
    """Team that gets an urgent referral while the SPOR is closed."""
    triage_minutes: int = 10
    duplicate_days: int = 14
    """Same person and need within this window: shown to triage."""
    letter_days: int = 14
    """How old a letter may be that is typed in; an older one is a matter for a telephone call."""
    revolving_door_referrals: int = 3
    revolving_door_days: int = 365
    falls_question_age: int = 65
    default_offer: str = "reablement"
    answer_minutes: Mapping[str, int] = field(default_factory=dict)
    """FHIR priority -> minutes in which a referrer is to answer a question; a day where unsaid."""
    falls_service: str = "falls"
    """Service that assesses everyone who answers the falls question with yes."""
    second_triage_percent: int = 0
    """Share of the decided referrals that a second person looks at, blind."""
    carers_service: str = "social-care"
    """Service that offers a named carer an assessment of their own."""


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """A rule at the door: what matches is answered at once and never waits in triage."""

    code: str
    name: str
    outcome: str
    """``decline`` or ``redirect``."""
    reason: str
    """Code of code list ``decline-reasons`` or ``redirect-reasons``."""
    answer: str
    """What the referrer is told, word for word."""
    services: tuple[str, ...] = ()
    """Requested services (codes or Directory of Services ids) that it matches."""
    codes: tuple[str, ...] = ()
    """SNOMED CT codes of the request, its reason or its conditions."""
    words: tuple[str, ...] = ()
    """Phrases of the reason for referral, lower case."""
    below_age: int | None = None
    from_age: int | None = None
    to_service: str | None = None
    """Where a redirected referral goes."""
    task: str | None = None
    """Task code of the check that it opens (``suspected-cancer-check``)."""
    task_clock: str | None = None


@dataclass(frozen=True, slots=True)
class ClientSystem:
    """An external system that may get tokens."""

    code: str
    name: str
    organisation: str
    scopes: tuple[str, ...]
    own_ids: bool = False
    """May create resources under its own ids by PUT."""
    rate_limit: int | None = None
    """Points a minute; None: no limit."""
    trusted_nhs_numbers: bool = True
    references_must_resolve: bool = False
    messages_url: str = ""
    """Where the hub posts its responses to this system; empty: through the proxy of the setting."""
    answers: Answers = Answers.STANDARD
    """Whether it is told of transfers of care too, which the standard has no answer for."""


@dataclass(frozen=True, slots=True)
class SubscribedSystem:
    """A system that is told of register entries by rest-hook."""

    code: str
    name: str
    client: str
    """The registered system that it is: its scopes say what it may be told."""
    criteria: tuple[str, ...]
    path: str
    """Path on the sample receiver that ships with the hub."""


@dataclass(frozen=True, slots=True)
class HubDefinition:
    """Everything that makes one hub different from another."""

    code: str
    name: str
    version: str
    population: int
    time_zone: str
    gp_hub: str
    """Organisation code of the GP hub the sample people belong to."""
    hub_organisation: str
    """The accountable lead provider that runs the hub itself."""
    organisations: Mapping[str, Organisation]
    areas: Mapping[str, Area]
    roles: Mapping[str, Role]
    calendars: Mapping[str, Calendar]
    clocks: Mapping[str, ClockRule]
    escalation_policies: Mapping[str, EscalationPolicy]
    routing: RoutingPolicy
    teams: Mapping[str, Team]
    services: Mapping[str, Service]
    shift_times: Mapping[str, ShiftTime]
    rota_patterns: Mapping[str, RotaPattern]
    staff: Mapping[str, StaffMember]
    spor: Spor
    routing_rules: tuple[RoutingRule, ...]
    code_lists: Mapping[str, CodeList]
    forms: Mapping[str, Form]
    plan_sections: tuple[PlanSection, ...]
    clients: Mapping[str, ClientSystem]
    subscribers: Mapping[str, SubscribedSystem]
    review_days: Mapping[str, int]
    """Risk band or end-of-life stage (``risk.high``, ``eol.weeks``) -> days between reviews."""
    red_flags: tuple[RedFlag, ...] = ()
    frequent: tuple[FrequentRule, ...] = ()
    """Who is shown to triage as somebody to plan with."""
    bank_holidays: frozenset[date] = frozenset()
    """Bank holidays of England, computed when the definition is loaded; calendars hold them too."""
    handover: HandoverPolicy = field(default_factory=HandoverPolicy)
    stuck: StuckPolicy = field(default_factory=StuckPolicy)
    discharge: DischargePolicy = field(default_factory=DischargePolicy)
    """How letters and discharge summaries are taken in."""
    transport: TransportPolicy = field(default_factory=TransportPolicy)
    """Who is entitled to patient transport; without criteria the hub arranges none."""
    task_minutes: Mapping[str, int] = field(default_factory=dict)
    """Task code -> usual size, where it is not the service's."""
    task_points: Mapping[str, int] = field(default_factory=dict)
    """Task code -> points, its weight beside its minutes; 1 where it is not said."""
    travel: Mapping[str, Journey] = field(default_factory=dict)
    """Code -> minutes between two areas."""
    work: WorkPolicy = field(default_factory=WorkPolicy)
    """How long people may take to answer an offer or to look at a hold."""
    cover_needs: Mapping[str, CoverNeed] = field(default_factory=dict)
    """Who must be at work when, where it is more than the default (``cover_of_hub.needs_of``)."""

    def team_of(self, service: str) -> Team:
        return self.teams[self.services[service].team]

    def members(self, team: str) -> tuple[StaffMember, ...]:
        return tuple(each for each in self.staff.values() if team in each.teams)

    def travel_to(self, area: str) -> tuple[tuple[str, int], ...]:
        """Return (area, minutes) from each area that has a journey to this one."""
        found = {
            **{each.start: each.minutes for each in self.travel.values() if each.end == area},
            **{each.end: each.minutes for each in self.travel.values() if each.start == area},
        }
        return tuple(sorted(found.items()))

    def service_for_dos_id(self, dos_id: str) -> Service | None:
        return next((each for each in self.services.values() if each.dos_id == dos_id), None)
