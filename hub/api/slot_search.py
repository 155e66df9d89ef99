"""Slots as the Booking and Referral Standard asks for them, in the words of R4.

The standard (OpenAPI 1.4.0, ``GET /Slot``) writes ``Schedule.actor:HealthcareService=<service id>``
and plain ``_include`` for what hangs on the Schedule. R4 calls the first a chain over ``schedule``
and wants ``:iterate`` for the second. ``Bundle.link[self]`` shows what was used.
"""

from collections.abc import Sequence

from fhir.systems import DOS_SERVICE

_OWN = "Schedule.actor:HealthcareService"
_BY_R4 = "schedule.actor:HealthcareService"
_INCLUDES = {
    "Slot:*": "Slot:schedule",
    # No search parameter of R4 has that name.
    "HealthcareService:providedBy": "HealthcareService:organization",
}


def as_r4(resource_type: str, parameters: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the parameters of a search, those of the standard's Slot search in R4's words.

    A service id is the directory's (``https://fhir.nhs.uk/Id/dos-service-id``) where it is all
    digits, else the id of a HealthcareService here.
    """
    names = {name for name, _ in parameters}
    if resource_type != "Slot" or _OWN not in names:
        return list(parameters)
    return [_one(name, value) for name, value in parameters]


def _one(name: str, value: str) -> tuple[str, str]:
    if name == _OWN:
        if value.isascii() and value.isdigit():
            return f"{_BY_R4}.identifier", f"{DOS_SERVICE}|{value}"
        return _BY_R4, value
    if name == "_include":
        wanted = _INCLUDES.get(value, value)
        return ("_include" if wanted.startswith("Slot:") else "_include:iterate"), wanted
    return name, value
