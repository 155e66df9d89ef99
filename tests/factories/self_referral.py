"""A public form that was sent."""

import secrets
from typing import Any

from hub import clock
from hub.models.self_referral import SelfReferral
from tests.factories import kept


def self_referral(**columns: Any) -> SelfReferral:
    defaults = {
        "form_hash": secrets.token_bytes(32),
        "subject": "ServiceRequest/0",
        "receipt": secrets.token_hex(4).upper(),
        "address_hash": secrets.token_bytes(32),
        "sent_at": clock.now(),
    }
    return kept(SelfReferral(**defaults | columns))
