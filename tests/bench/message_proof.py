"""Whether nothing was lost or done twice, read from a hub's records after a load of messages."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text

from hub import clock
from hub.db import db
from hub.domain import conservation as rules
from hub.models.message import InboxMessage
from hub.queries import conservation, integrity

_REFERRALS = text(
    """
    SELECT 'ServiceRequest/' || s.id AS reference,
           count(t.id) FILTER (WHERE t.code = 'triage') AS triages,
           count(t.id) FILTER (WHERE t.code = 'triage' AND (t.owner LIKE 'CareTeam/%'
               OR t.owner LIKE 'Practitioner/%')) AS owned,
           count(c.task_id) FILTER (WHERE t.code = 'triage') AS clocks
    FROM fhir_service_request s
    LEFT JOIN fhir_task t ON t.focus = 'ServiceRequest/' || s.id AND t.managed AND NOT t.deleted
    LEFT JOIN task_clock c ON c.task_id = t.id
    WHERE s.id = ANY(:ids) GROUP BY s.id
    """
)
_WORK = text(
    """
    SELECT t.id, t.owner, (SELECT count(*) FROM routing_decision d WHERE d.task_id = t.id) AS times
    FROM fhir_task t WHERE t.id = ANY(:ids)
    """
)


def faults(
    answers: Iterable[Mapping[str, Any]], accepted: Collection[str], since: datetime
) -> list[str]:
    """Return what does not hold; ``accepted`` are Tasks that wait for a person or a desk."""
    found: list[str] = []
    answers = list(answers)
    unanswered = [each["request"] for each in answers if each["status"] not in (200, 409)]
    if unanswered:
        found.append(f"{len(unanswered)} messages were never accepted, such as {unanswered[0]}")
    found += _inbox({each["request"] for each in answers}, answers)
    found += _records(since)
    work = db.session.execute(_WORK, {"ids": list(accepted)}).all()
    print(f"{len(work)} referrals were accepted under load and asked for routing")
    lost = [r.id for r in work if not str(r.owner).startswith(("CareTeam/", "Practitioner/"))]
    if lost or len(work) != len(accepted):
        found.append(f"{len(lost)} of {len(accepted)} accepted referrals have no owner")
    if unrouted := [row.id for row in work if row.times < 1]:
        found.append(f"{len(unrouted)} accepted referrals were never routed")
    for result in integrity.check():
        if not result.holds:
            first = result.breaches[0]
            found.append(f"{result.title}: {len(result.breaches)}, {first.subject} {first.detail}")
    until = clock.now() + timedelta(seconds=1)
    counted = [*conservation.referrals(since, until), *conservation.messages(since, until)]
    for each in rules.broken(counted):
        found.append(f"{each.what} by {each.channel}: {each.received} came, {dict(each.parts)}")
    db.session.rollback()
    return found


def _inbox(asked: Collection[str], answers: Collection[Mapping[str, Any]]) -> list[str]:
    rows = db.session.execute(select(InboxMessage.request_id, InboxMessage.status)).all()
    done = Counter(row.request_id for row in rows if row.status == "processed")
    by_status = Counter(row.status for row in rows)
    told = ", ".join(f"{number} {status}" for status, number in sorted(by_status.items()))
    print(f"{len(asked)} messages, {len(answers)} with repeats: {told}")
    found = []
    if missing := [each for each in asked if not done[each]]:
        found.append(f"{len(missing)} messages were not done, such as {missing[0]}")
    if doubled := [each for each, times in done.items() if times > 1]:
        found.append(f"{len(doubled)} messages were done twice, such as {doubled[0]}")
    if strange := set(done) - set(asked):
        found.append(f"{len(strange)} messages were done that nobody sent")
    attempts = sum(each["attempts"] for each in answers)
    if not len(answers) <= len(rows) <= attempts:
        found.append(f"{len(rows)} rows for {len(answers)} messages in {attempts} attempts")
    return found


def _records(since: datetime) -> list[str]:
    subjects = db.session.scalars(
        select(InboxMessage.subject).where(
            InboxMessage.status == "processed", InboxMessage.received_at >= since
        )
    ).all()
    found = []
    if len(set(subjects)) != len(subjects):
        found.append(f"{len(subjects) - len(set(subjects))} messages share one referral")
    ids = [str(each).removeprefix("ServiceRequest/") for each in set(subjects)]
    rows = db.session.execute(_REFERRALS, {"ids": ids}).all()
    if len(rows) != len(ids):
        found.append(f"{len(ids) - len(rows)} referrals have no record")
    for name in ("triages", "owned", "clocks"):
        wrong = [row.reference for row in rows if getattr(row, name) != 1]
        found += [f"{len(wrong)} referrals have not one of {name}: {wrong[0]}"] if wrong else []
    return found
