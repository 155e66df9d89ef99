"""``$apply``: a definition becomes what is proposed for one person.

https://hl7.org/fhir/R4/plandefinition-operation-apply.html,
https://hl7.org/fhir/R4/activitydefinition-operation-apply.html
"""

from fhir.apply.activity import apply_activity
from fhir.apply.plan import apply_plan
from fhir.apply.setting import Setting

__all__ = ["Setting", "apply_activity", "apply_plan"]
