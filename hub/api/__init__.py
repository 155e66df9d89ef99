"""The FHIR R4 API below /fhir: https://hl7.org/fhir/R4/http.html."""

from flask import Flask

from hub.api import (
    applying,
    batches,
    differences,
    errors,
    everything,
    histories,
    hub_operations,
    interactions,
    matches,
    measures,
    merges,
    metadata,
    metas,
    operations,
    patches,
    rates,
    searches,
    simulation,
    site,
    validation,
)
from hub.api.site import blueprint

__all__ = ["ROUTES", "blueprint", "register"]

ROUTES = (
    interactions,
    patches,
    searches,
    histories,
    batches,
    metadata,
    rates,
    everything,
    matches,
    merges,
    applying,
    measures,
    metas,
    differences,
    hub_operations,
    validation,
    operations,
)
"""Importing a module hangs its routes on the blueprint."""

# Once, at import: a process may build several applications.
errors.register(blueprint)


def register(app: Flask) -> None:
    """Give the application its API."""
    site.init_app(app)
    errors.init_app(app)
    app.register_blueprint(blueprint)
    simulation.init_app(app)
