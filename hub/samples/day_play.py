"""The members of staff of a day, one after the other; two who edit one plan; a death."""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from hub.domain.definition import HubDefinition
from hub.samples.day_client import Desk, HubLostError, System
from hub.samples.day_script import Fate, Referral, Script
from hub.samples.play import INTERVENTION, Disaster, Play, version_of


class DayPlay(Play[Script]):
    """One day, everybody in turn."""

    def __init__(
        self,
        script: Script,
        definition: HubDefinition,
        system: System,
        desk: Desk,
        *,
        mend: Callable[[], None],
        say: Callable[[str], None],
        disaster: Disaster | None = None,
    ) -> None:
        super().__init__(script, definition, system, desk, mend=mend, say=say, disaster=disaster)
        self._given_back: set[str] = set()
        self.edits: list[int] = []
        """Answers that the two editors of one plan got."""

    def run(self) -> None:
        """Play the day from its start to its end."""
        script = self._script
        for referral in script.referrals:
            self._at(referral.at, partial(self._arrive, referral))
        for username in script.away:
            self._at(script.away_at, partial(self._ring_in_sick, username))
        self._at(script.edit_at, self._edit_one_plan)
        self._at(script.death_at, self._die)
        self._move_to(script.starts)
        hour = script.starts
        while self._events:
            event = heapq.heappop(self._events)
            if event.at > script.ends:
                break
            self._move_to(event.at)
            if event.at >= hour:
                local = event.at.astimezone(script.starts.tzinfo)
                self._say(f"{local:%H:%M}  {len(self._subjects)} referrals so far")
                hour = event.at + timedelta(hours=1)
            event.act(event.at)
        self._move_to(script.ends)
        self.settle()

    def _plan_work(self, referral: Referral, now: datetime) -> None:
        for task in self._tasks_of(referral, INTERVENTION):
            self._at(now + referral.work_after, partial(self._begin, referral, task["id"]))

    def _begin(self, referral: Referral, task_id: str, now: datetime) -> None:
        """Let the owner take the work on, or give it back."""
        task = self._task(task_id)
        if task["status"] not in {"requested", "received"}:
            return
        who = self._worker(task, now)
        if who is None:
            # Nobody of them is at work: they find it when their shift begins.
            self._at(now + 6 * self.step, partial(self._begin, referral, task_id))
            return
        offered = task["owner"]["reference"].startswith("Practitioner/")
        page = f"/worklist/{task_id}"
        if referral.fate is Fate.GIVEN_BACK and offered and task_id not in self._given_back:
            self._given_back.add(task_id)
            self._press(who, task, f"{page}/decline", {"requested"}, reason="no-capacity")
            self.settle()
            self._at(now + 2 * self.step, partial(self._begin, referral, task_id))
        else:
            verb = "accept" if offered else "claim"
            self._press(who, task, f"{page}/{verb}", {"accepted"})
            self._at(now + referral.done_after, partial(self._finish, referral, task_id, who))

    def _finish(self, referral: Referral, task_id: str, who: str, now: datetime) -> None:
        task = self._task(task_id)
        mine = task["owner"]["reference"] == f"Practitioner/{who}"
        if not mine or task["status"] not in {"accepted", "in-progress"}:
            # It was moved on (absence, breach): its new owner has begun anew or will.
            if task["status"] in {"requested", "received"}:
                self._begin(referral, task_id, now)
            return
        if not self._script.on_shift(who, now):
            return
        outcome = ("done", "assessed", "in-service")[referral.number % 3]
        self._press(who, task, f"/worklist/{task_id}/complete", {"completed"}, outcome=outcome)

    def _ring_in_sick(self, username: str, now: datetime) -> None:
        self._report_absence(username, now, now + timedelta(days=2), "sickness")

    def _edit_one_plan(self, _now: datetime) -> None:
        """Two people change one plan: different parts both stay, the same part meets a conflict."""
        person = self._script.edited
        plan = f"{person.id}-plan"
        version = version_of(self._system.get(f"/fhir/CarePlan/{plan}"))
        sections = f"/care-plans/{plan}/sections"
        for username, section, text in (
            (person.coordinator, "equipment", "A pendant alarm has come; I wear it."),
            (person.gp, "functional", "I walk indoors with one stick since Christmas."),
            (person.gp, "equipment", "No equipment is needed."),
        ):
            answer = self._desk.post(
                username, f"{sections}/{section}", version=version, text=text, reason=""
            )
            self.edits.append(answer.status_code)
        self.settle()

    def _die(self, now: datetime) -> None:
        answer = self._system.operate(
            f"/fhir/Patient/{self._script.died.id}/$record-death",
            died=f"valueDateTime|{(now - timedelta(minutes=20)).isoformat()}",
            place="valueCode|876879006",
        )
        if answer.status_code != 200:
            raise HubLostError(f"recording a death: {answer.status_code} {answer.text[:300]}")
        self.settle()
