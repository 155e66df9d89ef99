"""How many referrals came in and what became of each, counted from the records, never counters.

received = accepted + redirected + declined + withdrawn + waiting; messages = processed +
duplicate + refused + quarantined.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select

from hub import records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.referral import TriageOutcome
from hub.models.message import STATUSES, InboxMessage
from hub.records.tables import HISTORY

_TASK = records.table("Task")
_REQUEST = records.table("ServiceRequest")

_ENDED = (
    TriageOutcome.ACCEPTED,
    TriageOutcome.REDIRECTED,
    TriageOutcome.DECLINED,
    TriageOutcome.WITHDRAWN,
)


@dataclass(frozen=True, slots=True)
class Funnel:
    """Referrals of a span of time by what triage answered."""

    received: int
    """ServiceRequests of the hub, counted by themselves: the rest must add up to it."""
    accepted: int
    redirected: int
    declined: int
    withdrawn: int
    waiting: int
    """Triage Tasks that are open and not yet answered; a question to the referrer waits too."""

    @property
    def adds_up(self) -> bool:
        """A referral that is in none of the five is lost; in two, it is counted twice."""
        told = self.accepted + self.redirected + self.declined + self.withdrawn + self.waiting
        return self.received == told

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def funnel(actor: Actor, since: datetime, until: datetime) -> Funnel:
    """Count the referrals received from ``since`` up to ``until``."""
    step = _TASK.c.business_status
    triage = and_(_TASK.c.managed, ~_TASK.c.deleted, _TASK.c.code == "triage")
    in_span = and_(_TASK.c.d_authored_on_lo >= since, _TASK.c.d_authored_on_lo < until)
    counted = db.session.execute(
        select(
            *(func.count().filter(step == outcome.value) for outcome in _ENDED),
            func.count().filter(
                or_(step.is_(None), step.not_in([outcome.value for outcome in _ENDED]))
            ),
        ).where(triage, in_span, records.visible_to(actor, _TASK))
    ).one()
    return Funnel(
        received=_received(actor, since, until),
        accepted=counted[0],
        redirected=counted[1],
        declined=counted[2],
        withdrawn=counted[3],
        waiting=counted[4],
    )


def _received(actor: Actor, since: datetime, until: datetime) -> int:
    """Count ServiceRequests by their first version: authoredOn is the sender's word."""
    first = (
        select(func.min(HISTORY.c.last_updated))
        .where(HISTORY.c.type == "ServiceRequest", HISTORY.c.id == _REQUEST.c.id)
        .scalar_subquery()
    )
    received_at = func.coalesce(first, _REQUEST.c.last_updated)
    found = db.session.scalar(
        select(func.count())
        .select_from(_REQUEST)
        .where(
            _REQUEST.c.managed,
            ~_REQUEST.c.deleted,
            # Nothing that was touched last before the span can have come in it.
            _REQUEST.c.last_updated >= since,
            received_at >= since,
            received_at < until,
            records.visible_to(actor, _REQUEST),
        )
    )
    return found or 0


def messages(since: datetime, until: datetime) -> dict[str, int]:
    """Count the messages that arrived, by how each ended; ``received`` is the count of rows."""
    counted = db.session.execute(
        select(
            func.count(),
            *(func.count().filter(InboxMessage.status == status) for status in STATUSES),
        ).where(InboxMessage.received_at >= since, InboxMessage.received_at < until)
    ).one()
    return dict(zip(("received", *STATUSES), counted, strict=True))
