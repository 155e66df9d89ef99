"""When the care was that a record of a person's compartment tells of, for ``start`` and ``end``.

"The date range relates to care dates, not record currency dates"
(https://hl7.org/fhir/R4/patient-operation-everything.html). R4 leaves open which date that is.
"""

from collections.abc import Mapping, Sequence

from hub.records.tables import date_columns

CARE_DATES: Mapping[str, tuple[str, ...]] = {
    "AllergyIntolerance": ("last-date", "date"),
    "Appointment": ("date",),
    "AuditEvent": ("date",),
    "Basic": ("created",),
    "CarePlan": ("date",),
    "CareTeam": ("date",),
    "ClinicalImpression": ("date",),
    "Communication": ("sent", "received"),
    "CommunicationRequest": ("occurrence", "authored"),
    "Composition": ("date",),
    "Condition": ("onset-date", "recorded-date"),
    "Consent": ("period", "date"),
    "DiagnosticReport": ("date", "issued"),
    "DocumentReference": ("period", "date"),
    "Encounter": ("date",),
    "EpisodeOfCare": ("date",),
    "Flag": ("date",),
    "Goal": ("start-date",),
    "Immunization": ("date",),
    "List": ("date",),
    "MeasureReport": ("period", "date"),
    "MedicationRequest": ("authoredon",),
    "MedicationStatement": ("effective",),
    "Observation": ("date",),
    "Procedure": ("date",),
    "Provenance": ("when", "recorded"),
    "QuestionnaireResponse": ("authored",),
    "RiskAssessment": ("date",),
    "Schedule": ("date",),
    "ServiceRequest": ("occurrence", "authored"),
    "Task": ("period", "authored-on"),
}
"""Search parameters in order: the first that a record has is its care date. The other types (who
somebody is, who is in a group) have none and belong to every range."""


def during(resource_type: str) -> str:
    """Return the condition that the care was between %(start)s and before %(end)s.

    A record without its date belongs to every range: it may be about any of it.
    """
    stems = [date_columns(resource_type)[code] for code in CARE_DATES.get(resource_type, ())]
    if not stems:
        return "TRUE"
    low = _first([f"{stem}_lo" for stem in stems])
    high = _first([f"{stem}_hi" for stem in stems])
    return f"({low} IS NULL OR {low}<%(end)s AND {high}>%(start)s)"


def _first(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"COALESCE({','.join(names)})"
