"""A coordinator's people: one line each, and the counts that say where to look first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from hub.domain import accountability as rules
from hub.domain.accountability import TITLES, AccountableRole, Holding, Need
from hub.domain.task_states import OPEN
from hub.queries.caseload import PersonRecords
from hub.records import Record
from hub.services import accountability_team, plan_content, task_content
from hub.web import directory
from hub.web.presenters import elements, people, words
from hub.web.presenters.people import PersonLine
from hub.web.presenters.words import TimeLeft

REVIEW_SOON = timedelta(days=14)
"""A review within two weeks is worth a telephone call today."""


@dataclass(frozen=True, slots=True)
class CaseloadRow:
    person: PersonLine
    on_register: bool
    late: int
    today: int
    open: int
    next: TimeLeft
    """The clock of the most urgent work."""
    next_title: str
    next_owner: str
    plan_id: str
    plan: str
    """How the plan stands, in words."""
    plan_tone: str
    gp: str
    missing: tuple[str, ...]
    """Roles that must be held and are not."""


FILTERS: Mapping[str, tuple[str, Callable[[CaseloadRow], bool]]] = {
    "late": ("with something late", lambda row: row.late > 0),
    "today": ("with something due today", lambda row: row.today > 0),
    "review": ("whose plan is due for review", lambda row: row.plan_tone in {"late", "soon"}),
    "no-plan": ("without an active plan", lambda row: row.plan_tone == "none"),
    "vacant": ("with nobody accountable", lambda row: bool(row.missing)),
    "register": ("on the end-of-life register", lambda row: row.on_register),
}


def is_mine(person: PersonRecords, practitioner: str, now: datetime) -> bool:
    """Tell whether somebody looks after this person now: a role that ended is history.

    Every role counts, a key worker's too: the end-of-life facilitator is accountable for nobody
    and has a caseload all the same.
    """
    return any(
        elements.reference(each.get("member")) == practitioner and _lasts(each, now)
        for each in person.team.get("participant", ())
    )


def _lasts(participant: elements.Element, now: datetime) -> bool:
    period = participant.get("period") or {}
    start, end = words.instant(period.get("start")), words.instant(period.get("end"))
    return (start is None or start <= now) and (end is None or now < end)


def row(person: PersonRecords, now: datetime) -> CaseloadRow:
    held = accountability_team.holdings(person.team.resource)
    waiting = sorted(
        (each for each in person.tasks if each.get("status") in OPEN), key=lambda t: _due(t, now)
    )
    clocks = [words.time_left(task_content.due_at(each.resource), now) for each in waiting]
    first = waiting[0] if waiting else None
    plan_id, plan, tone = _plan(person.plans, words.local(now).date())
    return CaseloadRow(
        person=people.line(person.patient, now),
        on_register=person.on_register,
        late=sum(1 for each in clocks if each.tone == "late"),
        today=sum(1 for each in clocks if each.tone in {"soon", "today"}),
        open=len(waiting),
        next=clocks[0] if clocks else words.NO_CLOCK,
        next_title=words.short(str(first.get("description", "")), 64) if first else "",
        next_owner=directory.name_of(first.get("owner")) if first else "",
        plan_id=plan_id,
        plan=plan,
        plan_tone=tone,
        gp=_holder(held, AccountableRole.GP, now),
        missing=_missing(person, held, now),
    )


def order(found: CaseloadRow) -> tuple[str, bool, str]:
    """Sort by what cannot wait: the earliest deadline, then nobody accountable, then the name."""
    return (found.next.iso or "9", not found.missing, found.person.name.rpartition(" ")[2])


def _due(task: Record, now: datetime) -> datetime:
    return task_content.due_at(task.resource) or now + timedelta(days=3650)


def _plan(plans: list[Record], today: date) -> tuple[str, str, str]:
    by_status = {str(each.get("status")): each for each in plans}
    plan = by_status.get("active") or by_status.get("on-hold") or by_status.get("draft")
    if plan is None:
        return "", "No plan", "none"
    if plan.get("status") == "draft":
        return plan.id, "Draft", "none"
    review = plan_content.review_date(plan.resource)
    if not review:
        return plan.id, "No review date", "soon"
    on = date.fromisoformat(review)
    if on < today:
        return plan.id, f"Review was due {_near(on, today)}", "late"
    if on <= today + REVIEW_SOON:
        return plan.id, f"Review {_near(on, today)}", "soon"
    return plan.id, f"Review {words.short_day(on)}", "later"


def _near(on: date, today: date) -> str:
    """Leave the year out where nobody needs it."""
    return f"{on.day} {on:%b}" if on.year == today.year else words.short_day(on)


def _holder(held: tuple[Holding, ...], role: AccountableRole, now: datetime) -> str:
    found = rules.holder_at(held, role, now)
    return directory.name_of(found.practitioner) if found else ""


def _missing(person: PersonRecords, held: tuple[Holding, ...], now: datetime) -> tuple[str, ...]:
    need = Need(
        age=words.age(person.patient.get("birthDate"), now),
        complex_need=any(each.get("status") == "active" for each in person.plans),
        on_register=person.on_register,
    )
    vacant = rules.vacancies(held, rules.required_roles(need), now)
    return tuple(words.inside(TITLES[each.role]) for each in vacant)
