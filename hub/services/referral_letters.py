"""The letter or e-mail that a referral came as: kept byte for byte beside what was typed."""

from datetime import datetime

from hub.domain.actor import hub_actor
from hub.domain.referral_request import Attachment
from hub.records import Record, create, instant
from hub.services import discharge_summaries

_HUB = hub_actor("spor")


def keep(
    document_id: str, letter: Attachment, *, patient: str, request: Record, received: datetime
) -> Record:
    """Keep a letter as a DocumentReference of the person, with the referral that it is about."""
    file = discharge_summaries.keep_file(
        document_id,
        letter.content,
        letter.content_type,
        letter.title,
        created=instant(received),
    )
    return create(
        _HUB,
        {
            "resourceType": "DocumentReference",
            "status": "current",
            "type": {"text": "Referral letter"},
            "category": [
                {
                    "coding": [
                        {
                            "system": discharge_summaries.CATEGORY_SYSTEM,
                            "code": discharge_summaries.RECEIVED,
                        }
                    ]
                }
            ],
            "subject": {"reference": patient},
            "date": instant(received),
            "author": [{"display": request["requester"]["display"]}],
            "description": letter.title,
            "content": [{"attachment": file}],
            "context": {"related": [{"reference": request.reference}]},
        },
        id=document_id,
    )
