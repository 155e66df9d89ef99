"""``Task/[id]/$clock``: what the clock of a task shows, and where its time went.

Computed from the log of the clock, so ``at`` gives what was shown then
(https://hl7.org/fhir/R4/operations.html).
"""

from typing import Any

from flask import Response

from fhir.outcomes import NotFoundError
from hub import clock, records
from hub.api import answers
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import answer, given
from hub.auth import current_actor
from hub.domain.clocks import Reading
from hub.records import instant
from hub.services import clock_histories
from hub.services.clock_histories import History

_READING = (
    Parameter("due", "instant", use="out", min=1),
    Parameter("share", "decimal", use="out", min=1),
    Parameter("breached", "boolean", use="out", min=1),
)


@operation(
    Operation(
        "clock",
        "What the clock of a task shows at an instant, with and without pauses, and the causes of"
        " every minute since its start.",
        (
            Parameter("at", "dateTime", documentation="With its time zone; absent: now."),
            Parameter("rule", "code", use="out", min=1),
            Parameter("state", "code", use="out", min=1),
            Parameter("words", "string", use="out", min=1),
            Parameter("with-pauses", "", use="out", min=1, parts=_READING),
            Parameter("without-pauses", "", use="out", min=1, parts=_READING),
            Parameter(
                "span",
                "",
                use="out",
                max="*",
                parts=(
                    Parameter("period", "Period", use="out", min=1),
                    Parameter("cause", "code", use="out", min=1),
                    Parameter("detail", "string", use="out"),
                    Parameter("seconds", "decimal", use="out", min=1),
                ),
            ),
        ),
        instance=True,
        types=("Task",),
        cost="read",
    )
)
def task_clock(_type: str | None, task_id: str | None) -> Response:
    actor = current_actor()
    assert task_id is not None
    asked = given()
    asked.only("at")
    records.read(actor, "Task", task_id)
    found = clock_histories.history(task_id, asked.instant("at") or clock.now())
    if found is None:
        raise NotFoundError(f"Task/{task_id} had no clock then")
    return answers.of_json(_answer(found))


def _answer(found: History) -> dict[str, Any]:
    return answer(
        {"name": "rule", "valueCode": found.rule.code},
        {"name": "state", "valueCode": found.status.state.value},
        {"name": "words", "valueString": found.words},
        {"name": "with-pauses", "part": _reading(found.status.reading)},
        {"name": "without-pauses", "part": _reading(found.status.without_pauses)},
        *(
            {
                "name": "span",
                "part": [
                    {
                        "name": "period",
                        "valuePeriod": {
                            "start": instant(span.starts_at),
                            "end": instant(span.ends_at),
                        },
                    },
                    {"name": "cause", "valueCode": span.cause.value},
                    *([{"name": "detail", "valueString": span.detail}] if span.detail else []),
                    {"name": "seconds", "valueDecimal": span.length.total_seconds()},
                ],
            }
            for span in found.spans
        ),
    )


def _reading(reading: Reading) -> list[dict[str, Any]]:
    return [
        {"name": "due", "valueInstant": instant(reading.due_at)},
        {"name": "share", "valueDecimal": round(reading.share, 4)},
        {"name": "breached", "valueBoolean": reading.breached},
    ]
