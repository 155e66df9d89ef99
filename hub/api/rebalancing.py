"""``CareTeam/[id]/$rebalance`` and ``$accept-rebalancing``: a plan, and its lines accepted.

Parameters resources: https://hl7.org/fhir/R4/operations.html
"""

from typing import Any

from flask import Response

from fhir.outcomes import BadRequestError, ForbiddenError
from hub import records
from hub.api import answers
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import answer, given
from hub.auth import current_actor
from hub.domain.actor import ActorKind
from hub.models.rebalancing import RebalancingMove
from hub.queries import rebalancing as query
from hub.records.record import instant
from hub.services import rebalancing, rebalancing_answers

_TOTALS = ("over_minutes", "late", "waiting", "seen", "fullest", "emptiest")
_NUMBERS = tuple(Parameter(name.replace("_", "-"), "integer", min=1) for name in _TOTALS)


@operation(
    Operation(
        "rebalance",
        "Propose how a team's open work is shared out best. Nothing moves before it is accepted.",
        (
            Parameter("plan", "id", use="out", min=1),
            Parameter("expires", "instant", use="out", min=1),
            Parameter("proven", "boolean", use="out", min=1),
            Parameter(
                "gap",
                "integer",
                use="out",
                min=1,
                documentation="Points by which a better plan may exist at the most.",
            ),
            Parameter("proof", "string", use="out", min=1),
            Parameter("before", "", use="out", min=1, parts=_NUMBERS),
            Parameter("after", "", use="out", min=1, parts=_NUMBERS),
            Parameter(
                "move",
                "",
                use="out",
                max="*",
                parts=(
                    Parameter("line", "id", min=1),
                    Parameter("task", "Reference", min=1),
                    Parameter("from", "Reference", min=1),
                    Parameter("to", "Reference", min=1),
                    Parameter("why", "string", min=1),
                    Parameter("gain", "integer", min=1),
                    Parameter("due", "instant"),
                ),
            ),
        ),
        instance=True,
        types=("CareTeam",),
        affects_state=True,
    )
)
def rebalance(_type: str | None, team_id: str | None) -> Response:
    actor = current_actor()
    given().only()
    records.read(actor, "CareTeam", str(team_id))
    if actor.kind is not ActorKind.PERSON:
        raise ForbiddenError("a plan is asked for by a person: the team's lead or a manager")
    plan = rebalancing.propose(actor, f"CareTeam/{team_id}")
    return answers.of_json(
        answer(
            {"name": "plan", "valueId": plan.id},
            {"name": "expires", "valueInstant": instant(plan.expires_at)},
            {"name": "proven", "valueBoolean": plan.proven},
            {"name": "gap", "valueInteger": min(plan.cost - plan.bound, 2**31 - 1)},
            {"name": "proof", "valueString": rebalancing.proof(plan)},
            {"name": "before", "part": _totals(plan.before)},
            {"name": "after", "part": _totals(plan.after)},
            *(_move(each) for each in query.moves_of(plan.id)),
        )
    )


@operation(
    Operation(
        "accept-rebalancing",
        "Accept lines of the team's plan, each for itself; what has changed is left alone.",
        (
            Parameter("plan", "id", min=1),
            Parameter("line", "id", min=1, max="*"),
            Parameter(
                "answered",
                "",
                use="out",
                max="*",
                parts=(
                    Parameter("line", "id", min=1),
                    Parameter("state", "code", min=1),
                    Parameter("note", "string"),
                ),
            ),
        ),
        instance=True,
        types=("CareTeam",),
        affects_state=True,
    )
)
def accept_rebalancing(_type: str | None, team_id: str | None) -> Response:
    actor = current_actor()
    asked = given()
    asked.only("plan", "line")
    records.read(actor, "CareTeam", str(team_id))
    if actor.kind is not ActorKind.PERSON:
        raise ForbiddenError("a plan is accepted by a person: the team's lead or a manager")
    lines = [_text(each) for each in asked if each.get("name") == "line"]
    if not lines:
        raise BadRequestError("name the lines that you accept", expression="line")
    done = rebalancing_answers.accept_many(
        actor, asked.needed("plan"), lines, team=f"CareTeam/{team_id}"
    )
    return answers.of_json(
        answer(
            *(
                {
                    "name": "answered",
                    "part": [
                        {"name": "line", "valueId": each.move_id},
                        {"name": "state", "valueCode": each.state},
                        *([{"name": "note", "valueString": each.note}] if each.note else ()),
                    ],
                }
                for each in done
            )
        )
    )


def _text(parameter: Any) -> str:
    found = parameter.get("valueId", parameter.get("valueString"))
    if not isinstance(found, str) or not found:
        raise BadRequestError("line is an id", expression="line")
    return found


def _totals(numbers: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name.replace("_", "-"), "valueInteger": numbers[name]} for name in _TOTALS]


def _move(line: RebalancingMove) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"name": "line", "valueId": line.id},
        {"name": "task", "valueReference": {"reference": f"Task/{line.task_id}"}},
        {"name": "from", "valueReference": {"reference": line.owner}},
        {"name": "to", "valueReference": {"reference": line.to}},
        {"name": "why", "valueString": line.why},
        {"name": "gain", "valueInteger": line.gain},
    ]
    if line.due_at is not None:
        parts.append({"name": "due", "valueInstant": instant(line.due_at)})
    return {"name": "move", "part": parts}
