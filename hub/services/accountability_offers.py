"""Handing a role on: offered, and the giver's until the receiver has accepted.

Source: the care model, section 6: "the coordinator keeps responsibility across episodes until
handed over and accepted". A caseload is many offers made together; each is accepted, refused,
withdrawn or expires by itself.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from hub import clock, records
from hub.db import db
from hub.domain.accountability import TITLES, AccountableRole, Holding
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.scopes import permits
from hub.models.accountability import AccountabilityOffer, AccountableSpell
from hub.queries import deputising
from hub.records.ids import new_id
from hub.records.record import Record, instant
from hub.services import accountability, definitions, employment, notices
from hub.services import accountability_offer_rows as rows
from hub.services import accountability_rows as spells

_HUB = hub_actor("accountability")

LASTS = timedelta(days=7)
"""An offer that nobody answers is over after a week: a holiday is longer, so both are told."""

MOST = 500
"""People in one caseload transfer."""

MANAGERS = frozenset({"duty-manager", "service-manager"})


@dataclass(frozen=True, slots=True)
class Refused:
    """One person of a caseload who could not be offered, and why."""

    patient_id: str
    why: str


def offer(
    actor: Actor,
    patient_ids: Collection[str],
    *,
    role: str,
    to: str,
    note: str = "",
    expires_at: datetime | None = None,
) -> tuple[list[AccountabilityOffer], list[Refused]]:
    """Offer a role for one or many people to ``to`` (``Practitioner/x``), in one transaction.

    Only who holds it, their deputy or a manager offers it. People who cannot be offered (not held
    by the giver, offered already) are returned with the reason; the others are offered. Raises
    RuleError where the receiver or the time is wrong, and where nobody can be offered.
    """
    wanted, now = AccountableRole(_known_role(role)), clock.now()
    ends = expires_at or now + LASTS
    if ends <= now:
        raise RuleError("an offer ends ahead", field="expires")
    if not 0 < len(set(patient_ids)) <= MOST:
        raise RuleError(f"choose from 1 to {MOST} people", field="patient")
    _check_receiver(to)
    batch, made, refused = new_id(), [], []
    for patient_id in sorted(set(patient_ids)):
        records.lock(actor, "Patient", patient_id)
        held = _holder(patient_id, wanted)
        why = _why_not(actor, held, to) or (
            "it is offered to somebody already" if rows.open_for(patient_id, wanted) else ""
        )
        if why or held is None:
            refused.append(Refused(patient_id, why))
            continue
        row = AccountabilityOffer(
            id=new_id(),
            batch=batch,
            patient_id=patient_id,
            role=wanted.value,
            giver=held.practitioner,
            receiver=to,
            note=note[:500],
            offered_at=now,
            offered_by=actor.id,
            expires_at=ends,
            state=rows.OPEN,
            reason="",
        )
        db.session.add(row)
        made.append(row)
    if not made:
        raise StateError(f"nobody was offered: {refused[0].why}", field="patient")
    db.session.flush()
    # After the rows, as everybody who gives something does.
    employment.hold_present([to])
    for row in made:
        records.outbox.emit(
            "AccountabilityOfferEnds", subject=f"AccountabilityOffer/{row.id}", due_at=ends
        )
        detail = {"role": row.role, "to": to, "offer": row.id}
        records.audit.record(actor, "accountability-offered", f"Patient/{row.patient_id}", detail)
    people = "1 person" if len(made) == 1 else f"{len(made)} people"
    notices.tell(
        [to],
        kind="AccountabilityOffered",
        subject=f"Patient/{made[0].patient_id}",
        line=f"{actor.display} offers you {people}: {TITLES[wanted].lower()}",
        key=f"accountability-offer/{batch}",
    )
    return made, refused


def accept(actor: Actor, offer_id: str) -> Record:
    """Take the role: the giver ends and the receiver begins at one instant. Returns the CareTeam.

    An offer whose giver does not hold the role any more is overtaken: StateError.
    """
    found = _answerable(offer_id)
    row = _same(actor, found, {found.receiver}, "take")
    role = AccountableRole(row.role)
    held = _holder(row.patient_id, role)
    if held is None or held.practitioner != row.giver:
        raise StateError("the giver does not hold this any more: the offer is over", field="offer")
    # Closed first: naming ends an offer that is open still, as overtaken.
    rows.close(actor, row, rows.ACCEPTED)
    written = accountability.name(_HUB, row.patient_id, role=row.role, practitioner=row.receiver)
    _say_transferred(actor, row, written)
    return written


def refuse(actor: Actor, offer_id: str, *, reason: str = "") -> None:
    """Say no; the giver keeps the role and is told."""
    found = _answerable(offer_id)
    rows.close(actor, _same(actor, found, {found.receiver}, "refuse"), rows.REFUSED, reason)


def withdraw(actor: Actor, offer_id: str, *, reason: str = "") -> None:
    """Take an offer back before it is answered."""
    found = _answerable(offer_id)
    rows.close(actor, _same(actor, found, {found.giver}, "withdraw"), rows.WITHDRAWN, reason)


def check_patient(offer_id: str, patient_id: str) -> None:
    """Refuse an offer that is about somebody else than the address says."""
    seen = db.session.get(AccountabilityOffer, offer_id)
    if seen is None or seen.patient_id != patient_id:
        raise RuleError(f"there is no such offer for Patient/{patient_id}", field="offer")


def expire(offer_id: str) -> bool:
    """End an offer whose time has come and that nobody answered; both are told."""
    row = rows.locked(offer_id)
    if row.state != rows.OPEN or row.expires_at > clock.now():
        return False
    rows.close(_HUB, row, rows.EXPIRED, "nobody answered in time")
    return True


def caseload_size(practitioner: str) -> dict[AccountableRole, int]:
    """Return for how many people somebody is accountable now, by role."""
    found = db.session.execute(
        select(AccountableSpell.role, func.count())
        .where(
            AccountableSpell.practitioner == practitioner,
            AccountableSpell.during.contains(clock.now()),
            ~AccountableSpell.stands_in,
        )
        .group_by(AccountableSpell.role)
    )
    return {AccountableRole(role): size for role, size in found}


def _answerable(offer_id: str) -> AccountabilityOffer:
    """Lock the person and then the offer, in the order of everybody who names somebody."""
    seen = db.session.get(AccountabilityOffer, offer_id)
    if seen is not None:
        # The receiver may not see the person yet: that they are offered them is the reason to.
        records.lock(_HUB, "Patient", seen.patient_id)
    return rows.locked(offer_id)


def _same(actor: Actor, row: AccountabilityOffer, who: set[str], verb: str) -> AccountabilityOffer:
    mine = {actor.practitioner, *actor.acts_for}
    manages = actor.role in MANAGERS and row.giver in who
    system = actor.kind is ActorKind.SYSTEM and permits(actor.scopes, "CareTeam", "u")
    if not (mine & who or manages or system or actor.kind is ActorKind.HUB):
        raise NotPermittedError(f"this offer is not yours to {verb}", allowed=sorted(who))
    if row.state == rows.OPEN and row.expires_at <= clock.now():
        raise StateError("this offer has expired", field="offer")
    if row.state != rows.OPEN:
        raise StateError(f"this offer was {row.state} already", field="offer")
    return row


def _holder(patient_id: str, role: AccountableRole) -> Holding | None:
    """Return who is named now, or stands in."""
    now = clock.now()
    return next(
        (each for each in spells.of(patient_id) if each.role is role and each.holds_at(now)), None
    )


def _why_not(actor: Actor, held: Holding | None, to: str) -> str:
    if held is None:
        return "nobody holds this who could offer it"
    if held.practitioner == to:
        return f"{_name(to)} holds this already"
    mine = {actor.practitioner, *actor.acts_for}
    system = actor.kind is ActorKind.SYSTEM and permits(actor.scopes, "CareTeam", "u")
    if held.practitioner in mine or actor.role in MANAGERS or system:
        return ""
    return "" if actor.kind is ActorKind.HUB else "only who holds it or a manager offers it"


def _check_receiver(to: str) -> None:
    if to.removeprefix("Practitioner/") not in definitions.current().staff:
        raise RuleError("offer it to a member of staff", field="to")
    away = to in deputising.away(clock.now())
    if away:
        raise RuleError(f"{_name(to)} is away: offer it to somebody who is here", field="to")


def _known_role(role: str) -> str:
    if role not in set(AccountableRole):
        raise RuleError(
            f"nobody is named as {role}",
            field="role",
            allowed=[each.value for each in AccountableRole],
        )
    return role


def _say_transferred(actor: Actor, row: AccountabilityOffer, written: Record) -> None:
    """Keep a Provenance: who took the role over, from whom."""
    author = {"who": {"reference": row.receiver, "display": _name(row.receiver)}}
    if actor.practitioner and actor.practitioner != row.receiver:
        author = {
            "who": {"reference": actor.practitioner, "display": actor.display},
            "onBehalfOf": {"reference": row.receiver, "display": _name(row.receiver)},
        }
    records.create(
        _HUB,
        {
            "resourceType": "Provenance",
            "target": [
                {"reference": f"{written.reference}/_history/{written.version}"},
                {"reference": f"Patient/{row.patient_id}"},
            ],
            "recorded": instant(clock.now()),
            "activity": {"text": f"{TITLES[AccountableRole(row.role)]}: offered and accepted"},
            "agent": [
                author,
                {
                    "type": {"text": "gave it on"},
                    "who": {"reference": row.giver, "display": _name(row.giver)},
                },
            ],
        },
        managed=True,
    )


def _name(practitioner: str) -> str:
    found = definitions.current().staff.get(practitioner.removeprefix("Practitioner/"))
    return found.name if found else "somebody else"
