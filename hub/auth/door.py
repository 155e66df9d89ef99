"""The door: every request has an Actor before its view runs, or its route is declared public."""

from urllib.parse import urlencode, urlsplit

from flask import Flask, g, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from fhir.outcomes import UnauthorizedError
from hub import at_hand
from hub.auth import csrf, headers, sessions
from hub.auth.public_routes import PUBLIC_ROUTES
from hub.auth.tokens import Grant, grant_for_token
from hub.domain.actor import Actor
from hub.transaction import transaction

API_PREFIX = "/fhir"
_OF_ONE_REQUEST = ("actor", "grant", "session_token", "csp_nonce", "new_visit")
SIMULATION_PREFIX = "/simulation"
"""Only a simulated hub has addresses here; the simulator holds a token like any system."""
_SYSTEMS = (API_PREFIX + "/", SIMULATION_PREFIX + "/")


def init_app(app: Flask) -> None:
    app.before_request(admit)
    app.after_request(csrf.keep_visit)
    app.after_request(headers.protect)


def current_actor() -> Actor:
    """Return who acts in this request. A route that is not public always has one."""
    actor: Actor | None = at_hand.notes().get("actor")
    if actor is None:
        raise UnauthorizedError("sign in, or send a bearer token")
    return actor


def current_grant() -> Grant | None:
    """Return what the bearer token of this request gives; None for a page."""
    grant: Grant | None = at_hand.notes().get("grant")
    return grant


def admit() -> BaseResponse | None:
    """Find the Actor of this request, or refuse it; runs before every view."""
    held = at_hand.notes().__dict__
    for name in _OF_ONE_REQUEST:
        # An application context can outlive a request (commands, tests); who asked must not.
        held.pop(name, None)
    path = at_hand.request().environ["PATH_INFO"]
    if path.startswith(_SYSTEMS) or path == API_PREFIX:
        _admit_system()
        return None
    return _admit_person()


def _is_public() -> bool:
    # An address that matches no route has nothing to protect: it becomes a 404.
    return request.url_rule is None or request.url_rule.rule in PUBLIC_ROUTES


def _admit_system() -> None:
    scheme, _, token = at_hand.request().environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        grant = grant_for_token(token.strip())
        if grant is not None:
            notes = at_hand.notes()
            notes.grant, notes.actor = grant, grant.actor
            return
        if not _is_public():
            raise UnauthorizedError(
                "the bearer token is unknown, expired or revoked",
                headers={"WWW-Authenticate": 'Bearer realm="carehub", error="invalid_token"'},
            )
    if not _is_public():
        raise UnauthorizedError(
            "this address needs a bearer token",
            headers={"WWW-Authenticate": 'Bearer realm="carehub"'},
        )


def _admit_person() -> BaseResponse | None:
    static = request.endpoint == "static"
    token = request.cookies.get(csrf.SESSION_COOKIE)
    if token and not static:
        with transaction():
            found = sessions.actor_for_session(token)
            # A page that refreshes itself does not keep an unattended session alive.
            if found is not None and found[1] and "HX-Request" not in request.headers:
                sessions.touch(token)
        if found is not None:
            g.actor = found[0]
            g.session_token = token
    public = _is_public()
    if request.url_rule is not None and ("actor" in g or public):
        csrf.check()
    if public or "actor" in g:
        return None
    return _to_sign_in()


def _page_of_form() -> str:
    """Return this site's page whose form was sent after the session had ended."""
    page = urlsplit(request.referrer or "")
    if page.netloc != request.host or not page.path.startswith("/"):
        return "/"
    return page.path + (f"?{page.query}" if page.query else "")


def _to_sign_in() -> BaseResponse:
    sent = request.method not in csrf.SAFE_METHODS
    wanted = _page_of_form() if sent else request.full_path.rstrip("?")
    asked = {"next": wanted} if wanted != "/" else {}
    if sent:
        asked["ended"] = "yes"
    target = "/sign-in" + ("?" + urlencode(asked) if asked else "")
    if "HX-Request" in request.headers:
        # A live region of a page whose session has ended: the whole page goes to sign-in.
        return BaseResponse(status=401, headers={"HX-Redirect": target})
    return redirect(target, code=303)
