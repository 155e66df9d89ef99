"""Operations, each declared once: https://hl7.org/fhir/R4/operations.html.

``@operation(Operation(...))`` hangs the routes of an operation on the blueprint; the
CapabilityStatement, the OperationDefinitions at ``/fhir/OperationDefinition/[name]`` and the
OpenAPI document are made from the same declarations, so they cannot promise what is not there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

from flask import Response, request

from fhir.outcomes import MethodNotAllowedError, NotFoundError
from fhir.registry import SUPPORTED_TYPES
from hub.api import answers, negotiation, site
from hub.api.site import blueprint


@dataclass(frozen=True, slots=True)
class Parameter:
    """One ``in`` or ``out`` parameter, as OperationDefinition.parameter says it."""

    name: str
    type: str
    """A type of R4 (``string``, ``Coding``, ``Resource``), or empty where it has parts."""
    use: str = "in"
    min: int = 0
    max: str = "1"
    documentation: str = ""
    parts: "tuple[Parameter, ...]" = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """What an operation is called, where it can be called, and what it takes and gives."""

    name: str
    """Without the ``$``; of its definition, where ``code`` says how it is called."""
    description: str
    parameters: tuple[Parameter, ...] = ()
    system: bool = False
    type: bool = False
    instance: bool = False
    types: tuple[str, ...] = ()
    """Types of the type and instance level; ``SUPPORTED_TYPES`` for every one."""
    affects_state: bool = False
    """True: by POST only. False: by GET with simple parameters, or by POST."""
    methods: tuple[str, ...] | None = None
    """Where it is neither: ``$export`` is kicked off by GET or POST, but makes a job."""
    canonical: str | None = None
    """The definition that HL7 published; None: the hub's own. ``[type]`` in it stands for the type
    where HL7 has one for each."""
    instance_only: tuple[str, ...] = ()
    """Those of ``types`` that do not have the type level."""
    cost: Literal["read", "search", "write"] | None = None
    """What a client pays for it; None: a write where it affects state, else a search."""
    id: str = ""
    """Where R4 gives one name to two operations (``validate-code``): what tells them apart."""

    @property
    def key(self) -> str:
        return self.id or self.name

    def definition_on(self, resource_type: str | None) -> str:
        """Return the address of the definition as it is called on a type."""
        if self.canonical is None:
            return f"{site.base()}/OperationDefinition/{self.key}"
        if "[type]" not in self.canonical:
            return self.canonical
        return self.canonical.replace("[type]", resource_type or self.types[0])

    @property
    def allowed(self) -> tuple[str, ...]:
        if self.methods is not None:
            return self.methods
        return ("POST",) if self.affects_state else ("GET", "POST")


OPERATIONS: dict[str, Operation] = {}
"""Key -> operation, of every operation that has a route. Filled at import."""

ENDPOINTS: dict[str, Operation] = {}
"""Name of a route's endpoint -> the operation that it calls."""

View = Callable[[str | None, str | None], Response]
"""An operation's view gets (resource type, id); both None at the system level."""


def declare(declared: Operation) -> None:
    """Name an operation whose routes stand elsewhere (``$process-message``)."""
    assert declared.key not in OPERATIONS
    OPERATIONS[declared.key] = declared


def operation(declared: Operation) -> Callable[[View], View]:
    """Hang a view on every address where the operation can be called."""
    declare(declared)
    # Every type that is held has one route together; others (Bundle) have their own.
    every = set(declared.types) >= set(SUPPORTED_TYPES)
    kinds = declared.types
    if every:
        kinds = ("<fhirtype:resource_type>", *sorted({*kinds} - {*SUPPORTED_TYPES}))

    def hang(view: View) -> View:
        levels: list[tuple[str, str, dict[str, str]]] = []
        if declared.system:
            levels.append(("system", "", {}))
        for kind in kinds:
            default = {} if kind.startswith("<") else {"resource_type": kind}
            if declared.type and kind not in declared.instance_only:
                levels.append((f"type-{kind}", f"/{kind}", default))
            if declared.instance:
                address = f"/{kind}/<fhirid:record_id>"
                levels.append((f"instance-{kind}", address, default))
        for level, address, default in levels:
            endpoint = f"operation-{declared.key}-{level}".translate(_PLAIN)
            ENDPOINTS[f"{blueprint.name}.{endpoint}"] = declared
            blueprint.add_url_rule(
                f"{address}/${declared.name}",
                endpoint=endpoint,
                view_func=_routed(view),
                methods=list(declared.allowed),
                defaults=default,
            )
        return view

    return hang


_PLAIN = str.maketrans("<>:", "___")


def _routed(view: View) -> Callable[..., Response]:
    @wraps(view)
    def routed(resource_type: str | None = None, record_id: str | None = None) -> Response:
        negotiation.check_accept()
        return view(resource_type, record_id)

    return routed


def at(declared: Operation, resource_type: str | None) -> bool:
    """Say whether the operation is called on this type; None: on the system."""
    if resource_type is None:
        return declared.system
    return (declared.type or declared.instance) and resource_type in declared.types


@blueprint.get("/OperationDefinition/<name>")
def definition(name: str) -> Response:
    """Give the definition of one operation of this hub."""
    negotiation.check_accept()
    if name not in OPERATIONS:
        raise NotFoundError(
            f"no operation is called {name}; there are {', '.join(sorted(OPERATIONS))}"
        )
    return answers.of_json(described(OPERATIONS[name]))


def described(declared: Operation) -> dict[str, Any]:
    """Build the OperationDefinition: https://hl7.org/fhir/R4/operationdefinition.html."""
    found: dict[str, Any] = {
        "resourceType": "OperationDefinition",
        "id": declared.key,
        "url": f"{site.base()}/OperationDefinition/{declared.key}",
        "name": "".join(part[:1].upper() + part[1:] for part in declared.key.split("-")),
        "title": declared.name,
        "status": "active",
        "kind": "operation",
        "description": declared.description,
        "affectsState": declared.affects_state,
        "code": declared.name,
        "system": declared.system,
        "type": declared.type,
        "instance": declared.instance,
    }
    if declared.canonical:
        found["base"] = declared.definition_on(None)
    if declared.types:
        found["resource"] = sorted(declared.types)
    if declared.parameters:
        found["parameter"] = [_parameter(each) for each in declared.parameters]
    return found


def _parameter(declared: Parameter, use: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": declared.name,
        "use": use or declared.use,
        "min": declared.min,
        "max": declared.max,
    }
    if declared.documentation:
        found["documentation"] = declared.documentation
    if declared.type:
        found["type"] = declared.type
    if declared.parts:
        found["part"] = [_parameter(each, found["use"]) for each in declared.parts]
    return found


@blueprint.route("/$<name>", methods=["GET", "POST"])
@blueprint.route("/<fhirtype:resource_type>/$<name>", methods=["GET", "POST"])
@blueprint.route("/<fhirtype:resource_type>/<fhirid:record_id>/$<name>", methods=["GET", "POST"])
def unknown(name: str, resource_type: str | None = None, **_record: str) -> Response:
    """Answer an operation that is not here, or not at this address, or not by this method."""
    found = next(
        (each for each in OPERATIONS.values() if each.name == name and at(each, resource_type)),
        None,
    )
    if found is not None and request.method not in found.allowed:
        raise MethodNotAllowedError(
            f"${name} is called by {' or '.join(found.allowed)}",
            headers={"Allow": ", ".join(found.allowed)},
        )
    here = sorted(each.name for each in OPERATIONS.values() if at(each, resource_type))
    raise NotFoundError(
        f"there is no operation ${name} at this address; there are "
        f"{', '.join(f'${each}' for each in here) or 'none'}"
    )


def listed(resource_type: str | None) -> list[Mapping[str, str]]:
    """Return name and definition of the operations on a type, or on the system (None)."""
    return [
        {"name": each.name, "definition": each.definition_on(resource_type)}
        for _, each in sorted(OPERATIONS.items())
        if at(each, resource_type)
    ]
