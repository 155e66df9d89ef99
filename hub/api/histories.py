"""History of a record, a type or the whole hub: https://hl7.org/fhir/R4/http.html#history."""

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from flask import Response, request

from fhir.outcomes import BadRequestError
from fhir.search.dates import DateRange, date_range
from fhir.validation.invariants import instant_of
from fhir.validation.primitives import is_date_time
from hub import records
from hub.api import answers, negotiation, site
from hub.api.interactions import only
from hub.api.site import blueprint
from hub.auth import current_actor
from hub.records import Record, instant
from hub.records.versions import Position

DEFAULT_COUNT = 50
LARGEST_COUNT = 500


@blueprint.get("/_history")
@blueprint.get("/<fhirtype:resource_type>/_history")
@blueprint.get("/<fhirtype:resource_type>/<fhirid:record_id>/_history")
def history(resource_type: str | None = None, record_id: str | None = None) -> Response:
    negotiation.check_accept()
    only("_since", "_at", "_count", "_cursor")
    count = _count()
    found = records.history(
        current_actor(),
        resource_type,
        record_id,
        since=_since(),
        at=_at(),
        count=count + 1,
        before=_before(),
    )
    more, found = len(found) > count, found[:count]
    path = "".join(f"/{part}" for part in (resource_type, record_id) if part) + "/_history"
    asked = ("_since", "_at", "_count")
    params = [(name, value) for name in asked if (value := request.args.get(name))]
    links = [answers.link("self", path, params)]
    if more:
        links.append(answers.link("next", path, [*params, ("_cursor", _cursor(found[-1]))]))
    return answers.of_json(answers.bundle("history", [_entry(each) for each in found], links))


def _entry(record: Record) -> dict[str, Any]:
    """Return the entry of a version; what was deleted has a request, but no resource."""
    created = record.version == 1
    # Who creates by PUT has chosen the id.
    posted = created and records.is_ours(record.id)
    entry: dict[str, Any] = {"fullUrl": site.full_url(record)}
    if record.deleted:
        method, status = "DELETE", "204"
    else:
        entry["resource"] = answers.resource(record)
        method, status = "POST" if posted else "PUT", "201" if created else "200"
    entry["request"] = {"method": method, "url": record.type if posted else record.reference}
    entry["response"] = {
        "status": status,
        "etag": site.etag(record),
        "lastModified": instant(record.last_updated),
    }
    return entry


def _count() -> int:
    text = request.args.get("_count", str(DEFAULT_COUNT))
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise BadRequestError("_count must be a whole number above 0", expression="_count")
    return min(int(text), LARGEST_COUNT)


def _moment(name: str, said: str, *, shortest: int) -> str | None:
    text = request.args.get(name)
    if text is None:
        return None
    # A "+" of a time zone that was not percent-encoded arrives as a space.
    text = text.replace(" ", "+")
    if not is_date_time(text) or len(text) < shortest:
        raise BadRequestError(f"{name} must be {said}", expression=name)
    return text


def _since() -> datetime | None:
    text = _moment("_since", "an instant such as 2026-05-01T09:00:00Z", shortest=10)
    if text is None:
        return None
    return instant_of(text if "T" in text else f"{text}T00:00:00+00:00")


def _at() -> DateRange | None:
    text = _moment("_at", "a date or an instant, such as 2026-05", shortest=4)
    return None if text is None else date_range(text)


def _cursor(last: Record) -> str:
    position = json.dumps([last.last_updated.isoformat(), last.id, last.version, last.type])
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _before() -> Position | None:
    text = request.args.get("_cursor")
    if text is None:
        return None
    try:
        position = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        at, record_id, version, resource_type = position
        return datetime.fromisoformat(at), str(record_id), int(version), str(resource_type)
    except (ValueError, TypeError, binascii.Error) as error:
        raise BadRequestError("_cursor is not one of this server", expression="_cursor") from error
