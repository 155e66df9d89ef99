"""What routing must know of tasks, people and rota, gathered in a fixed number of queries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select

from hub import clock, records
from hub.db import db
from hub.domain import calendars, confidentiality, routing, routing_clock
from hub.domain.actor import Actor
from hub.domain.calendars import Calendar
from hub.domain.definition import Service, Team
from hub.domain.rota import Rota
from hub.domain.routing import Candidate, Decision, Inputs, Priority, RoutingTask
from hub.domain.routing_record import Memo
from hub.domain.staffing import StaffMember
from hub.models.assignment import Assignment
from hub.models.decision import RoutingDecision
from hub.queries import matching, workload
from hub.queries.workload import Load
from hub.records.record import Record
from hub.services import assignments, definitions, reachability, rota, task_content

_REFUSALS = ("declined", "breach")


class Situation:
    """The facts for routing some tasks at one instant; decisions made are counted in."""

    def __init__(self, actor: Actor, tasks: Sequence[Record]) -> None:
        self.now = clock.now()
        self.definition = definitions.current()
        self._tasks = {record.id: record.resource for record in tasks}
        """Contents of the Tasks; a record copies its own each time that it is asked for them."""
        self._spells = self._find_spells()
        self._refused = self._find_refused()
        self._records = records.read_many(actor, self._wanted())
        patients = [name for name in self._records if name.startswith("Patient/")]
        oldest = self.now - timedelta(days=self.definition.routing.continuity_days + 1)
        self._seen_by, self._seen_by_team = workload.contacts(patients, oldest)
        self._ties = matching.ties(patients)
        self._signed = matching.under_agreement()
        self._people_of: dict[str, dict[str, Any]] = {}
        self._rotas: dict[tuple[datetime, datetime], Rota] = {}
        self._near: dict[tuple[tuple[str, ...], datetime, datetime], Rota] = {}
        self._calendars: dict[str, Calendar] = {}
        self._members: dict[tuple[str, ...], tuple[tuple[StaffMember, str], ...]] = {}
        self._loads = self._find_loads()
        self._unreachable = reachability.silent(self._loads, self.now, self.definition.staff)
        self.memo: Memo = {}
        """What the tasks of this batch share, frozen once."""

    def spell(self, task_id: str) -> Assignment | None:
        return self._spells.get(task_id)

    def decide(self, task_id: str, *, displaced: str | None = None) -> Decision:
        """Decide one task and count its work with its new owner."""
        task, team, service = self.routing_task(task_id, displaced=displaced)
        asked = self._asked(task, (task.team, *task.neighbours), self._calendar(team, service))
        decision = routing.decide(
            asked.task, asked.candidates, asked.rota, asked.calendar, asked.policy, self.now
        )
        load = self._loads.setdefault(decision.owner, Load())
        load.minutes += task.minutes
        load.points += task.points
        if task.is_urgent:
            load.urgent.append((task.due_at, task.minutes))
        return decision

    def among(self, task_id: str, pool: str) -> Inputs:
        """Return what a decision among the people of one team alone would look at."""
        task, team, service = self.routing_task(task_id)
        return self._asked(task, (pool,), self._calendar(team, service))

    def load_of(self, staff: str) -> Load:
        """Return what somebody of the teams asked has been given for today."""
        return self._loads.get(staff) or Load()

    def _asked(self, task: RoutingTask, teams: tuple[str, ...], calendar: Calendar) -> Inputs:
        return Inputs(
            task=task,
            candidates=tuple(self._candidates(task, teams, self._patient(task.id))),
            rota=self._rota_for(calendar, teams),
            calendar=calendar,
            policy=self.definition.routing,
            now=self.now,
        )

    def routing_task(
        self, task_id: str, *, displaced: str | None = None
    ) -> tuple[RoutingTask, Team | None, Service | None]:
        """Return a task as the rules see it, with its team and service."""
        content = self._tasks[task_id]
        spell = self._spells.get(task_id)
        pool = self._pool(task_id)
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
            out_of_hours_desk=self._night_desk,
            due_at=task_content.due_at(content),
            minutes=spell.minutes if spell else assignments.USUAL_MINUTES,
            points=spell.points if spell else assignments.USUAL_POINTS,
            only_in_area=bool(service and service.only_in_area),
            **self._of_person(task_id),
            refused_by=refused | {displaced} if displaced else refused,
            service=f"HealthcareService/{service.code}" if service else None,
        )
        return task, team, service

    @property
    def _night_desk(self) -> str:
        return f"CareTeam/{self.definition.spor.out_of_hours_desk}"

    def _pool(self, task_id: str) -> str:
        """Return the team whose work a task is."""
        spell = self._spells.get(task_id)
        owner = task_content.owner(self._tasks[task_id])
        team = spell.team if spell else None
        return team or assignments.team_of(owner, self.definition) or self._night_desk

    def _find_loads(self) -> dict[str, Load]:
        """Return what everybody who can be asked has been given: one statement for all tasks."""
        staff: set[str] = set()
        for pool in {self._pool(task_id) for task_id in self._tasks}:
            team = self.definition.teams.get(pool.removeprefix("CareTeam/"))
            teams = (team.code, *team.neighbours) if team else ()
            staff |= {
                f"Practitioner/{person.username}"
                for code in teams
                for person in self.definition.members(code)
            }
        return {each: Load() for each in staff} | workload.loads(staff, self._midnight())

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
        for content in self._tasks.values():
            for element in ("focus", "for"):
                found = task_content.reference(content, element)
                if found is not None and found.startswith(("ServiceRequest/", "Patient/")):
                    yield found

    def _people(self, teams: tuple[str, ...]) -> tuple[tuple[StaffMember, str], ...]:
        """Return (person, team) of these teams."""
        if teams not in self._members:
            self._members[teams] = tuple(
                (person, team)
                for team in dict.fromkeys(teams)
                for person in self.definition.members(team.removeprefix("CareTeam/"))
            )
        return self._members[teams]

    def _candidates(
        self, task: RoutingTask, teams: tuple[str, ...], patient: str | None
    ) -> Iterable[Candidate]:
        restricted = confidentiality.is_restricted(self._person(patient))
        for person, team in self._people(teams):
            staff = f"Practitioner/{person.username}"
            load = self._loads[staff]
            hidden = self._hidden_by(task, person, team, patient, restricted=restricted)
            points = person.capacity_points
            yield Candidate(
                staff=staff,
                name=person.name,
                team=team,
                role=person.role,
                skills=frozenset(person.skills),
                areas=frozenset(person.areas),
                languages=frozenset(person.languages),
                gender=person.gender,
                capacity_minutes=person.capacity_minutes,
                capacity_points=self.definition.routing.capacity_points
                if points is None
                else points,
                rounds=frozenset(person.rounds),
                load_minutes=load.minutes,
                load_points=load.points,
                open_urgent=len(load.urgent),
                ahead_minutes=routing_clock.ahead_minutes(
                    self.definition.routing, task.due_at, load.urgent
                ),
                recent_minutes=load.recent,
                last_saw=self._day(self._seen_by.get((patient or "", staff))),
                team_saw=self._day(self._seen_by_team.get((patient or "", team))),
                may_see=hidden is None,
                hidden_by=hidden,
                conflict=self._ties.conflicts.get((patient or "", staff)),
                unreachable=self._unreachable.get(staff, ""),
            )

    def _hidden_by(
        self,
        task: RoutingTask,
        person: StaffMember,
        team: str,
        patient: str | None,
        *,
        restricted: bool,
    ) -> str | None:
        """Return why somebody may not see the person's record, None where they may."""
        employer = f"Organization/{person.organisation}"
        parties = {f"Practitioner/{person.username}", team, employer}
        if employer not in self._signed:
            return "no sharing agreement"
        if parties & self._ties.objections.get(patient or "", frozenset()):
            return "the person objects"
        # The team that the work was sent to must see it; nobody else comes in by widening.
        related = self._ties.named.get(patient or "", frozenset())
        if restricted and team != task.team and not parties & related:
            return "restricted record"
        return None

    def _midnight(self) -> datetime:
        home = calendars.zone(self.definition.time_zone)
        return datetime.combine(self._today(), time.min, home)

    def _rota_for(self, calendar: Calendar, teams: tuple[str, ...]) -> Rota:
        span = routing.opening_for(calendar, self.now)
        if span not in self._rotas:
            self._rotas[span] = rota.around(*span)
        if (teams, *span) not in self._near:
            staff = {f"Practitioner/{person.username}" for person, _ in self._people(teams)}
            self._near[teams, *span] = self._rotas[span].of(staff).between(*span)
        return self._near[teams, *span]

    def _calendar(self, team: Team | None, service: Service | None) -> Calendar:
        code = service.calendar if service else team.calendar if team else None
        if code is None:
            return calendars.AROUND_THE_CLOCK
        if code not in self._calendars:
            calendar = self.definition.calendars[code]
            # Holidays long past or far ahead decide nothing.
            near = {
                day
                for day in calendar.bank_holidays
                if abs((day - self._today()).days) <= calendars.HORIZON_DAYS
            }
            self._calendars[code] = replace(calendar, bank_holidays=frozenset(near))
        return self._calendars[code]

    def _service(self, task_id: str) -> Service | None:
        focus = task_content.reference(self._tasks[task_id], "focus")
        request = self._records.get(focus or "")
        if request is None or request.type != "ServiceRequest":
            return None
        for performer in request.get("performer", ()):
            kind, _, code = performer.get("reference", "").partition("/")
            if kind == "HealthcareService":
                return self.definition.services.get(code)
        return None

    def _patient(self, task_id: str) -> str | None:
        return task_content.reference(self._tasks[task_id], "for")

    def _person(self, patient: str | None) -> dict[str, Any]:
        name = patient or ""
        if name not in self._people_of:
            found = self._records.get(name)
            self._people_of[name] = found.resource if found else {}
        return self._people_of[name]

    def _of_person(self, task_id: str) -> dict[str, Any]:
        """Return what the person it is about adds to the task: where they live, whom they want."""
        patient = self._patient(task_id)
        person = self._person(patient)
        postcodes = {
            str(address.get("postalCode", "")).strip().upper()
            for address in person.get("address", ())
        } - {""}
        outward = {each.partition(" ")[0] for each in postcodes}
        place = next(
            (area.code for area in self.definition.areas.values() if outward & set(area.postcodes)),
            None,
        )
        wishes = self._ties.wishes.get(patient or "", [])
        # A wish that is firm goes before one that is not, whichever was recorded first.
        gendered = sorted((w for w in wishes if w.gender), key=lambda wish: not wish.only)
        return {
            "place": place,
            "travel": self.definition.travel_to(place) if place else (),
            "care_home": next(
                (
                    home.code
                    for home in self.definition.organisations.values()
                    if home.kind == "care-home" and home.postcode in postcodes
                ),
                None,
            ),
            "language": _language(person),
            "language_only": any(wish.only and not wish.gender for wish in wishes),
            "gender": gendered[0].gender if gendered else None,
            "gender_only": bool(gendered) and gendered[0].only,
        }

    def _today(self) -> date:
        return self.now.astimezone(calendars.zone(self.definition.time_zone)).date()

    def _day(self, instant: datetime | None) -> date | None:
        if instant is None:
            return None
        return instant.astimezone(calendars.zone(self.definition.time_zone)).date()


def _language(person: Mapping[str, Any]) -> str | None:
    for spoken in person.get("communication", ()):
        if spoken.get("preferred"):
            code = task_content.code(spoken, "language")
            return None if code in {None, "en", "en-GB"} else code
    return None
