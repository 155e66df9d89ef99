"""Who has a legitimate relationship with a person, as their records say (care model section 11).

Only managed records and the Patient itself count: a foreign Task cannot open a person's record.
"""

from collections.abc import Sequence
from typing import Any

from hub.records.record import is_managed

OPEN_TASK = frozenset({"requested", "received", "accepted", "ready", "in-progress", "on-hold"})

CARE_TEAM = "care-team"
OPEN_TASK_BASIS = "open-task"
TEAM_WORK = "team-work"
"""Kept by ``hub.services.assignments``: the team whose work a task is, whoever owns it now."""
OFFERED_WORK = "offered-work"
"""Kept by ``hub.services.offers``: who is asked to take a task may look at it until they answer."""
REQUESTED = "requested-work"
REGISTERED_PRACTICE = "registered-practice"

COMPARTMENT = "compartment"
NO_PARTY = ""
"""A record is in the compartments of more people than the one in ``patient_id``: such a row says
so, relates nobody to them and opens nothing."""


def compartments(others: Sequence[str]) -> set[tuple[str, str, str]]:
    """Return the rows for the further people in whose compartments a record is."""
    return {(other, NO_PARTY, COMPARTMENT) for other in others}


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
            requesters = _references([resource.get("requester", {})])
            return {
                (patient_id, party, OPEN_TASK_BASIS)
                for party in _references([resource.get("owner", {})])
            } | {
                # Who asked for work may see what becomes of it, as long as it is open.
                (patient_id, party, REQUESTED)
                for party in requesters
                if party.startswith("Practitioner/")
            }
        case "CareTeam" if is_managed(resource) and resource.get("status") == "active":
            return {
                (patient_id, party, CARE_TEAM)
                for member in resource.get("participant", ())
                if not member.get("period", {}).get("end") and not _stands_in(member)
                for party in _references([member.get("member", {})])
            }
    return set()


STANDS_IN = "-stand-in"
"""How the role code ends of who answers while a role is vacant: they find somebody, and need no
look into the record for that."""


def _stands_in(participant: dict[str, Any]) -> bool:
    return any(
        str(coding.get("code", "")).endswith(STANDS_IN)
        for concept in participant.get("role", ())
        for coding in concept.get("coding", ())
    )


def _references(values: Any) -> set[str]:
    return {value["reference"] for value in values if "reference" in value}
