"""Escalation in words: what came, what comes next and when, who has answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.domain import escalation_hours
from hub.domain.escalation import BREACH, NextStep, Notified
from hub.models.escalation import EscalationStep
from hub.models.outside_send import DEAD, LOGGED, SENT, WAITING, OutsideSend
from hub.queries.alarms import Alarm
from hub.web import directory
from hub.web.presenters import tasks, words
from hub.web.presenters.words import TimeLeft

TARGETS = {
    Notified.OWNER: "the owner",
    Notified.DEPUTY: "the owner or their deputy",
    Notified.ON_CALL: "whoever is on call",
    Notified.TEAM_LEAD: "the team lead",
    Notified.SHIFT_LEAD: "the shift lead",
    Notified.DUTY_MANAGER: "the duty manager",
}
_SENDS = {
    SENT: "sent by telephone or mail",
    WAITING: "on the way",
    LOGGED: "not sent: no gateway is set up",
    DEAD: "could not be sent",
}


@dataclass(frozen=True, slots=True)
class Came:
    """One step that came."""

    when: str
    text: str
    answered: str
    """Who acknowledged it and when; empty while nobody has."""
    note: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """The escalation of one task."""

    task_id: str
    came: tuple[Came, ...]
    next_text: str
    sends: tuple[str, ...]
    step_id: str
    """The step that can be acknowledged; empty when there is none to answer."""
    may_answer: bool


@dataclass(frozen=True, slots=True)
class AlarmLine:
    task_id: str
    kind: str
    urgent: str
    priority: str
    owner: str
    team: str
    clock: TimeLeft
    step_id: str
    said: str
    rang: str
    next_text: str


@dataclass(frozen=True, slots=True)
class SendLine:
    id: str
    who: str
    channel: str
    when: str
    attempts: str
    error: str
    task_id: str


def panel(
    task_id: str,
    rows: list[EscalationStep],
    coming: NextStep | None,
    sends: Mapping[str, int],
    *,
    acknowledged: int,
    may_answer: bool,
    now: datetime,
) -> Panel:
    open_steps = [row for row in rows if not row.passed and row.repeat == 0]
    highest = max(open_steps, key=lambda row: (row.level, row.step), default=None)
    unanswered = highest is not None and not (acknowledged and acknowledged >= highest.level)
    return Panel(
        task_id=task_id,
        came=tuple(_came(row) for row in reversed(rows)),
        next_text=_next(coming, now) if coming else "",
        sends=tuple(
            f"{words.plural(sends[state], 'message')} {said}"
            for state, said in _SENDS.items()
            if sends.get(state)
        ),
        step_id=highest.id if highest is not None and unanswered else "",
        may_answer=may_answer,
    )


def line(alarm: Alarm, now: datetime) -> AlarmLine:
    priority = alarm.priority or "routine"
    return AlarmLine(
        task_id=alarm.task_id,
        kind=tasks.KINDS.get(alarm.code or "", "Task"),
        urgent=tasks.PRIORITIES.get(priority, priority),
        priority=priority,
        owner=directory.name_of(alarm.owner),
        team=directory.name_of(alarm.team) if alarm.team and alarm.team != alarm.owner else "",
        clock=words.time_left(alarm.due_at, now),
        step_id=alarm.step_id,
        said=_told(alarm),
        rang=f"{words.plural(alarm.rings, 'time')}, first {words.since(alarm.taken_at, now)}"
        if alarm.rings > 1
        else words.since(alarm.taken_at, now),
        next_text=f"next at {_at(alarm.next_at, now)}" if alarm.next_at else "",
    )


def send_line(send: OutsideSend, now: datetime) -> SendLine:
    return SendLine(
        id=send.id,
        who=directory.name_of(send.recipient),
        channel="Text message" if send.channel == "sms" else "E-mail",
        when=words.since(send.created_at, now),
        attempts=words.plural(send.attempts, "attempt"),
        error=send.error or "",
        task_id=send.subject.partition("/")[2],
    )


def _came(row: EscalationStep) -> Came:
    answered = ""
    if row.acknowledged_at is not None:
        who = directory.name_of(row.acknowledged_by) or "another system"
        answered = f"by {who}, {words.moment(row.acknowledged_at)}"
    return Came(
        when=words.moment(row.taken_at),
        text=row.sentence,
        answered=answered,
        note=row.note or "",
        passed=row.passed,
    )


def _next(coming: NextStep, now: datetime) -> str:
    step = coming.step
    at = "now" if coming.is_due else _at(coming.at, now)
    share = "the time is over" if step.percent == BREACH else f"{step.percent}% of the time"
    if coming.passed:
        hours = escalation_hours.said(step.when) if step.when else "other hours"
        return f"{at} ({share}): passed over, this step is for {hours}"
    who = " and ".join(TARGETS[each] for each in step.notify) or "the duty manager"
    what = f"{who} will be told" + (" again" if coming.repeat else "")
    if step.reroute and not coming.repeat:
        what += " and the work goes to somebody else"
    return f"{at} ({share}): {what}"


def _told(alarm: Alarm) -> str:
    who = ", ".join(directory.name_of(each) for each in alarm.told) or "nobody new"
    share = "Over time" if alarm.level >= BREACH else f"{alarm.level}% of the time used"
    return f"{share}: told {who}"


def _at(instant: datetime, now: datetime) -> str:
    here, there = words.local(now), words.local(instant)
    if here.date() == there.date():
        return f"{there:%H:%M}"
    return f"{there:%a} {there.day} {there:%b} {there:%H:%M}"
