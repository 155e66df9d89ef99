"""Codes and addresses of ITK3 (STU3), as its profiles write them."""

from enum import StrEnum

_STU3 = "https://fhir.nhs.uk/STU3"
RESPONSE_CODES = f"{_STU3}/CodeSystem/ITK-ResponseCodes-1"
MESSAGE_EVENTS = f"{_STU3}/CodeSystem/ITK-MessageEvent-2"
RECIPIENT_TYPES = f"{_STU3}/CodeSystem/ITK-RecipientType-1"
PROFILES = f"{_STU3}/StructureDefinition"
HANDLING = f"{PROFILES}/Extension-ITK-MessageHandling"
"""Any version of the extension: ``-1``, ``-2`` say the same."""
HANDLING_WRITTEN = f"{HANDLING}-2"
ODS_CODE = "https://fhir.nhs.uk/Id/ods-organization-code"
VERIFICATION = "NHSNumberVerificationStatus"
"""Part of the address of the extension, in CareConnect's profiles of STU3 and in UK Core's."""

DOCUMENT_EVENTS = {
    "ITK003D": "eDischarge",
    "ITK004D": "Mental health eDischarge",
    "ITK005D": "Emergency care eDischarge",
    "ITK006D": "Outpatient letter",
    "ITK007C": "GP Connect Send Document",
}
"""Events whose payload is a document that a person has to read."""
RESPONSE_EVENT = "ITK008M"


class ITKCode(StrEnum):
    """ITKResponseCode: what the sender is told, with the words of the code system."""

    HANDLING = "10001"
    INFRASTRUCTURE_FLAG = "10002"
    BUSINESS_FLAG = "10003"
    DEFINITION = "10004"
    SENDER_REFERENCE = "10007"
    UNREADABLE = "10009"
    RECIPIENT_TYPE = "10010"
    ATTACHMENT_NOT_SUPPORTED = "20005"
    HEADER = "20006"
    DUPLICATE_MESSAGE = "20007"
    DUPLICATE_DOCUMENT = "20008"
    PAYLOAD = "20009"
    SUCCESS = "20013"
    NO_REPLACEMENT = "20014"
    TOO_LARGE = "20015"
    PATIENT_KNOWN = "30001"
    PATIENT_NOT_KNOWN = "30002"
    PATIENT_DECEASED = "30004"


WORDS = {
    ITKCode.HANDLING: "Handling Specification Error",
    ITKCode.INFRASTRUCTURE_FLAG: "Infrastructure Level Response Value - Processing Error",
    ITKCode.BUSINESS_FLAG: "Business Level Response Value - Processing Error",
    ITKCode.DEFINITION: "Message Definition Value - Processing Error",
    ITKCode.SENDER_REFERENCE: "Sender Reference Value - Processing Error",
    ITKCode.UNREADABLE: "Unreadable message received",
    ITKCode.RECIPIENT_TYPE: "Recipient Type - Processing Error",
    ITKCode.ATTACHMENT_NOT_SUPPORTED: "Unsupported file type received as an attachment",
    ITKCode.HEADER: "ITK header validation failure",
    ITKCode.DUPLICATE_MESSAGE: "Duplicate Message received",
    ITKCode.DUPLICATE_DOCUMENT: "Duplicate Document received",
    ITKCode.PAYLOAD: "Payload validation failure",
    ITKCode.SUCCESS: "Success",
    ITKCode.NO_REPLACEMENT: "Unable to Process Replacement Document",
    ITKCode.TOO_LARGE: "Message too large",
    ITKCode.PATIENT_KNOWN: "Patient known here. (e.g. Patient is registered here)",
    ITKCode.PATIENT_NOT_KNOWN: (
        "Patient not known here. (aka 'patient record not present in system')"
    ),
    ITKCode.PATIENT_DECEASED: "Patient known here and recently deceased",
}
ISSUE_TYPES = {
    ITKCode.UNREADABLE: "structure",
    ITKCode.ATTACHMENT_NOT_SUPPORTED: "not-supported",
    ITKCode.DEFINITION: "not-supported",
    ITKCode.DUPLICATE_MESSAGE: "duplicate",
    ITKCode.DUPLICATE_DOCUMENT: "duplicate",
    ITKCode.TOO_LARGE: "too-long",
    ITKCode.PATIENT_NOT_KNOWN: "not-found",
    ITKCode.SUCCESS: "informational",
    ITKCode.PATIENT_KNOWN: "informational",
    ITKCode.PATIENT_DECEASED: "informational",
}
"""IssueType of each code; the others are faults of a value: ``invalid``."""
POSITIVE = frozenset({ITKCode.SUCCESS, ITKCode.PATIENT_KNOWN})
