"""The rows of who is accountable, in step with the CareTeam of the person, by whatever door.

The record says it to everybody; the rows let the database hold that it is exactly one a role and
instant, and answer "who was it on this date" without reading a record.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import Range

from hub import records
from hub.db import db
from hub.domain.accountability import AccountableRole, Holding
from hub.domain.actor import Actor
from hub.models.accountability import AccountableSpell
from hub.records import Record
from hub.records.ids import new_id
from hub.services import accountability_team as team
from hub.services import employment


@records.guard("CareTeam")
def follow(
    actor: Actor,  # noqa: ARG001 - the rows are the same for everybody
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
) -> None:
    """Bring the rows in step with the version about to be written; nobody who left is named."""
    if new is None or not team.is_accountability(new):
        return
    patient_id = _patient_id(new)
    if new["id"] != team.team_id(patient_id):
        # The team of a record that was merged into this one: the target's own team says who it is.
        return
    held_before = {(each.role, each.start) for each in team.spells(old)} if old else set()
    employment.hold_present(
        {
            each.practitioner
            for each in team.spells(new)
            if each.end is None and (each.role, each.start) not in held_before
        }
    )
    _write(patient_id, team.spells(new))


def follow_record(written: Record) -> None:
    """Let the rows follow a team that a merge has moved, or that its end has moved back."""
    if written.type != "CareTeam" or not written.managed:
        return
    resource = written.resource
    if not team.is_accountability(resource):
        return
    patient_id = _patient_id(resource)
    if written.id == team.team_id(patient_id):
        _write(patient_id, team.spells(resource))
        return
    db.session.execute(
        delete(AccountableSpell).where(AccountableSpell.id.startswith(f"{written.id}/"))
    )


def of(patient_id: str) -> tuple[Holding, ...]:
    """Return every spell of a person, stand-ins too, the oldest first."""
    rows = db.session.scalars(
        select(AccountableSpell).where(AccountableSpell.patient_id == patient_id)
    )
    return tuple(sorted(map(holding, rows), key=lambda each: (each.role, each.start)))


def holding(row: AccountableSpell) -> Holding:
    assert row.during.lower is not None
    return Holding(
        AccountableRole(row.role),
        row.practitioner,
        row.during.lower,
        row.during.upper,
        row.stands_in,
    )


def _write(patient_id: str, spells: tuple[Holding, ...]) -> None:
    """Replace what differs: spells that end first, so that the next one has room."""
    wanted = {(each.role, each.start): each for each in spells}
    stored = {
        (AccountableRole(row.role), row.during.lower): row
        for row in db.session.scalars(
            select(AccountableSpell).where(AccountableSpell.patient_id == patient_id)
        )
    }
    for key, row in stored.items():
        if key not in wanted or holding(row) != wanted[key]:
            db.session.delete(row)
    db.session.flush()
    for key, each in wanted.items():
        if key not in stored or holding(stored[key]) != each:
            db.session.add(
                AccountableSpell(
                    id=f"{team.team_id(patient_id)}/{new_id()}",
                    patient_id=patient_id,
                    role=each.role.value,
                    practitioner=each.practitioner,
                    during=Range(each.start, each.end),
                    stands_in=each.stands_in,
                )
            )
    db.session.flush()


def _patient_id(resource: Mapping[str, Any]) -> str:
    found: str = resource.get("subject", {}).get("reference", "")
    return found.removeprefix("Patient/")
