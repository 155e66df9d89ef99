"""The pages: one module a screen; forms (marshmallow) in, presenters out."""

from flask import Flask

from hub.web import (
    care_plans,
    caseload,
    errors,
    home,
    people,
    referrals,
    register,
    rendering,
    sign_in,
    spor,
    vacancies,
    worklist,
)
from hub.web.site import blueprint

__all__ = ["blueprint", "install"]

SCREENS = (
    care_plans,
    caseload,
    home,
    people,
    referrals,
    register,
    sign_in,
    spor,
    vacancies,
    worklist,
)
"""Importing a screen hangs its routes on the blueprint."""


def install(app: Flask) -> None:
    """Give the application its pages."""
    rendering.init_app(app)
    errors.init_app(app)
    app.register_blueprint(blueprint)
