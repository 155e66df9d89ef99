"""The finished JSON answer in the format that was asked for: XML, or laid out with ``_pretty``.

Everything behind this edge is JSON; an answer in JSON passes through untouched.
"""

from collections.abc import MutableMapping
from typing import Any

from flask import Response, g, request

from fhir.jsontext import dumps
from fhir.jsontext.layout import indented
from fhir.outcomes import NotAcceptableError, operation_outcome
from fhir.xml import NotExpressibleError, to_xml
from hub.api import negotiation
from hub.api.negotiation import FHIR_JSON

VARY = ("Vary", "Accept")


def stays(environ: MutableMapping[str, Any]) -> bool:
    """Say whether an answer in JSON is what was asked for, as it is."""
    asked = negotiation.asked_in(environ)
    return asked.type == FHIR_JSON and asked.pretty != "true"


def rendered(response: Response) -> Response:
    """Return the answer in the negotiated format; NDJSON, forms and the like stay what they are."""
    response.headers.add(*VARY)
    asked = negotiation.asked()
    if asked.type != FHIR_JSON and asked.type is not None:
        return _as_xml(response, asked.type, pretty=asked.pretty == "true")
    if asked.pretty == "true" and response.mimetype == FHIR_JSON and (text := response.get_data()):
        response.set_data(indented(text))
    return response


def _as_xml(response: Response, kind: str, *, pretty: bool) -> Response:
    if response.mimetype != FHIR_JSON:
        return response
    text = response.get_data()
    try:
        if text:
            response.set_data(to_xml(text, pretty=pretty))
    except NotExpressibleError as error:
        if request.method not in {"GET", "HEAD"} or response.status_code >= 400:
            # It is done, or said: better in JSON than not told at all (RFC 9110 section 12.4.1).
            return response
        refusal = NotAcceptableError(f"XML cannot carry this answer ({error}): ask for {FHIR_JSON}")
        outcome = operation_outcome(refusal.issues, g.get("request_id"))
        response = Response(to_xml(dumps(outcome)), status=refusal.status)
        response.headers.add(*VARY)
    # https://hl7.org/fhir/R4/http.html#mime-type: the character encoding is said.
    response.content_type = f"{kind}; charset=utf-8"
    return response
