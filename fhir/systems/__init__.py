"""Canonical URIs, as constants. NHS identifier systems: UK Core; ours end in ``carehub``."""

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
ODS_ORGANIZATION = "https://fhir.nhs.uk/Id/ods-organization-code"
ODS_SITE = "https://fhir.nhs.uk/Id/ods-site-code"
SDS_USER = "https://fhir.nhs.uk/Id/sds-user-id"
SDS_ROLE_PROFILE = "https://fhir.nhs.uk/Id/sds-role-profile-id"
DOS_SERVICE = "https://fhir.nhs.uk/Id/dos-service-id"
UBRN = "https://fhir.nhs.uk/Id/UBRN"
SNOMED_CT = "http://snomed.info/sct"
NHS_NUMBER_VERIFICATION_EXTENSION = (
    "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
)
NHS_NUMBER_VERIFICATION = (
    "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland"
)

CAREHUB = "https://carehub.example/fhir"
MANAGED_TAG_SYSTEM = "carehub"
MANAGED_TAG_CODE = "managed"
ACCOUNTABLE_ORGANIZATION = f"{CAREHUB}/StructureDefinition/accountable-organization"
"""Extension on a managed Task: the organisation accountable for it (valueReference)."""
PERFORMING_ORGANIZATION = f"{CAREHUB}/StructureDefinition/performing-organization"
"""Extension on a managed Task: the organisation that performs it (valueReference)."""
TASK_CODE = f"{CAREHUB}/CodeSystem/task-code"
"""Kinds of hub task: triage, intervention, plan-review, vacancy, tracing, bereavement, ..."""
BUSINESS_STATUS = f"{CAREHUB}/CodeSystem/referral-step"
"""Task.businessStatus: the step of a referral (care model section 3)."""
STATUS_REASON = f"{CAREHUB}/CodeSystem/status-reason"
SERVICE = f"{CAREHUB}/CodeSystem/service"
ROLE = f"{CAREHUB}/CodeSystem/role"
FLAG_KIND = f"{CAREHUB}/CodeSystem/flag-kind"
PLAN_SECTION = f"{CAREHUB}/CodeSystem/plan-section"
