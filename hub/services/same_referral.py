"""Which referral on file a later message means: by our id, its Bundle, its conversation, its focus.

Only a client's own referrals are searched, and the person must be the same (guide, Cancellation).
"""

from dataclasses import dataclass

from fhir.messaging import Message, category_of
from fhir.messaging.refusal import not_found
from fhir.outcomes import FHIRError
from hub import records
from hub.domain import identity
from hub.domain.actor import hub_actor
from hub.domain.nhs_number import normalise
from hub.models.message import InboxMessage
from hub.records import Record
from hub.services import identification, inbox, referral_messages
from hub.services.inbox import Arrival

_HUB = hub_actor("messages")
_PREFIX = "ServiceRequest/"
_CURRENT = ("active", "on-hold")


@dataclass(frozen=True, slots=True)
class Earlier:
    """A referral on file and the version that its sender's last message left."""

    request: Record
    sender_version: int | None

    @property
    def subject_id(self) -> str:
        return self.request.id


def of_bundle(arrival: Arrival) -> Earlier | None:
    """Return the referral that an earlier message of the same Bundle.id made."""
    return _first(
        inbox.latest(
            InboxMessage.client == arrival.client, InboxMessage.bundle_id == arrival.bundle_id
        )
    )


def find(arrival: Arrival, message: Message) -> Earlier:
    """Return the referral that an update or a cancellation is about, or refuse with 404."""
    mine = InboxMessage.client == arrival.client
    searches = (
        InboxMessage.subject.in_(_named(message)),
        InboxMessage.bundle_id == arrival.bundle_id,
        InboxMessage.correlation_id == arrival.correlation_id,
        InboxMessage.focus == arrival.focus,
    )
    wanted = category_of(_request(message))
    for condition in searches:
        rows = [
            row for row in inbox.latest(mine, condition) if str(row.subject).startswith(_PREFIX)
        ]
        seen: set[str] = set()
        fits: list[Earlier] = []
        for row in rows:
            if row.subject in seen:
                continue
            seen.add(str(row.subject))
            earlier = _first([row])
            if earlier is not None and _same(earlier.request, message, wanted):
                fits.append(earlier)
        if fits:
            # Of several the one that is still current is meant; the newest comes first.
            return next((e for e in fits if e.request["status"] in _CURRENT), fits[0])
    raise not_found(
        "No referral of this sender and person is on file that the message could mean",
        "ServiceRequest",
    )


def is_same(request: Record, message: Message) -> bool:
    """Say whether a message is about the person and the kind of the referral on file."""
    return _same(request, message, category_of(_request(message)))


def _named(message: Message) -> list[str]:
    """Return our own ids that the message may use: the sender has read the referral from us."""
    request = message.service_request
    found = []
    if request is not None:
        identities = (request.resource.get("id"), request.full_url.rpartition(":")[2])
        found = [f"{_PREFIX}{each}" for each in identities if each]
    return found


def _request(message: Message) -> dict[str, object]:
    entry = message.service_request
    return entry.resource if entry is not None else {}


def _first(rows: list[InboxMessage]) -> Earlier | None:
    for row in rows:
        subject = str(row.subject)
        if not subject.startswith(_PREFIX):
            continue
        try:
            request = records.lock(_HUB, "ServiceRequest", subject.removeprefix(_PREFIX))
        except FHIRError:
            # Deleted since: it is no longer on file.
            continue
        return Earlier(request=request, sender_version=row.subject_version)
    return None


def _same(request: Record, message: Message, category: str) -> bool:
    return category_of(request.resource) == category and is_about(request, message)


def is_about(request: Record, message: Message) -> bool:
    """Say whether a message is about the person of the referral on file."""
    entry = message.patient
    if entry is None:
        return False
    patient = records.read(
        _HUB, "Patient", request["subject"]["reference"].removeprefix("Patient/")
    )
    known = identification.identity_of(patient)
    given = referral_messages.demographics(entry.resource, trusted=False)
    if given.nhs_number and known.nhs_number:
        # Cross-checking an earlier word of the same sender: here a bad number may agree too.
        return normalise(given.nhs_number) == normalise(known.nhs_number)
    asked = identification.asked(given)
    return identity.compare(asked, known).score >= identity.SUGGEST_FROM
