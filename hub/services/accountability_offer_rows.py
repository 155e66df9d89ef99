"""Offers of a role as rows: found, ended once, and both sides told."""

from collections.abc import Iterable

from sqlalchemy import select

from fhir.outcomes import NotFoundError
from hub import clock
from hub.db import db
from hub.domain.accountability import TITLES, AccountableRole
from hub.domain.actor import Actor
from hub.models.accountability import AccountabilityOffer
from hub.services import notices

OPEN, ACCEPTED, REFUSED, WITHDRAWN, EXPIRED, OVERTAKEN = (
    "open", "accepted", "refused", "withdrawn", "expired", "overtaken",
)  # fmt: skip


def locked(offer_id: str) -> AccountabilityOffer:
    """Return the offer, held until the end of the transaction."""
    found = db.session.get(
        AccountabilityOffer, offer_id, with_for_update=True, populate_existing=True
    )
    if found is None:
        raise NotFoundError(f"there is no offer {offer_id}")
    return found


def open_for(patient_id: str, role: AccountableRole) -> AccountabilityOffer | None:
    """Return the open offer of a role, held until the end of the transaction."""
    return db.session.scalar(
        select(AccountabilityOffer)
        .where(
            AccountabilityOffer.patient_id == patient_id,
            AccountabilityOffer.role == role.value,
            AccountabilityOffer.state == OPEN,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def of(practitioner: str, *, states: Iterable[str] = (OPEN,)) -> list[AccountabilityOffer]:
    """Return the offers to and from somebody, the oldest first."""
    rows = db.session.scalars(
        select(AccountabilityOffer)
        .where(
            AccountabilityOffer.state.in_(list(states)),
            (AccountabilityOffer.receiver == practitioner)
            | (AccountabilityOffer.giver == practitioner),
        )
        .order_by(AccountabilityOffer.offered_at, AccountabilityOffer.id)
    )
    return list(rows)


def close(actor: Actor, offer: AccountabilityOffer, state: str, reason: str = "") -> None:
    """End an offer that is held, and tell both sides but the one who ended it."""
    offer.state = state
    offer.reason = reason
    offer.answered_at = clock.now()
    offer.answered_by = actor.id
    db.session.flush()
    said = f": {reason}" if reason else ""
    title = TITLES[AccountableRole(offer.role)]
    notices.tell(
        [each for each in (offer.giver, offer.receiver) if each != actor.practitioner],
        kind="AccountabilityOfferEnded",
        subject=f"Patient/{offer.patient_id}",
        line=f"{title}: the offer was {state}{said}",
        key=f"accountability-offer/{offer.id}/{state}",
    )


def overtake(actor: Actor, patient_id: str, role: AccountableRole, *, by: str | None) -> None:
    """End an open offer that a change made by another way has overtaken."""
    offer = open_for(patient_id, role)
    if offer is not None and not (by == offer.receiver and actor.practitioner == offer.receiver):
        close(actor, offer, OVERTAKEN, "somebody else was named" if by else "the giver has left")
