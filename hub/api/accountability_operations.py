"""Operations on who answers for whom: asked, offered, answered; what a leaver holds; leaving.

All take and give a Parameters resource (https://hl7.org/fhir/R4/operations.html).
"""

from typing import Any

from flask import Response

from fhir.outcomes import BadRequestError, ForbiddenError
from hub import clock
from hub.api import answers
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import answer, given
from hub.auth import current_actor
from hub.domain.actor import Actor, ActorKind
from hub.domain.scopes import permits
from hub.models.accountability import AccountabilityOffer
from hub.records.record import instant
from hub.services import accountability, accountability_offers, leaving
from hub.services.leaving import Held
from hub.transaction import transaction

_HOLDING = Parameter(
    "holding",
    "",
    use="out",
    max="*",
    documentation="One thing that is held; key is what $rehome and $time-box take.",
    parts=(
        Parameter("key", "string", use="out", min=1),
        Parameter("kind", "code", use="out", min=1),
        Parameter("words", "string", use="out", min=1),
        Parameter("until", "dateTime", use="out"),
    ),
)


@operation(
    Operation(
        "accountable",
        "Who answers for a person in each role, now or on a date; a stand-in while it is vacant.",
        (
            Parameter("at", "dateTime", documentation="With its time zone; absent: now."),
            Parameter(
                "accountable",
                "",
                use="out",
                max="*",
                parts=(
                    Parameter("role", "code", use="out", min=1),
                    Parameter("practitioner", "Reference", use="out", min=1),
                    Parameter("since", "dateTime", use="out", min=1),
                    Parameter("standsIn", "boolean", use="out", min=1),
                    Parameter("deputy", "Reference", use="out"),
                ),
            ),
        ),
        instance=True,
        types=("Patient",),
    )
)
def accountable(_type: str | None, patient_id: str | None) -> Response:
    assert patient_id is not None
    actor = current_actor()
    _check_scope(actor, "CareTeam", "r")
    asked = given()
    asked.only("at")
    with transaction():
        found = accountability.answers(actor, patient_id, asked.instant("at"))
    listed: list[dict[str, Any]] = []
    for each in found:
        parts: list[dict[str, Any]] = [
            {"name": "role", "valueCode": each.role.value},
            {"name": "practitioner", "valueReference": {"reference": each.practitioner}},
            {"name": "since", "valueDateTime": instant(each.since)},
            {"name": "standsIn", "valueBoolean": each.stands_in},
        ]
        if each.deputy:
            parts.append({"name": "deputy", "valueReference": {"reference": each.deputy}})
        listed.append({"name": "accountable", "part": parts})
    return answers.of_json(answer(*listed))


@operation(
    Operation(
        "offer-accountability",
        "Offer a role for a person to a member of staff, who has to accept it.",
        (
            Parameter("role", "code", min=1),
            Parameter("to", "string", min=1, documentation="Practitioner/<id>"),
            Parameter("note", "string"),
            Parameter("expires", "dateTime", documentation="Absent: in seven days."),
            Parameter("offer", "string", use="out", min=1),
        ),
        instance=True,
        types=("Patient",),
        affects_state=True,
    )
)
def offer_accountability(_type: str | None, patient_id: str | None) -> Response:
    assert patient_id is not None
    actor = current_actor()
    _check_scope(actor, "CareTeam", "u")
    asked = given()
    with transaction():
        made, _ = accountability_offers.offer(
            actor,
            [patient_id],
            role=asked.needed("role"),
            to=asked.needed("to"),
            note=asked.text("note") or "" if "note" in asked else "",
            expires_at=asked.instant("expires"),
        )
        said = answer(*(_offered(each) for each in made))
    return answers.of_json(said)


@operation(
    Operation(
        "answer-accountability",
        "Accept, refuse or withdraw an offer of a role for a person.",
        (
            Parameter("offer", "string", min=1),
            Parameter("answer", "code", min=1, documentation="accept, refuse or withdraw"),
            Parameter("reason", "string"),
            Parameter("offer", "string", use="out", min=1),
        ),
        instance=True,
        types=("Patient",),
        affects_state=True,
    )
)
def answer_accountability(_type: str | None, patient_id: str | None) -> Response:
    actor = current_actor()
    _check_scope(actor, "CareTeam", "u")
    asked = given()
    offer_id, verb = asked.needed("offer"), asked.needed("answer")
    reason = asked.text("reason") or "" if "reason" in asked else ""
    with transaction():
        accountability_offers.check_patient(offer_id, patient_id or "")
        match verb:
            case "accept":
                accountability_offers.accept(actor, offer_id)
            case "refuse":
                accountability_offers.refuse(actor, offer_id, reason=reason)
            case "withdraw":
                accountability_offers.withdraw(actor, offer_id, reason=reason)
            case _:
                raise BadRequestError("answer is accept, refuse or withdraw", expression="answer")
    return answers.of_json(answer({"name": "offer", "valueString": offer_id}))


@operation(
    Operation(
        "holdings",
        "Everything that a member of staff holds and that must be in other hands before they go.",
        (_HOLDING,),
        instance=True,
        types=("Practitioner",),
    )
)
def holdings(_type: str | None, practitioner_id: str | None) -> Response:
    actor = current_actor()
    with transaction():
        leaving.check_may(actor)
        held = leaving.what_holds(f"Practitioner/{practitioner_id}")
    return answers.of_json(answer(*map(_held, held)))


@operation(
    Operation(
        "rehome",
        "Give what a member of staff holds to somebody, or by the rules; all or nothing.",
        (
            Parameter("key", "string", min=1, max="*", documentation="As $holdings gives them."),
            Parameter("to", "string", documentation="Practitioner/<id>; absent: by the rules."),
            _HOLDING,
        ),
        instance=True,
        types=("Practitioner",),
        affects_state=True,
    )
)
def rehome(_type: str | None, practitioner_id: str | None) -> Response:
    asked = given()
    keys = [str(each.get("valueString", "")) for each in asked if each.get("name") == "key"]
    if not all(keys) or not keys:
        raise BadRequestError("name what to give on: key, valueString", expression="key")
    to = asked.text("to") if "to" in asked else None
    with transaction():
        left = leaving.rehome(current_actor(), f"Practitioner/{practitioner_id}", keys, to=to)
    return answers.of_json(answer(*map(_held, left)))


@operation(
    Operation(
        "time-box",
        "Allow a member of staff to hold one thing until a date, with somebody who is reminded.",
        (
            Parameter("key", "string", min=1, documentation="As $holdings gives it."),
            Parameter("until", "dateTime", min=1),
            Parameter("owner", "string", min=1, documentation="Practitioner/<id> to remind"),
            Parameter("until", "dateTime", use="out", min=1),
        ),
        instance=True,
        types=("Practitioner",),
        affects_state=True,
    )
)
def time_box(_type: str | None, practitioner_id: str | None) -> Response:
    asked = given()
    until = asked.instant("until")
    if until is None:
        raise BadRequestError("say until when: until, valueDateTime", expression="until")
    with transaction():
        leaving.time_box(
            current_actor(),
            f"Practitioner/{practitioner_id}",
            asked.needed("key"),
            until=until,
            owner=asked.needed("owner"),
        )
    return answers.of_json(answer({"name": "until", "valueDateTime": instant(until)}))


@operation(
    Operation(
        "leave",
        "End somebody's work here; refused with the full list while they hold anything.",
        (
            Parameter("at", "dateTime", documentation="Their last instant; absent: now."),
            Parameter("at", "dateTime", use="out", min=1),
        ),
        instance=True,
        types=("Practitioner",),
        affects_state=True,
    )
)
def leave(_type: str | None, practitioner_id: str | None) -> Response:
    asked = given()
    with transaction():
        left = leaving.leave(
            current_actor(),
            f"Practitioner/{practitioner_id}",
            asked.instant("at") or clock.now(),
        )
        said = answer({"name": "at", "valueDateTime": instant(left.leaves_at)})
    return answers.of_json(said)


def _offered(offer: AccountabilityOffer) -> dict[str, Any]:
    return {"name": "offer", "valueString": offer.id}


def _held(held: Held) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"name": "key", "valueString": held.key},
        {"name": "kind", "valueCode": held.kind.value},
        {"name": "words", "valueString": held.words},
    ]
    if held.until is not None:
        parts.append({"name": "until", "valueDateTime": instant(held.until)})
    return {"name": "holding", "part": parts}


def _check_scope(actor: Actor, resource_type: str, letter: str) -> None:
    if actor.kind is ActorKind.SYSTEM and not permits(actor.scopes, resource_type, letter):
        raise ForbiddenError(f"this needs the scope system/{resource_type}.{letter}")
