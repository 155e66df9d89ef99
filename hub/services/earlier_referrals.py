"""The referrals of a person that the hub has already: repeats and the revolving door see them."""

from fhir.systems import SNOMED_CT
from hub import records
from hub.domain.actor import hub_actor
from hub.domain.referral import EarlierReferral
from hub.records import Record
from hub.services.referral_request_record import received_at, requested_service

_MOST = "200"


def of_person(patient: str, *, but: str) -> list[EarlierReferral]:
    """Return the hub's own referrals of a person, ``but`` the one that has just come in."""
    page = records.search(
        hub_actor("spor"),
        "ServiceRequest",
        [("subject", patient), ("_tag", "carehub|managed"), ("_count", _MOST), ("_total", "none")],
    )
    return [_earlier(record) for record in page.records if record.reference != but]


def _earlier(record: Record) -> EarlierReferral:
    request = record.resource
    codes = {
        coding["code"]
        for concept in request.get("reasonCode") or ()
        for coding in concept.get("coding") or ()
        if coding.get("system") == SNOMED_CT and "code" in coding
    }
    return EarlierReferral(
        reference=record.reference,
        received_at=received_at(request) or record.last_updated,
        service=requested_service(request),
        codes=frozenset(codes),
    )
