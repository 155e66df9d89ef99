"""What the national demographics service says of somebody who is being traced.

It is asked by a person who decides a tracing Task, outside of any transaction, and its answer is
kept on the Task (``Task.input``), so that whoever decides sees the same. It decides nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fhir.outcomes import VersionConflictError
from fhir.systems import NHS_NUMBER
from hub import clock, records
from hub.adapters.demographics import Traced, Verdict
from hub.domain import identity
from hub.domain.actor import Actor, hub_actor
from hub.domain.confidentiality import is_restricted
from hub.domain.errors import RuleError, StateError
from hub.domain.identity import Identity
from hub.records import Record, instant
from hub.services import identification, task_content, tracing, triage_inputs

_HUB = hub_actor("identity")
_KIND = "national-"
"""Start of the codes under which the answer stands on the Task."""


@dataclass(frozen=True, slots=True)
class NationalAnswer:
    """The last answer: who it is, where the service found one person."""

    verdict: Verdict
    at: datetime
    person: Identity | None = None
    restricted: bool = False
    deceased: str | None = None
    """Date of death, or ``yes`` where it is not given."""


def wanted(actor: Actor, task_id: str) -> Identity:
    """Return what the service is to be asked. Raises as ``tracing.question``; StateError: decided.

    An NHS number that came with the referral is asked for even where nobody has verified it: that
    is what the service is for.
    """
    asked = tracing.question(actor, task_id)
    if not task_content.is_open(asked.task.resource):
        raise StateError("somebody has decided this already", field="status")
    return identification.identity_of(asked.untraced)


def keep(actor: Actor, task_id: str, traced: Traced, *, version: int) -> Record:
    """Write the answer on the Task in place of an earlier one; suggest who has that number here.

    Raises VersionConflictError where somebody else has changed the Task since ``version``.
    """
    asked = tracing.question(actor, task_id)
    task = records.lock(_HUB, "Task", asked.task.id)
    if task.version != version:
        raise VersionConflictError(task.reference, current=task.version, given=version)
    if not task_content.is_open(task.resource):
        raise StateError("somebody has decided this already", field="status")
    others = [
        each
        for each in task.resource.get("input") or ()
        if not (triage_inputs.kind_of(each) or "").startswith(_KIND)
    ]
    said = list(_entries(traced))
    held = {reference for record, _ in asked.suggested for reference in [record.reference]}
    held.add(asked.untraced.reference)
    said += [each for each in _here(traced) if each["valueReference"]["reference"] not in held]
    detail = {"task": task.reference, "outcome": traced.verdict.value}
    records.audit.record(actor, "national-trace", asked.untraced.reference, detail)
    resource = {**task.resource, "input": [*others, *said]}
    return records.update(_HUB, resource, type="Task", id=task.id, if_match=task.version)


def read(task: dict[str, Any]) -> NationalAnswer | None:
    """Return the answer that stands on a Task."""
    said: dict[str, Any] = {}
    for each in task.get("input") or ():
        kind = triage_inputs.kind_of(each) or ""
        if kind.startswith(_KIND):
            said[kind.removeprefix(_KIND)] = next(
                value for name, value in each.items() if name.startswith("value")
            )
    if "outcome" not in said:
        return None
    name = said.get("name") or {}
    person = Identity(
        nhs_number=(said.get("number") or {}).get("value"),
        nhs_number_verified=True,
        family=name.get("family"),
        given=tuple(name.get("given") or ()),
        birth_date=identification.day(said.get("birth-date")),
        gender=said.get("gender"),
        postcode=said.get("postcode"),
    )
    verdict = Verdict(said["outcome"])
    return NationalAnswer(
        verdict,
        datetime.fromisoformat(said["asked"]),
        person if verdict is Verdict.FOUND else None,
        restricted=said.get("restricted") is True,
        deceased=said.get("deceased"),
    )


def accept(actor: Actor, task_id: str, *, version: int) -> Record:
    """Say that the person is the one whom the service found: somebody new to the hub, verified.

    A record that the service holds as restricted is marked restricted here as well.
    """
    answer = read(tracing.question(actor, task_id).task.resource)
    if answer is None or answer.person is None or answer.person.nhs_number is None:
        raise RuleError("the national service has found nobody: look again", field="who")
    return tracing.confirm(
        actor,
        task_id,
        version=version,
        number=answer.person.nhs_number,
        restricted=answer.restricted,
    )


def _entries(traced: Traced) -> Iterable[dict[str, Any]]:
    yield _entry("outcome", valueCode=traced.verdict.value)
    yield _entry("asked", valueInstant=instant(clock.now()))
    patient = traced.patient
    if patient is None:
        return
    # The id is the number of today; one that was asked for may have been replaced by it.
    number = {"system": NHS_NUMBER, "value": str(patient["id"])}
    yield _entry("number", valueIdentifier=number)
    name: dict[str, Any] = next(iter(patient.get("name") or ()), {})
    shown = {part: name[part] for part in ("family", "given") if name.get(part)}
    if shown:
        yield _entry("name", valueHumanName=shown)
    if patient.get("birthDate"):
        yield _entry("birth-date", valueDate=patient["birthDate"])
    if patient.get("gender"):
        yield _entry("gender", valueCode=patient["gender"])
    address: dict[str, Any] = next(iter(patient.get("address") or ()), {})
    if is_restricted(patient):
        yield _entry("restricted", valueBoolean=True)
    elif address.get("postalCode"):
        yield _entry("postcode", valueString=address["postalCode"])
    if died := patient.get("deceasedDateTime") or patient.get("deceasedBoolean"):
        yield _entry("deceased", valueString="yes" if died is True else str(died)[:10])


def _entry(kind: str, **value: Any) -> dict[str, Any]:
    return triage_inputs.entry(f"{_KIND}{kind}", value)


def _here(traced: Traced) -> list[dict[str, Any]]:
    """Suggest who is on record under the number that the service gave."""
    if traced.patient is None:
        return []
    number = str(traced.patient["id"])
    known = Identity(nhs_number=number, nhs_number_verified=True)
    return [
        triage_inputs.pointer(
            triage_inputs.SUGGESTED_PERSON,
            record.reference,
            "has the number that the national service gave",
        )
        for record, _ in identification.matches(_HUB, known)
        if identity.key(identification.identity_of(record)) == number
    ]
