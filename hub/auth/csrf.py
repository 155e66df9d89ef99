"""Cross-site request forgery: every unsafe request of a page carries a token of its own session.

The token is derived from the session cookie, which no other site can read: nothing to store,
and it ends with the session. Before sign-in a cookie of its own stands in for the session.
"""

import hashlib
import hmac
import secrets

from flask import Response, g, request
from werkzeug.exceptions import Forbidden

from hub.written import Written

SESSION_COOKIE = "carehub_session"
VISIT_COOKIE = "carehub_visit"
"""Before sign-in: a random value, so that a sign-in form cannot be sent from elsewhere either."""
FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def csrf_token() -> str:
    """Return the token for the forms of this request."""
    secret = request.cookies.get(SESSION_COOKIE) or request.cookies.get(VISIT_COOKIE)
    if not secret:
        secret = g.get("new_visit")
    if not secret:
        secret = g.new_visit = secrets.token_urlsafe(32)
    return _derived(secret)


def check() -> None:
    """Refuse an unsafe request whose token is missing or belongs to another session."""
    if request.method in SAFE_METHODS:
        return
    given = request.form.get(FIELD) or request.headers.get(HEADER, "")
    secrets_held = (request.cookies.get(SESSION_COOKIE), request.cookies.get(VISIT_COOKIE))
    if not any(
        # As bytes: text beyond ASCII cannot be compared, and would be a fault instead of a refusal.
        secret and hmac.compare_digest(_derived(secret).encode(), given.encode(errors="replace"))
        for secret in secrets_held
    ):
        raise Forbidden(
            "This form was open for too long, or it did not come from Carehub. "
            "Nothing was saved: go back, load the page again and send it once more."
        )


def keep_visit(response: Response) -> Response:
    """Send the cookie that stands in for a session on pages before sign-in."""
    if isinstance(response, Written):
        # Of the API, which has no forms.
        return response
    if "new_visit" in g and (visit := g.pop("new_visit")):
        response.set_cookie(
            VISIT_COOKIE, visit, httponly=True, samesite="Lax", secure=request.is_secure, path="/"
        )
    return response


def _derived(secret: str) -> str:
    return hmac.new(secret.encode(), b"carehub form", hashlib.sha256).hexdigest()
