"""The members of staff of some weeks: each works a list, one visit at a time.

Everything of one quarter of an hour is done in waves: all messages and triage, then the hub comes
to rest, then everybody who is free begins what is most urgent on their list. The version of a task
is remembered, not asked for: it is read again only when somebody else has changed the task.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from hub.domain.calendars import zone
from hub.domain.definition import HubDefinition
from hub.samples.day_client import Desk, System
from hub.samples.day_script import Fate, Referral
from hub.samples.month_script import STEP, MonthScript
from hub.samples.play import INTERVENTION, OPEN, Play, code_of, version_of

_OUTCOMES = ("done", "assessed", "in-service")
_LOOK_AGAIN = timedelta(hours=1)
"""How often somebody looks whose the work is that lies with a desk or is overdue."""
_TRY_AGAIN = timedelta(hours=2)
"""When somebody whose door stayed closed is tried again."""
_OTHER_WORK = timedelta(minutes=30)
"""A falls assessment, an offer to a carer: what comes with a referral beside its own work."""
_FRONT_DOOR = frozenset({"triage", "tracing", "send-on", "suspected-cancer-check"})
_AT_ONCE = 40
"""Tasks asked for in one search: the address stays short."""


@dataclass(slots=True)
class Item:
    """Work on somebody's list, as it was last seen."""

    referral: Referral
    task: str
    lasts: timedelta
    owner: str = ""
    version: int = 0
    status: str = ""
    due: str = ""
    """ISO 8601 in UTC."""
    not_before: datetime | None = None
    attempts: int = 0

    @property
    def urgency(self) -> tuple[bool, str, int]:
        return (self.referral.priority == "routine", self.due, self.referral.number)


class MonthPlay(Play[MonthScript]):
    """Some weeks, a quarter of an hour at a time."""

    step = STEP

    def __init__(
        self,
        script: MonthScript,
        definition: HubDefinition,
        system: System,
        desk: Desk,
        *,
        mend: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        super().__init__(script, definition, system, desk, mend=mend, say=say)
        self._lists: dict[str, dict[str, Item]] = defaultdict(dict)
        """Owner -> task id -> item."""
        self._accepted: list[Referral] = []
        self._untraced: dict[str, dict[str, Any]] = {}
        """Tracing tasks that the front door has seen, by id."""
        self._moved: set[str] = set()
        """Tasks of which the hub may have changed the owner."""
        self._busy: dict[str, datetime] = {}
        self._declined: set[str] = set()
        self._look_at = script.starts
        self._here = zone(definition.time_zone)
        self._night_desk = f"CareTeam/{definition.spor.out_of_hours_desk}"

    def run(self) -> None:
        """Play the weeks from their start to their end."""
        script = self._script
        self._move_to(script.starts)
        for absence in script.staffing.absences:
            if absence.starts_at < script.ends:
                begins = max(absence.starts_at, script.starts)
                # Leave is booked long before; who is sick rings in when the shift begins.
                at = script.starts if absence.reason != "sickness" else begins
                self._at(at, partial(self._be_away, absence.staff, begins, absence.ends_at,
                                     absence.reason))  # fmt: skip
        for referral in script.referrals:
            self._at(referral.at, partial(self._arrive, referral))
        for start in {shift.starts_at for shift in script.staffing.worked()}:
            if start > script.starts:
                self._at(start, lambda _now: None)
        day = None
        while self._events and self._events[0].at < script.ends:
            now = self._events[0].at
            self._move_to(now)
            local = now.astimezone(self._here).date()
            if local != day:
                self._say(f"{local:%a %d %b}  {len(self._subjects)} referrals so far")
                day = local
            self._wave(now)
        self._move_to(script.ends)
        self.settle()

    def _wave(self, now: datetime) -> None:
        while self._events and self._events[0].at <= now:
            while self._events and self._events[0].at <= now:
                heapq.heappop(self._events).act(now)
            self._trace(now)
            self._find_new_work()
            if now >= self._look_at:
                self._note_what_may_have_moved(now)
                self._look_at = now + _LOOK_AGAIN
            self._look_again()
            self._begin_visits(now)

    def _rest(self) -> None:
        """A wave rests once, when all of it is done."""

    def _be_away(
        self, staff: str, start: datetime, end: datetime | None, reason: str, now: datetime
    ) -> None:
        assert end is not None
        self._report_absence(staff.removeprefix("Practitioner/"), start, end, reason)
        self._busy.pop(staff, None)
        self._moved |= set(self._lists[staff]) if start <= now else set()

    def _open_tasks_of(self, referral: Referral) -> list[dict[str, Any]]:
        found = super()._open_tasks_of(referral)
        self._untraced |= {each["id"]: each for each in found if code_of(each) == "tracing"}
        return found

    def _trace(self, now: datetime) -> None:
        """Let the front door find out who those are that came without proof of identity."""
        for task in [*self._untraced.values()]:
            team = task["owner"]["reference"].removeprefix("CareTeam/")
            if not (staff := self._script.at_work(team, now)):
                continue
            del self._untraced[task["id"]]
            page, seen = f"/worklist/{task['id']}", version_of(task)
            claimed = self._desk.post(staff[0], f"{page}/claim", version=seen)
            if claimed.status_code == 303:
                self._desk.post(staff[0], f"{page}/complete", version=seen + 1, outcome="done")

    # Lists ---------------------------------------------------------------------------------

    def _plan_work(self, referral: Referral, now: datetime) -> None:  # noqa: ARG002 - the wave does
        self._accepted.append(referral)

    def _find_new_work(self) -> None:
        """Put the work of what was accepted in this wave on its owners' lists."""
        if not self._accepted:
            return
        self.settle()
        by_subject = {self._subjects[each.number]: each for each in self._accepted}
        self._accepted = []
        for task in self._search("focus", by_subject, status=OPEN):
            referral = by_subject[task["focus"]["reference"]]
            code = code_of(task)
            if code not in _FRONT_DOOR:
                visit = self._script.visits[referral.number]
                lasts = visit.lasts if code == INTERVENTION else _OTHER_WORK
                self._put(Item(referral, task["id"], lasts), task)

    def _note_what_may_have_moved(self, now: datetime) -> None:
        moment = now.isoformat()
        for owner, items in self._lists.items():
            for item in items.values():
                if owner.startswith("CareTeam/") or item.due < moment:
                    self._moved.add(item.task)

    def _look_again(self) -> None:
        if not self._moved:
            return
        self.settle()
        known = {
            item.task: item
            for items in self._lists.values()
            for item in items.values()
            if item.task in self._moved
        }
        self._moved = set()
        for item in known.values():
            self._lists[item.owner].pop(item.task)
        for task in self._search("_id", known, status=OPEN):
            self._put(known[task["id"]], task)

    def _put(self, item: Item, task: dict[str, Any]) -> None:
        item.owner, item.version = task["owner"]["reference"], version_of(task)
        item.status = task["status"]
        due = task.get("restriction", {}).get("period", {}).get("end", "9999")
        item.due = due if due == "9999" else _utc(due)
        self._lists[item.owner][item.task] = item

    def _search(self, name: str, values: Iterable[str], **more: str) -> Iterable[dict[str, Any]]:
        listed = sorted(values)
        for start in range(0, len(listed), _AT_ONCE):
            asked = {name: ",".join(listed[start : start + _AT_ONCE]), "_count": "200", **more}
            found = self._system.get("/fhir/Task", asked)
            yield from (entry["resource"] for entry in found.get("entry", ()))

    # Visits --------------------------------------------------------------------------------

    def _begin_visits(self, now: datetime) -> None:
        for shift in sorted(self._script.staffing.shifts_at(now), key=lambda each: each.staff):
            if self._busy.get(shift.staff, now) > now:
                continue
            begun = False
            waiting = [*self._lists[shift.staff].values()]
            if shift.team == self._night_desk:
                waiting += self._lists[shift.team].values()
            for item in sorted(waiting, key=lambda each: each.urgency):
                early = item.not_before is not None and item.not_before > now
                if early or now + item.lasts > shift.ends_at + self._overrun(item):
                    continue
                begun = self._begin(shift.staff, item, now)
                if begun:
                    break

    def _overrun(self, item: Item) -> timedelta:
        urgent = item.referral.priority != "routine"
        minutes = self._definition.routing.urgent_overrun_minutes if urgent else 0
        return timedelta(minutes=minutes)

    def _begin(self, staff: str, item: Item, now: datetime) -> bool:
        """Take the work on and set off; False when it could not be had."""
        who = staff.removeprefix("Practitioner/")
        page = f"/worklist/{item.task}"
        first = item.referral.fate is Fate.GIVEN_BACK and item.owner == staff
        if first and item.task not in self._declined:
            self._declined.add(item.task)
            self._moved.add(item.task)
            self._desk.post(who, f"{page}/decline", version=item.version, reason="no-capacity")
            return False
        if item.status in {"requested", "received"}:
            verb = "accept" if item.owner == staff else "claim"
            answer = self._desk.post(who, f"{page}/{verb}", version=item.version)
            if answer.status_code != 303:
                self._moved.add(item.task)
                return False
            self._lists[item.owner].pop(item.task)
            item.owner, item.status, item.version = staff, "accepted", item.version + 1
            self._lists[staff][item.task] = item
        self._busy[staff] = now + item.lasts
        self._at(self._busy[staff], partial(self._end, staff, item))
        return True

    def _end(self, staff: str, item: Item, now: datetime) -> None:
        if item.task not in self._lists[staff]:
            # It was moved on meanwhile (absence, breach): its new owner does it.
            return
        item.attempts += 1
        if self._script.visits[item.referral.number].nobody_home and item.attempts == 1:
            item.not_before = now + _TRY_AGAIN
            self._at(item.not_before, lambda _now: None)
            return
        outcome = _OUTCOMES[item.referral.number % len(_OUTCOMES)]
        answer = self._desk.post(
            staff.removeprefix("Practitioner/"),
            f"/worklist/{item.task}/complete",
            version=item.version,
            outcome=outcome,
        )
        if answer.status_code == 303:
            self._lists[staff].pop(item.task)
        else:
            self._moved.add(item.task)
            item.attempts = max(item.attempts, 1)


def _utc(instant: str) -> str:
    return datetime.fromisoformat(instant).astimezone(UTC).isoformat()
