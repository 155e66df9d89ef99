"""Templates: the design system's macros and ours, escaped everywhere, with what pages need."""

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from flask import Flask, Response, make_response, render_template, request, url_for
from jinja2 import ChainableUndefined, ChoiceLoader, FileSystemLoader, PackageLoader

from hub.auth.csrf import FIELD, csrf_token
from hub.auth.headers import csp_nonce
from hub.settings import ROOT
from hub.web.navigation import navigation
from hub.web.presenters import words
from hub.written import Written

STATIC = ROOT / "hub" / "web" / "static"


def init_app(app: Flask) -> None:
    app.jinja_loader = ChoiceLoader(
        [FileSystemLoader(ROOT / "templates"), PackageLoader("nhsuk_frontend_jinja")]
    )
    # The design system's macros reach into parameters that were not given.
    app.jinja_env.undefined = ChainableUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    # Flask escapes by file name; the macros' files end in .jinja, which it does not know.
    app.jinja_env.autoescape = True
    app.jinja_env.filters.update(
        nhs_number=words.nhs_number,
        day=words.day,
        short_day=words.short_day,
        moment=words.moment,
        plural=words.plural,
        inside=words.inside,
    )
    app.jinja_env.globals.update(
        asset=asset,
        csrf_field=FIELD,
        csrf_token=csrf_token,
    )
    app.after_request(_keep_static)


def asset(name: str) -> str:
    """Return the address of a static file, with a mark of its content: it may be kept for ever."""
    return url_for("static", filename=name, v=_fingerprint(name))


@cache
def _fingerprint(name: str) -> str:
    path = STATIC / name
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "missing"


def page(template: str, status: int = 200, /, **context: Any) -> Response:
    """Render a whole page."""
    text = render_template(template, cspNonce=csp_nonce(), nav=navigation(request.path), **context)
    return make_response(text, status)


def fragment(template: str, etag: str, context: Mapping[str, Any]) -> Response:
    """Render a live region; ``etag`` covers what it shows, the passing of time included."""
    response = make_response(render_template(template, **context))
    response.set_etag(etag)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _keep_static(response: Response) -> Response:
    """Let a browser keep a file whose address carries the mark of its content."""
    if isinstance(response, Written):
        return response
    if request.endpoint == "static" and "v" in request.args and response.status_code == 200:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
