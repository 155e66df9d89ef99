"""Organisations, areas, roles, teams, services and staff, as the files may write them."""

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range

from hub.domain import definition, staffing
from hub.domain.rota_patterns import WEEKDAYS
from hub.services.definition_schemas.entry import (
    Entry,
    choice_field,
    code_field,
    codes_field,
    number_field,
    words_field,
)


class OrganisationSchema(Entry):
    shape = definition.Organisation
    code = code_field()
    ods_code = words_field()
    name = words_field()
    kind = code_field()
    part_of = fields.String()
    phone = fields.String()
    postcode = fields.String()
    population = number_field(0)
    area = fields.String()
    agreement_signed = fields.Date()


class AreaSchema(Entry):
    shape = definition.Area
    code = code_field()
    name = words_field()
    population = fields.Integer(required=True, strict=True, validate=Range(min=0))
    postcodes = codes_field()


class JourneySchema(Entry):
    shape = definition.Journey
    code = code_field()
    start = code_field()
    end = code_field()
    minutes = fields.Integer(required=True, strict=True, validate=Range(min=0, max=1440))


class RoleSchema(Entry):
    shape = definition.Role
    code = code_field()
    name = words_field()
    sds_code = fields.String()
    kind = choice_field(
        "clinical", "social-care", "coordination", "administration", "management", "voluntary"
    )
    registered = fields.Boolean()


class TeamSchema(Entry):
    shape = definition.Team
    code = code_field()
    name = words_field()
    organisation = code_field()
    calendar = code_field()
    lead = code_field()
    duty_manager = code_field()
    neighbours = codes_field()
    desk = fields.String()
    areas = codes_field()


class ServiceSchema(Entry):
    shape = definition.Service
    code = code_field()
    name = words_field()
    summary = words_field()
    performing = code_field()
    accountable = code_field()
    team = code_field()
    calendar = code_field()
    clock = code_field()
    urgent_clock = fields.String()
    dos_id = fields.String()
    messages_to = fields.String()
    use_case = fields.String()
    roles = codes_field()
    skills = codes_field()
    minimum_age = number_field(0, 150)
    maximum_age = number_field(0, 150)
    areas = codes_field()
    neighbours = codes_field()
    only_in_area = fields.Boolean()
    minutes = number_field(1, 480)
    in_bundle = fields.Boolean()
    self_referral = fields.Boolean()
    escalation = fields.String()


class StaffSchema(Entry):
    shape = staffing.StaffMember
    username = code_field()
    given = words_field()
    family = words_field()
    gender = choice_field("female", "male", "other", "unknown", required=True)
    role = code_field()
    organisation = code_field()
    teams = fields.List(fields.String(), required=True, validate=Length(min=1))
    rota = code_field()
    rota_week = number_field(0)
    working_days = fields.List(fields.String(validate=OneOf(WEEKDAYS)))
    contracted_hours = fields.Float(validate=Range(min=0, min_inclusive=False, max=60))
    skills = codes_field()
    languages = codes_field()
    areas = codes_field()
    capacity_minutes = number_field(0, 1440)
    capacity_points = number_field(0, 1000)
    rounds = codes_field()
    phone = fields.String()
    registration = fields.String()
    demo = fields.String()
    deputy = fields.String()
