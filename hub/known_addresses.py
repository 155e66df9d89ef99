"""Addresses of the FHIR API whose rule is known already: matched by one look into a dictionary.

Werkzeug walks its rules for every request, a tenth of what a read by id costs. Which rule an
address below /fhir has depends on its type and on what follows the id, never on the id itself: the
first request of a shape is matched by Werkzeug, those after it are looked up.
"""

import re
from typing import Any

from flask import Flask, Request
from flask.ctx import RequestContext
from werkzeug.routing import MapAdapter, Rule

_SHAPE = re.compile(
    r"(/fhir(?:/[A-Z][A-Za-z]*)?)(?:/([A-Za-z0-9.\-]{1,64}))?(/\$[a-z-]+|/_[a-z]+)?"
).fullmatch

_MOST = 4096
"""Shapes that are kept: the words of an address are chosen by clients."""

_Shape = tuple[str, str, bool, str | None]


class KnownAddresses:
    """Shapes of addresses and what Werkzeug said of them."""

    def __init__(self) -> None:
        self._rules: dict[_Shape, tuple[Rule, dict[str, Any], str | None]] = {}

    def __len__(self) -> int:
        return len(self._rules)

    def find(self, request: Request) -> bool:
        """Give a request its rule and arguments; False where its shape is not known."""
        environ = request.environ
        found = _SHAPE(environ["PATH_INFO"])
        if found is None:
            return False
        above, record_id, below = found.groups()
        known = self._rules.get((environ["REQUEST_METHOD"], above, record_id is not None, below))
        if known is None:
            return False
        rule, arguments, name = known
        request.url_rule = rule
        request.view_args = dict(arguments) if name is None else {**arguments, name: record_id}
        return True

    def learn(self, request: Request) -> None:
        """Keep what Werkzeug found, if exactly one argument of it is the id."""
        found = _SHAPE(request.environ["PATH_INFO"])
        if found is None or request.url_rule is None or len(self._rules) >= _MOST:
            return
        above, record_id, below = found.groups()
        arguments = dict(request.view_args or {})
        name = None
        if record_id is not None:
            named = [each for each, value in arguments.items() if value == record_id]
            if len(named) != 1:
                return
            (name,) = named
            del arguments[name]
        shape = (request.environ["REQUEST_METHOD"], above, record_id is not None, below)
        self._rules[shape] = request.url_rule, arguments, name


class _Context(RequestContext):
    """A request whose match is learned from."""

    def match_request(self) -> None:
        super().match_request()
        assert isinstance(self.app, Application)
        self.app.known_addresses.learn(self.request)


class Application(Flask):
    """Flask that knows an address it has seen the like of."""

    def __init__(self, *words: Any, **options: Any) -> None:
        self.known_addresses = KnownAddresses()
        super().__init__(*words, **options)

    def request_context(self, environ: dict[str, Any]) -> RequestContext:
        return _Context(self, environ)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return no adapter for a known address: nothing is left to match."""
        if request is not None and self.known_addresses.find(request):
            return None
        return super().create_url_adapter(request)
