"""``ServiceRequest/$refer``: a referral to the hub by a system that uses its FHIR API."""

from flask import Response

from fhir.outcomes import BadRequestError
from hub.api import answers
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import given
from hub.auth import current_actor
from hub.services import api_referrals
from hub.transaction import transaction


@operation(
    Operation(
        "refer",
        "Refer a person on record here to the hub; the answer is the referral as the hub keeps it.",
        (
            Parameter(
                "referral",
                "ServiceRequest",
                min=1,
                documentation="With an identifier of yours, the subject as Patient/[id] and a"
                " reasonCode. Sent again with the same identifier it is the same referral.",
            ),
            Parameter(
                "source", "code", documentation="Of the hub's referral sources; professional."
            ),
            Parameter("return", "ServiceRequest", use="out", min=1),
        ),
        type=True,
        types=("ServiceRequest",),
        affects_state=True,
    )
)
def refer(_type: str | None, _id: str | None) -> Response:
    asked = given(alone="referral")
    asked.only("referral", "source")
    request = asked.resource("referral")
    if request is None or request.get("resourceType") != "ServiceRequest":
        raise BadRequestError("referral is a ServiceRequest", expression="referral")
    with transaction():
        record, is_new = api_referrals.refer(current_actor(), request, source=asked.text("source"))
    return answers.of_write(record, 201 if is_new else 200)
