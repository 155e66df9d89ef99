"""Events of tasks that want an owner."""

from collections.abc import Iterator, Sequence

from hub.domain.actor import hub_actor
from hub.services import routing
from hub.services.routing import Wanted
from workflows.handlers import Event, batch_handler

_ACTOR = hub_actor("routing")


@batch_handler
def route_task(events: Sequence[Event]) -> None:
    """TaskAwaitsRouting, TaskReleased: give the tasks to the right people on shift.

    A task that stands twice in one message is looked at twice, in the order of its events: the
    second finds what the first has done.
    """
    for turn in _turns(events):
        routing.route_all(_ACTOR, turn)


def _turns(events: Sequence[Event]) -> Iterator[list[Wanted]]:
    """Yield the events in as few turns as have no task twice."""
    waiting = list(events)
    while waiting:
        turn: dict[str, Wanted] = {}
        later = []
        for event in waiting:
            if event.subject_id in turn:
                later.append(event)
                continue
            turn[event.subject_id] = Wanted(
                event.subject_id,
                event.payload.get("cause", "new"),
                _practitioner(event.payload.get("by")),
            )
        yield list(turn.values())
        waiting = later


def _practitioner(reference: str | None) -> str | None:
    if reference is not None and reference.startswith("Practitioner/"):
        return reference
    return None
