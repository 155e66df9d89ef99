"""What a referrer is owed: the hub's answer to a referral, prepared for the way it came in."""

from hub import records
from hub.domain.referral import TriageOutcome
from hub.records import Record


def owe(
    request: Record,
    outcome: TriageOutcome,
    *,
    reason: str | None = None,
    words: str | None = None,
    service: str | None = None,
) -> None:
    """Note in the open transaction that the referrer must hear of ``outcome``."""
    records.outbox.emit(
        "ReferralAnswered",
        subject=request.reference,
        payload={
            "outcome": outcome.value,
            "reason": reason,
            "words": words,
            "service": service,
            "version": request.version,
        },
    )
