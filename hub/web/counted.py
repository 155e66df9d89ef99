"""What stands behind a number of the counts: the referrals, the messages, those sent back."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import Response, request
from werkzeug.exceptions import NotFound

from hub import clock, records
from hub.domain.actor import Actor, hub_actor
from hub.domain.conservation import MESSAGES, REFERRALS
from hub.queries import bounces as bounce_query
from hub.queries.conservation import Item
from hub.services import conservation as days
from hub.services import definitions
from hub.web import counts
from hub.web.navigation import is_spor
from hub.web.presenters import people, words
from hub.web.rendering import page
from hub.web.site import blueprint

_HIDDEN = "Somebody whose record you may not see"
_MOST = 500
"""More than a page can hold came in one hour from nobody yet."""


@blueprint.get("/counts/behind")
def counted_page() -> Response:
    actor = counts.may_see_counts()
    what, channel, part = (request.args.get(name, "") for name in ("what", "channel", "part"))
    day, hour = _day(request.args.get("day", "")), _hour(request.args.get("hour", ""))
    parts = {"referrals": REFERRALS, "messages": MESSAGES}.get(what)
    if parts is None or part not in ("received", *parts) or day is None or hour is None:
        raise NotFound
    items = days.behind(day, what, channel, hour, part)[:_MOST]
    records.spool.looked(actor, "page", "counts")
    name = counts.CHANNELS.get(channel, channel)
    return page(
        "cover/counted.html",
        back=f"/counts?day={day.isoformat()}",
        title=f"{part.capitalize()}: {what} by {name}, {words.day(day)}, "
        f"{counts.hour_words(hour, day)}",
        lead="As it was when the day was counted.",
        head="Message" if what == "messages" else "Person",
        last="Message" if what == "messages" else "Referral",
        rows=_messages(actor, items) if what == "messages" else _referrals(actor, items),
    )


@blueprint.get("/counts/declined")
def declined_page() -> Response:
    actor = counts.may_see_counts()
    reason = request.args.get("reason", "")
    until = clock.now()
    since = until - timedelta(days=counts.DAYS_OF_BOUNCES)
    found = [e for e in bounce_query.declined(counts.COUNTER, since, until) if e.reason == reason]
    found.sort(key=lambda each: (each.at, each.request))
    names = _names(actor, [each.patient for each in found[:_MOST]])
    concepts = definitions.current().code_lists["decline-reasons"].concepts
    said = next((each.display for each in concepts if each.code == reason), reason or "no reason")
    records.spool.looked(actor, "page", "counts")
    return page(
        "cover/counted.html",
        back="/counts",
        title=f"Declined: {said}",
        lead=f"Sent back in the last {counts.DAYS_OF_BOUNCES} days.",
        head="Person",
        last="Referral",
        rows=[
            {
                "words": names.get(each.patient, _HIDDEN),
                "href": each.patient.replace("Patient/", "/people/")
                if each.patient in names
                else "",
                "at": words.moment(each.at),
                "more": each.request,
            }
            for each in found[:_MOST]
        ],
    )


def _referrals(actor: Actor, items: Sequence[Item]) -> list[dict[str, Any]]:
    # Whose referral it is the hub knows; whether that may be said, the actor's rights.
    kept = records.read_many(hub_actor("measures"), [each.subject for each in items])
    whose = {
        subject: str((record.get("subject") or record.get("for") or {}).get("reference", ""))
        for subject, record in kept.items()
    }
    names = _names(actor, [each for each in whose.values() if each])
    rows = []
    for each in items:
        name = names.get(whose.get(each.subject, ""))
        rows.append(
            {
                "words": name or _HIDDEN,
                "href": f"/spor/{each.task}" if name and each.task else "",
                "at": words.moment(each.at),
                "more": each.subject,
            }
        )
    return rows


def _messages(actor: Actor, items: Sequence[Item]) -> list[dict[str, Any]]:
    opens = is_spor(actor)
    return [
        {
            "words": f"From {each.channel}",
            "href": f"/messages/{each.subject}" if opens else "",
            "at": words.moment(each.at),
            "more": each.subject,
        }
        for each in items
    ]


def _names(actor: Actor, patients: Sequence[str]) -> dict[str, str]:
    now = clock.now()
    seen = records.read_many(actor, patients)
    return {reference: people.head(each, now).name for reference, each in seen.items()}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _hour(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None
