"""Playing a day at a hub: each thing at its time, the next one when the hub has done its work."""

import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from hub.domain.definition import HubDefinition
from hub.samples import day_messages
from hub.samples.day_client import PATIENCE, Desk, HubLostError, Sent, System
from hub.samples.day_messages import OutgoingMessage
from hub.samples.day_report import SentRow
from hub.samples.day_script import DOOR, STEP, Fate, Referral, Script

T = TypeVar("T")

_OPEN = "requested,received,accepted,ready,in-progress"
_INTERVENTION = "intervention"
_ERRANDS = frozenset({"send-on", "suspected-cancer-check"})
"""What the front door itself still does for referrals that it does not pass on."""


@dataclass(order=True, slots=True)
class _Event:
    at: datetime
    order: int
    act: Callable[[datetime], None] = field(compare=False)


class Disaster(Protocol):
    """Something that happens to the hub while somebody works with it."""

    def __call__(self, act: Callable[[], T], /) -> T: ...


class Play:
    """The people of the day: referrers, triage, members of staff, one after the other."""

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
        self._script = script
        self._definition = definition
        self._system = system
        self._desk = desk
        self._mend = mend
        self._say = say
        self._disaster = disaster
        # Once under a message on its way, once under a decision whose work is not given out yet.
        self._strikes = {"message", "decision"} if disaster else set[str]()
        self._events: list[_Event] = []
        self._order = itertools.count()
        self._subjects: dict[int, str] = {}
        """Referral number -> ``ServiceRequest/<id>``."""
        self._given_back: set[str] = set()
        self.sent: list[SentRow] = []
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

    def _at(self, at: datetime, act: Callable[[datetime], None]) -> None:
        heapq.heappush(self._events, _Event(at.astimezone(UTC), next(self._order), act))

    # The clock ---------------------------------------------------------------------------

    def settle(self) -> dict[str, Any]:
        """Wait until the hub has done everything that is due."""
        deadline = time.monotonic() + PATIENCE
        while True:
            state = self._system.idle()
            if state["idle"]:
                return state
            if time.monotonic() > deadline:
                raise HubLostError("the hub does not come to rest")
            self._mend()

    def _move_to(self, wanted: datetime) -> None:
        """Advance to an instant, stopping wherever something falls due before it."""
        wanted = wanted.astimezone(UTC)
        while True:
            state = self.settle()
            now = datetime.fromisoformat(state["now"])
            if now >= wanted:
                return
            stop = wanted
            if state["next_due"]:
                due = _next_step(datetime.fromisoformat(state["next_due"]))
                stop = min(wanted, max(due, now + timedelta(seconds=1)))
            self._system.move_clock(stop)

    # Referrers ---------------------------------------------------------------------------

    def _arrive(self, referral: Referral, now: datetime) -> None:
        message = day_messages.new_referral(referral, self._definition)
        sent = self._under("message", now, partial(self._system.send, message))
        self._note(sent, message, referral)
        if not sent.acknowledged:
            return
        self._subjects[referral.number] = sent.subject or self._look_up(referral)
        if referral.fate is Fate.RESENT:
            self._at(now + STEP, partial(self._send_again, message, referral))
        if referral.fate is Fate.WITHDRAWN:
            early = referral.number % 2 == 0
            when = now if early else referral.triage_at + 2 * STEP
            self._at(when, partial(self._cancel, referral))
        if referral.fate in DOOR:
            self._at(now + 6 * STEP, partial(self._run_errands, referral))
        else:
            self._at(referral.triage_at, partial(self._triage, referral))

    def _under(self, strike: str, now: datetime, act: Callable[[], T]) -> T:
        """Do something, in the middle of the day under a disaster where one is to come."""
        middle = self._script.starts + (self._script.ends - self._script.starts) / 2
        if self._disaster is None or strike not in self._strikes or now < middle:
            return act()
        self._strikes.remove(strike)
        return self._disaster(act)

    def _send_again(self, message: OutgoingMessage, referral: Referral, _now: datetime) -> None:
        self._note(self._system.send(message), message, referral, repeat=True)

    def _cancel(self, referral: Referral, now: datetime) -> None:
        message = day_messages.cancellation(referral, self._definition, now)
        self._note(self._system.send(message), message, referral)
        self.settle()

    def _note(
        self, sent: Sent, message: OutgoingMessage, referral: Referral, *, repeat: bool = False
    ) -> None:
        done = sent.acknowledged or (repeat and sent.status == 409)
        self.sent.append(
            SentRow(
                request_id=message.request_id,
                kind=message.kind,
                number=day_messages.number_of(referral),
                acknowledged=done,
                refused=not done and 400 <= sent.status < 500,
                repeat=repeat,
            )
        )
        if not done:
            self._say(f"message of {day_messages.number_of(referral)} answered {sent.status}")

    def _look_up(self, referral: Referral) -> str:
        """Find a referral whose first answer was lost on the way."""
        number = f"{day_messages.REFERRAL_NUMBER}|{day_messages.number_of(referral)}"
        found = self._system.search("ServiceRequest", identifier=number)
        if not found:
            raise HubLostError(f"referral {referral.number} was acknowledged and is not there")
        return f"ServiceRequest/{found[0]['id']}"

    # Triage ------------------------------------------------------------------------------

    def _triage(self, referral: Referral, now: datetime) -> None:
        waiting = self._tasks_of(referral, "triage")
        if not waiting:
            return
        task = waiting[0]
        team = task["owner"]["reference"].removeprefix("CareTeam/")
        staff = self._script.at_work(team, now)
        if not staff:
            self._at(now + 3 * STEP, partial(self._triage, referral))
            return
        form: dict[str, str] = {"decision": "accept", "service": referral.take_on}
        match referral.fate:
            case Fate.DECLINED:
                form = {
                    "decision": "decline",
                    "decline_reason": "already-known",
                    "advice": "This person is with us for the same need: ring the hub instead.",
                }
            case Fate.REDIRECTED:
                form = {
                    "decision": "redirect",
                    "redirect_service": "acute-assessment",
                    "redirect_reason": "better-served",
                }
            case Fate.ASKED:
                form = {"decision": "ask", "question": "Who has the key, and is anybody at home?"}
        who = staff[referral.number % len(staff)]
        press = partial(
            self._press, who, task, f"/spor/{task['id']}", {"completed", "received"}, **form
        )
        accepts = form["decision"] == "accept"
        done = self._under("decision", now, press) if accepts else press()
        if done and accepts:
            self.settle()
            self._plan_work(referral, now)
        if done and referral.fate is Fate.REDIRECTED:
            self._at(now + 6 * STEP, partial(self._run_errands, referral))

    def _run_errands(self, referral: Referral, now: datetime) -> None:
        """Let the front door make sure that what it sent elsewhere has arrived there."""
        for code in sorted(_ERRANDS):
            for task in self._tasks_of(referral, code):
                who = self._worker(task, now)
                page = f"/worklist/{task['id']}"
                if who is None:
                    self._at(now + 6 * STEP, partial(self._run_errands, referral))
                elif self._press(who, task, f"{page}/claim", {"accepted"}):
                    mine = self._task(task["id"])
                    self._press(who, mine, f"{page}/complete", {"completed"}, outcome="done")

    def _plan_work(self, referral: Referral, now: datetime) -> None:
        for task in self._tasks_of(referral, _INTERVENTION):
            self._at(now + referral.work_after, partial(self._begin, referral, task["id"]))

    # Members of staff --------------------------------------------------------------------

    def _begin(self, referral: Referral, task_id: str, now: datetime) -> None:
        """Let the owner take the work on, or give it back."""
        task = self._task(task_id)
        if task["status"] not in {"requested", "received"}:
            return
        who = self._worker(task, now)
        if who is None:
            # Nobody of them is at work: they find it when their shift begins.
            self._at(now + 6 * STEP, partial(self._begin, referral, task_id))
            return
        offered = task["owner"]["reference"].startswith("Practitioner/")
        page = f"/worklist/{task_id}"
        if referral.fate is Fate.GIVEN_BACK and offered and task_id not in self._given_back:
            self._given_back.add(task_id)
            self._press(who, task, f"{page}/decline", {"requested"}, reason="no-capacity")
            self.settle()
            self._at(now + 2 * STEP, partial(self._begin, referral, task_id))
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

    def _press(
        self, who: str, task: dict[str, Any], page: str, wanted: set[str], **form: str
    ) -> bool:
        """Send a form about a task; True when it did what it should.

        After a break-down the form may have worked and its answer be lost: then the second
        attempt meets a newer version, and the task itself tells.
        """
        answer = self._desk.post(who, page, version=_version(task), **form)
        if answer.status_code == 303 or self._task(task["id"])["status"] in wanted:
            return True
        self._say(f"{page} by {who} answered {answer.status_code}")
        return False

    def _worker(self, task: dict[str, Any], now: datetime) -> str | None:
        """Return who does the work: its owner if at work, or the first of the pool's team."""
        kind, _, name = task["owner"]["reference"].partition("/")
        if kind == "Practitioner":
            return name if self._script.on_shift(name, now) else None
        return next(iter(self._script.at_work(name, now)), None)

    def _ring_in_sick(self, username: str, now: datetime) -> None:
        answer = self._system.operate(
            f"/fhir/Practitioner/{username}/$report-absence",
            start=f"valueDateTime|{now.isoformat()}",
            end=f"valueDateTime|{(now + timedelta(days=2)).isoformat()}",
            reason="valueCode|sickness",
        )
        if answer.status_code != 200:
            raise HubLostError(f"absence of {username}: {answer.status_code} {answer.text[:300]}")
        self.settle()

    def _edit_one_plan(self, _now: datetime) -> None:
        """Two people change one plan: different parts both stay, the same part meets a conflict."""
        person = self._script.edited
        plan = f"{person.id}-plan"
        version = _version(self._system.get(f"/fhir/CarePlan/{plan}"))
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

    # Looking -----------------------------------------------------------------------------

    def _tasks_of(self, referral: Referral, code: str) -> list[dict[str, Any]]:
        subject = self._subjects[referral.number]
        found = self._system.search("Task", focus=subject, status=_OPEN)
        return [task for task in found if task["code"]["coding"][0]["code"] == code]

    def _task(self, task_id: str) -> dict[str, Any]:
        return self._system.get(f"/fhir/Task/{task_id}")


def _version(resource: dict[str, Any]) -> int:
    return int(resource["meta"]["versionId"])


def _next_step(moment: datetime) -> datetime:
    """Round up to the five minutes: sweeps of a real hub come as soon, the day has fewer steps."""
    moment = moment.astimezone(UTC)
    over = timedelta(
        minutes=moment.minute % 5, seconds=moment.second, microseconds=moment.microsecond
    )
    return moment if not over else moment - over + STEP
