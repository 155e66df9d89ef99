"""The answer to a message that was refused and then done by a person: sent, since nobody waits."""

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from fhir.messaging import Transport
from fhir.systems import ODS_ORGANIZATION
from hub.db import db
from hub.models.message import InboxMessage
from hub.services import definitions, outgoing_messages

KIND = "late-answer"


def make(event_id: int, inbox_id: str, answer: Mapping[str, Any]) -> str | None:
    """Keep the answer that the sender would have got as a message to it; returns its id."""
    row = db.session.get_one(InboxMessage, inbox_id)
    hub = definitions.current()
    organisation = hub.organisations[hub.hub_organisation]
    bundle_id = str(answer["id"])
    return outgoing_messages.keep(
        client=row.client,
        in_reply_to=row.id,
        event_id=event_id,
        subject=str(row.subject),
        kind=KIND,
        outcome="taken",
        target=row.reply_to or "",
        transport=Transport(
            request_id=str(uuid5(NAMESPACE_URL, f"{bundle_id}/request")),
            correlation_id=row.correlation_id or bundle_id,
            version=row.bundle_version,
        ),
        organisation={
            "resourceType": "Organization",
            "identifier": [{"system": ODS_ORGANIZATION, "value": organisation.ods_code}],
            "name": organisation.name,
        },
        bundle=dict(answer),
    )
