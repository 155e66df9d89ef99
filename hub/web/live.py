"""Live regions: addresses that htmx asks again and again, answered 304 while nothing moved."""

from flask import Response, request


def here(path: str) -> str:
    """Return the address of a page's live region, with the page's own filters."""
    query = request.query_string.decode()
    return f"{path}?{query}" if query else path


def unchanged(etag: str) -> Response | None:
    """Return a 304 when the browser's live region is still right."""
    if etag not in request.if_none_match:
        return None
    response = Response(status=304)
    response.set_etag(etag)
    response.headers["Cache-Control"] = "private, no-cache"
    return response
