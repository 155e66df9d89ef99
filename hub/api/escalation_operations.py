"""``Task/[id]/$acknowledge``: somebody has heard an escalation and is on it.

Takes and gives a Parameters resource (https://hl7.org/fhir/R4/operations.html).
"""

from flask import Response

from hub import records
from hub.api import answers
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import answer, given
from hub.auth import current_actor
from hub.services import acknowledgements
from hub.transaction import transaction


@operation(
    Operation(
        "acknowledge",
        "Acknowledge an escalation: its repeats stop; the clock and the alarm at breach do not.",
        (
            Parameter("step", "string", documentation="The step seen; absent: the last one."),
            Parameter("note", "string", documentation="What is done about it."),
            Parameter("step", "string", use="out", min=1),
            Parameter("action", "code", use="out", min=1, documentation="Code of the step."),
            Parameter("acknowledged", "instant", use="out", min=1),
        ),
        instance=True,
        types=("Task",),
        affects_state=True,
    )
)
def acknowledge(_type: str | None, task_id: str | None) -> Response:
    assert task_id is not None
    asked = given()
    asked.only("step", "note")
    with transaction():
        step = acknowledgements.acknowledge(
            current_actor(), task_id, step_id=asked.text("step"), note=asked.text("note")
        )
        assert step.acknowledged_at is not None
        said = answer(
            {"name": "step", "valueString": step.id},
            {"name": "action", "valueCode": step.action},
            {"name": "acknowledged", "valueInstant": records.instant(step.acknowledged_at)},
        )
    return answers.of_json(said)
