"""The FHIR R4 API below /fhir: https://hl7.org/fhir/R4/http.html."""

from flask import Flask

from hub.api import (
    applying,
    batches,
    bulk,
    code_systems,
    differences,
    errors,
    everything,
    exports,
    histories,
    hub_operations,
    imports,
    interactions,
    matches,
    measures,
    merges,
    metadata,
    metas,
    openapi,
    operations,
    patches,
    rates,
    searches,
    simulation,
    site,
    validation,
    value_sets,
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
    openapi,
    rates,
    everything,
    matches,
    merges,
    applying,
    measures,
    metas,
    differences,
    hub_operations,
    value_sets,
    code_systems,
    exports,
    imports,
    bulk,
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
