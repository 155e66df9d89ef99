"""What a referrer is owed after the SPOR has answered."""

from hub import records
from hub.domain.actor import hub_actor
from hub.services import notices
from workflows.handlers import Event, handler

_ACTOR = hub_actor("messages")

_WORDS = {
    "accepted": "Your referral was accepted",
    "redirected": "Your referral was moved to another service",
    "declined": "Your referral was declined: read why and what to do",
    "asked": "There is a question about your referral",
    "withdrawn": "Your referral was withdrawn",
}


@handler
def answer(event: Event) -> None:
    """ReferralAnswered: tell a referrer who works in the hub.

    Referring systems see the outcome on their ServiceRequest and its Task, and are told by
    rest-hook where they subscribed to them.
    """
    request = records.lock(_ACTOR, "ServiceRequest", event.subject_id)
    requester = request.get("requester", {}).get("reference", "")
    if requester.startswith("Practitioner/"):
        outcome = event.payload["outcome"]
        notices.tell(
            [requester],
            kind="ReferralAnswered",
            subject=request.reference,
            line=_WORDS.get(outcome, "Your referral was answered"),
            key=f"{request.reference}/_history/{event.payload['version']}/{outcome}",
        )
