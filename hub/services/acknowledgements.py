"""Acknowledgement of an escalation: somebody says that they have heard and are on it.

It stops the repeats and what else stands at or below the step, never the clock, the re-routing at
breach or the duty manager's alarm then.
"""

from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.scopes import permits
from hub.models.escalation import EscalationStep
from hub.records import Record
from hub.services import (
    assignments,
    clocks,
    definitions,
    escalation_schedule,
    notices,
    task_content,
)

LONGEST_NOTE = 500

MANAGERS = frozenset({"duty-manager", "service-manager"})
"""Roles that may acknowledge any alarm of the hub."""

_HUB = hub_actor("acknowledgements")


def acknowledge(
    actor: Actor, task_id: str, *, step_id: str | None = None, note: str | None = None
) -> EscalationStep:
    """Acknowledge a step of the running clock of a task: the one seen, or the last that came.

    ``step_id`` is an id of ``escalation_step``; what came after it stays unacknowledged. Asked
    again by the same person it changes nothing; who comes second is told who was first.

    Raises:
        StateError: nothing has escalated, the clock has stopped, or somebody else was first.
        NotPermittedError: the actor was not told and has no part in the work.
        RuleError: the note is too long, or the step is not one of this clock.
    """
    note = (note or "").strip()
    if len(note) > LONGEST_NOTE:
        raise RuleError(f"a note has no more than {LONGEST_NOTE} characters", field="note")
    # As the hub: a duty manager answers alarms about people whose records are closed to them.
    task = records.lock(_HUB, "Task", task_id)
    running = clocks.running(task.id, locked=True)
    rows = escalation_schedule.rows_of(running.id) if running else []
    _check_part(actor, task, rows)
    if running is None:
        raise StateError("the clock of this task does not run: there is nothing to acknowledge")
    step = _chosen(rows, step_id)
    who = actor.practitioner or actor.id
    before = next(
        (row for row in rows if row.acknowledged_at is not None and row.level >= step.level), None
    )
    if before is not None:
        if before.acknowledged_by == who:
            return before
        raise StateError(
            f"{_name(before.acknowledged_by or '')} has already acknowledged this", field="step"
        )
    step.acknowledged_at = clock.now()
    step.acknowledged_by = who
    step.note = note or None
    db.session.flush()
    clocks.reschedule(running)
    records.audit.record(
        actor, "escalation-acknowledged", task.reference, {"step": step.action, "id": step.id}
    )
    told = {each for row in rows for each in row.told if each.startswith("Practitioner/")}
    notices.tell(
        told - {who},
        kind="EscalationAcknowledged",
        subject=task.reference,
        line=f"{actor.display} has acknowledged: {task_content.code(task.resource) or 'task'}",
        key=f"{step.id}/acknowledged",
    )
    return step


def may(actor: Actor, task: Record, rows: list[EscalationStep]) -> bool:
    """Return whether an actor may acknowledge: told, owner, of the team, its lead, a manager."""
    if actor.kind is ActorKind.HUB:
        return True
    if actor.kind is ActorKind.SYSTEM:
        return permits(actor.scopes, "Task", "u")
    if actor.practitioner is None:
        return False
    if actor.role in MANAGERS:
        return True
    mine = {actor.practitioner, *actor.teams}
    spell = assignments.current(task.id)
    parties = {task_content.owner(task.resource), *(who for row in rows for who in row.told)}
    if spell is not None and spell.team is not None:
        parties.add(spell.team)
        team = definitions.current().teams.get(spell.team.removeprefix("CareTeam/"))
        if team is not None:
            parties |= {f"Practitioner/{team.lead}", f"Practitioner/{team.duty_manager}"}
    return bool(mine & parties)


def _check_part(actor: Actor, task: Record, rows: list[EscalationStep]) -> None:
    if not may(actor, task, rows):
        # Read as the actor first: who may not see the task is told that, and no more.
        records.read(actor, "Task", task.id)
        raise NotPermittedError("who was told, the team or a manager acknowledges an alarm")


def _chosen(rows: list[EscalationStep], step_id: str | None) -> EscalationStep:
    came = [row for row in rows if not row.passed]
    if not came:
        raise StateError("nothing has escalated yet: there is nothing to acknowledge")
    if step_id is None:
        last = max(came, key=lambda row: (row.level, row.step))
    else:
        seen = next((row for row in came if row.id == step_id), None)
        if seen is None:
            raise RuleError("this is not a step of the running clock", field="step")
        last = seen
    # A repeat is acknowledged as the step that it repeats.
    return next(row for row in came if row.step == last.step and row.repeat == 0)


def _name(reference: str) -> str:
    person = definitions.current().staff.get(reference.removeprefix("Practitioner/"))
    return person.name if person else "another system"
