"""Deputies: who is away is acted for, at once and by rule, and every act says for whom it was.

A deputy sees what the absent person sees, is told what they are told, and may do their tasks, as
long as the absence lasts. What they write about a person carries a Provenance: by the deputy, on
behalf of the absent person (https://hl7.org/fhir/R4/provenance-definitions.html#Provenance.agent).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from hub import clock, records
from hub.db import db
from hub.domain import deputies as rules
from hub.domain.actor import Actor, hub_actor
from hub.models.absence import Absence
from hub.models.accountability import AccountableSpell
from hub.models.deputy import Deputy
from hub.models.shift import Shift
from hub.queries import deputising
from hub.records.record import instant
from hub.services import definitions, employment, notices

_HUB = hub_actor("deputies")
ACTIVITY = "deputised"


def deputy_of(practitioner: str, at: datetime) -> str | None:
    """Return ``Practitioner/<id>`` of who acts for somebody at an instant, or would.

    None where nobody can. During an absence it is who was asked when it began, unless they are
    away themselves.
    """
    away = deputising.away(at)
    asked = deputising.of([practitioner], at).get(practitioner)
    if asked is not None and asked.deputy not in away:
        return asked.deputy
    found = _by_rule(practitioner, at, away)
    return f"Practitioner/{found[0]}" if found else None


def present(owner: str) -> str:
    """Return who gets new work of an owner: of somebody who has left, the deputy; else the owner.

    ``owner`` is a person or a team; without a deputy their team's pool gets it.
    """
    if not owner.startswith("Practitioner/") or employment.departure(owner) is None:
        return owner
    found = deputy_of(owner, clock.now())
    if found is not None:
        return found
    hub = definitions.current()
    person = hub.staff.get(owner.removeprefix("Practitioner/"))
    desk = person.teams[0] if person and person.teams else hub.spor.out_of_hours_desk
    return f"CareTeam/{desk}"


def begin(absence: Absence) -> str | None:
    """Ask the deputy of somebody whose absence has begun, and tell both the deputy and the team.

    Asked again for the same absence nothing changes, unless the deputy is away meanwhile: then
    the next one is asked. Returns ``Practitioner/<id>``, None where the hub has nobody.
    """
    now = clock.now()
    away = deputising.away(now)
    before = db.session.get(Deputy, absence.id)
    if before is not None and before.deputy not in away:
        return before.deputy
    chosen = _by_rule(absence.practitioner, now, away)
    if chosen is None:
        return None
    deputy, why = f"Practitioner/{chosen[0]}", chosen[1]
    made = insert(Deputy).values(
        absence_id=absence.id,
        practitioner=absence.practitioner,
        deputy=deputy,
        why=why,
        began_at=now,
    )
    db.session.execute(
        made.on_conflict_do_update(
            index_elements=["absence_id"], set_={"deputy": deputy, "why": why, "began_at": now}
        )
    )
    db.session.expire_all()
    records.audit.record(
        _HUB, "deputy-asked", absence.practitioner, {"deputy": deputy, "absence": absence.id}
    )
    until = absence.during.upper
    notices.tell(
        [deputy],
        kind="DeputyAsked",
        subject=absence.practitioner,
        line=f"You act for {name(absence.practitioner)} "
        f"{f'until {until:%d %B}' if until else 'until they are back'} ({why}).",
        key=f"deputy/{absence.id}/{deputy}",
    )
    _hand_on_from(absence.practitioner)
    return deputy


def _hand_on_from(practitioner: str) -> None:
    """Ask others for those whom somebody acted for, now that they are away themselves."""
    now = clock.now()
    acted = db.session.scalars(
        select(Absence)
        .join(Deputy, Deputy.absence_id == Absence.id)
        .where(Deputy.deputy == practitioner, Absence.during.contains(now))
    )
    for each in list(acted):
        begin(each)


@dataclass(frozen=True, slots=True)
class Act:
    """One act of a deputy for a person: "for X by Y"."""

    at: datetime
    practitioner: str
    """``Practitioner/<id>`` for whom it was done."""
    deputy: str
    """``Practitioner/<id>`` who did it."""
    what: str
    """Type of the record that was written."""


def acts_for(actor: Actor, patient_id: str, limit: int = 20) -> list[Act]:
    """Return what deputies have done for a person, the latest first."""
    asked = [
        ("target", f"Patient/{patient_id}"),
        ("_sort", "-recorded"),
        ("_count", "100"),
        ("_total", "none"),
    ]
    found = []
    for each in records.search(actor, "Provenance", asked).records:
        agent = each["agent"][0]
        if each.managed and each.get("activity", {}).get("text") == ACTIVITY:
            found.append(
                Act(
                    datetime.fromisoformat(each["recorded"]),
                    agent["onBehalfOf"]["reference"],
                    agent["who"]["reference"],
                    each["target"][0]["reference"].partition("/")[0],
                )
            )
    return found[:limit]


def name(practitioner: str) -> str:
    found = definitions.current().staff.get(practitioner.removeprefix("Practitioner/"))
    return found.name if found else "a professional of another organisation"


def _by_rule(practitioner: str, at: datetime, away: frozenset[str]) -> tuple[str, str] | None:
    on_shift = db.session.scalars(select(Shift.practitioner).where(Shift.during.contains(at)))
    return rules.deputy(
        definitions.current(),
        practitioner.removeprefix("Practitioner/"),
        away={each.removeprefix("Practitioner/") for each in away},
        on_shift={each.removeprefix("Practitioner/") for each in on_shift},
    )


_PEOPLE = {"Task": "for", "CarePlan": "subject", "CareTeam": "subject", "Flag": "subject",
           "Goal": "subject", "EpisodeOfCare": "patient", "Consent": "patient"}  # fmt: skip
"""Managed types that a deputy writes for somebody -> the element that names the person."""


def _say_for_whom(
    actor: Actor, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> None:
    """Keep a Provenance "for X by Y" where a deputy writes what is X's to write."""
    written = new or old
    if not actor.acts_for or written is None:
        return
    patient = written.get(_PEOPLE[written["resourceType"]], {}).get("reference", "")
    behalf = _on_behalf(actor, old or written, patient)
    if behalf is None:
        return
    reference = f"{written['resourceType']}/{written['id']}"
    version = written["meta"]["versionId"]
    targets = [{"reference": f"{reference}/_history/{version}"}]
    if patient.startswith("Patient/"):
        targets.append({"reference": patient})
    records.create(
        _HUB,
        {
            "resourceType": "Provenance",
            "target": targets,
            "recorded": instant(clock.now()),
            "activity": {"text": ACTIVITY},
            "agent": [
                {
                    "who": {"reference": actor.practitioner, "display": actor.display},
                    "onBehalfOf": {"reference": behalf, "display": name(behalf)},
                }
            ],
        },
        managed=True,
    )


def _on_behalf(actor: Actor, before: Mapping[str, Any], patient: str) -> str | None:
    """Return whose act it is: the absent owner of the task, or who is accountable and away."""
    owner = before.get("owner", {}).get("reference")
    if owner is not None:
        return owner if owner in actor.acts_for else None
    held = set(
        db.session.scalars(
            select(AccountableSpell.practitioner).where(
                AccountableSpell.patient_id == patient.removeprefix("Patient/"),
                AccountableSpell.during.contains(clock.now()),
            )
        )
    )
    if actor.practitioner in held:
        # They answer for the person themselves.
        return None
    return min(held & actor.acts_for, default=None)


for _type in _PEOPLE:
    records.guard(_type)(_say_for_whom)
