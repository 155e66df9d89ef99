"""Playing at a hub: each thing at its time, the next one when the hub has done its work.

The people whom every game has: referrers, triage, the front door. ``day_play`` and ``month_play``
add the members of staff who do the work.
"""

import heapq
import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from hub.domain.definition import HubDefinition
from hub.samples import day_messages
from hub.samples.day_client import PATIENCE, Desk, HubLostError, Sent, System
from hub.samples.day_messages import OutgoingMessage
from hub.samples.day_report import SentRow
from hub.samples.day_script import DOOR, STEP, Fate, Referral

T = TypeVar("T")

OPEN = "requested,received,accepted,ready,in-progress"
INTERVENTION = "intervention"
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


class Script(Protocol):
    """What is played."""

    @property
    def starts(self) -> datetime: ...

    @property
    def ends(self) -> datetime: ...

    @property
    def referrals(self) -> tuple[Referral, ...]: ...

    def on_shift(self, username: str, at: datetime) -> bool: ...

    def at_work(self, team: str, at: datetime) -> list[str]: ...


S = TypeVar("S", bound=Script)


class Play(ABC, Generic[S]):
    """The people at the edge of a hub, and the clock that stops while it works."""

    step = STEP
    """The clock stops on multiples of this within the hour."""

    def __init__(
        self,
        script: S,
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
        self.sent: list[SentRow] = []

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
                due = self._next_step(datetime.fromisoformat(state["next_due"]))
                stop = min(wanted, max(due, now + timedelta(seconds=1)))
            self._system.move_clock(stop)

    def _next_step(self, moment: datetime) -> datetime:
        """Round up: sweeps of a real hub come sooner, a game has fewer moves of the clock."""
        moment = moment.astimezone(UTC)
        step = int(self.step.total_seconds() // 60)
        over = timedelta(
            minutes=moment.minute % step, seconds=moment.second, microseconds=moment.microsecond
        )
        return moment if not over else moment - over + self.step

    def _rest(self) -> None:
        """Let the hub come to rest after an act, where the next one needs what follows from it."""
        self.settle()

    # Referrers ---------------------------------------------------------------------------

    def _arrive(self, referral: Referral, now: datetime) -> None:
        message = day_messages.new_referral(referral, self._definition)
        sent = self._under("message", now, partial(self._system.send, message))
        self._note(sent, message, referral)
        if not sent.acknowledged:
            return
        self._subjects[referral.number] = sent.subject or self._look_up(referral)
        if referral.fate is Fate.RESENT:
            self._at(now + self.step, partial(self._send_again, message, referral))
        if referral.fate is Fate.WITHDRAWN:
            early = referral.number % 2 == 0
            when = now if early else referral.triage_at + 2 * self.step
            self._at(when, partial(self._cancel, referral))
        if referral.fate in DOOR:
            self._at(now + 6 * self.step, partial(self._run_errands, referral))
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
        self._rest()

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
            self._at(now + 3 * self.step, partial(self._triage, referral))
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
            self._rest()
            self._plan_work(referral, now)
        if done and referral.fate is Fate.REDIRECTED:
            self._at(now + 6 * self.step, partial(self._run_errands, referral))

    def _run_errands(self, referral: Referral, now: datetime) -> None:
        """Let the front door make sure that what it sent elsewhere has arrived there."""
        for code in sorted(_ERRANDS):
            for task in self._tasks_of(referral, code):
                who = self._worker(task, now)
                page = f"/worklist/{task['id']}"
                if who is None:
                    self._at(now + 6 * self.step, partial(self._run_errands, referral))
                elif self._press(who, task, f"{page}/claim", {"accepted"}):
                    mine = self._task(task["id"])
                    self._press(who, mine, f"{page}/complete", {"completed"}, outcome="done")

    @abstractmethod
    def _plan_work(self, referral: Referral, now: datetime) -> None:
        """Take note that a referral was accepted: somebody is given its work."""

    # Members of staff --------------------------------------------------------------------

    def _press(
        self, who: str, task: dict[str, Any], page: str, wanted: set[str], **form: str
    ) -> bool:
        """Send a form about a task; True when it did what it should.

        After a break-down the form may have worked and its answer be lost: then the second
        attempt meets a newer version, and the task itself tells.
        """
        answer = self._desk.post(who, page, version=version_of(task), **form)
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

    def _report_absence(self, username: str, start: datetime, end: datetime, reason: str) -> None:
        answer = self._system.operate(
            f"/fhir/Practitioner/{username}/$report-absence",
            start=f"valueDateTime|{start.isoformat()}",
            end=f"valueDateTime|{end.isoformat()}",
            reason=f"valueCode|{reason}",
        )
        if answer.status_code != 200:
            raise HubLostError(f"absence of {username}: {answer.status_code} {answer.text[:300]}")
        self._rest()

    # Looking -----------------------------------------------------------------------------

    def _tasks_of(self, referral: Referral, code: str) -> list[dict[str, Any]]:
        return [each for each in self._open_tasks_of(referral) if code_of(each) == code]

    def _open_tasks_of(self, referral: Referral) -> list[dict[str, Any]]:
        return self._system.search("Task", focus=self._subjects[referral.number], status=OPEN)

    def _task(self, task_id: str) -> dict[str, Any]:
        return self._system.get(f"/fhir/Task/{task_id}")


def version_of(resource: dict[str, Any]) -> int:
    return int(resource["meta"]["versionId"])


def code_of(task: dict[str, Any]) -> str:
    code: str = task["code"]["coding"][0]["code"]
    return code
