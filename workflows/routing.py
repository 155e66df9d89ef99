"""Events of tasks that want an owner."""

from hub.domain.actor import hub_actor
from hub.services import routing
from workflows.handlers import Event, handler

_ACTOR = hub_actor("routing")


@handler
def route_task(event: Event) -> None:
    """TaskAwaitsRouting, TaskReleased: give the task to the right person on shift."""
    routing.route(
        _ACTOR,
        event.subject_id,
        cause=event.payload.get("cause", "new"),
        displaced=_practitioner(event.payload.get("by")),
    )


def _practitioner(reference: str | None) -> str | None:
    if reference is not None and reference.startswith("Practitioner/"):
        return reference
    return None
