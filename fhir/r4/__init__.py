"""The only door to the models of fhir.resources (R4B): ``from fhir.r4 import Task``.

For resources the hub authors and for a second opinion; never on the hot path (a Patient costs
milliseconds there). Each model is imported when first asked for.
"""

from typing import Any

from fhir.registry import resource_types
from fhir.resources.R4B import get_fhir_model_class


def __getattr__(name: str) -> Any:
    if name not in resource_types():
        raise AttributeError(f"R4 has no resource type {name}")
    model = get_fhir_model_class(name)
    globals()[name] = model
    return model
