"""What each interaction takes and answers, in words for the OpenAPI document.

Statuses are those of https://hl7.org/fhir/R4/http.html as this server uses them.
"""

from dataclasses import dataclass
from types import MappingProxyType

from fhir.registry import resource_types
from hub.api.operations import Operation
from hub.api.served import Served

COMMON = (400, 401, 403, 406, 429, 500, 503)
"""What any request may be refused with."""
_BODY = (413, 415, 422)
_WRITE = (404, 405, 409, 412, *_BODY)


@dataclass(frozen=True, slots=True)
class Described:
    """One method at one address."""

    summary: str
    answers: tuple[int, ...] = (200,)
    refusals: tuple[int, ...] = ()
    result: str = "Bundle"
    """A schema's name, ``record`` (of the address's type), or empty: no body."""
    body: str = ""
    """``record``, ``form``, ``patch``, a schema's name, or empty: none is sent."""
    parameters: tuple[str, ...] = ()
    """Names among the parameter components."""
    search: bool = False
    """Takes the search parameters of the type."""


_PART = ("_summary", "_elements")
_HISTORY = ("_since", "_count", "_cursor")
_KNOWN = ("If-None-Match", "If-Modified-Since")
_READ = Described("Read a record", (200, 304), (404, 410), "record", parameters=(*_PART, *_KNOWN))
_SEARCH = Described("Search a type", search=True, parameters=("handling",))
_COMPARTMENT = Described(
    "Search a compartment", refusals=(404, 410), search=True, parameters=("handling",)
)

INTERACTIONS = MappingProxyType(
    {
        "read": _READ,
        "vread": Described(
            "Read one version of a record",
            _READ.answers,
            _READ.refusals,
            "record",
            parameters=_READ.parameters,
        ),
        "update": Described(
            "Store the next version of a record; create it where the client may choose ids",
            (200, 201),
            (*_WRITE, 410),
            "record",
            "record",
            ("If-Match", "Prefer"),
        ),
        "patch": Described(
            "Change parts of a record",
            (200,),
            (*_WRITE, 410),
            "record",
            "patch",
            ("If-Match", "Prefer"),
        ),
        "delete": Described(
            "Delete a record; its versions stay readable",
            (204,),
            (404, 405, 409, 412, 422),
            "",
            parameters=("If-Match",),
        ),
        "history-instance": Described(
            "Versions of a record, newest first", refusals=(404,), parameters=_HISTORY
        ),
        "history-type": Described("Versions of every record of a type", parameters=_HISTORY),
        "history-system": Described("Versions of every record", parameters=_HISTORY),
        "create": Described(
            "Store a new record, or find the one that If-None-Exist names",
            (200, 201),
            (409, 412, *_BODY),
            "record",
            "record",
            ("If-None-Exist", "Prefer"),
        ),
        "search-type": _SEARCH,
        "search-system": Described("Search several types", search=True, parameters=("handling",)),
        "transaction": Described(
            "Post a transaction (all or nothing) or a batch",
            (200,),
            (404, 410, *_WRITE),
            "Bundle",
            "Bundle",
            ("Prefer",),
        ),
    }
)
"""Code of the interaction -> what it takes and answers."""

_CONDITIONAL = MappingProxyType(
    {
        "update": "Update the one record that a search finds, or create it",
        "patch": "Change parts of the one record that a search finds",
        "delete": "Delete the one record that a search finds",
    }
)

_OTHERS = MappingProxyType(
    {
        ("GET", "/metadata"): Described(
            "What this server can do", result="CapabilityStatement", parameters=("mode",)
        ),
        ("GET", "/openapi.json"): Described("This document", (200, 304), result="any"),
        ("GET", "/OperationDefinition/[name]"): Described(
            "The definition of an operation", refusals=(404,), result="Resource"
        ),
        ("POST", "/$process-message"): Described(
            "Take one message of the Booking and Referral Standard",
            (200,),
            _WRITE,
            "Resource",
            "Bundle",
        ),
    }
)


def described(each: Served) -> Described:
    """Say what a method at an address takes and answers."""
    if found := _OTHERS.get((each.method, each.shape)):
        return found
    if each.conditional and each.code:
        plain = INTERACTIONS[each.code]
        return Described(
            _CONDITIONAL[each.code],
            plain.answers,
            plain.refusals,
            plain.result,
            plain.body,
            plain.parameters,
            search=True,
        )
    known = INTERACTIONS.get(each.code or "")
    known = _COMPARTMENT if each.shape.startswith("/[compartment]") else known
    if known and each.shape.endswith("/_search"):
        return Described(
            f"{known.summary} by a form",
            known.answers,
            (*known.refusals, *_BODY),
            known.result,
            "form",
            known.parameters,
        )
    if known:
        return known
    if each.operation is not None:
        return _operation(each.operation, each.method)
    return Described(f"{each.method} {each.shape}", (200, 202, 204), _WRITE, "any")


def _operation(declared: Operation, method: str) -> Described:
    given_back = [each for each in declared.parameters if each.use == "out"]
    result = "Parameters"
    # A resource alone is not wrapped: https://hl7.org/fhir/R4/operations.html#response
    if len(given_back) == 1 and given_back[0].name == "return":
        kind = given_back[0].type
        result = kind if kind in {*resource_types(), "Resource"} else result
    return Described(
        declared.description,
        (200,) if declared.methods is None else (200, 202),
        (404, 405, 409, 410, 412, *_BODY),
        result,
        "Parameters" if method == "POST" else "",
    )
