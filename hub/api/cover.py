"""``CareTeam/[id]/$cover``: is everybody there who is needed, and where not.

A Parameters resource: https://hl7.org/fhir/R4/operations.html
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response

from fhir.outcomes import BadRequestError, ForbiddenError, NotFoundError
from hub import clock, records
from hub.api import answers
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import answer, given
from hub.auth import current_actor
from hub.domain import cover_access
from hub.domain.actor import Actor, ActorKind
from hub.domain.cover import Hole, Share
from hub.domain.scopes import permits
from hub.models.cover_hole import CoverHole
from hub.queries import cover as cover_query
from hub.services import cover_view, definitions

LONGEST = timedelta(days=92)
"""A span that is counted while the client waits."""


@operation(
    Operation(
        "cover",
        "Say how much of what a team needs is covered, and every hole: when, what is missing.",
        (
            Parameter("start", "dateTime", documentation="With its time zone; absent: from now."),
            Parameter(
                "end",
                "dateTime",
                documentation="With its time zone, at most 92 days later; absent: in 14 days.",
            ),
            Parameter("skill", "code", documentation="Only what is needed of this skill."),
            Parameter("covered", "decimal", use="out", documentation="0 to 1, of needed hours."),
            Parameter(
                "need",
                "",
                use="out",
                max="*",
                parts=(
                    Parameter("code", "code", min=1),
                    Parameter("name", "string", min=1),
                    Parameter("covered", "decimal"),
                    Parameter(
                        "hole",
                        "",
                        max="*",
                        parts=(
                            Parameter("period", "Period", min=1),
                            Parameter("missing", "code", min=1),
                            Parameter("short", "positiveInt", min=1),
                            Parameter("found", "dateTime"),
                            Parameter("acknowledged", "dateTime"),
                        ),
                    ),
                ),
            ),
        ),
        instance=True,
        types=("CareTeam",),
    )
)
def team_cover(_type: str | None, team_id: str | None) -> Response:
    actor, hub = current_actor(), definitions.current()
    assert team_id is not None
    check_may_see(actor)
    if team_id not in hub.teams:
        records.read(actor, "CareTeam", team_id)
        raise NotFoundError(f"CareTeam/{team_id} is a person's care team: it has no rota")
    asked = given()
    asked.only("start", "end", "skill")
    now = clock.now()
    start = asked.instant("start") or now
    end = asked.instant("end") or start + timedelta(days=14)
    if not timedelta(0) < end - start <= LONGEST:
        raise BadRequestError("end is after start, and at most 92 days later", expression="end")
    needs = cover_view.needs_for(hub, team=team_id)
    skill = asked.text("skill")
    if skill is not None:
        listed = hub.code_lists["skills"].codes if "skills" in hub.code_lists else ()
        if skill not in listed:
            raise BadRequestError(
                f"{skill} is no skill; there are {', '.join(sorted(listed))}", expression="skill"
            )
        needs = cover_view.about_skill(needs, skill)
    known = cover_query.open_holes({f"CareTeam/{team_id}"})
    total = Share()
    parts = []
    for each in cover_view.covered(needs, start, end):
        total += each.share
        parts.append(
            {
                "name": "need",
                "part": [
                    {"name": "code", "valueCode": each.need.code},
                    {"name": "name", "valueString": each.need.name},
                    *_covered(each.share),
                    *(_hole(hole, known) for hole in each.holes),
                ],
            }
        )
    return answers.of_json(answer(*_covered(total), *parts))


def check_may_see(actor: Actor) -> None:
    """Refuse who is neither lead nor manager nor a system that may read teams."""
    if actor.kind is ActorKind.SYSTEM:
        if not permits(actor.scopes, "CareTeam", "r"):
            raise ForbiddenError("the cover of a team needs the scope system/CareTeam.r")
    elif not cover_access.may_see(definitions.current(), actor):
        raise ForbiddenError("the cover is for team leads and managers")


def _covered(share: Share) -> list[Mapping[str, Any]]:
    if share.ratio is None:
        return []
    # Cut, not rounded: 1 means that nothing is missing.
    return [{"name": "covered", "valueDecimal": int(share.ratio * 10_000) / 10_000}]


def _hole(hole: Hole, known: Sequence[CoverHole]) -> Mapping[str, Any]:
    parts: list[Mapping[str, Any]] = [
        {
            "name": "period",
            "valuePeriod": {"start": _said(hole.starts_at), "end": _said(hole.ends_at)},
        },
        {"name": "missing", "valueCode": hole.missing},
        {"name": "short", "valuePositiveInt": hole.short},
    ]
    row = next(
        (
            each
            for each in known
            if each.need == hole.need
            and each.starts_at < hole.ends_at
            and hole.starts_at < each.ends_at
        ),
        None,
    )
    if row is not None:
        parts.append({"name": "found", "valueDateTime": _said(row.opened_at)})
        if row.acknowledged_at is not None:
            parts.append({"name": "acknowledged", "valueDateTime": _said(row.acknowledged_at)})
    return {"name": "hole", "part": parts}


def _said(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds")
