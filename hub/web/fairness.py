"""Fairness: who carries weekends, nights, bank holidays and hours, within team and role."""

from flask import Response, request

from hub import records
from hub.services import cover_view
from hub.web.cover import may_see
from hub.web.presenters import words
from hub.web.rendering import page
from hub.web.site import blueprint

PERIODS = {"past": "Worked, the last 12 weeks", "ahead": "Planned, the next 12 weeks"}


@blueprint.get("/cover/fairness")
def fairness_page() -> Response:
    actor, hub = may_see()
    period = request.args.get("period", "")
    period = period if period in PERIODS else "past"
    span = cover_view.looking_ahead() if period == "ahead" else cover_view.looking_back()
    team = request.args.get("team", "")
    groups = [
        each for each in cover_view.shared_out(*span) if team not in hub.teams or each.team == team
    ]
    records.spool.looked(actor, "page", "fairness")
    return page(
        "cover/fairness.html",
        period=period,
        periods=PERIODS.items(),
        team=team,
        teams=sorted(((each.code, each.name) for each in hub.teams.values()), key=lambda e: e[1]),
        first=words.day(span[0]),
        last=words.day(span[1]),
        groups=[
            {
                "title": f"{hub.teams[each.team].name}: {hub.roles[each.role].name}",
                "id": f"{each.team}-{each.role}",
                "sentence": each.sentence,
                "rows": each.tallies,
                "spreads": each.spreads,
            }
            for each in groups
        ],
    )
