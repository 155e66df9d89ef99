"""Counts: what came in by channel and hour and what became of it, and what came back."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from hub import clock, records
from hub.auth import current_actor
from hub.domain import bounces, conservation
from hub.domain.actor import Actor, hub_actor
from hub.domain.conservation import MESSAGES, REFERRALS, Counted
from hub.domain.errors import NotPermittedError
from hub.queries import bounces as bounce_query
from hub.services import conservation as days
from hub.services import definitions
from hub.web.navigation import MANAGEMENT, is_spor
from hub.web.presenters import people, words
from hub.web.rendering import page
from hub.web.site import blueprint

CHANNELS = {
    "bars": "Message (BaRS)",
    "api": "FHIR API",
    "form": "Form",
    "phone": "Telephone",
    "letter": "Letter or e-mail",
    "self": "The person or a carer",
}
COUNTER = hub_actor("measures")
DAYS_OF_BOUNCES = 28
_LISTED = 50


def may_see_counts() -> Actor:
    actor = current_actor()
    if actor.role not in MANAGEMENT and not is_spor(actor):
        raise NotPermittedError("counts are for managers and the single point of referral")
    return actor


@blueprint.get("/counts")
def counts_page() -> Response:
    actor = may_see_counts()
    kept = days.days()
    day = _asked(request.args.get("day", "")) or (kept[0].day if kept else None)
    counted = (days.kept(day) or []) if day else []
    row = next((each for each in kept if each.day == day), None)
    records.spool.looked(actor, "page", "counts")
    return page(
        "cover/counts.html",
        days=[(each.day.isoformat(), words.day(each.day), each.broken) for each in kept],
        day=day.isoformat() if day else "",
        shown=words.day(day) if day else "",
        counted_at=words.moment(row.counted_at) if row else "",
        broken=len(conservation.broken(counted)),
        tables=[
            ("Referrals by channel and hour", REFERRALS, _rows(counted, "referrals", day)),
            ("Messages by system and hour", MESSAGES, _rows(counted, "messages", day)),
        ],
        **_bounced(actor),
    )


def _asked(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def hour_words(hour: datetime, day: date) -> str:
    """Say an hour; on a day on which the clocks change, of which time it is."""
    start, end = (each.astimezone(UTC) for each in conservation.span(day, words.LONDON.key))
    changes = end - start != timedelta(days=1)
    return f"{words.local(hour):%H:%M %Z}" if changes else f"{words.local(hour):%H:%M}"


def _rows(counted: list[Counted], what: str, day: date | None) -> list[dict[str, Any]]:
    parts = REFERRALS if what == "referrals" else MESSAGES
    rows = []
    for each in counted:
        if day is None or each.what != what:
            continue
        of = {"day": day, "what": what, "channel": each.channel, "hour": each.hour.isoformat()}
        rows.append(
            {
                "channel": CHANNELS.get(each.channel, each.channel),
                "hour": hour_words(each.hour, day),
                "received": each.received,
                "href": f"/counts/behind?{urlencode(of)}&part=",
                "parts": [(part, each.parts.get(part, 0)) for part in parts],
                "adds_up": each.adds_up,
            }
        )
    return rows


def _bounced(actor: Actor) -> dict[str, Any]:
    until = clock.now()
    since = until - timedelta(days=DAYS_OF_BOUNCES)
    # Counted whole; who they are is for those only who may see the person.
    sent_back = bounce_query.declined(COUNTER, since, until)
    admitted = bounce_query.admissions(COUNTER, since, until)
    then = bounces.declined_then_admitted(sent_back, admitted)
    seen = records.read_many(actor, [each.declined.patient for each in then[:_LISTED]])
    concepts = definitions.current().code_lists["decline-reasons"].concepts
    names = {each.code: each.display for each in concepts}
    behind = "/counts/declined?"
    return {
        "span": DAYS_OF_BOUNCES,
        "sent_back": len(sent_back),
        "reasons": [
            (
                names.get(code, code or "no reason"),
                number,
                behind + urlencode({"reason": code}),
            )
            for code, number in bounces.by_reason(sent_back).items()
        ],
        "admitted": len(then),
        "admitted_rows": [
            {
                "person": people.head(seen[each.declined.patient], until).name
                if each.declined.patient in seen
                else "",
                "href": each.declined.patient.replace("Patient/", "/people/"),
                "declined": words.moment(each.declined.at),
                "reason": names.get(each.declined.reason, each.declined.reason),
                "admitted": words.moment(each.admission.at),
            }
            for each in then[:_LISTED]
        ],
    }
