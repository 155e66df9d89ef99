"""What a referrer hands in at the SPOR, whatever door it came through (care-model section 3)."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from fhir.systems import CAREHUB

CHANNEL_EXTENSION = f"{CAREHUB}/StructureDefinition/referral-channel"
"""URL of the extension of ServiceRequest that says through which door it came."""


class Channel(StrEnum):
    """The front door a referral came through."""

    BARS = "bars"
    API = "api"
    FORM = "form"
    PHONE = "phone"
    LETTER = "letter"
    SELF = "self"


class ConsentGiven(StrEnum):
    """What the referrer says about the person's consent to the referral."""

    GIVEN = "given"
    BEST_INTERESTS = "best-interests"
    NOT_STATED = "not-stated"


@dataclass(frozen=True, slots=True)
class Code:
    """A coded meaning; ``system`` is empty for the hub's own plain words."""

    code: str
    display: str = ""
    system: str = ""

    def coding(self) -> dict[str, Any]:
        """Return it as a FHIR Coding."""
        parts = {"system": self.system, "code": self.code, "display": self.display}
        return {name: value for name, value in parts.items() if value}


@dataclass(frozen=True, slots=True)
class Demographics:
    """Who the referral is about, as the referrer gave it; nothing in it is checked yet."""

    nhs_number: str | None = None
    verified: bool = False
    """The sender says that the NHS number was traced and verified."""
    family: str | None = None
    given: tuple[str, ...] = ()
    birth_date: date | None = None
    gender: str | None = None
    address: tuple[str, ...] = ()
    postcode: str | None = None
    phone: str | None = None
    email: str | None = None
    practice: str | None = None
    """ODS code of the registered practice."""
    resource: dict[str, Any] | None = None
    """The Patient resource of a message, kept as it came where the person is new to the hub."""


@dataclass(frozen=True, slots=True)
class Referrer:
    """Who refers, for which organisation, and how to reach them with questions and answers."""

    display: str
    practitioner: str | None = None
    """``Practitioner/<id>`` where the hub knows the person."""
    organization: str | None = None
    """``Organization/<id>`` where the hub knows it."""
    organization_name: str = ""
    ods_code: str | None = None
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class SafetyAlert:
    """Something triage and every visitor must see first: safeguarding, scene safety, ReSPECT."""

    category: str
    """Code of flag-categories-bars: SG SS RA RT IR RC RS AC API."""
    text: str
    code: Code | None = None


@dataclass(frozen=True, slots=True)
class Carer:
    """A carer who is named in the referral is offered an assessment of their own."""

    name: str
    relationship: str = ""
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    title: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class MessageIdentity:
    """Which message of which client brought the referral: the answer goes back along it."""

    inbox_id: str
    client: str
    bundle_id: str
    correlation_id: str
    focus: str
    """fullUrl of the ServiceRequest in the message."""
    endpoint: str = ""
    """MessageHeader.source.endpoint: where the business answer is sent."""
    use_case: str = ""
    """Code of usecases-categories-bars, such as ``a5t1``."""


@dataclass(frozen=True, slots=True)
class ReceiveReferral:
    """A referral as handed in. The referrer describes needs; the hub finds the service."""

    person: str | Demographics
    """``Patient/<id>`` of a person the hub knows, or what the referrer knows about them."""
    reason: str
    referrer: Referrer
    channel: Channel = Channel.FORM
    source: str = "gp"
    """Code of the hub definition's referral sources: gp, ambulance, ward, self ..."""
    reason_codes: tuple[Code, ...] = ()
    service: str | None = None
    """Code of the service asked for; None is "advise me"."""
    priority: str = "routine"
    """routine | urgent | asap | stat."""
    consent: ConsentGiven = ConsentGiven.NOT_STATED
    history: str = ""
    alerts: tuple[SafetyAlert, ...] = ()
    carer: Carer | None = None
    falls: bool | None = None
    """The answer to the falls question; None where it was not asked."""
    suspected_cancer: bool = False
    """The referrer says urgent suspected cancer (the former two-week wait)."""
    attachments: tuple[Attachment, ...] = ()
    authored: datetime | None = None
    """When the referrer wrote it; the clock runs from the receipt all the same."""
    enclosures: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Further resources of a message, as (fullUrl, resource): kept as foreign records."""
    request: dict[str, Any] | None = None
    """The message's own ServiceRequest, whose further elements are kept."""
    message: MessageIdentity | None = None
    received: datetime | None = None
    """When a letter or e-mail came in, where that was before it was typed: the clock runs from
    then."""
