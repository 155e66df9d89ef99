"""What the API never gives back: the values of a Subscription's headers, which are passwords.

R4 subscription.html: a header may hold a secret of the subscriber. Whoever may read Subscriptions
sees that there is a header, not what it says; an update that sends the mark back keeps the value.
"""

from dataclasses import replace
from typing import Any

from fhir import jsontext
from fhir.jsontext import Parsed
from fhir.outcomes import UnprocessableError
from hub.domain.actor import Actor
from hub.records import Record
from hub.records.reading import fetch

TYPE = "Subscription"
MARK = "(withheld)"


def shown(record: Record) -> Record:
    """Return the record as it may be given away."""
    text = text_shown(record.type, record.text)
    return record if text is record.text else replace(record, text=text)


def text_shown(resource_type: str, text: str) -> str:
    """Return the text of a record as it may be given away; mostly the very same."""
    if resource_type != TYPE or '"header"' not in text:
        return text
    resource = jsontext.loads(text)
    if not (headers := _headers(resource)):
        return text
    resource["channel"]["header"] = [f"{_name(each)}: {MARK}" for each in headers]
    return jsontext.dumps(resource)


def restored(actor: Actor, resource_type: str, record_id: str, body: Parsed) -> Parsed:
    """Put the values back that an update sends as the mark.

    Not where the endpoint changes too: nobody gets a secret sent to an address of their own.
    """
    if resource_type != TYPE or MARK not in body.text:
        return body
    resource = body.value
    headers = _headers(resource)
    if not headers:
        return body
    stored = fetch(actor, TYPE, record_id, locked=False)
    old = jsontext.loads(stored.content) if stored and not stored.deleted else {}
    known = {_name(each).lower(): each for each in _headers(old)}
    moved = not old or old["channel"].get("endpoint") != resource["channel"].get("endpoint")
    for place, header in enumerate(headers):
        if header.partition(":")[2].strip() != MARK:
            continue
        if moved or _name(header).lower() not in known:
            raise UnprocessableError(
                f"give the value of {_name(header)}: the hub does not send it elsewhere",
                expression=f"Subscription.channel.header[{place}]",
            )
        headers[place] = known[_name(header).lower()]
    return Parsed(resource, jsontext.dumps(resource))


def _headers(resource: dict[str, Any]) -> list[Any]:
    channel = resource.get("channel")
    headers = channel.get("header") if isinstance(channel, dict) else None
    if not isinstance(headers, list) or not all(isinstance(each, str) for each in headers):
        return []
    return headers


def _name(header: str) -> str:
    return header.partition(":")[0].strip()
