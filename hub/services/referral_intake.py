"""Taking a referral in: who it is about, the request, the triage Task and its clock.

One way for every front door (care-model section 3). Nothing is ever without an owner: the SPOR
team has it, or out of hours and urgent the desk on duty, at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from fhir import jsontext
from fhir.messaging.codes import FLAG_CATEGORIES
from fhir.search.mentions import mentioned
from fhir.systems import SNOMED_CT
from hub import clock, records
from hub.domain import calendars, red_flags, referral
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.definition import HubDefinition, RoutingRule
from hub.domain.errors import RuleError
from hub.domain.red_flags import RedFlag
from hub.domain.referral import Arrival, Step
from hub.domain.referral_request import Channel, Demographics, ReceiveReferral
from hub.queries import rota as rota_query
from hub.records import Record, instant
from hub.services import (
    definitions,
    door,
    earlier_referrals,
    identification,
    referral_letters,
    referral_offers,
    referral_request_record,
    tasks,
    tracing,
    triage_inputs,
)
from hub.services.enclosures import Enclosures
from hub.services.identification import Identified

_TYPED = frozenset({Channel.FORM, Channel.PHONE, Channel.LETTER, Channel.SELF})


@dataclass(frozen=True, slots=True)
class ReferralReceipt:
    """What became of a referral that was handed in."""

    service_request: Record
    task: Record
    """The triage Task, owned by the SPOR team or, out of hours and urgent, by the desk on duty."""
    patient: Record
    tracing: bool
    """The person is not yet identified: a tracing Task waits for somebody to decide."""
    answer: str | None = None
    """What a rule at the door told the referrer at once."""


@dataclass(frozen=True, slots=True)
class _Arriving:
    """A referral on its way in: what was handed over and what the hub makes of it."""

    command: ReceiveReferral
    definition: HubDefinition
    identified: Identified
    arrival: Arrival
    rule: RoutingRule | None
    flags: tuple[RedFlag, ...]
    now: datetime

    @property
    def patient(self) -> str:
        return self.identified.patient.reference


def receive(actor: Actor, command: ReceiveReferral) -> ReferralReceipt:
    """Take a referral in: person, ServiceRequest, triage Task with its clock, alerts, events."""
    definition = definitions.current()
    _check(command, definition)
    # A sender's scopes say what it may ask for, not how the hub keeps its books.
    writer = actor if actor.kind is ActorKind.PERSON else hub_actor("spor")
    arriving = _arriving(writer, command, definition)
    command, rule = arriving.command, arriving.rule
    parts = Enclosures(command.enclosures, definition)
    request_id = records.new_id()
    _name_parts(parts, command, arriving.patient, f"ServiceRequest/{request_id}")
    built = referral_request_record.build(
        command, arriving.patient, definition, arriving.now, parts
    )
    letters = [(records.new_id(), each) for each in command.attachments]
    if letters:
        built["supportingInfo"] = [
            *built.get("supportingInfo", ()),
            *({"reference": f"DocumentReference/{i}", "display": e.title} for i, e in letters),
        ]
    request = records.create(writer, built, id=request_id, managed=True)
    for document_id, letter in letters:
        referral_letters.keep(
            document_id,
            letter,
            patient=arriving.patient,
            request=request,
            received=command.received or arriving.now,
        )
    kept = parts.store(writer, arriving.patient) + _flags(writer, arriving)
    inputs = _inputs(arriving, kept, request)
    task = _open_triage(writer, arriving, request, inputs)
    if arriving.identified.tracing:
        tracing.open_task_for(
            writer,
            arriving.identified,
            request,
            definition,
            priority=command.priority,
            owner=triage_owner(definition, command.priority, arriving.now),
        )
    if rule is not None:
        request, task = door.answer(rule, request, task, definition)
    if request["status"] == "active":
        age = arriving.arrival.age
        referral_offers.make(writer, command, request, age=age, definition=definition)
    _announce(actor, command, request, task, arriving.identified)
    return ReferralReceipt(
        service_request=request,
        task=task,
        patient=arriving.identified.patient,
        tracing=arriving.identified.tracing,
        answer=rule.answer if rule else None,
    )


def _arriving(writer: Actor, command: ReceiveReferral, definition: HubDefinition) -> _Arriving:
    now = clock.now()
    identified = identification.identify(writer, command.person, typed=command.channel in _TYPED)
    born = identification.birth_date(identified.patient)
    arrival = Arrival(
        service=command.service,
        codes=frozenset(c.code for c in command.reason_codes if c.system in ("", SNOMED_CT)),
        reason=" ".join([command.reason, *(code.display for code in command.reason_codes)]),
        age=referral.age_on(born, now.date()) if born else None,
        suspected_cancer=command.suspected_cancer,
    )
    rule = referral.door_answer(arrival, definition.routing_rules)
    flags = red_flags_of(command, arrival.age, definition)
    raised = replace(command, priority=red_flags.raised(command.priority, flags))
    return _Arriving(raised, definition, identified, arrival, rule, flags, now)


def _check(command: ReceiveReferral, definition: HubDefinition) -> None:
    if not command.reason.strip():
        raise RuleError("say what the person needs and why", field="reason")
    if not command.referrer.display.strip():
        raise RuleError("say who refers", field="referrer")
    if command.priority not in red_flags.PRIORITIES:
        raise RuleError("this is no priority", field="priority", allowed=red_flags.PRIORITIES)
    service = definition.services.get(command.service) if command.service else None
    if command.service and service is None:
        raise RuleError(
            "the hub does not know this service; leave it empty for advice", field="service"
        )
    if command.received is not None:
        oldest = clock.now() - timedelta(days=definition.spor.letter_days)
        if not oldest <= command.received <= clock.now():
            raise RuleError(
                f"a letter came in the last {definition.spor.letter_days} days, and not in the"
                " future",
                field="received",
            )
    if command.channel is Channel.SELF and not (service and service.self_referral):
        raise RuleError(
            "people refer themselves to these services only",
            field="service",
            allowed=sorted(c for c, each in definition.services.items() if each.self_referral),
        )


def _name_parts(parts: Enclosures, command: ReceiveReferral, patient: str, request: str) -> None:
    """Let the message's own references to the person and the request mean the hub's records."""
    person = command.person
    if command.channel is Channel.API and command.request is not None:
        ours = mentioned([jsontext.dumps(command.request)])
        parts.keep(f"{kind}/{each}" for kind, ids in ours.items() for each in ids)
    for full_url, resource in command.enclosures:
        if isinstance(person, Demographics) and resource is person.resource:
            parts.stands_for(full_url, resource, patient)
        if resource is command.request:
            parts.stands_for(full_url, resource, request)


def _flags(writer: Actor, arriving: _Arriving) -> list[Record]:
    return [
        records.create(
            writer,
            {
                "resourceType": "Flag",
                "status": "active",
                "category": [{"coding": [{"system": FLAG_CATEGORIES, "code": alert.category}]}],
                "code": {
                    **({"coding": [alert.code.coding()]} if alert.code else {}),
                    "text": alert.text,
                },
                "subject": {"reference": arriving.patient},
                "period": {"start": instant(arriving.now)},
            },
        )
        for alert in arriving.command.alerts
    ]


def _inputs(arriving: _Arriving, kept: list[Record], request: Record) -> list[dict[str, Any]]:
    """Put together what triage sees first: alerts, repeats, suggestions, the falls question."""
    command, definition, rule = arriving.command, arriving.definition, arriving.rule
    found = triage_inputs.of_alerts(r.resource for r in kept if r.type == "Flag")
    found += triage_inputs.of_red_flags(arriving.flags)
    if not arriving.identified.tracing:
        earlier = earlier_referrals.of_person(arriving.patient, but=request.reference)
        found += triage_inputs.of_repeats(
            referral.repeats(arriving.arrival, earlier, definition.spor, arriving.now)
        )
    found += [
        triage_inputs.pointer(
            triage_inputs.SUGGESTED_PERSON, m.reference, identification.suggestion_words(m)
        )
        for m in arriving.identified.suggestions
    ]
    if offer := door.suggested_service(command, rule, definition):
        found.append(
            triage_inputs.pointer(
                triage_inputs.SUGGESTED_SERVICE, f"HealthcareService/{offer.code}", offer.name
            )
        )
    if rule is not None:
        found.append(triage_inputs.entry(triage_inputs.DOOR_RULE, {"valueString": rule.name}))
    age = arriving.arrival.age
    if command.falls is None and referral.must_ask_about_falls(age, definition.spor):
        found.append(triage_inputs.entry(triage_inputs.ASK_FALLS, {"valueBoolean": True}))
    return found


def red_flags_of(
    command: ReceiveReferral, age: int | None, definition: HubDefinition
) -> tuple[RedFlag, ...]:
    """Return the red flags of what a referrer says; the history is of the past, and not read."""
    reason = " ".join([command.reason, *(code.display for code in command.reason_codes)])
    codes = frozenset(code.code for code in command.reason_codes if code.system in ("", SNOMED_CT))
    return red_flags.found(reason, codes, age, definition.red_flags)


def triage_owner(definition: HubDefinition, priority: str, now: datetime) -> str:
    """Return who has a referral first: outside SPOR hours an urgent one goes to the desk.

    An urgent one does not wait at an empty desk while somebody is at the other one: where sickness
    has left nobody, the rota is what counts. With nobody at either it stays with the desk whose
    hours they are, whose hole rings.
    """
    spor = definition.spor
    closed = not calendars.is_open(definition.calendars[spor.calendar], now)
    if priority == "routine":
        return f"CareTeam/{spor.team}"
    desks = [f"CareTeam/{spor.team}", f"CareTeam/{spor.out_of_hours_desk}"]
    wanted = desks[1] if closed else desks[0]
    there = rota_query.staffed(desks, now)
    return (
        next((desk for desk in desks if desk in there), wanted) if wanted not in there else wanted
    )


def _open_triage(
    writer: Actor, arriving: _Arriving, request: Record, inputs: list[dict[str, Any]]
) -> Record:
    command, definition = arriving.command, arriving.definition
    spor = definition.spor
    owner = triage_owner(definition, command.priority, arriving.now)
    team = definition.teams[owner.removeprefix("CareTeam/")]
    return tasks.open_task(
        writer,
        code="triage",
        patient=arriving.patient,
        description=f"Triage: {command.reason}"[:500],
        owner=owner,
        priority=command.priority,
        focus=request.reference,
        performing_organization=f"Organization/{team.organisation}",
        accountable_organization=f"Organization/{definition.hub_organisation}",
        clock=spor.triage_clocks[command.priority],
        clock_from=command.received,
        step=Step.RECEIVED.value,
        minutes=spor.triage_minutes,
        requester=command.referrer.practitioner or command.referrer.organization,
        inputs=inputs,
    )


def _announce(
    actor: Actor,
    command: ReceiveReferral,
    request: Record,
    task: Record,
    identified: Identified,
) -> None:
    detail: Mapping[str, Any] = {
        "channel": command.channel.value,
        "priority": command.priority,
        "task": task.reference,
        "tracing": identified.tracing,
    }
    records.audit.record(actor, "referral-received", request.reference, detail)
    records.outbox.emit("ReferralReceived", subject=request.reference, payload=detail)
    if command.referrer.phone or command.referrer.email:
        records.outbox.emit("ReferrerFollows", subject=request.reference)
