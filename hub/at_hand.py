"""The request, the application and the notes (``g``) of this moment, as objects.

Flask's names for them are proxies that find the object anew for each attribute: a twelfth of what
a read by id costs. The hot path asks for the object itself, as Werkzeug recommends for that
(https://werkzeug.palletsprojects.com/en/stable/local/, ``_get_current_object``). Each raises
RuntimeError where there is none.
"""

from collections.abc import Callable
from typing import Any, cast

import flask
from flask import Flask, Request
from flask.ctx import _AppCtxGlobals


def _behind(proxy: Any) -> Any:
    return proxy._get_current_object  # noqa: SLF001 - the documented way behind the proxy


request = cast("Callable[[], Request]", _behind(flask.request))
app = cast("Callable[[], Flask]", _behind(flask.current_app))
notes = cast("Callable[[], _AppCtxGlobals]", _behind(flask.g))
