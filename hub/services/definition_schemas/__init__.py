"""What the files of a hub definition may say: marshmallow schemas, one per kind of entry.

Each turns an entry into the frozen shape of ``hub.domain.definition``; an unknown field is an
error, because a misspelt rule that is silently ignored is worse than none.
"""

from hub.services.definition_schemas.content import (
    CodeListSchema,
    ConceptSchema,
    FormFieldSchema,
    FormSchema,
    PlanSectionSchema,
)
from hub.services.definition_schemas.cover import CoverNeedSchema
from hub.services.definition_schemas.discharge import DischargeSchema
from hub.services.definition_schemas.entry import Entry
from hub.services.definition_schemas.front_door import (
    FrequentRuleSchema,
    RedFlagSchema,
    RoutingRuleSchema,
    SporSchema,
)
from hub.services.definition_schemas.organisation import (
    AreaSchema,
    JourneySchema,
    OrganisationSchema,
    RoleSchema,
    ServiceSchema,
    StaffSchema,
    TeamSchema,
)
from hub.services.definition_schemas.shift_change import HandoverSchema, StuckSchema
from hub.services.definition_schemas.systems import ClientSchema, SubscriberSchema
from hub.services.definition_schemas.transport import TransportSchema
from hub.services.definition_schemas.work import (
    EscalationPolicySchema,
    EscalationStepSchema,
    RoutingPolicySchema,
    WorkPolicySchema,
)
from hub.services.definition_schemas.working_hours import (
    CalendarSchema,
    ClockSchema,
    RotaPatternSchema,
    ShiftTimeSchema,
)

__all__ = [
    "AreaSchema",
    "CalendarSchema",
    "ClientSchema",
    "ClockSchema",
    "CodeListSchema",
    "ConceptSchema",
    "CoverNeedSchema",
    "DischargeSchema",
    "Entry",
    "EscalationPolicySchema",
    "EscalationStepSchema",
    "FormFieldSchema",
    "FormSchema",
    "FrequentRuleSchema",
    "HandoverSchema",
    "JourneySchema",
    "OrganisationSchema",
    "PlanSectionSchema",
    "RedFlagSchema",
    "RoleSchema",
    "RotaPatternSchema",
    "RoutingPolicySchema",
    "RoutingRuleSchema",
    "ServiceSchema",
    "ShiftTimeSchema",
    "SporSchema",
    "StaffSchema",
    "StuckSchema",
    "SubscriberSchema",
    "TeamSchema",
    "TransportSchema",
    "WorkPolicySchema",
]
