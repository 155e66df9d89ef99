"""What came in and what became of it, read from different records: never from a counter.

Received referrals are ServiceRequests by their first version; what became of them is read from the
triage Tasks, which are found by themselves. Received messages are rows of the inbox; those that
were done are counted by the records that they left.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import text

from fhir import jsontext
from hub import clock
from hub.db import db
from hub.domain import conservation
from hub.domain.conservation import Counted
from hub.domain.referral import TriageOutcome
from hub.domain.referral_request import CHANNEL_EXTENSION

_ENDED = {
    TriageOutcome.ACCEPTED.value,
    TriageOutcome.REDIRECTED.value,
    TriageOutcome.DECLINED.value,
    TriageOutcome.WITHDRAWN.value,
}
_UNKNOWN = "not said"

_RECEIVED = text(
    """
    SELECT s.id, coalesce(first.last_updated, s.last_updated) AS received_at, s.content
    FROM fhir_service_request s
    LEFT JOIN fhir_history first
      ON first.type = 'ServiceRequest' AND first.id = s.id AND first.version = 1
    WHERE s.managed AND NOT s.deleted AND s.last_updated >= :since
      AND coalesce(first.last_updated, s.last_updated) >= :since
      AND coalesce(first.last_updated, s.last_updated) < :until
    ORDER BY s.id
    """
)
_TRIAGED = text(
    """
    SELECT t.id, t.focus, t.d_authored_on_lo AS at,
           CASE WHEN t.last_updated <= :as_at THEN t.business_status ELSE (
             SELECT CAST(h.content AS jsonb) #>> '{businessStatus,coding,0,code}'
             FROM fhir_history h
             WHERE h.type = 'Task' AND h.id = t.id AND h.last_updated <= :as_at
             ORDER BY h.version DESC LIMIT 1) END AS business_status
    FROM fhir_task t
    WHERE t.managed AND NOT t.deleted AND t.code = 'triage' AND t.status <> 'entered-in-error'
      AND t.d_authored_on_lo >= :from AND t.d_authored_on_lo < :to
    """
)
_MESSAGES = text(
    """
    SELECT m.id, m.client, m.received_at, m.status, m.kind, m.subject,
           m.subject IS NOT NULL AND (
             EXISTS (SELECT 1 FROM fhir_service_request s
                     WHERE m.subject = 'ServiceRequest/' || s.id)
             OR EXISTS (SELECT 1 FROM fhir_appointment a
                        WHERE m.subject = 'Appointment/' || a.id)
             OR EXISTS (SELECT 1 FROM fhir_document_reference d
                        WHERE m.subject = 'DocumentReference/' || d.id)) AS left_its_record
    FROM inbox_message m
    WHERE m.received_at >= :since AND m.received_at < :until
    """
)
_SLACK = timedelta(minutes=5)
"""A triage Task is authored when its referral is received; at midnight they may stand apart."""


@dataclass(frozen=True, slots=True)
class Item:
    """One referral or message behind a number."""

    subject: str
    """``ServiceRequest/<id>``, ``Task/<id>`` of a triage that nothing stands behind, or the id of
    the row in the inbox."""
    channel: str
    at: datetime
    part: str = ""
    """What became of it; empty where it is counted as received."""
    task: str = ""
    """Id of its triage."""


def referrals(since: datetime, until: datetime, as_at: datetime | None = None) -> list[Counted]:
    """Count the referrals that were received from ``since`` up to ``until``.

    What became of them is what it was at ``as_at``, else what it is now: a count of any night can
    be made again.
    """
    return _count("referrals", *referral_items(since, until, as_at))


def referral_items(
    since: datetime, until: datetime, as_at: datetime | None = None
) -> tuple[list[Item], list[Item]]:
    """Return the referrals as received, and those whose end, or waiting, is told."""
    received = {
        f"ServiceRequest/{row.id}": Item(
            f"ServiceRequest/{row.id}", _channel(row.content), row.received_at
        )
        for row in db.session.execute(_RECEIVED, {"since": since, "until": until})
    }
    span = {"from": since - _SLACK, "to": until + _SLACK, "as_at": as_at or clock.now()}
    ended = []
    for row in db.session.execute(_TRIAGED, span):
        step = row.business_status if row.business_status in _ENDED else "waiting"
        if row.focus in received:
            ended.append(replace(received[row.focus], part=step, task=row.id))
        elif since <= row.at < until:
            # Triage of something that nobody received: it must show.
            ended.append(Item(f"Task/{row.id}", _UNKNOWN, row.at, step, row.id))
    return list(received.values()), ended


def messages(since: datetime, until: datetime) -> list[Counted]:
    """Count the messages that arrived from ``since`` up to ``until``, by the system that sent."""
    return _count("messages", *message_items(since, until))


def message_items(since: datetime, until: datetime) -> tuple[list[Item], list[Item]]:
    """Return the messages as received, and those of which is told what became of them."""
    rows = db.session.execute(_MESSAGES, {"since": since, "until": until}).all()
    received = [Item(row.id, row.client.removeprefix("client/"), row.received_at) for row in rows]
    ended = [
        replace(each, part=row.status)
        for each, row in zip(received, rows, strict=True)
        if row.status != "processed" or row.left_its_record
    ]
    return received, ended


def _count(what: str, received: list[Item], ended: list[Item]) -> list[Counted]:
    return conservation.count(
        what,
        ((each.channel, each.at) for each in received),
        ((each.channel, each.at, each.part) for each in ended),
    )


def _channel(content: str) -> str:
    resource = jsontext.loads(content)
    return next(
        (
            str(each.get("valueCode"))
            for each in resource.get("extension") or ()
            if each.get("url") == CHANNEL_EXTENSION
        ),
        _UNKNOWN,
    )
