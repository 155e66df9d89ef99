"""The FHIR R4 API below /fhir: https://hl7.org/fhir/R4/http.html."""

from flask import Flask

from hub.api import (
    accountability_operations,
    applying,
    batches,
    bulk,
    clock_operations,
    code_systems,
    cover,
    decisions,
    differences,
    errors,
    escalation_operations,
    everything,
    exports,
    handovers,
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
    performance,
    rates,
    rebalancing,
    referring,
    rota_operations,
    searches,
    simulation,
    site,
    subscription_operations,
    task_operations,
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
    clock_operations,
    escalation_operations,
    hub_operations,
    decisions,
    rota_operations,
    rebalancing,
    referring,
    handovers,
    task_operations,
    cover,
    performance,
    accountability_operations,
    subscription_operations,
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
