"""``CareTeam/[id]/$handover``: the pack of the last shift change, and its lines acknowledged."""

from typing import Any

from flask import Response

from fhir.outcomes import ForbiddenError, NotFoundError
from hub import records
from hub.api import answers
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import answer, given
from hub.auth import current_actor
from hub.domain.actor import ActorKind
from hub.models.handover import HandoverLine
from hub.queries.handover import COVER_HOLE
from hub.records.record import instant
from hub.services import handover
from hub.transaction import transaction


@operation(
    Operation(
        "handover",
        "What a team must hear at its last shift change, the critical first.",
        (
            Parameter("at", "instant", use="out", min=1),
            Parameter("since", "instant", use="out", min=1),
            Parameter("until", "instant", use="out", min=1),
            Parameter(
                "line",
                "string",
                use="out",
                max="*",
                documentation="Its id; parts: kind, subject, words, critical, due, acknowledged.",
            ),
        ),
        instance=True,
        types=("CareTeam",),
    )
)
def handover_of(_type: str | None, team_id: str | None) -> Response:
    actor = current_actor()
    team = f"CareTeam/{team_id}"
    records.read(actor, "CareTeam", str(team_id))
    if actor.kind is ActorKind.PERSON and team not in actor.teams:
        raise ForbiddenError("a handover is for the people of the team")
    packs = handover.packs_of([team])
    if not packs:
        raise NotFoundError("this team has had no shift change yet")
    (pack,) = packs
    return answers.of_json(
        answer(
            {"name": "at", "valueInstant": instant(pack.at)},
            {"name": "since", "valueInstant": instant(pack.since)},
            {"name": "until", "valueInstant": instant(pack.until)},
            *(_line(line) for line in handover.lines_of(pack.id)),
        )
    )


def _line(line: HandoverLine) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"name": "kind", "valueCode": line.kind},
        {"name": "subject", "valueReference": _subject(line.subject)},
        {"name": "words", "valueString": line.words},
        {"name": "critical", "valueBoolean": line.critical},
    ]
    if line.due_at:
        parts.append({"name": "due", "valueInstant": instant(line.due_at)})
    if line.acknowledged_at and line.acknowledged_by:
        by = {"reference": line.acknowledged_by}
        parts.append({"name": "acknowledgedBy", "valueReference": by})
        parts.append({"name": "acknowledged", "valueInstant": instant(line.acknowledged_at)})
    return {"name": "line", "valueString": line.id, "part": parts}


def _subject(subject: str) -> dict[str, Any]:
    """Return a reference; a hole in the rota is no resource, and only has its identifier."""
    if subject.startswith(COVER_HOLE):
        return {
            "identifier": {"value": subject.removeprefix(COVER_HOLE)},
            "display": "A hole in the rota",
        }
    return {"reference": subject}


@operation(
    Operation(
        "acknowledge-handover",
        "Say that lines of the team's handover have been read; a person's token says by whom.",
        (
            Parameter("line", "string", min=1, max="*", documentation="The id of a line."),
            Parameter("acknowledged", "integer", use="out", min=1),
        ),
        instance=True,
        types=("CareTeam",),
        affects_state=True,
    )
)
def acknowledge(_type: str | None, team_id: str | None) -> Response:
    actor = current_actor()
    asked = given()
    wanted = [str(each.get("valueString", "")) for each in asked if each.get("name") == "line"]
    with transaction():
        records.read(actor, "CareTeam", str(team_id))
        read = handover.acknowledge(actor, wanted)
    return answers.of_json(answer({"name": "acknowledged", "valueInteger": read}))
