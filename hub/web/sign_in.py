"""Signing in and out."""

from urllib.parse import urlsplit

from flask import Response, g, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub.auth import sign_in as open_door
from hub.auth.csrf import SESSION_COOKIE, VISIT_COOKIE
from hub.auth.sessions import end_session
from hub.auth.sign_in import SignedIn
from hub.transaction import transaction
from hub.web.rendering import page
from hub.web.site import blueprint


@blueprint.get("/sign-in")
def sign_in() -> Response | BaseResponse:
    if "actor" in g:
        return redirect("/", code=303)
    return page(
        "sign_in/sign_in.html",
        next=_own_address(request.args.get("next", "")),
        ended="ended" in request.args,
    )


@blueprint.post("/sign-in")
def signing_in() -> Response | BaseResponse:
    username = request.form.get("username", "")
    target = _own_address(request.form.get("next", ""))
    with transaction():
        outcome = open_door(
            username, request.form.get("password", ""), address=request.remote_addr or ""
        )
    if not isinstance(outcome, SignedIn):
        return page(
            "sign_in/sign_in.html",
            429 if outcome.wait else 422,
            refusal=outcome.message,
            username=username,
            next=target,
        )
    response = redirect(target or "/", code=303)
    response.set_cookie(
        SESSION_COOKIE,
        outcome.token,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
        path="/",
    )
    response.delete_cookie(VISIT_COOKIE, path="/")
    return response


@blueprint.post("/sign-out")
def sign_out() -> BaseResponse:
    with transaction():
        end_session(g.session_token)
    response = redirect("/sign-in", code=303)
    response.delete_cookie(SESSION_COOKIE, path="/")
    # The next person at a shared computer must not go back through this one's pages.
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _own_address(address: str) -> str:
    """Return the address if it is one of this site's own pages: no open redirect."""
    parts = urlsplit(address)
    # A browser reads "\" as "/", so "/\elsewhere" would leave the site.
    own = not parts.scheme and not parts.netloc and address.startswith("/")
    return address if own and "\\" not in address and not address.startswith("//") else ""
