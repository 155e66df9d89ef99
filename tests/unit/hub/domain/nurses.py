"""A team of nurses on a Sunday between bank holidays: what the tests of routing decide about."""

import json
from datetime import UTC, datetime, timedelta
from datetime import time as day_time
from typing import Any

from hub.domain import routing, routing_record
from hub.domain.calendars import Calendar, Opening, every_day
from hub.domain.rota import Rota, Shift
from hub.domain.routing import (
    Candidate,
    Decision,
    RoutingPolicy,
    RoutingTask,
)

# A Sunday between bank holidays.
NOW = datetime(2026, 12, 27, 13, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAYTIME = every_day("day", "8 to 8", Opening(day_time(8), day_time(20)))
POLICY = RoutingPolicy()
TASK = RoutingTask(
    id="1",
    team="CareTeam/west",
    desk="CareTeam/duty-desk",
    roles=frozenset({"district-nurse"}),
    neighbours=("CareTeam/east", "CareTeam/rapid"),
    out_of_hours_desk="CareTeam/out-of-hours-desk",
    place="westcliff",
)


def staff(name: str) -> str:
    return f"Practitioner/{name}"


def nurse(name: str, **more: object) -> Candidate:
    values: dict[str, object] = {
        "staff": staff(name),
        "name": name.title(),
        "team": "CareTeam/west",
        "role": "district-nurse",
        **more,
    }
    return Candidate(**values)  # type: ignore[arg-type]


def working(*names: str, start: datetime = NOW - HOUR, hours: int = 8) -> Rota:
    return Rota(tuple(Shift(staff(n), "CareTeam/west", start, start + hours * HOUR) for n in names))


def decide(
    *candidates: Candidate,
    task: RoutingTask = TASK,
    rota: Rota | None = None,
    calendar: Calendar = DAYTIME,
    now: datetime = NOW,
    policy: RoutingPolicy = POLICY,
) -> Decision:
    shifts = rota if rota is not None else working(*(c.staff.split("/")[1] for c in candidates))
    return routing.decide(task, candidates, shifts, calendar, policy, now)


def kept(decision: Decision) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a decision as the database gives it back: the stored object and its pieces."""
    packed = routing_record.pack(decision)
    stored = json.loads(json.dumps(packed.stored))
    return stored, {digest: json.loads(text) for digest, text in packed.pieces.items()}
