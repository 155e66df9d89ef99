"""What a hub is made of, as data: organisations, services, teams, staff, clocks, rules, codes.

A hub definition is loaded from versioned files (``hub.services.definitions``), never from code;
these frozen shapes are what the rest of the hub reads. Codes are the keys of every mapping.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time

from hub.domain.calendars import Calendar
from hub.domain.clocks import ClockRule
from hub.domain.escalation import EscalationPolicy
from hub.domain.routing import RoutingPolicy


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
    roles: tuple[str, ...] = ()
    """Roles that can do the first task; empty: any. Roles of neighbours make widening possible."""
    skills: tuple[str, ...] = ()
    minimum_age: int | None = None
    maximum_age: int | None = None
    areas: tuple[str, ...] = ()
    """Empty: the whole district."""
    neighbours: tuple[str, ...] = ()
    """Services a referral may be moved to inside the bundle."""
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
class ShiftTime:
    """A kind of shift in local time; one that ends at or before its start runs past midnight."""

    code: str
    name: str
    starts: time
    ends: time


@dataclass(frozen=True, slots=True)
class RotaPattern:
    """A repeating rota: ``weeks[n][weekday]`` is a shift code or None for a day off."""

    code: str
    name: str
    weeks: tuple[tuple[str | None, ...], ...]
    bank_holidays: bool = True
    """Whether it is worked on bank holidays."""


@dataclass(frozen=True, slots=True)
class StaffMember:
    """One person of the hub. ``username`` is the record id: ``Practitioner/<username>``."""

    username: str
    given: str
    family: str
    gender: str
    role: str
    organisation: str
    teams: tuple[str, ...]
    rota: str
    rota_week: int = 0
    """Where in the pattern this person starts, so that a team never rests as one."""
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("en",)
    areas: tuple[str, ...] = ()
    capacity_minutes: int = 360
    """Task minutes a shift has room for."""
    phone: str = ""
    registration: str | None = None
    """GMC, NMC or HCPC number, as ``gmc|1234567``."""
    demo: str | None = None
    """What this demo user shows; None: no demo sign-in."""

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"


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
    revolving_door_referrals: int = 3
    revolving_door_days: int = 365
    falls_question_age: int = 65
    default_offer: str = "reablement"
    falls_service: str = "falls"
    """Service that assesses everyone who answers the falls question with yes."""
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
class Concept:
    code: str
    display: str
    definition: str = ""


@dataclass(frozen=True, slots=True)
class CodeList:
    code: str
    name: str
    system: str
    concepts: tuple[Concept, ...]

    def display(self, code: str) -> str:
        """Return the words for a code; an unknown code stands for itself."""
        return next((each.display for each in self.concepts if each.code == code), code)

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(each.code for each in self.concepts)


@dataclass(frozen=True, slots=True)
class FormField:
    name: str
    label: str
    kind: str = "text"
    """``text lines date instant number choice choices yes-no person``."""
    required: bool = False
    hint: str = ""
    choices: str | None = None
    """Code list of a choice."""
    longest: int = 4000


@dataclass(frozen=True, slots=True)
class Form:
    code: str
    title: str
    purpose: str
    """``referral plan register assessment measure``."""
    fields: tuple[FormField, ...]


@dataclass(frozen=True, slots=True)
class PlanSection:
    code: str
    title: str
    prompt: str
    mandatory: bool = False
    order: int = 0


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
    bank_holidays: frozenset[date] = frozenset()
    """Bank holidays of England, computed when the definition is loaded; calendars hold them too."""
    task_minutes: Mapping[str, int] = field(default_factory=dict)
    """Task code -> usual size, where it is not the service's."""

    def team_of(self, service: str) -> Team:
        return self.teams[self.services[service].team]

    def members(self, team: str) -> tuple[StaffMember, ...]:
        return tuple(each for each in self.staff.values() if team in each.teams)

    def service_for_dos_id(self, dos_id: str) -> Service | None:
        return next((each for each in self.services.values() if each.dos_id == dos_id), None)
