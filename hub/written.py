"""The answer that most requests of the API get: a finished JSON text, not looked at again.

Werkzeug copies the headers of an answer, looks in them for addresses to escape and wraps the body;
of a text of ours with headers of ours there is nothing to find. docs/adr/0005
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_WITHOUT_BODY = frozenset({204, 304})


class Written(Response):
    """A JSON answer of the API. What stands in ``beside`` is sent with its ``headers``."""

    beside: tuple[tuple[str, str], ...] = ()
    """Headers that are the same for most answers, and an address of ours, in ASCII."""

    # It is counted where it is sent.
    automatically_set_content_length = False

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        body = self.response
        plain = environ["REQUEST_METHOD"] != "HEAD" and self.status_code not in _WITHOUT_BODY
        if plain and isinstance(body, list) and not self._on_close:
            headers = self.headers.to_wsgi_list()
            headers += self.beside
            headers.append(("Content-Length", str(sum(map(len, body)))))
            start_response(self.status, headers)
            return body
        for name, value in self.beside:
            self.headers.add(name, value)
        if self.status_code not in _WITHOUT_BODY:
            self.headers["Content-Length"] = str(len(self.get_data()))
        return super().__call__(environ, start_response)


def http_date(instant: datetime) -> str:
    """Return an instant as HTTP writes it: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7."""
    at = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04}"
        f" {at.hour:02}:{at.minute:02}:{at.second:02} GMT"
    )
