"""Leaving: nobody goes while something is theirs. Re-homed, or allowed until a date, it may be.

Source: issue 4 ("orphan guard: deactivating a person, ending a contract, leaving a team is refused
until every plan, task, referral and subscription is re-homed or time-boxed").
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import Range

from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.scopes import permits
from hub.models.absence import Absence
from hub.models.account import Account
from hub.models.departure import Departure, TimeBox
from hub.records.ids import new_id
from hub.records.record import instant
from hub.services import (
    accountability,
    definitions,
    deputies,
    employment,
    notices,
    rehoming,
    routing,
    vacancies,
)
from hub.services.leaving_holdings import Held, Kind, summary, unsettled, what_holds

__all__ = [
    "Held",
    "Kind",
    "StillHoldsError",
    "check_may",
    "end_time_box",
    "leave",
    "rehome",
    "summary",
    "take_leave",
    "time_box",
    "unsettled",
    "what_holds",
]

_HUB = hub_actor("leaving")

LONGEST = timedelta(days=90)
"""A time-box is a bridge: what is held longer has no owner in truth."""

LEFT = "left"
"""Reason of the absence of somebody who has left: no shift and no routing finds them."""


class StillHoldsError(StateError):
    """Somebody cannot leave: ``held`` is everything that is still theirs."""

    def __init__(self, practitioner: str, held: Iterable[Held]) -> None:
        self.held = tuple(held)
        self.summary = summary(self.held)
        super().__init__(
            f"{practitioner} still holds {self.summary}: give each to somebody, or allow it "
            "until a date",
            field="practitioner",
            allowed=[each.key for each in self.held],
        )


def check_may(actor: Actor) -> None:
    """Raise NotPermittedError for who may not see and settle what others hold."""
    if actor.kind is ActorKind.HUB:
        return
    if actor.kind is ActorKind.SYSTEM and permits(actor.scopes, "Practitioner", "u"):
        return
    role = definitions.current().roles.get(actor.role or "")
    if actor.kind is ActorKind.PERSON and role is not None and role.kind == "management":
        return
    raise NotPermittedError("a manager settles what a leaver holds")


def leave(actor: Actor, practitioner: str, at: datetime | None = None) -> Departure:
    """Let somebody leave at an instant (None: now); nothing new is given to them from here on.

    Raises StillHoldsError with the full list while anything is theirs without a date.
    """
    check_may(actor)
    leaves_at = at or clock.now()
    records.lock(_HUB, "Practitioner", practitioner.removeprefix("Practitioner/"))
    found = depart(actor, practitioner, leaves_at)
    if leaves_at <= clock.now():
        take_leave(practitioner)
    else:
        records.outbox.emit("StaffLeaves", subject=practitioner, due_at=leaves_at)
    return found


def depart(actor: Actor, practitioner: str, leaves_at: datetime) -> Departure:
    """Enter that somebody leaves. The Practitioner is locked; the rest is kept out until commit."""
    employment.hold_alone(practitioner)
    found = employment.departure(practitioner)
    if found is not None:
        return found
    check_settled(practitioner)
    found = Departure(
        practitioner=practitioner,
        leaves_at=leaves_at,
        confirmed_by=actor.id,
        confirmed_at=clock.now(),
    )
    absence = Absence(
        id=new_id(),
        practitioner=practitioner,
        during=Range(leaves_at, None),
        reason=LEFT,
        reported_by=actor.id,
        reported_at=clock.now(),
        moved=0,
    )
    db.session.add_all([found, absence])
    db.session.flush()
    if what_holds(practitioner):
        # What they may hold until a date is done by somebody meanwhile.
        deputies.begin(absence)
    records.audit.record(actor, "leaving-confirmed", practitioner, {"at": instant(leaves_at)})
    return found


def check_settled(practitioner: str) -> None:
    """Refuse somebody who still holds something without a date."""
    open_still = unsettled(what_holds(practitioner))
    if open_still:
        raise StillHoldsError(practitioner, open_still)


def take_leave(practitioner: str) -> bool:
    """End the contract of somebody whose last day has come; again it changes nothing."""
    found = employment.departure(practitioner)
    if found is None or found.leaves_at > clock.now():
        return False
    identity = practitioner.removeprefix("Practitioner/")
    person = records.lock(_HUB, "Practitioner", identity)
    if person.get("active") is not False:
        changed = person.resource | {"active": False}
        records.update(_HUB, changed, type="Practitioner", id=identity, if_match=person.version)
    role = records.read_many(_HUB, [f"PractitionerRole/{identity}"])
    for each in role.values():
        if each.get("active") is not False:
            ended = each.resource | {"active": False}
            ended["period"] = ended.get("period", {}) | {"end": instant(found.leaves_at)}
            records.update(_HUB, ended, type="PractitionerRole", id=identity)
    # Their sign-in ends with the contract; the name stays in the audit.
    db.session.execute(
        update(Account).where(Account.practitioner == practitioner).values(active=False)
    )
    return True


def stay(practitioner: str) -> None:
    """Take a leaving back: somebody is made active again."""
    employment.hold_alone(practitioner)
    found = employment.departure(practitioner)
    if found is not None:
        db.session.delete(found)
    now = clock.now()
    for absence in db.session.scalars(
        select(Absence).where(Absence.practitioner == practitioner, Absence.reason == LEFT)
    ):
        if absence.during.lower is not None and absence.during.lower >= now:
            db.session.delete(absence)
        elif absence.during.upper is None:
            absence.during = Range(absence.during.lower, now)
    db.session.flush()


def rehome(
    actor: Actor, practitioner: str, keys: Iterable[str], *, to: str | None = None
) -> list[Held]:
    """Give what is held to ``to`` (``Practitioner/x``), or by the rules where ``to`` is None.

    Tasks go by routing, offers are taken back, stand-ins change; who answers for a person, plans
    and care teams need a name. One transaction: all or nothing. Returns what is left.
    """
    check_may(actor)
    wanted = set(keys)
    chosen = [each for each in what_holds(practitioner) if each.key in wanted]
    missing = wanted - {each.key for each in chosen}
    if missing:
        raise RuleError(f"{practitioner} does not hold {min(missing)} any more", field="holding")
    if to == practitioner:
        raise RuleError("name somebody else", field="to")
    if to is not None and to.removeprefix("Practitioner/") not in definitions.current().staff:
        raise RuleError("give it to a member of staff", field="to")
    rehoming.give(actor, practitioner, chosen, to)
    if to is not None:
        # After the rows, as everybody who gives something does.
        employment.hold_present([to])
    records.audit.record(
        actor, "rehomed", practitioner, {"to": to or "by the rules", "keys": sorted(wanted)}
    )
    return list(what_holds(practitioner))


def time_box(actor: Actor, practitioner: str, key: str, *, until: datetime, owner: str) -> TimeBox:
    """Allow somebody to hold one thing until a date; ``owner`` sees that it ends, and is told.

    At the date what is held still escalates: see ``end_time_box``.
    """
    check_may(actor)
    now = clock.now()
    if not now < until <= now + LONGEST:
        raise RuleError(f"choose a date within {LONGEST.days} days", field="until")
    held = next((each for each in what_holds(practitioner) if each.key == key), None)
    if held is None:
        raise RuleError(f"{practitioner} does not hold {key}", field="holding")
    if owner == practitioner or owner.removeprefix("Practitioner/") not in (
        definitions.current().staff
    ):
        raise RuleError("the reminder goes to another member of staff", field="owner")
    employment.hold_present([owner])
    db.session.execute(
        update(TimeBox)
        .where(
            TimeBox.practitioner == practitioner, TimeBox.holding == key, TimeBox.ended_at.is_(None)
        )
        .values(ended_at=now)
    )
    box = TimeBox(
        id=new_id(),
        practitioner=practitioner,
        holding=key,
        words=held.words,
        until=until,
        owner=owner,
        set_by=actor.id,
        set_at=now,
    )
    db.session.add(box)
    db.session.flush()
    records.outbox.emit("TimeBoxEnds", subject=f"TimeBox/{box.id}", due_at=until)
    notices.tell(
        [owner],
        kind="TimeBoxSet",
        subject=practitioner,
        line=f"{deputies.name(practitioner)} keeps until {until:%d %B}: {held.words}. See to it.",
        key=f"time-box/{box.id}",
    )
    return box


def end_time_box(box_id: str) -> bool:
    """Escalate what is held still at the end of its time-box; return whether it was.

    The owner and the duty manager are told at once. Of somebody who has left, tasks are routed and
    who they answered for becomes a vacancy with its stand-in and its urgent task.
    """
    box = db.session.get(TimeBox, box_id, with_for_update=True)
    if box is None or box.ended_at is not None or box.until > clock.now():
        return False
    held = next((each for each in what_holds(box.practitioner) if each.key == box.holding), None)
    box.ended_at = clock.now()
    db.session.flush()
    if held is None:
        return False
    manager = vacancies.stand_in_for(accountability.AccountableRole.COORDINATOR, clock.now())
    notices.tell(
        [box.owner, manager],
        kind="TimeBoxEnded",
        subject=box.practitioner,
        line=f"{deputies.name(box.practitioner)} still holds: {held.words}. The date has come.",
        key=f"time-box/{box.id}/ended",
        urgent=True,
    )
    if employment.departure(box.practitioner) is not None:
        if held.kind in {Kind.TASK, Kind.REFERRAL}:
            routing.route_many(_HUB, [held.id], cause="absence", displaced=box.practitioner)
        elif held.kind is Kind.ACCOUNTABILITY:
            patient_id, _, role = held.id.rpartition("/")
            accountability.end(_HUB, patient_id, role=role)
        elif held.kind is Kind.STAND_IN:
            rehoming.give(_HUB, box.practitioner, [held], None)
    return True
