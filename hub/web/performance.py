"""Performance: how fast work was done, with and without pauses, weekends beside weekdays."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from flask import Response, request

from hub import clock, records
from hub.domain import performance as rules
from hub.domain.definition import HubDefinition
from hub.domain.performance import Case, Figures
from hub.queries import performance as query
from hub.web import directory
from hub.web.cover import may_see
from hub.web.presenters import words
from hub.web.rendering import page
from hub.web.site import blueprint

SPANS = {7: "Last 7 days", 28: "Last 4 weeks", 84: "Last 12 weeks"}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MOST_PAUSES = 30


@blueprint.get("/performance")
def performance_page() -> Response:
    actor, hub = may_see()
    days = request.args.get("days", "28")
    span = int(days) if days.isdigit() and int(days) in SPANS else 28
    asked = request.args.get("team", "")
    team = asked if asked in hub.teams else ""
    now = clock.now()
    found = query.cases(
        now - timedelta(days=span),
        now,
        time_zone=hub.time_zone,
        team=f"CareTeam/{team}" if team else None,
    )

    def row(title: str, cases: Iterable[Case]) -> dict[str, Any]:
        return _row(title, rules.figures(cases, now))

    weekend = [each for each in found if each.weekday in rules.WEEKEND]
    records.spool.looked(actor, "page", "performance")
    return page(
        "cover/performance.html",
        spans=SPANS.items(),
        days=span,
        team=team,
        teams=sorted(((each.code, each.name) for each in hub.teams.values()), key=lambda e: e[1]),
        first=words.day(words.local(now - timedelta(days=span))),
        last=words.day(words.local(now)),
        open_still=sum(1 for each in found if not rules.is_judged(each, now)),
        groups=[
            ("All", [row("All that started", found)]),
            (
                "Weekdays and weekends",
                [
                    row("Monday to Friday", (e for e in found if e.weekday not in rules.WEEKEND)),
                    row("Saturday and Sunday", weekend),
                ],
            ),
            (
                "By day of the week",
                [
                    row(name, (e for e in found if e.weekday == number))
                    for number, name in enumerate(_DAYS)
                ],
            ),
            ("By clock", _by(found, lambda each: each.rule, lambda code: _clock(hub, code), row)),
            *(
                [("By team", _by(found, lambda each: each.team, directory.name_of, row))]
                if not team
                else []
            ),
        ],
        pauses=[
            {
                "team": directory.name_of(each.team),
                "reason": directory.words_of("hold-reasons", each.reason),
                "cases": each.cases,
                "total": words.span(each.total.total_seconds()),
                "longest": words.span(each.longest.total_seconds()),
            }
            for each in rules.pauses(found)[:_MOST_PAUSES]
        ],
    )


def _by(
    cases: Iterable[Case],
    key: Callable[[Case], str],
    name: Callable[[str], str],
    row: Callable[[str, Iterable[Case]], dict[str, Any]],
) -> list[dict[str, Any]]:
    grouped: dict[str, list[Case]] = {}
    for each in cases:
        grouped.setdefault(key(each), []).append(each)
    rows = [row(name(code) if code else "No team", of) for code, of in grouped.items()]
    return sorted((each for each in rows if each["cases"]), key=lambda each: str(each["title"]))


def _clock(hub: HubDefinition, code: str) -> str:
    return hub.clocks[code].title if code in hub.clocks else code


def _row(title: str, found: Figures) -> dict[str, Any]:
    return {
        "title": title,
        "cases": found.cases,
        "share": _percent(found.share),
        "share_without": _percent(found.share_without),
        "median": _wait(found.median),
        "p95": _wait(found.p95),
        "hand_offs": f"{found.hand_offs:.2f}" if found.cases else "",
    }


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _wait(wait: timedelta | None) -> str:
    return "" if wait is None else words.span(wait.total_seconds())
