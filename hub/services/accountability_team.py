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
from hub.records.relationships import STANDS_IN

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
    """Return every holding of a named person, ended ones too."""
    return tuple(each for each in spells(team) if not each.stands_in)


def spells(team: Mapping[str, Any]) -> tuple[Holding, ...]:
    """Return every holding and every stand-in; participants in other roles are left alone."""
    found = []
    for participant in team.get("participant", ()):
        role, stands_in = _role(participant)
        if role is not None:
            period = participant.get("period", {})
            found.append(
                Holding(
                    role=role,
                    practitioner=participant["member"]["reference"],
                    start=_moment(period["start"]),
                    end=_moment(period["end"]) if "end" in period else None,
                    stands_in=stands_in,
                )
            )
    return tuple(found)


def accountable_participants(team: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the participants who are accountable or stand in, the very elements."""
    if not is_accountability(team):
        return []
    return [each for each in team.get("participant", ()) if _role(each)[0] is not None]


def write(team: dict[str, Any], held: Iterable[Holding]) -> None:
    """Put holdings into the team, participants in other roles kept."""
    others = [each for each in team.get("participant", ()) if _role(each)[0] is None]
    team["participant"] = [*(_participant(each) for each in held), *others]
    if not team["participant"]:
        # FHIR has no empty arrays.
        del team["participant"]


def _participant(held: Holding) -> dict[str, Any]:
    period = {"start": instant(held.start)}
    if held.end is not None:
        period["end"] = instant(held.end)
    code, title = held.role.value, TITLES[held.role]
    if held.stands_in:
        code, title = f"{code}{STANDS_IN}", f"{title}, standing in"
    return {
        "role": [
            {"coding": [{"system": ROLE, "code": code, "display": title}], "text": title},
        ],
        "member": {"reference": held.practitioner},
        "period": period,
    }


def _role(participant: Mapping[str, Any]) -> tuple[AccountableRole | None, bool]:
    """Return the role that a participant is accountable in, and whether as a stand-in."""
    for concept in participant.get("role", ()):
        for coding in concept.get("coding", ()):
            code = str(coding.get("code", ""))
            role = code.removesuffix(STANDS_IN)
            if coding.get("system") == ROLE and role in set(AccountableRole):
                return AccountableRole(role), role != code
    return None, False


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
