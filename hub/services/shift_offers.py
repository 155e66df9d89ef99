"""Swaps between colleagues: offered, accepted or refused, withdrawn, expired; both are told.

Lock order: the offer, then its shifts by id. On acceptance both shifts change hands in the open
transaction, or neither.
"""

from collections.abc import Sequence

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import Range

from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.rota import WORK
from hub.domain.shift_fit import misfit
from hub.models.shift import Shift
from hub.models.shift_offer import ShiftOffer
from hub.records.ids import new_id
from hub.services import definitions, notices, rota_changes, rota_overrides
from hub.services.rota_changes import Touched, bounds, name_of, words_of


def offer(
    actor: Actor,
    shift_id: str,
    *,
    to: str,
    against: str | None = None,
    note: str | None = None,
) -> ShiftOffer:
    """Offer one's own shift to a colleague: against a shift of theirs, or as a gift."""
    shift, other = _locked_shifts(shift_id, against)
    me = actor.practitioner
    if me is None or shift.practitioner != me:
        raise NotPermittedError("only who works a shift offers it")
    rota_changes.staff(to)
    # The shift is held: nobody offers it between this look and the commit.
    if db.session.scalar(
        select(ShiftOffer.id).where(ShiftOffer.shift_id == shift.id, ShiftOffer.status == "offered")
    ):
        raise StateError("this shift is on offer already: take that offer back", field="shift")
    if to == me:
        raise RuleError("a shift is offered to somebody else", field="to")
    if other is not None and other.practitioner != to:
        raise RuleError(f"{name_of(to)} does not work the shift you ask for", field="against")
    _check_exchange(shift, other, to)
    expires_at = min(bounds(each)[0] for each in (shift, other) if each is not None)
    if expires_at <= clock.now():
        raise StateError("a shift is offered before it starts", field="shift")
    made = ShiftOffer(
        id=new_id(),
        shift_id=shift.id,
        shift_sequence=shift.sequence,
        offered_by=me,
        offered_to=to,
        against_id=other.id if other else None,
        against_sequence=other.sequence if other else None,
        note=note,
        status="offered",
        offered_at=clock.now(),
        expires_at=expires_at,
    )
    db.session.add(made)
    rota_changes.flush()
    records.outbox.emit(
        "ShiftOfferExpires",
        subject=f"ShiftOffer/{made.id}",
        payload={"offer": made.id},
        due_at=expires_at,
    )
    wanted = f" for your shift {words_of(other)}" if other else ""
    _tell(made, [to], f"{name_of(me)} offers you the shift {words_of(shift)}{wanted}.", "offered")
    return made


def accept(actor: Actor, offer_id: str) -> ShiftOffer:
    """Take the shift on: it, and the one against it, change hands now."""
    found = _open_offer(offer_id)
    if actor.practitioner != found.offered_to:
        raise NotPermittedError("only who was asked accepts a shift")
    if found.expires_at <= clock.now():
        raise StateError("this offer has expired: the shift has started", field="offer")
    shift, other = _locked_shifts(found.shift_id, found.against_id)
    for each, owner, sequence in (
        (shift, found.offered_by, found.shift_sequence),
        (other, found.offered_to, found.against_sequence),
    ):
        if each is not None and (each.practitioner, each.sequence) != (owner, sequence):
            raise StateError("the shift has changed since it was offered", field="offer")
    _check_exchange(shift, other, found.offered_to)
    found.status, found.answered_at = "accepted", clock.now()
    db.session.flush()
    _exchange(actor, shift, other, found)
    line = (
        f"{name_of(found.offered_to)} works the shift {words_of(shift)} of"
        f" {name_of(found.offered_by)}"
    )
    if other is not None:
        line += f", who works {words_of(other)}"
    _tell(
        found, [found.offered_by, found.offered_to, *_leads(shift, other)], f"{line}.", "accepted"
    )
    records.audit.record(actor, "shift-swapped", found.offered_by, {"offer": found.id})
    for mine, owner in ((shift, found.offered_by), (other, found.offered_to)):
        if mine is not None:
            rota_overrides.lose_time(owner, *bounds(mine), team=mine.team)
    return found


def refuse(actor: Actor, offer_id: str, *, note: str | None = None) -> ShiftOffer:
    """Say no to a shift; it stays with who offered it."""
    found = _open_offer(offer_id)
    if actor.practitioner != found.offered_to:
        raise NotPermittedError("only who was asked refuses a shift")
    because = f": {note}" if note else "."
    return _close(
        found, "refused", [found.offered_by], f"{name_of(found.offered_to)} said no{because}"
    )


def withdraw(actor: Actor, offer_id: str) -> ShiftOffer:
    """Take an offer back before it is answered."""
    found = _open_offer(offer_id)
    if actor.practitioner != found.offered_by:
        raise NotPermittedError("only who offered a shift takes the offer back")
    return _close(
        found,
        "withdrawn",
        [found.offered_to],
        f"{name_of(found.offered_by)} has taken the offer of a shift back.",
    )


def expire(offer_id: str) -> bool:
    """End an offer whose shift has started, once; False where there is nothing to end."""
    ended = db.session.scalar(
        update(ShiftOffer)
        .where(
            ShiftOffer.id == offer_id,
            ShiftOffer.status == "offered",
            ShiftOffer.expires_at <= clock.now(),
        )
        .values(status="expired", answered_at=clock.now())
        .returning(ShiftOffer)
    )
    if ended is None:
        return False
    _tell(
        ended,
        [ended.offered_by, ended.offered_to],
        f"Nobody took on the shift that {name_of(ended.offered_by)} offered: it stays theirs.",
        "expired",
    )
    return True


def open_offers(practitioner: str) -> Sequence[ShiftOffer]:
    """Return the offers to and from somebody that wait for an answer, the most pressing first."""
    return db.session.scalars(
        select(ShiftOffer)
        .where(
            ShiftOffer.status == "offered",
            ShiftOffer.expires_at > clock.now(),
            or_(ShiftOffer.offered_to == practitioner, ShiftOffer.offered_by == practitioner),
        )
        .order_by(ShiftOffer.expires_at, ShiftOffer.id)
    ).all()


def _exchange(actor: Actor, shift: Shift, other: Shift | None, found: ShiftOffer) -> None:
    giver, taker = found.offered_by, found.offered_to
    reason = f"swap offered by {name_of(giver)}" if other else f"given by {name_of(giver)}"
    pairs = [(shift, giver, taker)] + ([(other, taker, giver)] if other is not None else [])
    for each, _, _ in pairs:
        rota_changes.keep(actor, each, cause="swapped", reason=reason)
    rota_changes.end_offers(
        [each.id for each, _, _ in pairs], note="the shift has changed hands", besides=found.id
    )
    hours = [each.during for each, _, _ in pairs]
    # The two may be at the same time: one shift has no time while the other changes hands. The
    # constraint is looked at row by row, and an empty range overlaps nothing.
    if other is not None:
        other.during = Range(empty=True)
        rota_changes.flush()
    for (each, _, to), during in zip(pairs, hours, strict=True):
        each.practitioner = to
        each.minutes = rota_changes.staff(to).capacity_minutes
        each.during = during
        each.known_from, each.changed_by = clock.now(), actor.id
        each.cause, each.reason = "swapped", reason
        rota_changes.flush()
    rota_changes.announce(
        Touched(who, each.team, *bounds(each)) for each, *both in pairs for who in both
    )


def _check_exchange(shift: Shift, other: Shift | None, to: str) -> None:
    """Refuse an exchange that would leave a shift with somebody who cannot work it."""
    definition = definitions.current()
    swapped = [each.id for each in (shift, other) if each is not None]
    sides = [(shift, to)] + ([(other, shift.practitioner)] if other is not None else [])
    for each, taker in sides:
        if bounds(each)[0] <= clock.now():
            raise StateError("this shift has started", field="shift")
        why_not = misfit(rota_changes.staff(taker), rota_changes.as_rule(each), definition)
        if why_not is not None:
            raise RuleError(why_not, field="to")
        starts, ends = bounds(each)
        rota_changes.check_free(taker, starts, ends, besides=swapped)
        if each.kind == WORK:
            rota_changes.check_rested(taker, starts, ends, besides=swapped)
        rota_changes.check_there(taker, starts, ends)


def _locked_shifts(shift_id: str, against: str | None) -> tuple[Shift, Shift | None]:
    held = {each: rota_changes.locked(each) for each in sorted({shift_id, against or shift_id})}
    if against == shift_id:
        raise RuleError("a shift is not swapped against itself", field="against")
    return held[shift_id], held[against] if against else None


def _open_offer(offer_id: str) -> ShiftOffer:
    found = db.session.get(ShiftOffer, offer_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise StateError(f"there is no offer {offer_id}", field="offer")
    if found.status != "offered":
        raise StateError(f"this offer was {found.status} already", field="offer")
    return found


def _close(found: ShiftOffer, status: str, who: list[str], line: str) -> ShiftOffer:
    found.status, found.answered_at = status, clock.now()
    db.session.flush()
    _tell(found, who, line, status)
    return found


def _leads(*shifts: Shift | None) -> list[str]:
    teams = definitions.current().teams
    codes = {(each.team or "").removeprefix("CareTeam/") for each in shifts if each is not None}
    return [f"Practitioner/{teams[code].lead}" for code in sorted(codes) if code in teams]


def _tell(found: ShiftOffer, who: list[str], line: str, what: str) -> None:
    notices.tell(
        who,
        kind="ShiftOffer",
        subject=f"ShiftOffer/{found.id}",
        line=line,
        key=f"shift-offer/{found.id}/{what}",
    )
