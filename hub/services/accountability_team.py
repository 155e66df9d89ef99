"""The managed CareTeam that says who is accountable for a person: FHIR in, holdings out.

One CareTeam a person, category ``accountability``; each participant is one holding with its
period, and ended ones stay, so that "who was accountable on this date" always has an answer
(care model, section 6).
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from fhir.systems import ROLE, TEAM_CATEGORY
from hub.domain.accountability import TITLES, AccountableRole, Holding
from hub.records.record import instant

CATEGORY = "accountability"
_NAMESPACE = UUID("6b6f6a0e-6a57-5d0b-9d0b-7f1d5e1f0a11")


def team_id(patient_id: str) -> str:
    """Return the id of a person's team: derived, so that there can only ever be one."""
    return str(uuid5(_NAMESPACE, patient_id))


def is_accountability(team: Mapping[str, Any]) -> bool:
    return any(
        coding.get("system") == TEAM_CATEGORY and coding.get("code") == CATEGORY
        for category in team.get("category", ())
        for coding in category.get("coding", ())
    )


def new_team(patient_id: str) -> dict[str, Any]:
    return {
        "resourceType": "CareTeam",
        "status": "active",
        "category": [
            {"coding": [{"system": TEAM_CATEGORY, "code": CATEGORY}], "text": "Accountable people"}
        ],
        "name": "Accountable people",
        "subject": {"reference": f"Patient/{patient_id}"},
    }


def holdings(team: Mapping[str, Any]) -> tuple[Holding, ...]:
    """Return every holding, ended ones too; participants in other roles are left alone."""
    found = []
    for participant in team.get("participant", ()):
        role = _role(participant)
        if role is not None:
            period = participant.get("period", {})
            found.append(
                Holding(
                    role=role,
                    practitioner=participant["member"]["reference"],
                    start=_moment(period["start"]),
                    end=_moment(period["end"]) if "end" in period else None,
                )
            )
    return tuple(found)


def write(team: dict[str, Any], held: Iterable[Holding]) -> None:
    """Put holdings into the team, participants in other roles kept."""
    others = [each for each in team.get("participant", ()) if _role(each) is None]
    team["participant"] = [*(_participant(each) for each in held), *others]


def _participant(held: Holding) -> dict[str, Any]:
    period = {"start": instant(held.start)}
    if held.end is not None:
        period["end"] = instant(held.end)
    return {
        "role": [
            {
                "coding": [{"system": ROLE, "code": held.role.value, "display": TITLES[held.role]}],
                "text": TITLES[held.role],
            }
        ],
        "member": {"reference": held.practitioner},
        "period": period,
    }


def _role(participant: Mapping[str, Any]) -> AccountableRole | None:
    for concept in participant.get("role", ()):
        for coding in concept.get("coding", ()):
            if coding.get("system") == ROLE and coding.get("code") in set(AccountableRole):
                return AccountableRole(coding["code"])
    return None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
