"""Codes of the Booking and Referral Standard (BaRS), and how its versions match."""

from collections.abc import Iterable

HTTP_ERROR_CODES = "https://fhir.nhs.uk/Codesystem/http-error-codes"
MESSAGE_EVENTS = "https://fhir.nhs.uk/CodeSystem/message-events-bars"
MESSAGE_REASONS = "https://fhir.nhs.uk/CodeSystem/message-reason-bars"
REQUEST_CATEGORY = "https://fhir.nhs.uk/CodeSystem/message-category-servicerequest"
USE_CASES = "https://fhir.nhs.uk/CodeSystem/usecases-categories-bars"
FLAG_CATEGORIES = "https://fhir.nhs.uk/CodeSystem/flag-categories-bars"
BUNDLE_PROFILE = "https://fhir.nhs.uk/StructureDefinition/BARSBundleMessage"
OUTCOME_PROFILE = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-OperationOutcome"

SERVICE_REQUEST = "servicerequest-request"
SERVICE_RESPONSE = "servicerequest-response"
BOOKING_REQUEST = "booking-request"
BOOKING_RESPONSE = "booking-response"

REASONS = ("new", "update", "delete")

SUPPORTED_VERSIONS = (
    "1.0.0-alpha",
    "1.0.0-beta",
    "1.0.0",
    "1.1.0-alpha",
    "1.1.0",
    "1.2.x",
    "1.3.x",
    "1.4.0",
)
"""Default of the setting "supported BaRS versions"; ``x`` stands for any patch."""


def version_supported(version: str, supported: Iterable[str]) -> bool:
    """Say whether ``version`` is one of ``supported`` (``1.2.x`` matches 1.2.0, 1.2.1 ...)."""
    for pattern in supported:
        if pattern == version:
            return True
        if pattern.endswith(".x"):
            stem = pattern.removesuffix("x")
            if version.startswith(stem) and version.removeprefix(stem).isdecimal():
                return True
    return False
