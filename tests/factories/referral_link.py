"""A link to a referral for somebody who referred by telephone."""

from datetime import timedelta
from typing import Any

from hub import clock
from hub.models.referral_link import ReferralLink
from hub.records import new_id
from tests.factories import kept


def referral_link(**columns: Any) -> ReferralLink:
    now = clock.now()
    defaults = {
        "id": new_id(),
        "subject": "ServiceRequest/0",
        "channel": "sms",
        "address": "07700 900120",
        "created_at": now,
        "expires_at": now + timedelta(days=90),
    }
    return kept(ReferralLink(**defaults | columns))
