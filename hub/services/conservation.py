"""Each day is counted when it is over, kept, and counted again while it does not add up."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from hub import clock
from hub.db import db
from hub.domain import conservation as rules
from hub.domain.conservation import Counted
from hub.models.conservation_day import ConservationDay
from hub.queries import conservation as query
from hub.queries.conservation import Item
from hub.services import definitions, findings
from hub.services.findings import Seen

LOOKS_BACK = 7
"""Days that are counted when a hub has stood still, and again where they did not add up."""
_INVARIANT = "conservation"
_TITLE = "What came in adds up, by channel and hour"


def due_days() -> list[date]:
    """Return the days that are over and not counted, or did not add up, the first first."""
    today = clock.now().astimezone(ZoneInfo(definitions.current().time_zone)).date()
    days = [today - timedelta(days=back) for back in range(LOOKS_BACK, 0, -1)]
    good = set(
        db.session.scalars(
            select(ConservationDay.day).where(
                ConservationDay.day.in_(days), ConservationDay.broken == 0
            )
        )
    )
    return [day for day in days if day not in good]


def count(day: date) -> ConservationDay:
    """Count a day from the records as they are now, and keep it in place of an earlier count."""
    since, until = rules.span(day, definitions.current().time_zone)
    counts = [*query.referrals(since, until), *query.messages(since, until)]
    wrong = rules.broken(counts)
    said = {
        "counted_at": clock.now(),
        "hours": [_json(each) for each in counts],
        "broken": len(wrong),
        "detail": _words(wrong[0]) if wrong else "",
    }
    db.session.execute(
        insert(ConservationDay)
        .values(day=day, **said)
        .on_conflict_do_update(index_elements=["day"], set_=said)
    )
    db.session.expire_all()
    return db.session.get_one(ConservationDay, day)


def report() -> None:
    """Open a finding of the auditor for each day that does not add up; clear the others."""
    rows = db.session.scalars(select(ConservationDay).where(ConservationDay.broken > 0)).all()
    wrong = {f"Day/{row.day.isoformat()}": row.detail for row in rows}
    findings.note(Seen(_INVARIANT, _TITLE, wrong, whole=True))


def kept(day: date) -> list[Counted] | None:
    """Return a counted day, hour by hour; None where it was not counted."""
    row = db.session.get(ConservationDay, day)
    return None if row is None else [_counted(each) for each in row.hours]


def behind(day: date, what: str, channel: str, hour: datetime, part: str) -> list[Item]:
    """Return what a number of a counted day counts, as it was when the day was counted.

    ``part`` is ``received`` or what became of it.
    """
    row = db.session.get(ConservationDay, day)
    since, until = hour, hour + timedelta(hours=1)
    if row is None:
        return []
    if what == "messages":
        received, ended = query.message_items(since, until)
    else:
        received, ended = query.referral_items(since, until, row.counted_at)
    task_of = {each.subject: each.task for each in ended}
    chosen = (
        [replace(each, task=task_of.get(each.subject, "")) for each in received]
        if part == "received"
        else [each for each in ended if each.part == part]
    )
    found = [each for each in chosen if each.channel == channel]
    return sorted(found, key=lambda each: (each.at, each.subject))


def days() -> Sequence[ConservationDay]:
    """Return the counted days, the last first."""
    return db.session.scalars(
        select(ConservationDay).order_by(ConservationDay.day.desc()).limit(28)
    ).all()


def _json(each: Counted) -> dict[str, Any]:
    return {
        "what": each.what,
        "channel": each.channel,
        "hour": each.hour.isoformat(),
        "received": each.received,
        "parts": dict(each.parts),
    }


def _counted(said: dict[str, Any]) -> Counted:
    return Counted(
        said["what"],
        said["channel"],
        datetime.fromisoformat(said["hour"]),
        said["received"],
        said["parts"],
    )


def _words(each: Counted) -> str:
    told = ", ".join(f"{number} {part}" for part, number in each.parts.items()) or "nothing told"
    return (
        f"{each.what} by {each.channel}, hour {each.hour:%H:%M}Z: {each.received} received, {told}"
    )
