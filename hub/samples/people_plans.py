"""What the hub manages for a sample person: accountable people, the shared plan, goals, care."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from fhir import systems
from hub.domain.accountability import AccountableRole, Holding
from hub.domain.definition import HubDefinition
from hub.domain.plan import Section
from hub.samples.people import SamplePerson
from hub.services import accountability_team, plan_content

Resource = dict[str, Any]

TITLE = "My care and support plan"
KEY_WORKERS = ("eve-facilitator", "petra-palliative")
"""Who works with everybody on the end-of-life register."""


def plan_id(person: SamplePerson) -> str:
    return f"{person.id}-plan"


def team_of(person: SamplePerson) -> tuple[str, Resource]:
    """Return id and content of the person's accountable people."""
    since = _at(person.penned)
    held = [
        Holding(AccountableRole.GP, f"Practitioner/{person.gp}", since, None),
        Holding(AccountableRole.COORDINATOR, f"Practitioner/{person.coordinator}", since, None),
    ]
    if person.social_worker:
        named = f"Practitioner/{person.social_worker}"
        held.append(Holding(AccountableRole.SOCIAL_WORKER, named, since, None))
    team = accountability_team.new_team(person.id)
    accountability_team.write(team, held)
    if person.on_register:
        team["participant"] += [_key_worker(username, person.penned) for username in KEY_WORKERS]
    return accountability_team.team_id(person.id), team


def _key_worker(username: str, since: date) -> Resource:
    return {
        "role": [
            {
                "coding": [{"system": systems.ROLE, "code": "key-worker", "display": "Key worker"}],
                "text": "Key worker",
            }
        ],
        "member": {"reference": f"Practitioner/{username}"},
        "period": {"start": since.isoformat()},
    }


def plan_of(person: SamplePerson, definition: HubDefinition, *, review: date) -> Resource:
    """Return the plan as a draft with every section that the person's story fills."""
    written = _at(person.penned)
    plan = plan_content.new_plan(
        person.id,
        title=TITLE,
        author=f"Practitioner/{person.coordinator}",
        care_team=f"CareTeam/{accountability_team.team_id(person.id)}",
        at=written,
    )
    said = texts(person, definition, review=review)
    for section in definition.plan_sections:
        if section.code in said:
            plan_content.write_section(
                plan,
                Section(
                    code=section.code,
                    text=said[section.code],
                    author=f"Practitioner/{_author(person, section.code)}",
                    changed=written,
                ),
            )
    plan["goal"] = [{"reference": f"Goal/{goal['id']}"} for goal in goals_of(person, definition)]
    return plan


def goals_of(person: SamplePerson, definition: HubDefinition) -> list[Resource]:
    """Return the person's goals, one a sentence of what they said."""
    sentences = _told(person, definition, person.story["sections"]["goals"]).split(". ")
    return [
        {
            "resourceType": "Goal",
            "id": f"{person.id}-goal-{number}",
            "lifecycleStatus": "active",
            "description": {"text": sentence.rstrip(".") + "."},
            "subject": {"reference": f"Patient/{person.id}"},
            "startDate": person.penned.isoformat(),
            "expressedBy": {"reference": f"Patient/{person.id}"},
            "target": [{"dueDate": (person.penned + timedelta(days=180)).isoformat()}],
        }
        for number, sentence in enumerate(sentences, 1)
    ]


def social_care_of(person: SamplePerson) -> Resource | None:
    """Return the episode that says that adult social care supports the person."""
    if person.social_worker is None:
        return None
    return {
        "resourceType": "EpisodeOfCare",
        "id": f"{person.id}-social-care",
        "status": "active",
        "type": [{"coding": [{"system": systems.EPISODE_TYPE, "code": "social-care"}]}],
        "patient": {"reference": f"Patient/{person.id}"},
        "managingOrganization": {"reference": "Organization/9sb"},
        "period": {"start": person.penned.isoformat()},
        "careManager": {"reference": f"Practitioner/{person.social_worker}"},
    }


def texts(person: SamplePerson, definition: HubDefinition, *, review: date) -> dict[str, str]:
    """Return the sections of the plan in the person's and the team's words."""
    sections: dict[str, str] = person.story["sections"]
    said = {code: _told(person, definition, words) for code, words in sections.items()}
    said["agreement"] = (
        f"{person.name} wrote this with {_staff(definition, person.coordinator)} on "
        f"{_day(person.penned)} and agrees with it. {person.carer.given} has read it."
    )
    # The page's form edits it as a date and shows it in words.
    said["review-date"] = review.isoformat()
    said["professionals"] = "\n".join(
        f"- {_staff(definition, who)}, {what}, {definition.staff[who].phone}"
        for who, what in (
            (person.gp, "named accountable GP"),
            (person.coordinator, "care coordinator"),
            (person.social_worker, "social worker"),
        )
        if who
    )
    if person.allergy:
        said["medicines"] = (
            said.get("medicines", "") + f" I am allergic to {person.allergy}."
        ).strip()
    return said


def _told(person: SamplePerson, definition: HubDefinition, words: str) -> str:
    return words.format(
        carer=person.carer.given,
        relation=person.carer.relation,
        gp=f"Dr {definition.staff[person.gp].family}",
        coordinator=definition.staff[person.coordinator].given,
    )


def _author(person: SamplePerson, section: str) -> str:
    if section in {"medicines", "escalation-triggers", "advance-care"}:
        return person.gp
    if section == "social-care" and person.social_worker:
        return person.social_worker
    return person.coordinator


def _staff(definition: HubDefinition, username: str) -> str:
    return definition.staff[username].name


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _at(day: date) -> datetime:
    return datetime.combine(day, time(10, 30), UTC)
