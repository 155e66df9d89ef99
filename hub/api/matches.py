"""``Patient/$match``: who a set of demographics may be.

https://hl7.org/fhir/R4/patient-operation-match.html. Grades: "certain" is proof alone, a valid and
verified NHS number and an equal date of birth, the sender's word on the verification counting
only where the hub trusts it, and no other first name; everything else is for a person to look at.
"""

from typing import Any

from flask import Response

from fhir.outcomes import BadRequestError, InvalidResourceError, UnprocessableError
from fhir.validation import validate
from hub.api import answers, site
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import given
from hub.auth import current_actor, current_grant
from hub.domain import identity
from hub.domain.identity import Identity, Match
from hub.records import Record
from hub.services import identification
from hub.services.referral_messages import demographics

MATCH_GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"
PROBABLE_FROM = 70
"""A score of this much is "probable"; below it is "possible"."""
MOST = 50


@operation(
    Operation(
        "match",
        "Find the people whom a Patient resource may be about, best first, each with its grade.",
        (
            Parameter("resource", "Resource", min=1, documentation="A Patient, however partial."),
            Parameter("onlyCertainMatches", "boolean", documentation="One proven match or none."),
            Parameter("count", "integer", documentation=f"At most so many; {MOST} if not given."),
            Parameter("return", "Bundle", use="out", min=1),
        ),
        type=True,
        types=("Patient",),
        canonical="http://hl7.org/fhir/OperationDefinition/Patient-match",
        methods=("POST",),
    )
)
def match(_type: str | None, _id: str | None) -> Response:
    asked = given(alone="resource")
    asked.only("resource", "onlyCertainMatches", "count")
    wanted = _wanted(asked.resource("resource"))
    only_certain = asked.flag("onlyCertainMatches") or False
    count = asked.number("count")
    if count is not None and count < 1:
        raise BadRequestError("count must be a whole number above 0", expression="count")
    found = identification.matches(current_actor(), wanted)
    if only_certain:
        proven = identity.certain([compared for _, compared in found])
        found = [pair for pair in found if pair[1] is proven]
    entries = [_entry(record, compared) for record, compared in found[: min(count or MOST, MOST)]]
    return answers.of_json(answers.bundle("searchset", entries, total=len(entries)))


def _wanted(resource: dict[str, Any] | None) -> Identity:
    if resource is None:
        raise BadRequestError("give a Patient: the parameter resource", expression="resource")
    if resource.get("resourceType") != "Patient":
        raise BadRequestError("resource is a Patient", expression="resource")
    faults = [issue for issue in validate(resource, server_meta=False) if issue.severity == "error"]
    if faults:
        raise InvalidResourceError(faults)
    grant = current_grant()
    trusted = grant is not None and grant.trusted_nhs_numbers
    wanted = identification.asked(demographics(resource, trusted=trusted))
    if not (wanted.nhs_number or wanted.birth_date or (wanted.family and wanted.postcode)):
        raise UnprocessableError(
            "nobody can be looked for: give an NHS number, a whole birthDate, or a family name "
            "with a postal code",
            expression="resource",
        )
    return wanted


def _entry(record: Record, compared: Match) -> dict[str, Any]:
    return {
        "fullUrl": site.full_url(record),
        "resource": answers.resource(record),
        "search": {
            "extension": [{"url": MATCH_GRADE, "valueCode": _grade(compared)}],
            "mode": "match",
            "score": compared.score / 100,
        },
    }


def _grade(compared: Match) -> str:
    if compared.proof and not compared.is_another_name:
        return "certain"
    return "probable" if compared.score >= PROBABLE_FROM else "possible"
