"""Who must have somebody accountable, since when, and what they lack: found in the rows."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union

from fhir import jsontext
from hub import clock, records
from hub.db import db
from hub.domain import accountability as rules
from hub.domain import calendars
from hub.domain.accountability import AccountableRole, Holding, Need, Vacancy
from hub.domain.referral import age_on
from hub.domain.task_states import OPEN
from hub.models.absence import Absence
from hub.models.accountability import AccountableSpell
from hub.records.tables import HISTORY
from hub.services import accountability_rows as spells
from hub.services import definitions

LONG_ABSENCE = timedelta(days=28)
"""From this length on, foreseen or already lasted, who is away is not accountable in practice."""

Patients = records.table("Patient")
_PLANS, _EPISODES = records.table("CarePlan"), records.table("EpisodeOfCare")
_TASKS = records.table("Task")


@dataclass(frozen=True, slots=True)
class Wanting:
    """One person who must have somebody, and what the rows say."""

    patient_id: str
    required: frozenset[AccountableRole]
    held: tuple[Holding, ...]
    """Every spell, stand-ins too."""
    since: datetime | None
    """When the need began, as far as the records say; never before the hub knew the person."""

    def vacancies(self, now: datetime, away: frozenset[str]) -> tuple[Vacancy, ...]:
        return rules.vacancies(self.held, self.required, now, away=away)


def required(which: ColumnElement[bool]) -> Iterator[Wanting]:
    """Yield the living people among ``which`` who must have somebody accountable."""
    now = clock.now()
    home = calendars.zone(definitions.current().time_zone)
    today = now.astimezone(home).date()
    rows = db.session.execute(_needing(which, now)).all()
    held = _held([row.id for row in rows])
    known_since = _known_since([row.id for row in rows])
    for row in rows:
        person = jsontext.loads(row.content)
        if not _counts(person):
            continue
        born = _latest(person.get("birthDate"))
        need = Need(
            age=age_on(born, today) if born else None,
            complex_need=row.planned is not None,
            on_register=row.on_register is not None,
            in_social_care=row.in_social_care is not None,
        )
        roles = rules.required_roles(need)
        if not roles:
            continue
        begun = [each for each in (row.planned, row.on_register, row.in_social_care) if each]
        if born is not None and need.age is not None and need.age >= rules.NAMED_FROM_AGE:
            begun.append(datetime.combine(_birthday(born), time(), home).astimezone(now.tzinfo))
        since = min(begun, default=None)
        known = known_since.get(row.id)
        if since is not None and known is not None:
            since = max(since, known)
        yield Wanting(row.id, roles, held.get(row.id, ()), since)


def unanswered(limit: int) -> list[str]:
    """Return ids of people who have to be settled.

    Their rows do not answer for every role that they need, or for one too many, or a vacancy is
    nobody's task: what a birthday, a date that came or a death has left.
    """
    now = clock.now()
    found = [
        each.patient_id
        for each in required(Patients.c.id.in_(_lacking(now)))
        if each.required - set(rules.current(each.held, now))
    ]
    found += _overdone()
    return sorted(set(found))[:limit]


def _lacking(now: datetime) -> list[str]:
    """Return ids of people who may need more answers than they have.

    Two roles or three: whoever has fewer rows is looked at closely. Sets are joined once: a sweep
    twice a minute over a district is no place for a look-up for each person.
    """
    needing = union(
        select(_PLANS.c.patient_id).where(_has_plan()),
        select(_EPISODES.c.patient_id).where(_cares("eol-register") | _cares("social-care")),
        select(Patients.c.id).where(_alive(), Patients.c.d_birthdate_lo <= _born_before(now)),
    ).subquery("needing")
    # A role that nobody asked for does not stand for one that is lacking: each kind is counted.
    worker = AccountableSpell.role == AccountableRole.SOCIAL_WORKER
    answered = (
        select(
            AccountableSpell.patient_id,
            func.count().filter(~worker).label("health"),
            func.count().filter(worker).label("social"),
        )
        .where(AccountableSpell.during.contains(now))
        .group_by(AccountableSpell.patient_id)
        .subquery("answered")
    )
    cared = select(_EPISODES.c.patient_id).where(_cares("social-care")).distinct().subquery("cared")
    return list(
        db.session.scalars(
            select(needing.c.patient_id)
            .outerjoin(answered, answered.c.patient_id == needing.c.patient_id)
            .outerjoin(cared, cared.c.patient_id == needing.c.patient_id)
            .where(
                or_(
                    func.coalesce(answered.c.health, 0) < 2,
                    and_(cared.c.patient_id.is_not(None), func.coalesce(answered.c.social, 0) < 1),
                )
            )
        )
    )


def _overdone() -> list[str]:
    """Return people with a stand-in that they do not need, or whose vacancy nobody works on."""
    open_tasks = (
        select(func.count())
        .select_from(_TASKS)
        .where(
            _TASKS.c.patient_id == AccountableSpell.patient_id,
            _TASKS.c.managed,
            ~_TASKS.c.deleted,
            _TASKS.c.code == "vacancy",
            _TASKS.c.status.in_(sorted(OPEN)),
        )
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(
            AccountableSpell.patient_id, func.array_agg(AccountableSpell.role), func.max(open_tasks)
        )
        .where(AccountableSpell.stands_in, func.upper_inf(AccountableSpell.during))
        .group_by(AccountableSpell.patient_id)
    ).all()
    needed = {
        each.patient_id: each.required
        for each in required(Patients.c.id.in_([patient_id for patient_id, _, _ in rows]))
    }
    return [
        patient_id
        for patient_id, roles, tasks in rows
        if set(roles) - needed.get(patient_id, frozenset()) or tasks < len(roles)
    ]


def long_absent(now: datetime) -> frozenset[str]:
    """Return the people who are away now and will be, or have been, for long."""
    starts, ends = func.lower(Absence.during), func.upper(Absence.during)
    return frozenset(
        db.session.scalars(
            select(Absence.practitioner).where(
                Absence.during.contains(now),
                or_(
                    ends - starts >= LONG_ABSENCE,
                    func.upper_inf(Absence.during) & (starts <= now - LONG_ABSENCE),
                ),
            )
        )
    )


def _needing(which: ColumnElement[bool], now: datetime) -> Select[Any]:
    plan = (
        select(func.min(func.coalesce(_PLANS.c.d_date_lo, _PLANS.c.last_updated)))
        .where(_PLANS.c.patient_id == Patients.c.id, _has_plan())
        .scalar_subquery()
    )
    register, social = _in_care("eol-register"), _in_care("social-care")
    return select(
        Patients.c.id,
        Patients.c.content,
        plan.label("planned"),
        register.label("on_register"),
        social.label("in_social_care"),
    ).where(
        which,
        _alive(),
        or_(
            Patients.c.d_birthdate_lo <= _born_before(now),
            plan.is_not(None),
            register.is_not(None),
            social.is_not(None),
        ),
    )


def _alive() -> ColumnElement[bool]:
    return and_(~Patients.c.deleted, Patients.c.d_death_date_lo.is_(None))


def _born_before(now: datetime) -> datetime:
    """A day more than the years hold: the exact age is reckoned by the day, at home."""
    return now - timedelta(days=365 * rules.NAMED_FROM_AGE)


def _has_plan() -> ColumnElement[bool]:
    return and_(_PLANS.c.managed, ~_PLANS.c.deleted, _PLANS.c.status.in_(["active", "on-hold"]))


def _cares(code: str) -> ColumnElement[bool]:
    return and_(
        _EPISODES.c.managed,
        ~_EPISODES.c.deleted,
        _EPISODES.c.status == "active",
        _EPISODES.c.type == code,
    )


def _in_care(code: str) -> ColumnElement[datetime | None]:
    return (
        select(func.min(func.coalesce(_EPISODES.c.d_date_lo, _EPISODES.c.last_updated)))
        .where(_EPISODES.c.patient_id == Patients.c.id, _cares(code))
        .scalar_subquery()
    )


def _counts(person: Mapping[str, Any]) -> bool:
    """Say whether this is a living person's own record: a merged one says who replaced it."""
    replaced = any(link.get("type") == "replaced-by" for link in person.get("link") or ())
    return not (person.get("deceasedBoolean") or "deceasedDateTime" in person or replaced)


def _held(ids: Collection[str]) -> dict[str, tuple[Holding, ...]]:
    found: dict[str, list[Holding]] = {}
    rows = db.session.scalars(
        select(AccountableSpell).where(AccountableSpell.patient_id.in_(list(ids)))
    )
    for row in rows:
        found.setdefault(row.patient_id, []).append(spells.holding(row))
    return {patient_id: tuple(each) for patient_id, each in found.items()}


def _known_since(ids: Collection[str]) -> dict[str, datetime]:
    """Return when the hub came to know each person: it answers for nobody before."""
    current = select(Patients.c.id, Patients.c.last_updated).where(Patients.c.id.in_(list(ids)))
    first = {row.id: row.last_updated for row in db.session.execute(current)}
    earlier = db.session.execute(
        select(HISTORY.c.id, HISTORY.c.last_updated).where(
            HISTORY.c.type == "Patient", HISTORY.c.version == 1, HISTORY.c.id.in_(list(ids))
        )
    )
    first.update((patient_id, at) for patient_id, at in earlier)
    return first


def _latest(birth_date: str | None) -> date | None:
    """Return the day of birth; of a year or a month only, the latest day it can mean."""
    if not birth_date:
        return None
    parts = [int(part) for part in birth_date.split("-")]
    year, month, day = (*parts, *(12, 28)[len(parts) - 1 :])
    return date(year, month, day)


def _birthday(born: date) -> date:
    """Return the day from which somebody is of the age: born on 29 February, the day after."""
    year = born.year + rules.NAMED_FROM_AGE
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 3, 1)
