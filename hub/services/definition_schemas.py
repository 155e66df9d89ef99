"""What the files of a hub definition may say: marshmallow schemas, one per kind of entry.

Each turns an entry into the frozen shape of ``hub.domain.definition``; an unknown field is an
error, because a misspelt rule that is silently ignored is worse than none.
"""

import re
from collections.abc import Mapping
from datetime import time
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, pre_load
from marshmallow.validate import Length, OneOf, Range, Regexp

from hub.domain import calendars as calendar_rules
from hub.domain import definition
from hub.domain.clocks import ClockKind, ClockRule
from hub.domain.errors import RuleError
from hub.domain.escalation import EscalationPolicy, EscalationStep, Notified
from hub.domain.routing import RoutingPolicy

CODE = Regexp(r"[a-z0-9][a-z0-9-]*\Z", error="A code is lower-case letters, digits and hyphens")
SHIFT_CODE = Regexp(r"[A-Z]{1,3}\Z", error="A shift code is one to three capital letters")
NAME = Regexp(r"[a-z][a-z0-9_]*\Z", error="A name is lower-case letters, digits and underscores")
PATH = Regexp(r"/[a-z0-9-]+\Z", error="A path is a slash, then letters, digits and hyphens")
HOURS = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)\Z")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
PRIORITIES = ("routine", "urgent", "asap", "stat")


def _code() -> fields.String:
    return fields.String(required=True, validate=CODE)


def _words() -> fields.String:
    return fields.String(required=True, validate=Length(min=1))


def _codes() -> fields.List[str]:
    return fields.List(fields.String(validate=Length(min=1)))


def _number(least: int | None = None, most: int | None = None) -> fields.Integer:
    return fields.Integer(strict=True, validate=Range(min=least, max=most))


def _choice(*allowed: str, required: bool = False) -> fields.String:
    return fields.String(required=required, validate=OneOf(allowed))


class Entry(Schema):
    """Turns a checked entry into its frozen shape; lists become tuples."""

    shape: ClassVar[Any] = dict

    class Meta:
        unknown = RAISE

    @post_load
    def _made(self, loaded: dict[str, Any], **_: Any) -> Any:
        try:
            return self.shape(
                **{
                    name: tuple(value) if isinstance(value, list) else value
                    for name, value in loaded.items()
                }
            )
        except RuleError as refusal:
            raise ValidationError(refusal.text, refusal.field or "_schema") from refusal


class OrganisationSchema(Entry):
    shape = definition.Organisation
    code = _code()
    ods_code = _words()
    name = _words()
    kind = _code()
    part_of = fields.String()
    phone = fields.String()
    postcode = fields.String()
    population = _number(0)
    area = fields.String()
    agreement_signed = fields.Date()


class AreaSchema(Entry):
    shape = definition.Area
    code = _code()
    name = _words()
    population = fields.Integer(required=True, strict=True, validate=Range(min=0))
    postcodes = _codes()


class RoleSchema(Entry):
    shape = definition.Role
    code = _code()
    name = _words()
    sds_code = fields.String()
    kind = _choice(
        "clinical", "social-care", "coordination", "administration", "management", "voluntary"
    )
    registered = fields.Boolean()


def _openings(written: list[str]) -> tuple[calendar_rules.Opening, ...]:
    found = []
    for each in written:
        hours = HOURS.match(each)
        if hours is None:
            raise ValidationError(f"{each!r} is not an opening; allowed: 08:00-20:00", "weekly")
        found.append(calendar_rules.Opening(*(time.fromisoformat(end) for end in hours.groups())))
    return tuple(found)


class CalendarSchema(Entry):
    """``weekly`` names days, ``weekdays``, ``weekend`` or ``daily``; a day's own name wins."""

    shape = calendar_rules.Calendar
    code = _code()
    title = _words()
    weekly = fields.Dict(
        required=True,
        keys=fields.String(validate=OneOf((*DAYS, "weekdays", "weekend", "daily"))),
        values=fields.List(fields.String()),
    )
    on_bank_holiday = fields.Enum(calendar_rules.BankHolidayRule, by_value=True)

    @post_load
    def _made(self, loaded: dict[str, Any], **_: Any) -> Any:
        weekly: Mapping[str, list[str]] = loaded["weekly"]
        groups = [("weekdays", "daily")] * 5 + [("weekend", "daily")] * 2
        loaded["weekly"] = tuple(
            _openings(next((weekly[name] for name in (day, *group) if name in weekly), []))
            for day, group in zip(DAYS, groups, strict=True)
        )
        return super()._made(loaded)


class ClockSchema(Entry):
    shape = ClockRule
    code = _code()
    title = _words()
    kind = fields.Enum(ClockKind, by_value=True, required=True)
    minutes = _number(1)
    days = _number(1)
    pause_reasons = _codes()
    roll_to_open_day = fields.Boolean()

    @post_load
    def _made(self, loaded: dict[str, Any], **_: Any) -> Any:
        loaded["pause_reasons"] = frozenset(loaded.get("pause_reasons", ()))
        return super()._made(loaded)


class EscalationStepSchema(Entry):
    shape = EscalationStep
    code = _code()
    percent = fields.Integer(required=True, strict=True, validate=Range(min=1, max=1000))
    notify = fields.List(fields.Enum(Notified, by_value=True), required=True)
    reroute = fields.Boolean()


class EscalationPolicySchema(Entry):
    shape = EscalationPolicy
    code = _code()
    steps = fields.List(fields.Nested(EscalationStepSchema), required=True, validate=Length(min=1))


class RoutingPolicySchema(Entry):
    shape = RoutingPolicy
    code = _code()
    same_worker = _number()
    same_team = _number()
    place = _number()
    urgency = _number()
    language = _number()
    gender = _number()
    fairness = _number()
    continuity_days = _number(1)
    fair_share_minutes = _number(1)
    minutes_per_visit = _number(1)

    class Meta(Entry.Meta):
        # A class attribute of this name would hide marshmallow's own.
        include: ClassVar[dict[str, fields.Field[Any]]] = {"load": _number()}


class TeamSchema(Entry):
    shape = definition.Team
    code = _code()
    name = _words()
    organisation = _code()
    calendar = _code()
    lead = _code()
    duty_manager = _code()
    neighbours = _codes()
    desk = fields.String()
    areas = _codes()


class ServiceSchema(Entry):
    shape = definition.Service
    code = _code()
    name = _words()
    summary = _words()
    performing = _code()
    accountable = _code()
    team = _code()
    calendar = _code()
    clock = _code()
    urgent_clock = fields.String()
    dos_id = fields.String()
    roles = _codes()
    skills = _codes()
    minimum_age = _number(0, 150)
    maximum_age = _number(0, 150)
    areas = _codes()
    neighbours = _codes()
    minutes = _number(1, 480)
    in_bundle = fields.Boolean()
    self_referral = fields.Boolean()
    escalation = fields.String()


class ShiftTimeSchema(Entry):
    shape = definition.ShiftTime
    code = fields.String(required=True, validate=SHIFT_CODE)
    name = _words()
    starts = fields.Time(required=True)
    ends = fields.Time(required=True)


class RotaPatternSchema(Entry):
    """A week is written as seven shift codes with a hyphen for a day off: ``E E L - - L L``."""

    shape = definition.RotaPattern
    code = _code()
    name = _words()
    weeks = fields.List(fields.String(), required=True, validate=Length(min=1))
    bank_holidays = fields.Boolean()

    @post_load
    def _made(self, loaded: dict[str, Any], **_: Any) -> Any:
        weeks = [
            tuple(None if day == "-" else day for day in week.split()) for week in loaded["weeks"]
        ]
        if any(len(week) != 7 for week in weeks):
            raise ValidationError("A week has seven days, Monday first", "weeks")
        return super()._made(loaded | {"weeks": weeks})


class StaffSchema(Entry):
    shape = definition.StaffMember
    username = _code()
    given = _words()
    family = _words()
    gender = _choice("female", "male", "other", "unknown", required=True)
    role = _code()
    organisation = _code()
    teams = fields.List(fields.String(), required=True, validate=Length(min=1))
    rota = _code()
    rota_week = _number(0)
    skills = _codes()
    languages = _codes()
    areas = _codes()
    capacity_minutes = _number(0, 1440)
    phone = fields.String()
    registration = fields.String()
    demo = fields.String()


class SporSchema(Entry):
    shape = definition.Spor
    team = _code()
    calendar = _code()
    triage_clocks = fields.Dict(
        required=True, keys=fields.String(validate=OneOf(PRIORITIES)), values=fields.String()
    )
    out_of_hours_desk = _code()
    triage_minutes = _number(1)
    duplicate_days = _number(0)
    revolving_door_referrals = _number(2)
    revolving_door_days = _number(1)
    falls_question_age = _number(0)
    default_offer = fields.String()
    falls_service = fields.String()
    carers_service = fields.String()


class RoutingRuleSchema(Entry):
    shape = definition.RoutingRule
    code = _code()
    name = _words()
    outcome = _choice("decline", "redirect", required=True)
    reason = _code()
    answer = _words()
    services = _codes()
    codes = _codes()
    words = _codes()
    below_age = _number(0)
    from_age = _number(0)
    to_service = fields.String()
    task = fields.String()
    task_clock = fields.String()


class ConceptSchema(Entry):
    shape = definition.Concept
    code = _words()
    display = _words()
    definition = fields.String()


class CodeListSchema(Entry):
    shape = definition.CodeList
    code = _code()
    name = _words()
    system = _words()
    concepts = fields.List(fields.Nested(ConceptSchema), required=True, validate=Length(min=1))

    @pre_load
    def _own_system(self, entry: Any, **_: Any) -> Any:
        """A list without a system of its own lives under the hub's."""
        if isinstance(entry, dict) and "system" not in entry:
            return entry | {
                "system": f"https://carehub.example/fhir/CodeSystem/{entry.get('code')}"
            }
        return entry


class FormFieldSchema(Entry):
    shape = definition.FormField
    name = fields.String(required=True, validate=NAME)
    label = _words()
    kind = _choice(
        "text", "lines", "date", "instant", "number", "choice", "choices", "yes-no", "person"
    )
    required = fields.Boolean()
    hint = fields.String()
    choices = fields.String()
    longest = _number(1)


class FormSchema(Entry):
    shape = definition.Form
    code = _code()
    title = _words()
    purpose = _choice("referral", "plan", "register", "assessment", "measure", required=True)

    class Meta(Entry.Meta):
        include: ClassVar[dict[str, fields.Field[Any]]] = {
            # A class attribute of this name would hide marshmallow's own.
            "fields": fields.List(
                fields.Nested(FormFieldSchema), required=True, validate=Length(min=1)
            )
        }


class PlanSectionSchema(Entry):
    shape = definition.PlanSection
    code = _code()
    title = _words()
    prompt = _words()
    mandatory = fields.Boolean()


class ClientSchema(Entry):
    shape = definition.ClientSystem
    code = _code()
    name = _words()
    organisation = _code()
    scopes = fields.List(fields.String(), required=True, validate=Length(min=1))
    own_ids = fields.Boolean()
    rate_limit = _number(1)
    trusted_nhs_numbers = fields.Boolean()
    references_must_resolve = fields.Boolean()


class SubscriberSchema(Entry):
    shape = definition.SubscribedSystem
    code = _code()
    name = _words()
    client = _code()
    criteria = fields.List(fields.String(), required=True, validate=Length(min=1))
    path = fields.String(required=True, validate=PATH)
