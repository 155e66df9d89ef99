"""``CareTeam/[id]/$performance``: what was in time, with and without pauses, and why clocks stood.

A Parameters resource: https://hl7.org/fhir/R4/operations.html
"""

from datetime import timedelta
from typing import Any

from flask import Response

from fhir.outcomes import BadRequestError, NotFoundError
from hub import clock, records
from hub.api import answers
from hub.api.cover import check_may_see
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import answer, given
from hub.auth import current_actor
from hub.domain import performance as rules
from hub.domain.performance import Figures
from hub.queries import performance as query
from hub.services import definitions

LONGEST = 92
"""Days that are counted while the client waits."""

_FIGURES = (
    Parameter("cases", "integer", min=1, documentation="Clocks that are judged."),
    Parameter("in-time", "integer", min=1),
    Parameter("in-time-without-pauses", "integer", min=1, documentation="Had no pause counted."),
    Parameter("median", "integer", documentation="Minutes from start to stop, half within."),
    Parameter("p95", "integer", documentation="Minutes, 95 % within."),
)


@operation(
    Operation(
        "performance",
        "Say how much of a team's work was in time, with and without pauses, and why clocks stood.",
        (
            Parameter("days", "positiveInt", documentation="How far back, at most 92; absent: 28."),
            Parameter("all", "", use="out", min=1, parts=_FIGURES),
            Parameter("weekday", "", use="out", min=1, parts=_FIGURES),
            Parameter("weekend", "", use="out", min=1, parts=_FIGURES),
            Parameter(
                "pause",
                "",
                use="out",
                max="*",
                parts=(
                    Parameter("reason", "code", min=1),
                    Parameter("tasks", "integer", min=1),
                    Parameter("minutes", "integer", min=1),
                    Parameter("longest", "integer", min=1),
                ),
            ),
        ),
        instance=True,
        types=("CareTeam",),
    )
)
def team_performance(_type: str | None, team_id: str | None) -> Response:
    actor, hub = current_actor(), definitions.current()
    assert team_id is not None
    check_may_see(actor)
    if team_id not in hub.teams:
        records.read(actor, "CareTeam", team_id)
        raise NotFoundError(f"CareTeam/{team_id} is a person's care team: it has no clocks")
    asked = given()
    asked.only("days")
    days, now = asked.number("days"), clock.now()
    days = 28 if days is None else days
    if not 1 <= days <= LONGEST:
        raise BadRequestError(f"days is a number from 1 to {LONGEST}", expression="days")
    found = query.cases(
        now - timedelta(days=days),
        now,
        time_zone=hub.time_zone,
        team=f"CareTeam/{team_id}",
    )
    weekend = [each for each in found if each.weekday in rules.WEEKEND]
    weekday = [each for each in found if each.weekday not in rules.WEEKEND]
    return answers.of_json(
        answer(
            *(
                {"name": name, "part": _figures(rules.figures(cases, now))}
                for name, cases in (("all", found), ("weekday", weekday), ("weekend", weekend))
            ),
            *(
                {
                    "name": "pause",
                    "part": [
                        {"name": "reason", "valueCode": each.reason},
                        {"name": "tasks", "valueInteger": each.cases},
                        {"name": "minutes", "valueInteger": _minutes(each.total)},
                        {"name": "longest", "valueInteger": _minutes(each.longest)},
                    ],
                }
                for each in rules.pauses(found)
            ),
        )
    )


def _figures(found: Figures) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [
        {"name": "cases", "valueInteger": found.cases},
        {"name": "in-time", "valueInteger": found.in_time},
        {"name": "in-time-without-pauses", "valueInteger": found.in_time_without},
    ]
    for name, wait in (("median", found.median), ("p95", found.p95)):
        if wait is not None:
            parts.append({"name": name, "valueInteger": _minutes(wait)})
    return parts


def _minutes(span: timedelta) -> int:
    return round(span.total_seconds() / 60)
