"""Patient transport: a Task with an eligibility result, for whom it is and for whom it is not.

Whoever is entitled, or may be, waits with the team that books, under a clock. For whom no criterion
is met the Task is done at once: its outcome says so, with what the person was told, and when.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fhir.systems import CAREHUB
from hub import clock, records
from hub.domain import transport
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.domain.transport import NEEDS, Eligibility, Result
from hub.records import Record, instant
from hub.services import definitions, tasks

INPUT = f"{CAREHUB}/CodeSystem/transport-input"
ELIGIBILITY = f"{CAREHUB}/CodeSystem/transport-eligibility"
FURTHEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Journey:
    """What is asked for."""

    start: str
    to: str
    be_there_at: datetime
    """Aware."""
    needs: tuple[str, ...] = ()
    """Codes of the list ``transport-needs``."""
    way_back: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of it."""

    task: Record
    eligibility: Eligibility


def needs() -> list[tuple[str, str]]:
    """Return (code, words) of what may be ticked; empty where the hub arranges no transport."""
    definition = definitions.current()
    listed = definition.code_lists.get(NEEDS)
    if listed is None or not definition.transport.criteria:
        return []
    return [(each.code, each.display) for each in listed.concepts]


def ask(actor: Actor, patient: str, journey: Journey) -> Asked:
    """Ask for a journey of ``Patient/<id>``, in the open transaction.

    Raises RuleError for what cannot be, NotPermittedError for who is no person or may not see
    the record.
    """
    definition = definitions.current()
    policy = definition.transport
    _check(actor, journey)
    person = records.read(actor, "Patient", patient.removeprefix("Patient/"))
    decided = transport.decide(policy, journey.needs)
    team = definition.teams[policy.team]
    now = clock.now()
    soon = journey.be_there_at - now < timedelta(hours=policy.urgent_within_hours)
    wanted = decided.result is not Result.NOT_ELIGIBLE
    way = f"{journey.start} to {journey.to}{' and back' if journey.way_back else ''}"
    assert actor.practitioner is not None
    task = tasks.open_task(
        actor,
        code="transport",
        patient=person.reference,
        description=f"Transport: {way}. {decided.sentence}"[:500],
        owner=f"CareTeam/{policy.team}" if wanted else actor.practitioner,
        priority="urgent" if soon and wanted else "routine",
        performing_organization=f"Organization/{team.organisation}",
        accountable_organization=f"Organization/{definition.hub_organisation}",
        clock=(policy.urgent_clock if soon else policy.clock) if wanted else None,
        note=journey.note or None,
        inputs=_inputs(journey, decided),
    )
    detail = {"result": decided.result.value, "rules": decided.rule_version}
    records.audit.record(actor, "transport-asked", task.reference, detail)
    if not wanted:
        # Told now, by whoever asks: nothing waits, and the record says what was said.
        task = tasks.complete(
            actor, task.id, version=task.version, outcome="not-entitled", note=policy.advice
        )
    return Asked(task, decided)


def _check(actor: Actor, journey: Journey) -> None:
    known = [code for code, _ in needs()]
    if not known:
        raise RuleError("this hub arranges no transport", field="transport")
    if actor.practitioner is None:
        raise NotPermittedError("a member of staff asks for transport")
    if unknown := sorted(set(journey.needs) - set(known)):
        raise RuleError(f"{unknown[0]} is no need of the list", field="needs", allowed=known)
    for name, text in (("start", journey.start), ("to", journey.to)):
        if not text.strip():
            raise RuleError("say from where and to where", field=name)
    if not clock.now() < journey.be_there_at <= clock.now() + FURTHEST:
        raise RuleError("the journey lies in the future, within a year", field="at")


def _inputs(journey: Journey, decided: Eligibility) -> list[dict[str, Any]]:
    display = dict(needs())
    said: list[tuple[str, dict[str, Any]]] = [
        ("from", {"valueString": journey.start}),
        ("to", {"valueString": journey.to}),
        ("be-there-at", {"valueInstant": instant(journey.be_there_at)}),
        ("way-back", {"valueBoolean": journey.way_back}),
    ]
    list_of_needs = f"{CAREHUB}/CodeSystem/{NEEDS}"
    said += [
        (
            "need",
            {
                "valueCodeableConcept": {
                    "coding": [{"system": list_of_needs, "code": each, "display": display[each]}]
                }
            },
        )
        for each in _in_order(journey.needs)
    ]
    result = {"system": ELIGIBILITY, "code": decided.result.value}
    said.append(
        (
            "eligibility",
            {"valueCodeableConcept": {"coding": [result], "text": decided.sentence}},
        )
    )
    return [
        {"type": {"coding": [{"system": INPUT, "code": kind}]}, **value} for kind, value in said
    ]


def _in_order(chosen: Collection[str]) -> list[str]:
    return [code for code, _ in needs() if code in chosen]
