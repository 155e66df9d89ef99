"""The TerminologyCapabilities: what the terminology operations really have to work with.

``/fhir/metadata?mode=terminology``; https://hl7.org/fhir/R4/terminologycapabilities.html
"""

from typing import Any

from fhir.terminology import LIMIT
from hub.api.value_sets import EXPAND
from hub.domain.actor import hub_actor
from hub.records import terminology
from hub.records.terminology import Held

_ANSWER = "return"


def statement(head: dict[str, Any]) -> dict[str, Any]:
    """Return the statement; ``head`` says whose it is."""
    held = terminology.held(hub_actor("capabilities"))
    return {
        "resourceType": "TerminologyCapabilities",
        **head,
        "description": (
            "CodeSystem and ValueSet records win over the hub's own, those over SNOMED CT and "
            f"what R4 defines. An expansion has at most {LIMIT} codes: above, 422 too-costly."
        ),
        "lockedDate": False,
        "codeSystem": [_code_system(each) for each in held],
        "expansion": {
            "hierarchical": True,
            "paging": True,
            "incomplete": False,
            "parameter": [
                {"name": each.name, "documentation": each.documentation or each.name}
                for each in EXPAND.parameters
                if each.use == "in" and each.name != _ANSWER
            ],
            "textFilter": (
                "Each word of the filter begins a word of the display or of one designation, in "
                "any order and case; or the filter is the code."
            ),
        },
        "codeSearch": "explicit",
        "validateCode": {"translations": False},
    }


def _code_system(held: Held) -> dict[str, Any]:
    found: dict[str, Any] = {"uri": held.url}
    if versions := [each for each in held.versions if each]:
        found["version"] = [{"code": each, "isDefault": each == held.default} for each in versions]
    found["subsumption"] = True
    return found
