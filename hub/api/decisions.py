"""``Task/[id]/$why``: how a task came to its owner, from the decision as it was kept."""

from typing import Any

from flask import Response

from fhir.outcomes import NotFoundError
from hub import records
from hub.api import answers
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import answer, given
from hub.auth import current_actor
from hub.domain import routing as rules
from hub.domain.errors import StateError
from hub.domain.routing import Decision
from hub.services import explanations

_CANDIDATE = (
    Parameter("who", "Reference", use="out", min=1),
    Parameter("points", "integer", use="out", documentation="Absent: barred or not asked."),
    Parameter("part", "string", use="out", max="*", documentation="part=points, of the score."),
    Parameter("bar", "code", use="out", documentation="The filter that kept them from it."),
    Parameter("words", "string", use="out"),
)


@operation(
    Operation(
        "why",
        "Why a task went to its owner: reasons, scores and exclusions, from the kept decision.",
        (
            Parameter("who", "string", documentation="Practitioner/[id]: why not this one?"),
            Parameter("if-off", "string", documentation="Practitioner/[id]: if they were off?"),
            Parameter("if-on", "string", documentation="Practitioner/[id]: if they were at work?"),
            Parameter("sentence", "string", use="out", min=1),
            Parameter("owner", "Reference", use="out", min=1),
            Parameter("level", "code", use="out", min=1),
            Parameter("decided", "instant", use="out", min=1),
            Parameter("reason", "string", use="out", min=1, max="*"),
            Parameter("candidate", "", use="out", max="*", parts=_CANDIDATE),
            Parameter("why-not", "string", use="out"),
            Parameter("otherwise-owner", "Reference", use="out"),
            Parameter("otherwise", "string", use="out"),
        ),
        instance=True,
        types=("Task",),
    )
)
def why(_type: str | None, task_id: str | None) -> Response:
    assert task_id is not None
    asked = given()
    asked.only("who", "if-off", "if-on")
    records.read(current_actor(), "Task", task_id)
    try:
        found = explanations.of_task(
            task_id, who=asked.text("who"), if_off=asked.text("if-off"), if_on=asked.text("if-on")
        )
    except StateError as error:
        raise NotFoundError(error.text) from None
    decision = found.decision
    said: list[dict[str, Any]] = [
        {"name": "sentence", "valueString": found.kept.sentence},
        {"name": "owner", "valueReference": {"reference": decision.owner}},
        {"name": "level", "valueCode": str(decision.level)},
        {"name": "decided", "valueInstant": records.instant(found.kept.decided_at)},
        *({"name": "reason", "valueString": each} for each in decision.reasons),
        *_candidates(decision),
    ]
    if found.why_not is not None:
        said.append({"name": "why-not", "valueString": found.why_not})
    if found.otherwise is not None:
        said += [
            {"name": "otherwise-owner", "valueReference": {"reference": found.otherwise.owner}},
            {"name": "otherwise", "valueString": rules.explain(found.otherwise)},
        ]
    return answers.of_json(answer(*said))


def _candidates(decision: Decision) -> list[dict[str, Any]]:
    fitting = [
        {
            "name": "candidate",
            "part": [
                {"name": "who", "valueReference": {"reference": score.staff}},
                {"name": "points", "valueInteger": score.total},
                *(
                    {"name": "part", "valueString": f"{part}={points}"}
                    for part, points in sorted(score.parts.items())
                ),
            ],
        }
        for score in decision.scores
    ]
    barred = [
        {
            "name": "candidate",
            "part": [
                {"name": "who", "valueReference": {"reference": each.staff}},
                {"name": "bar", "valueCode": str(each.bar)},
                {"name": "words", "valueString": each.text},
            ],
        }
        for each in decision.exclusions
    ]
    return [*fitting, *barred]
