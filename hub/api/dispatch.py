"""An entry of a bundle that asks what only a route of the API can answer: history, operations.

The entry runs through the same view as a request of its own, in the same session: inside a
transaction it sees what the transaction has written. Who asks has been admitted already.
"""

from io import BytesIO

from flask import Response, current_app, request

from fhir.bundle import Entry
from fhir.outcomes import BadRequestError
from hub.api.negotiation import FHIR_JSON
from hub.api.site import PREFIX

_OF_THE_BUNDLE = ("CONTENT_", "carehub.", "werkzeug.", "flask.", "wsgi.input")
"""What belongs to the bundle's own request and not to its entries."""


def is_dispatched(entry: Entry) -> bool:
    """Say whether an entry asks for a history or an operation."""
    return entry.operation is not None or entry.version == ""


def dispatched(entry: Entry) -> Response:
    """Return the answer of the view to an entry's address. Raises what the view raises."""
    if entry.method not in {"GET", "HEAD", "POST"} or (entry.method == "POST" and entry.version):
        raise BadRequestError(
            f"{entry.method} is not possible at this address",
            expression=f"{entry.expression}.request.method",
            code="not-supported",
        )
    path, _, query = entry.url.partition("?")
    body = (entry.text or "").encode()
    environ = {
        name: value
        for name, value in request.environ.items()
        if not name.startswith(_OF_THE_BUNDLE)
    }
    environ |= {
        "REQUEST_METHOD": entry.method,
        "PATH_INFO": f"{PREFIX}/{path.rpartition(f'{PREFIX}/')[2].strip('/')}",
        "QUERY_STRING": query,
        "CONTENT_TYPE": FHIR_JSON,
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_ACCEPT": FHIR_JSON,
        "wsgi.input": BytesIO(body),
    }
    with current_app.request_context(environ):
        return current_app.make_response(current_app.dispatch_request())
