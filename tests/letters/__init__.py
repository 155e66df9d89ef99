"""Discharge summaries of invented people, as a hospital sends them: ITK3 around STU3, in XML."""

import base64
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from fhir.xml import NAMESPACE

XHTML = "http://www.w3.org/1999/xhtml"
STU3 = "https://fhir.nhs.uk/STU3"
ACTIONS = "887201000000105"


def _id() -> str:
    return str(uuid.uuid4())


@dataclass
class Summary:
    """One message. A test names only what it is about."""

    message_id: str = field(default_factory=_id)
    document_id: str = field(default_factory=_id)
    event: str = "ITK003D"
    business: str | None = "true"
    infrastructure: str | None = "true"
    recipient: str = "FA"
    sender_reference: str = "ward-7/0042"
    nhs_number: str | None = "9990000018"
    verification: str | None = "01"
    family: str = "Example"
    given: str = "Ada"
    birth_date: str = "1941-05-04"
    gender: str = "female"
    status: str = "final"
    title: str = "Discharge summary"
    date: str = "2026-11-25T16:20:00+00:00"
    plan: str = "<p>GP: repeat bloods in two weeks.</p>"
    story: str = "<p>Fell at home &amp; broke the left hip.</p>"
    replaces: str = ""
    attachment: bytes = b""
    attachment_type: str = "application/pdf"
    more: str = ""
    """Entries added to the document as they are."""

    def xml(self) -> bytes:
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<Bundle xmlns="{NAMESPACE}"><id value="{_id()}"/>'
            f'<meta><profile value="{STU3}/StructureDefinition/ITK-Message-Bundle-1"/></meta>'
            f'<identifier><value value="{_id()}"/></identifier><type value="message"/>'
            f"{self._header()}{self._trust()}"
            f'<entry><fullUrl value="urn:uuid:{self.document_id}"/><resource>{self._document()}'
            "</resource></entry></Bundle>"
        ).encode()

    def _flag(self, name: str, value: str | None) -> str:
        if value is None:
            return ""
        return f'<extension url="{name}"><valueBoolean value="{value}"/></extension>'

    def _header(self) -> str:
        return (
            f'<entry><fullUrl value="urn:uuid:{self.message_id}"/><resource><MessageHeader>'
            f'<id value="{self.message_id}"/>'
            f'<extension url="{STU3}/StructureDefinition/Extension-ITK-MessageHandling-2">'
            f"{self._flag('BusAckRequested', self.business)}"
            f"{self._flag('InfAckRequested', self.infrastructure)}"
            f'<extension url="RecipientType"><valueCoding><code value="{self.recipient}"/>'
            '</valueCoding></extension><extension url="MessageDefinition"><valueReference>'
            f'<reference value="{STU3}/MessageDefinition/ITK-eDischarge-MessageDefinition-1"/>'
            '</valueReference></extension><extension url="SenderReference">'
            f'<valueString value="{self.sender_reference}"/></extension></extension>'
            f'<event><system value="{STU3}/CodeSystem/ITK-MessageEvent-2"/>'
            f'<code value="{self.event}"/></event>'
            '<sender><reference value="urn:uuid:trust"/></sender>'
            '<timestamp value="2026-11-25T16:21:07+00:00"/>'
            '<source><endpoint value="urn:mesh:X26ABC1"/></source>'
            f'<focus><reference value="urn:uuid:{self.document_id}"/></focus>'
            "</MessageHeader></resource></entry>"
        )

    def _trust(self) -> str:
        return (
            '<entry><fullUrl value="urn:uuid:trust"/><resource><Organization><id value="trust"/>'
            '<identifier><system value="https://fhir.nhs.uk/Id/ods-organization-code"/>'
            '<value value="RAJ"/></identifier><name value="Example University Hospital"/>'
            "</Organization></resource></entry>"
        )

    def _section(self, title: str, code: str, div: str) -> str:
        coded = f'<code><coding><code value="{code}"/></coding></code>' if code else ""
        return (
            f'<section><title value="{title}"/>{coded}<text><status value="generated"/>'
            f'<div xmlns="{XHTML}">{div}</div></text></section>'
        )

    def _document(self) -> str:
        relates = (
            f'<relatesTo><code value="replaces"/><targetIdentifier><value value="{self.replaces}"/>'
            "</targetIdentifier></relatesTo>"
            if self.replaces
            else ""
        )
        return (
            f'<Bundle><id value="{self.document_id}"/>'
            f'<identifier><value value="{self.document_id}"/></identifier><type value="document"/>'
            '<entry><fullUrl value="urn:uuid:composition"/><resource><Composition>'
            f'<identifier><value value="set-{self.document_id}"/></identifier>'
            f'<status value="{self.status}"/><type><coding>'
            '<system value="http://snomed.info/sct"/><code value="373942005"/>'
            '<display value="Discharge summary"/></coding></type>'
            '<subject><reference value="urn:uuid:ada"/></subject>'
            f'<date value="{self.date}"/><author><reference value="urn:uuid:doctor"/></author>'
            f'<title value="{self.title}"/>'
            '<custodian><reference value="urn:uuid:hospital"/></custodian>'
            f"{relates}{self._section('Clinical summary', '', self.story)}"
            f"{self._section('Plan and requested actions', ACTIONS, self.plan)}"
            "</Composition></resource></entry>"
            f"{self._patient()}"
            '<entry><fullUrl value="urn:uuid:doctor"/><resource><Practitioner>'
            '<name><prefix value="Dr"/><given value="Wilma"/><family value="Ward"/></name>'
            "</Practitioner></resource></entry>"
            '<entry><fullUrl value="urn:uuid:hospital"/><resource><Organization>'
            '<name value="Example University Hospital"/></Organization></resource></entry>'
            f"{self._binary()}{self.more}</Bundle>"
        )

    def _patient(self) -> str:
        number = ""
        if self.nhs_number:
            status = ""
            if self.verification:
                address = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect"
                status = (
                    f'<extension url="{address}-NHSNumberVerificationStatus-1">'
                    f'<valueCodeableConcept><coding><code value="{self.verification}"/></coding>'
                    "</valueCodeableConcept></extension>"
                )
            number = (
                f'<identifier>{status}<system value="https://fhir.nhs.uk/Id/nhs-number"/>'
                f'<value value="{self.nhs_number}"/></identifier>'
            )
        return (
            f'<entry><fullUrl value="urn:uuid:ada"/><resource><Patient>{number}'
            f'<name><family value="{self.family}"/><given value="{self.given}"/></name>'
            f'<gender value="{self.gender}"/><birthDate value="{self.birth_date}"/>'
            '<address><line value="1 Example Road"/><postalCode value="SS0 7AB"/></address>'
            "</Patient></resource></entry>"
        )

    def _binary(self) -> str:
        if not self.attachment:
            return ""
        data = base64.b64encode(self.attachment).decode()
        return (
            '<entry><fullUrl value="urn:uuid:scan"/><resource><Binary>'
            f'<contentType value="{self.attachment_type}"/><content value="{data}"/>'
            "</Binary></resource></entry>"
        )


def as_json(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()
