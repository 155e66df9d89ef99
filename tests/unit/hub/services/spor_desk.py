"""What the SPOR's desk left behind, read by tests."""

from collections.abc import Callable

from sqlalchemy import select

from hub import records
from hub.db import db
from hub.domain.actor import hub_actor
from hub.records import Record
from hub.records.tables import OUTBOX
from hub.services.referrals import ReferralReceipt, Referrer

HUB = hub_actor("test")
DR = Referrer(display="Dr Rae Referrer", organization_name="Example Surgery")

Receive = Callable[..., ReferralReceipt]
"""The fixture ``receive``: hands a referral in by the phone form."""


def task(task_id: str) -> Record:
    return records.read(HUB, "Task", task_id)


def request_of(receipt: ReferralReceipt) -> Record:
    return records.read(HUB, "ServiceRequest", receipt.service_request.id)


def events(subject: str | None = None) -> list[tuple[str, str]]:
    query = select(OUTBOX.c.event, OUTBOX.c.subject).order_by(OUTBOX.c.id)
    found = [tuple(row) for row in db.session.execute(query)]
    return [each for each in found if subject is None or each[1] == subject]


def beside(receipt: ReferralReceipt) -> list[Record]:
    """Return the tasks that were opened beside the referral's own work."""
    found = records.search(HUB, "Task", [("based-on", receipt.service_request.reference)])
    return sorted(found.records, key=lambda each: str(each["description"]))
