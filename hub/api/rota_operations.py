"""Operations on the rota: read it, import it, change it, swap shifts, come back to work.

``CareTeam/[id]/$rota``, ``$import-rota`` and ``$change-rota``; ``Practitioner/[id]/$end-absence``,
``$offer-shift`` and ``$answer-offer``. The hub's own: R4 has Schedule and Slot, which say the same
(hub/services/rota_records.py), and no operation to change them by.
"""

import base64
import binascii
from datetime import timedelta
from typing import Any

from flask import Response

from fhir.outcomes import BadRequestError, ForbiddenError, Issue
from hub import clock, records
from hub.api import answers, site
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import Given, answer, given
from hub.auth import current_actor
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.errors import RuleError
from hub.domain.rota import WORK
from hub.domain.rota_exchange import Act
from hub.domain.scopes import permits
from hub.queries import rota as rota_query
from hub.services import absences, definitions, rota_exchange, rota_overrides, shift_offers
from hub.services.rota_exchange import FORMATS, ImportFaultError, Preview
from hub.transaction import transaction

_TYPES = {"ics": "text/calendar; charset=utf-8", "csv": "text/csv; charset=utf-8"}
_FORTNIGHT = timedelta(days=14)
_FURTHEST = timedelta(days=400)


@operation(
    Operation(
        "rota",
        "The rota of a team: Schedules and Slots, or a file (ics, csv) with called-off shifts too.",
        (
            Parameter("start", "dateTime", documentation="Absent: from now."),
            Parameter("end", "dateTime", documentation="Absent: a fortnight on; 400 days at most."),
            Parameter("format", "code", documentation="ics or csv; absent: a Bundle."),
            Parameter("return", "Bundle", use="out", min=1),
        ),
        instance=True,
        types=("CareTeam",),
    )
)
def rota(_type: str | None, team: str | None) -> Response:
    actor = current_actor()
    _may_read(actor)
    code = _team(team)
    asked = given()
    asked.only("start", "end", "format")
    start = asked.instant("start") or clock.now()
    end = asked.instant("end") or start + _FORTNIGHT
    if not start < end <= start + _FURTHEST:
        raise BadRequestError("end is after start, by 400 days at most", expression="end")
    form = asked.text("format")
    if form is not None:
        if form not in FORMATS:
            raise BadRequestError(
                f"format is one of {', '.join(FORMATS)}, or absent", expression="format"
            )
        content = rota_exchange.export(form, start=start, end=end, team=code)
        return Response(content, content_type=_TYPES[form])
    shifts = rota_query.shifts(f"CareTeam/{code}", start, end)
    names = [f"Slot/{each.id}" for each in shifts]
    names += sorted({each.practitioner.replace("Practitioner", "Schedule") for each in shifts})
    found = records.read_many(actor, names)
    return answers.of_json(
        answers.bundle(
            "collection",
            [
                {"fullUrl": site.location(found[each]), "resource": answers.resource(found[each])}
                for each in names
                if each in found
            ],
        )
    )


@operation(
    Operation(
        "import-rota",
        "Import the rota of a team from iCalendar or CSV: all of it, or nothing and every fault.",
        (
            Parameter("file", "base64Binary", min=1),
            Parameter("format", "code", min=1, documentation="ics or csv."),
            Parameter("reason", "string", documentation="Needed unless dry-run."),
            Parameter("dry-run", "boolean", documentation="true: only say what would change."),
            Parameter("count", "", use="out", max="*", parts=(
                Parameter("act", "code", use="out", min=1),
                Parameter("number", "integer", use="out", min=1),
            )),
            Parameter("line", "", use="out", max="*", parts=(
                Parameter("act", "code", use="out", min=1),
                Parameter("uid", "string", use="out", min=1),
                Parameter("where", "string", use="out", min=1),
            )),
        ),
        instance=True,
        types=("CareTeam",),
        affects_state=True,
    )
)  # fmt: skip
def import_rota(_type: str | None, team: str | None) -> Response:
    actor, code = _planner(current_actor()), _team(team)
    asked = given()
    form = asked.needed("format")
    try:
        content = base64.b64decode(str(asked.value("file", "base64Binary") or ""), validate=True)
    except (ValueError, binascii.Error):
        raise BadRequestError("file is not base64", expression="file") from None
    if asked.flag("dry-run"):
        with transaction():
            found = rota_exchange.preview(actor, content, form, team=code)
        if found.faults:
            return _faults(ImportFaultError(found.faults))
        return answers.of_json(_said(found))
    reason = asked.needed("reason")
    try:
        with transaction():
            found = rota_exchange.apply(actor, content, form, team=code, reason=reason)
    except ImportFaultError as refusal:
        return _faults(refusal)
    return answers.of_json(_said(found))


@operation(
    Operation(
        "change-rota",
        "Put a person on the rota, take one off, replace one by another, give a shift other hours.",
        (
            Parameter("action", "code", min=1, documentation="add, take-off, replace or move."),
            Parameter("shift", "string", documentation="Id of the shift; not for add."),
            Parameter("practitioner", "string", documentation="Practitioner/[id]; add, replace."),
            Parameter("start", "dateTime", documentation="With its time zone; add and move."),
            Parameter("end", "dateTime", documentation="With its time zone; add and move."),
            Parameter("kind", "code", documentation="work (absent) or on-call; add."),
            Parameter("service", "string", documentation="HealthcareService/[id]; add."),
            Parameter("area", "code", max="*", documentation="Of home visits; add."),
            Parameter("reason", "string", min=1),
            Parameter("shift", "string", use="out"),
        ),
        instance=True,
        types=("CareTeam",),
        affects_state=True,
    )
)
def change_rota(_type: str | None, team: str | None) -> Response:
    actor, code = _planner(current_actor()), _team(team)
    asked = given()
    action, reason = asked.needed("action"), asked.needed("reason")
    with transaction():
        shift_id = _change(actor, f"CareTeam/{code}", action, asked, reason)
    return answers.of_json(answer({"name": "shift", "valueString": shift_id}))


@operation(
    Operation(
        "end-absence",
        "Say that somebody is back: ends one absence, or every one that runs; or calls one off.",
        (
            Parameter("absence", "string", documentation="Absent: every one that runs."),
            Parameter("at", "dateTime", documentation="With its time zone; absent: now."),
            Parameter("cancel", "boolean", documentation="true: it was a mistake; names one."),
            Parameter("ended", "string", use="out", max="*"),
        ),
        instance=True,
        types=("Practitioner",),
        affects_state=True,
    )
)
def end_absence(_type: str | None, practitioner_id: str | None) -> Response:
    actor = current_actor()
    if actor.kind is ActorKind.SYSTEM:
        _scope(actor, "Practitioner", "u")
        actor = hub_actor("rota")
    asked = given()
    asked.only("absence", "at", "cancel")
    absence, at = asked.text("absence"), asked.instant("at")
    practitioner = f"Practitioner/{practitioner_id}"
    with transaction():
        if absence is None:
            if asked.flag("cancel"):
                raise BadRequestError("name the absence to cancel", expression="absence")
            ended = [each.id for each in absences.back_to_work(actor, practitioner, at=at)]
        else:
            absences.check_whose(absence, practitioner)
            ended = [absence]
            if asked.flag("cancel"):
                absences.cancel(actor, absence)
            else:
                absences.end(actor, absence, at=at)
    return answers.of_json(answer(*({"name": "ended", "valueString": each} for each in ended)))


@operation(
    Operation(
        "offer-shift",
        "Offer one's own shift to a colleague, against a shift of theirs or as a gift.",
        (
            Parameter("shift", "string", min=1),
            Parameter("to", "string", min=1, documentation="Practitioner/[id]."),
            Parameter("against", "string", documentation="Id of the shift wanted for it."),
            Parameter("note", "string"),
            Parameter("offer", "string", use="out", min=1),
        ),
        instance=True,
        types=("Practitioner",),
        affects_state=True,
    )
)
def offer_shift(_type: str | None, practitioner_id: str | None) -> Response:
    actor = _oneself(practitioner_id)
    asked = given()
    with transaction():
        made = shift_offers.offer(
            actor,
            asked.needed("shift"),
            to=asked.needed("to"),
            against=asked.text("against"),
            note=asked.text("note"),
        )
    return answers.of_json(answer({"name": "offer", "valueString": made.id}))


@operation(
    Operation(
        "answer-offer",
        "Accept or refuse a shift that was offered, or take an offer of one's own back.",
        (
            Parameter("offer", "string", min=1),
            Parameter("answer", "code", min=1, documentation="accept, refuse or withdraw."),
            Parameter("note", "string", documentation="What the other is told; refuse."),
            Parameter("status", "code", use="out", min=1),
        ),
        instance=True,
        types=("Practitioner",),
        affects_state=True,
    )
)
def answer_offer(_type: str | None, practitioner_id: str | None) -> Response:
    actor = _oneself(practitioner_id)
    asked = given()
    offer, verb = asked.needed("offer"), asked.needed("answer")
    with transaction():
        if verb == "accept":
            found = shift_offers.accept(actor, offer)
        elif verb == "refuse":
            found = shift_offers.refuse(actor, offer, note=asked.text("note"))
        elif verb == "withdraw":
            found = shift_offers.withdraw(actor, offer)
        else:
            raise BadRequestError("answer is accept, refuse or withdraw", expression="answer")
    return answers.of_json(answer({"name": "status", "valueCode": found.status}))


def _change(actor: Actor, team: str, action: str, asked: Given, reason: str) -> str:
    if action == "add":
        start, end = asked.instant("start"), asked.instant("end")
        if start is None or end is None:
            raise BadRequestError("add names start and end", expression="start")
        return rota_overrides.put_on(
            actor,
            asked.needed("practitioner"),
            team=team,
            starts_at=start,
            ends_at=end,
            reason=reason,
            kind=asked.text("kind") or WORK,
            service=asked.text("service"),
            areas=tuple(
                str(each.get("valueCode") or each.get("valueString") or "")
                for each in asked
                if each.get("name") == "area"
            ),
        ).id
    shift_id = asked.needed("shift")
    rota_overrides.check_team(shift_id, team)
    if action == "take-off":
        rota_overrides.take_off(actor, shift_id, reason=reason)
    elif action == "replace":
        rota_overrides.replace(actor, shift_id, by=asked.needed("practitioner"), reason=reason)
    elif action == "move":
        start, end = asked.instant("start"), asked.instant("end")
        if start is None or end is None:
            raise BadRequestError("move names start and end", expression="start")
        rota_overrides.move(actor, shift_id, starts_at=start, ends_at=end, reason=reason)
    else:
        raise BadRequestError("action is one of add, take-off, replace, move", expression="action")
    return shift_id


def _said(found: Preview) -> dict[str, Any]:
    counts = [
        {
            "name": "count",
            "part": [
                {"name": "act", "valueCode": act.value},
                {"name": "number", "valueInteger": found.count(act)},
            ],
        }
        for act in Act
        if found.count(act)
    ]
    lines = [
        {
            "name": "line",
            "part": [
                {"name": "act", "valueCode": each.act.value},
                {"name": "uid", "valueString": each.entry.uid},
                {"name": "where", "valueString": each.entry.where},
            ],
        }
        for each in found.lines
        if each.act is not Act.SAME
    ]
    return answer(*counts, *lines)


def _faults(refusal: ImportFaultError) -> Response:
    return answers.of_issues(
        [
            Issue("business-rule", f"{each.where}: {each.field} {each.text}", expression="file")
            for each in refusal.faults[:200]
        ],
        422,
    )


def _team(team: str | None) -> str:
    if team not in definitions.current().teams:
        raise RuleError("only a team of the hub has a rota", field="id")
    return str(team)


def _may_read(actor: Actor) -> None:
    if actor.kind is ActorKind.SYSTEM:
        _scope(actor, "Schedule", "r")
    elif actor.practitioner is None:
        raise ForbiddenError("the rota is for the hub's staff")


def _planner(actor: Actor) -> Actor:
    """Return who plans: a person by their role; a system by its scope, in the hub's name."""
    if actor.kind is not ActorKind.SYSTEM:
        return actor
    _scope(actor, "Schedule", "u")
    return Actor(kind=ActorKind.HUB, id=actor.id, display=actor.display)


def _scope(actor: Actor, kind: str, letter: str) -> None:
    if not permits(actor.scopes, kind, letter):
        raise ForbiddenError(f"this needs the scope system/{kind}.{letter}")


def _oneself(practitioner_id: str | None) -> Actor:
    actor = current_actor()
    if actor.practitioner != f"Practitioner/{practitioner_id}":
        raise ForbiddenError("only the person themselves swaps a shift: use a person's token")
    return actor
