"""Escalation policies, the weights of routing and times to answer, as the files may write them."""

from typing import Any, ClassVar

from marshmallow import fields
from marshmallow.validate import Length, Range

from hub.domain.escalation import EscalationPolicy, EscalationStep, Notified, Repeat
from hub.domain.escalation_hours import DAYS, Otherwise, Service, When
from hub.domain.offer import WorkPolicy
from hub.domain.routing import Reach, RoutingPolicy, WideningStep
from hub.services.definition_schemas.entry import (
    Entry,
    choice_field,
    code_field,
    number_field,
)


class WhenSchema(Entry):
    shape = When
    # `from` and `to`, as people write hours; both are words of Python or too general as names.
    starts = fields.Time(data_key="from", format="%H:%M")
    ends = fields.Time(data_key="to", format="%H:%M")
    days = fields.List(choice_field(*DAYS))
    weekend = fields.Boolean()
    bank_holiday = fields.Boolean()
    service = fields.Enum(Service, by_value=True)
    otherwise = fields.Enum(Otherwise, by_value=True)


class RepeatSchema(Entry):
    shape = Repeat
    minutes = number_field(1, 7 * 24 * 60)
    times = number_field(1, 100)


class EscalationStepSchema(Entry):
    shape = EscalationStep
    code = code_field()
    percent = fields.Integer(required=True, strict=True, validate=Range(min=1, max=1000))
    notify = fields.List(fields.Enum(Notified, by_value=True), required=True)
    reroute = fields.Boolean()
    when = fields.Nested(WhenSchema)
    repeat = fields.Nested(RepeatSchema)
    outside = fields.Boolean()


class EscalationPolicySchema(Entry):
    shape = EscalationPolicy
    code = code_field()
    steps = fields.List(fields.Nested(EscalationStepSchema), required=True, validate=Length(min=1))
    quiet = fields.Nested(WhenSchema)


class WideningStepSchema(Entry):
    shape = WideningStep
    to = fields.Enum(Reach, by_value=True, required=True)
    only_urgent = fields.Boolean()


class RoutingPolicySchema(Entry):
    shape = RoutingPolicy
    code = code_field()
    same_worker = number_field()
    same_team = number_field()
    place = number_field()
    urgency = number_field()
    language = number_field()
    gender = number_field()
    fairness = number_field()
    unreachable = number_field(0)
    continuity_days = number_field(1)
    fair_share_minutes = number_field(1)
    by_clock = fields.Boolean()
    road_minutes = number_field(0)
    reserve_minutes = number_field(0)
    minutes_per_visit = number_field(1)
    urgent_overrun_minutes = number_field(0)
    travel = number_field(0)
    travel_limit_minutes = number_field(1)
    care_home_round = number_field(0)
    capacity_points = number_field(0)
    urgent_overrun_points = number_field(0)
    widening = fields.List(fields.Nested(WideningStepSchema), validate=Length(min=1))

    class Meta(Entry.Meta):
        # A class attribute of this name would hide marshmallow's own.
        include: ClassVar[dict[str, fields.Field[Any]]] = {"load": number_field()}


class WorkPolicySchema(Entry):
    shape = WorkPolicy
    offer_minutes = number_field(1)
    urgent_offer_minutes = number_field(1)
    hold_grace_minutes = number_field(1)
    urgent_hold_grace_minutes = number_field(1)
    seen_within_days = number_field(1)
