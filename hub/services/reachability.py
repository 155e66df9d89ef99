"""Whether people can be reached: asked before somebody is given work by name.

Contact details stand in the hub definition and in Practitioner.telecom; sign-ins on the account.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select

from hub import records
from hub.db import db
from hub.domain import reachability as rules
from hub.domain.actor import hub_actor
from hub.domain.reachability import Reachability, ReachFacts
from hub.domain.staffing import StaffMember
from hub.models.account import Account
from hub.services import definitions

_SELF = hub_actor("reachability")
_RINGS = frozenset({"phone", "sms", "email", "pager"})


def reachability(practitioner: str, now: datetime) -> Reachability:
    """Return why ``Practitioner/x`` may not hear of work given to them now; nothing if they will.

    A flag for who chooses, never a bar: the person may be standing beside them.
    """
    return reachability_of([practitioner], now)[practitioner]


def reachability_of(practitioners: Collection[str], now: datetime) -> dict[str, Reachability]:
    """Return it for many people in two statements, by reference."""
    wanted = sorted(set(practitioners))
    definition = definitions.current()
    accounts = {
        row.practitioner: row
        for row in db.session.execute(
            select(Account.practitioner, Account.active, Account.signed_in_at)
            .where(Account.practitioner.in_(wanted))
            # Of several accounts of one person, the one that was used last counts.
            .order_by(Account.active, Account.signed_in_at.asc().nulls_first())
        )
    }
    silent = [
        each
        for each in wanted
        if (person := definition.staff.get(each.removeprefix("Practitioner/"))) is None
        or not person.phone
    ]
    reachable = _with_telecom(silent)
    within = timedelta(days=definition.work.seen_within_days)
    return {
        each: rules.reach(
            ReachFacts(
                has_contact=each not in silent or each in reachable,
                has_account=each in accounts and accounts[each].active,
                signed_in_at=accounts[each].signed_in_at if each in accounts else None,
            ),
            now,
            seen_within=within,
        )
        for each in wanted
    }


def silent(
    practitioners: Collection[str], now: datetime, staff: Mapping[str, StaffMember]
) -> dict[str, str]:
    """Return who can neither be rung nor looks, and why, in words.

    Only who has no number in the definition is asked about: routing comes here for every task.
    """
    doubtful = [
        each
        for each in practitioners
        if (person := staff.get(each.removeprefix("Practitioner/"))) is None or not person.phone
    ]
    found = reachability_of(doubtful, now) if doubtful else {}
    return {who: each.sentence for who, each in found.items() if each.is_silent}


def unreachable_of_team(team: str, now: datetime) -> dict[str, Reachability]:
    """Return the members of a team (its code) who cannot be reached, by reference."""
    members = definitions.current().members(team)
    found = reachability_of([f"Practitioner/{each.username}" for each in members], now)
    return {who: each for who, each in found.items() if not each.is_reachable}


def _with_telecom(practitioners: Iterable[str]) -> frozenset[str]:
    held = records.read_many(_SELF, practitioners)
    return frozenset(
        reference
        for reference, record in held.items()
        if any(
            each.get("system") in _RINGS and each.get("value") for each in record.get("telecom", ())
        )
    )
