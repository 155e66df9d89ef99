"""What a referrer is owed after the SPOR has answered; what is sent on to other services."""

from functools import partial

from hub import records
from hub.domain.actor import hub_actor
from hub.services import (
    late_answers,
    notices,
    onward_messages,
    referral_answers,
    referral_links,
    referral_responses,
)
from hub.transaction import current
from workflows.app import sender
from workflows.handlers import Event, handler

_ACTOR = hub_actor("messages")

_WORDS = {
    "accepted": "Your referral was accepted",
    "redirected": "Your referral was moved to another service",
    "declined": "Your referral was declined: read why and what to do",
    "asked": "There is a question about your referral",
    "withdrawn": "Your referral was withdrawn",
    "done": "Your referral is finished",
    "not-attended": "The person you referred was not there",
}


@handler
def answer(event: Event) -> None:
    """ReferralAnswered: tell a referrer who works in the hub, and a system that referred.

    Referring systems see the outcome on their ServiceRequest and its Task too, and are told by
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
    referral_links.tell(request, event.id)
    if referral_responses.make(event.id, request, event.payload):
        _send_soon()


@handler
def end_work(event: Event) -> None:
    """ReferralWorkEnded: the referral is completed and its referrer told, once nothing is open."""
    referral_answers.end(event.subject_id)


@handler
def offer_link(event: Event) -> None:
    """ReferrerFollows: send whoever referred without an account a link to follow the referral."""
    referral_links.offer(records.read(_ACTOR, "ServiceRequest", event.subject_id))


@handler
def tell_sender(event: Event) -> None:
    """RefusedMessageDone: its sender was told that it was not; now it hears that it is."""
    if late_answers.make(event.id, event.payload["inbox"], event.payload["answer"]):
        _send_soon()


@handler
def send_on(event: Event) -> None:
    """ReferralSentOn: the message that refers the person to another organisation's service."""
    if onward_messages.send(event.id, event.subject_id):
        _send_soon()


@handler
def call_back(event: Event) -> None:
    """ReferralCalledBack: the message that cancels what was sent on."""
    if onward_messages.call_back(event.id, event.subject_id, **event.payload):
        _send_soon()


def _send_soon() -> None:
    opened = current()
    assert opened is not None
    opened.after_commit("answer", partial(sender.hint, "workflows.answering.sweep"))
