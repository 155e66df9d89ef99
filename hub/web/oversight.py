"""Oversight: the screens of those who answer for a team or the hub, each with what it shows."""

from flask import Response

from hub.auth import current_actor
from hub.domain.errors import NotPermittedError
from hub.web.navigation import oversight_of
from hub.web.rendering import page
from hub.web.site import blueprint


@blueprint.get("/oversight")
def oversight_page() -> Response:
    places = oversight_of(current_actor())
    if not places:
        raise NotPermittedError("oversight is for those who lead a team or manage the hub")
    return page("home/oversight.html", places=places)
