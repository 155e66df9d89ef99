"""What people do while the hub is killed under them; who finds it not done does it again."""

from datetime import datetime

from hub import records
from hub.domain.actor import Actor, hub_actor
from hub.domain.task_states import TaskStatus
from hub.queries import offers
from hub.services import definitions, hand_overs, referrals, rota, tasks
from hub.transaction import transaction
from tests.factories.actor import actor

HUB = hub_actor("test")


def staff(username: str) -> Actor:
    found = definitions.current().staff[username]
    return actor(
        username,
        *(f"CareTeam/{team}" for team in found.teams),
        organization=f"Organization/{found.organisation}",
        display=found.name,
        role=found.role,
    )


def nothing() -> None:
    """Only what the hub has to do by itself."""


def accept_referral(task: str, service: str) -> None:
    """Accept a referral at the SPOR, unless that has happened."""
    held = records.read(HUB, "Task", task)
    if held["status"] == TaskStatus.REQUESTED:
        with transaction():
            referrals.accept(staff("sam-spor"), task, version=held.version, service=service)


def be_away(who: str, starts: str, ends: str) -> None:
    """Report an absence; the same one twice is one."""
    with transaction():
        rota.report_absence(
            HUB,
            f"Practitioner/{who}",
            starts_at=datetime.fromisoformat(starts),
            ends_at=datetime.fromisoformat(ends),
            reason="sickness",
        )


def work(task: str, mine: str, theirs: str) -> None:
    """Claim, offer to a colleague, who accepts and completes: each goes on from what stands."""
    me, colleague = staff(mine), staff(theirs)
    held = records.read(HUB, "Task", task)
    if held["owner"]["reference"].startswith("CareTeam/"):
        with transaction():
            tasks.claim(me, task, version=held.version)
    held = records.read(HUB, "Task", task)
    if held["owner"]["reference"] == me.practitioner and offers.open_offer(task) is None:
        with transaction():
            hand_overs.offer(me, task, version=held.version, to=str(colleague.practitioner))
    if (offer := offers.open_offer(task)) is not None:
        with transaction():
            hand_overs.accept(colleague, offer.id)
    held = records.read(HUB, "Task", task)
    if held["status"] != TaskStatus.COMPLETED:
        with transaction():
            tasks.complete(colleague, task, version=held.version, outcome="done")


def busy_hour(
    referrals_in: list[dict[str, str]], works: list[dict[str, str]], away: dict[str, str]
) -> None:
    """Accept, hand over and go off sick, all before the hub gets to any of it."""
    for each in referrals_in:
        accept_referral(**each)
    for each in works:
        work(**each)
    be_away(**away)
