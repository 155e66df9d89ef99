"""Who has a legitimate relationship with a person, as their records say (care model section 11).

Only managed records and the Patient itself count: a foreign Task cannot open a person's record.
"""

from typing import Any

from hub.records.record import is_managed

OPEN_TASK = frozenset({"requested", "received", "accepted", "ready", "in-progress", "on-hold"})

CARE_TEAM = "care-team"
OPEN_TASK_BASIS = "open-task"
REGISTERED_PRACTICE = "registered-practice"


def relationships(resource: dict[str, Any], patient_id: str | None) -> set[tuple[str, str, str]]:
    """Return (patient id, party, basis) for each party that the resource relates to the person."""
    if patient_id is None:
        return set()
    match resource["resourceType"]:
        case "Patient":
            return {
                (patient_id, party, REGISTERED_PRACTICE)
                for party in _references(resource.get("generalPractitioner", ()))
            }
        case "Task" if is_managed(resource) and resource.get("status") in OPEN_TASK:
            # An offered hand-over lets the next owner look before they accept.
            return {
                (patient_id, party, OPEN_TASK_BASIS)
                for party in _references([resource.get("owner", {})])
            }
        case "CareTeam" if is_managed(resource) and resource.get("status") == "active":
            return {
                (patient_id, party, CARE_TEAM)
                for member in resource.get("participant", ())
                if not member.get("period", {}).get("end")
                for party in _references([member.get("member", {})])
            }
    return set()


def _references(values: Any) -> set[str]:
    return {value["reference"] for value in values if "reference" in value}
