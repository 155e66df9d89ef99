"""Security headers of every answer, and the nonce that lets our own scripts run.

https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/CSP
"""

import secrets

from flask import Response, g, request

from hub import at_hand
from hub.written import Written

_STRICT = ("Strict-Transport-Security", "max-age=31536000")
_OF_TEXT = (("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"))


def csp_nonce() -> str:
    """Return this request's nonce; a script element without it does not run."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


def protect(response: Response) -> Response:
    """Add what a browser needs to be told, without overriding what a page has said itself."""
    headers = response.headers
    if isinstance(response, Written):
        response.beside += _OF_TEXT if "Cache-Control" not in headers else _OF_TEXT[:1]
        if at_hand.request().environ["wsgi.url_scheme"] == "https":
            response.beside += (_STRICT,)
        return response
    if headers.get("X-Content-Type-Options") is None:
        headers.add("X-Content-Type-Options", "nosniff")
    if request.endpoint != "static" and headers.get("Cache-Control") is None:
        # A page about a person must not lie in the cache of a shared computer. A live region
        # says "private, no-cache" itself, so that its ETag can be asked about.
        headers.add("Cache-Control", "no-store")
    if at_hand.request().environ["wsgi.url_scheme"] == "https":
        headers.setdefault(*_STRICT)
    if headers.get("Content-Type", "").startswith("text/html"):
        headers.setdefault("Content-Security-Policy", _policy())
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    return response


def _policy() -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{csp_nonce()}'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )
