"""``$diff``: what changed between two versions of a record, as a FHIRPath Patch.

R4 has no such operation; the definition is the hub's own. The answer is the Parameters that, sent
as a PATCH of the earlier version, make the later one of it.
"""

from flask import Response

from fhir.outcomes import BadRequestError
from fhir.patch import difference
from fhir.patch.exact import loads
from fhir.registry import SUPPORTED_TYPES
from hub import records
from hub.api import answers, withheld
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import Given, given
from hub.auth import current_actor


@operation(
    Operation(
        "diff",
        "What changed between two versions of a record: a FHIRPath Patch that makes the one of"
        " the other. Without parameters: what the current version changed.",
        (
            Parameter("from", "positiveInt", documentation="A version; absent: that before to."),
            Parameter("to", "positiveInt", documentation="A version; absent: the current one."),
            Parameter(
                "operation",
                "",
                use="out",
                max="*",
                documentation="As https://hl7.org/fhir/R4/fhirpatch.html defines them.",
                parts=(
                    Parameter("type", "code", min=1),
                    Parameter("path", "string", min=1),
                    Parameter("name", "string", documentation="Of add: the element."),
                    Parameter("index", "integer", documentation="Of insert: the place."),
                    Parameter("value", "Element", documentation="Any type, or parts of one."),
                ),
            ),
        ),
        instance=True,
        types=SUPPORTED_TYPES,
    )
)
def diff(resource_type: str | None, record_id: str | None) -> Response:
    assert resource_type is not None
    assert record_id is not None
    actor = current_actor()
    asked = given()
    asked.only("from", "to")
    start, end = _version(asked, "from"), _version(asked, "to")
    if end is None:
        new = records.read(actor, resource_type, record_id)
    else:
        new = records.vread(actor, resource_type, record_id, end)
    if start is None:
        start = new.version - 1
        if start == 0:
            raise BadRequestError(
                "version 1 has none before it: name another in to", expression="to"
            )
    old = records.vread(actor, resource_type, record_id, start)
    before, after = (loads(withheld.shown(each).text) for each in (old, new))
    return answers.of_json(difference(before, after))


def _version(asked: Given, name: str) -> int | None:
    found = asked.number(name)
    if found is not None and not 1 <= found < 10**9:
        raise BadRequestError(f"{name} is a version: 1, 2, 3 ...", expression=name)
    return found
