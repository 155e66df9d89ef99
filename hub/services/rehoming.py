"""Giving what a leaver holds to somebody else, each kind by its own verb."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import update

from hub import clock, records
from hub.db import db
from hub.domain.accountability import AccountableRole
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import RuleError
from hub.domain.offer import Answer
from hub.models.account import Account
from hub.models.departure import TimeBox
from hub.models.subscriber import Subscriber
from hub.queries import offers as offers_query
from hub.records.record import instant
from hub.services import accountability, offers, routing, tasks, vacancies
from hub.services import accountability_offer_rows as offer_rows
from hub.services.leaving_holdings import OF_TASK, Held, Kind, others_in

_HUB = hub_actor("leaving")
BECAUSE = "Given on because the owner leaves"


def give(actor: Actor, practitioner: str, held: Sequence[Held], to: str | None) -> None:
    """Give each thing to ``to``, or where that can be by the rules; all or nothing."""
    work = sorted(each.id for each in held if each.kind in {Kind.TASK, Kind.REFERRAL})
    if work and to is None:
        routing.route_many(_HUB, work, cause="absence", displaced=practitioner)
    for task_id in work if to else ():
        assert to is not None
        tasks.assign(_HUB, task_id, to=to, because=BECAUSE, cause="absence")
    for each in sorted(held, key=lambda one: one.key):
        if each.kind in _VERBS:
            _VERBS[each.kind](actor, practitioner, each, to)
        elif each.kind not in {Kind.TASK, Kind.REFERRAL}:
            raise RuleError(
                f"{each.words}: activate a hub definition that names somebody else",
                field="holding",
            )


def _needed(held: Held, to: str | None) -> str:
    if to is None:
        raise RuleError(f"{held.words}: name who takes it", field="to")
    return to


def _accountable(actor: Actor, practitioner: str, held: Held, to: str | None) -> None:  # noqa: ARG001
    patient_id, _, role = held.id.rpartition("/")
    accountability.name(_HUB, patient_id, role=role, practitioner=_needed(held, to))
    records.audit.record(
        actor, "accountable-named", f"Patient/{patient_id}", {"role": role, "to": to}
    )


def _stand_in(actor: Actor, practitioner: str, held: Held, to: str | None) -> None:  # noqa: ARG001
    patient_id, _, role = held.id.rpartition("/")
    vacancies.relieve(patient_id, AccountableRole(role), practitioner, to)


def _plan(actor: Actor, practitioner: str, held: Held, to: str | None) -> None:  # noqa: ARG001
    plan = records.lock(_HUB, "CarePlan", held.id)
    resource = plan.resource
    successor = _needed(held, to)
    for activity in resource.get("activity", ()):
        for performer in activity.get("detail", {}).get("performer", ()):
            if performer.get("reference") == practitioner:
                performer.clear()
                performer["reference"] = successor
    records.update(_HUB, resource, type="CarePlan", id=plan.id, if_match=plan.version)


def _membership(actor: Actor, practitioner: str, held: Held, to: str | None) -> None:  # noqa: ARG001
    found = records.lock(_HUB, "CareTeam", held.id)
    resource = found.resource
    now = instant(clock.now())
    for each in others_in(resource, practitioner):
        period: Any = each.get("period") or {}
        if to is not None:
            resource["participant"].append(
                {
                    **{name: value for name, value in each.items() if name == "role"},
                    "member": {"reference": to},
                    "period": {"start": now},
                }
            )
        each["period"] = {**period, "end": now}
    records.update(_HUB, resource, type="CareTeam", id=found.id, if_match=found.version)


def _subscription(actor: Actor, practitioner: str, held: Held, to: str | None) -> None:  # noqa: ARG001
    account = db.session.query(Account).filter_by(practitioner=_needed(held, to)).first()
    if account is None:
        raise RuleError(f"{to} has no account that could own a subscription", field="to")
    db.session.execute(
        update(Subscriber)
        .where(Subscriber.subscription_id == held.id)
        .values(actor_id=f"user/{account.username}")
    )


def _offer(actor: Actor, practitioner: str, held: Held, to: str | None) -> None:  # noqa: ARG001
    if held.id.startswith(OF_TASK):
        _task_offer(practitioner, held.id.removeprefix(OF_TASK))
        return
    row = offer_rows.locked(held.id)
    if row.state == offer_rows.OPEN:
        mine = row.giver == practitioner
        state = offer_rows.WITHDRAWN if mine else offer_rows.REFUSED
        offer_rows.close(_HUB, row, state, "leaves the hub")


def _task_offer(practitioner: str, task_id: str) -> None:
    task = records.lock(_HUB, "Task", task_id)
    row = offers_query.open_offer(task_id, locked=True)
    if row is not None:
        answer = Answer.WITHDRAWN if row.giver == practitioner else Answer.REFUSED
        offers.end(row, answer, _HUB, task.resource)


def _reminder(actor: Actor, practitioner: str, held: Held, to: str | None) -> None:  # noqa: ARG001
    db.session.execute(update(TimeBox).where(TimeBox.id == held.id).values(owner=_needed(held, to)))


_VERBS: Mapping[Kind, Callable[[Actor, str, Held, str | None], None]] = {
    Kind.ACCOUNTABILITY: _accountable,
    Kind.STAND_IN: _stand_in,
    Kind.PLAN: _plan,
    Kind.MEMBERSHIP: _membership,
    Kind.SUBSCRIPTION: _subscription,
    Kind.OFFER: _offer,
    Kind.REMINDER: _reminder,
}
