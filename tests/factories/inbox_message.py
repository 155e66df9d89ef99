"""A new referral that arrived and was done at once."""

import hashlib
from typing import Any
from uuid import uuid4

from hub import clock
from hub.models.message import PROCESSED, InboxMessage
from hub.records import new_id
from tests.factories import kept


def inbox_message(body: bytes | None = None, **columns: Any) -> InboxMessage:
    bundle_id = str(uuid4())
    content = body or f'{{"resourceType":"Bundle","id":"{bundle_id}"}}'.encode()
    now = clock.now()
    defaults = {
        "id": new_id(),
        "client": "client/test-system",
        "request_id": str(uuid4()),
        "correlation_id": str(uuid4()),
        "received_at": now,
        "handled_at": now,
        "status": PROCESSED,
        "kind": "referral-new",
        "bundle_id": bundle_id,
        "bundle_version": "1",
        "body_hash": hashlib.sha256(content).digest(),
        "transport": {},
        "subject": f"ServiceRequest/{new_id()}",
        "subject_version": 1,
        "http_status": 200,
    }
    return kept(InboxMessage(body=content, **defaults | columns))
