"""What routing must know of tasks, people and rota, gathered in a fixed number of queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select

from hub import clock, records
from hub.db import db
from hub.domain import calendars, routing
from hub.domain.actor import Actor
from hub.domain.calendars import Calendar
from hub.domain.definition import Service, StaffMember, Team
from hub.domain.rota import Rota
from hub.domain.routing import Candidate, Decision, Priority, RoutingTask
from hub.models.assignment import Assignment
from hub.models.clock import TaskClock
from hub.models.decision import RoutingDecision
from hub.records.record import Record
from hub.services import assignments, definitions, rota, task_content

FAIRNESS_DAYS = 28
"""Work of this many days before today counts for fairness (care model, section 5)."""

_REFUSALS = ("declined", "breach")


@dataclass(slots=True)
class Load:
    """What one person has been given."""

    minutes: int = 0
    urgent: int = 0
    recent: int = 0


class Situation:
    """The facts for routing some tasks at one instant; decisions made are counted in."""

    def __init__(self, actor: Actor, tasks: Sequence[Record]) -> None:
        self.now = clock.now()
        self.definition = definitions.current()
        self._tasks = {record.id: record for record in tasks}
        self._spells = self._find_spells()
        self._refused = self._find_refused()
        self._records = records.read_many(actor, self._wanted())
        self._seen_by, self._seen_by_team = self._find_continuity()
        self._loads = self._find_loads()
        self._rotas: dict[tuple[datetime, datetime], Rota] = {}

    def spell(self, task_id: str) -> Assignment | None:
        return self._spells.get(task_id)

    def decide(self, task_id: str, *, displaced: str | None = None) -> Decision:
        """Decide one task and count its work with its new owner."""
        task, team, service = self.routing_task(task_id, displaced=displaced)
        calendar = self._calendar(team, service)
        patient = self._patient(task_id)
        decision = routing.decide(
            task,
            self._candidates((task.team, *task.neighbours), patient),
            self._rota_for(calendar),
            calendar,
            self.definition.routing,
            self.now,
        )
        load = self._loads.setdefault(decision.owner, Load())
        load.minutes += task.minutes
        load.urgent += task.is_urgent
        return decision

    def routing_task(
        self, task_id: str, *, displaced: str | None = None
    ) -> tuple[RoutingTask, Team | None, Service | None]:
        """Return a task as the rules see it, with its team and service."""
        content = self._tasks[task_id].resource
        spell = self._spells.get(task_id)
        owner = task_content.owner(content)
        desk = f"CareTeam/{self.definition.spor.out_of_hours_desk}"
        pool = (
            (spell.team if spell else None) or assignments.team_of(owner, self.definition) or desk
        )
        team = self.definition.teams.get(pool.removeprefix("CareTeam/"))
        service = self._service(task_id)
        refused = self._refused.get(task_id, frozenset())
        task = RoutingTask(
            id=task_id,
            team=pool,
            desk=f"CareTeam/{team.desk}" if team and team.desk else pool,
            priority=Priority(content.get("priority", "routine")),
            roles=task_content.roles(content),
            skills=frozenset(service.skills) if service else frozenset(),
            neighbours=tuple(f"CareTeam/{each}" for each in team.neighbours) if team else (),
            out_of_hours_desk=desk,
            due_at=task_content.due_at(content),
            minutes=spell.minutes if spell else assignments.USUAL_MINUTES,
            place=self._place(task_id),
            language=self._language(task_id),
            refused_by=refused | {displaced} if displaced else refused,
        )
        return task, team, service

    def _find_spells(self) -> dict[str, Assignment]:
        found = db.session.execute(
            select(Assignment)
            .where(Assignment.task_id.in_(self._tasks))
            .order_by(Assignment.task_id, Assignment.starts_at, Assignment.id)
        )
        # The last one: work that was declined has none that runs.
        return {spell.task_id: spell for spell in found.scalars()}

    def _find_refused(self) -> dict[str, frozenset[str]]:
        rows = db.session.execute(
            select(RoutingDecision.task_id, func.array_agg(RoutingDecision.displaced))
            .where(
                RoutingDecision.task_id.in_(self._tasks),
                RoutingDecision.cause.in_(_REFUSALS),
                RoutingDecision.displaced.is_not(None),
            )
            .group_by(RoutingDecision.task_id)
        )
        return {task_id: frozenset(each for each in refused if each) for task_id, refused in rows}

    def _wanted(self) -> Iterable[str]:
        for record in self._tasks.values():
            for element in ("focus", "for"):
                found = task_content.reference(record.resource, element)
                if found is not None and found.startswith(("ServiceRequest/", "Patient/")):
                    yield found

    def _find_continuity(
        self,
    ) -> tuple[dict[tuple[str, str], datetime], dict[tuple[str, str], datetime]]:
        patients = [name for name in self._records if name.startswith("Patient/")]
        by_person: dict[tuple[str, str], datetime] = {}
        by_team: dict[tuple[str, str], datetime] = {}
        if not patients:
            return by_person, by_team
        oldest = self.now - timedelta(days=self.definition.routing.continuity_days + 1)
        rows = db.session.execute(
            select(
                Assignment.patient, Assignment.owner, Assignment.team, func.max(Assignment.ends_at)
            )
            .where(
                Assignment.patient.in_(patients),
                Assignment.outcome == "completed",
                Assignment.ends_at > oldest,
            )
            .group_by(Assignment.patient, Assignment.owner, Assignment.team)
        )
        for patient, owner, team, last in rows:
            assert patient is not None
            assert last is not None
            by_person[patient, owner] = max(last, by_person.get((patient, owner), last))
            if team is not None:
                by_team[patient, team] = max(last, by_team.get((patient, team), last))
        return by_person, by_team

    def _find_loads(self) -> dict[str, Load]:
        """Sum what was given for today, and what was done in the weeks before."""
        home = calendars.zone(self.definition.time_zone)
        midnight = datetime.combine(self.now.astimezone(home).date(), datetime.min.time(), home)
        tomorrow = midnight + timedelta(days=1)
        is_open = Assignment.ends_at.is_(None)
        done_today = and_(Assignment.ends_at >= midnight, Assignment.outcome == "completed")
        for_today = or_(
            done_today,
            and_(
                is_open,
                or_(Assignment.starts_at >= midnight, TaskClock.due_at < tomorrow),
            ),
        )
        recent = and_(Assignment.ends_at < midnight, Assignment.outcome == "completed")
        rows = db.session.execute(
            select(
                Assignment.owner,
                func.coalesce(func.sum(Assignment.minutes).filter(for_today), 0),
                func.count().filter(and_(is_open, Assignment.urgent)),
                func.coalesce(func.sum(Assignment.minutes).filter(recent), 0),
            )
            .outerjoin(
                TaskClock,
                and_(TaskClock.task_id == Assignment.task_id, TaskClock.stopped_at.is_(None)),
            )
            .where(
                Assignment.owner.startswith("Practitioner/"),
                or_(is_open, Assignment.ends_at >= midnight - timedelta(days=FAIRNESS_DAYS)),
            )
            .group_by(Assignment.owner)
        )
        return {
            owner: Load(minutes=int(minutes), urgent=int(urgent), recent=int(before))
            for owner, minutes, urgent, before in rows
        }

    def _candidates(self, teams: Sequence[str], patient: str | None) -> Iterable[Candidate]:
        for team in teams:
            for person in self.definition.members(team.removeprefix("CareTeam/")):
                yield self._candidate(person, team, patient)

    def _candidate(self, person: StaffMember, team: str, patient: str | None) -> Candidate:
        staff = f"Practitioner/{person.username}"
        load = self._loads.get(staff, Load())
        employer = self.definition.organisations.get(person.organisation)
        signed = employer.agreement_signed if employer else None
        return Candidate(
            staff=staff,
            name=person.name,
            team=team,
            role=person.role,
            skills=frozenset(person.skills),
            areas=frozenset(person.areas),
            languages=frozenset(person.languages),
            gender=person.gender,
            capacity_minutes=person.capacity_minutes,
            load_minutes=load.minutes,
            open_urgent=load.urgent,
            recent_minutes=load.recent,
            last_saw=self._day(self._seen_by.get((patient or "", staff))),
            team_saw=self._day(self._seen_by_team.get((patient or "", team))),
            may_see=signed is not None and signed <= self._today(),
        )

    def _rota_for(self, calendar: Calendar) -> Rota:
        span = routing.opening_for(calendar, self.now)
        if span not in self._rotas:
            self._rotas[span] = rota.around(*span)
        return self._rotas[span]

    def _calendar(self, team: Team | None, service: Service | None) -> Calendar:
        code = service.calendar if service else team.calendar if team else None
        if code is None:
            return calendars.AROUND_THE_CLOCK
        calendar = self.definition.calendars[code]
        # Holidays long past or far ahead decide nothing.
        near = {
            day
            for day in calendar.bank_holidays
            if abs((day - self._today()).days) <= calendars.HORIZON_DAYS
        }
        return replace(calendar, bank_holidays=frozenset(near))

    def _service(self, task_id: str) -> Service | None:
        focus = task_content.reference(self._tasks[task_id].resource, "focus")
        request = self._records.get(focus or "")
        if request is None or request.type != "ServiceRequest":
            return None
        for performer in request.get("performer", ()):
            kind, _, code = performer.get("reference", "").partition("/")
            if kind == "HealthcareService":
                return self.definition.services.get(code)
        return None

    def _patient(self, task_id: str) -> str | None:
        return task_content.reference(self._tasks[task_id].resource, "for")

    def _person(self, task_id: str) -> dict[str, Any]:
        found = self._records.get(self._patient(task_id) or "")
        return found.resource if found else {}

    def _place(self, task_id: str) -> str | None:
        outward = {
            str(address.get("postalCode", "")).strip().upper().partition(" ")[0]
            for address in self._person(task_id).get("address", ())
        }
        return next(
            (area.code for area in self.definition.areas.values() if outward & set(area.postcodes)),
            None,
        )

    def _language(self, task_id: str) -> str | None:
        for spoken in self._person(task_id).get("communication", ()):
            if spoken.get("preferred"):
                code: str | None = task_content.code(spoken, "language")
                return None if code in {None, "en", "en-GB"} else code
        return None

    def _today(self) -> date:
        return self.now.astimezone(calendars.zone(self.definition.time_zone)).date()

    def _day(self, instant: datetime | None) -> date | None:
        if instant is None:
            return None
        return instant.astimezone(calendars.zone(self.definition.time_zone)).date()
