"""One policy for access, as SQL: every read, search, include, count and history goes through it.

People see a person's records through a legitimate relationship; systems what their scopes say;
the hub everything. Records outside a person's compartment (organisations, services ...) are seen
by everybody who is signed in.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select, true
from sqlalchemy.sql.expression import FromClause

from fhir.outcomes import ForbiddenError
from hub import clock
from hub.domain.actor import Actor, ActorKind
from hub.domain.scopes import permits
from hub.models.agreement import SharingAgreement
from hub.records.tables import RELATIONSHIPS

_LETTERS = {"create": "c", "read": "r", "update": "u", "delete": "d", "search": "s"}


DIRECTORY = frozenset(
    {
        "ActivityDefinition",
        "CodeSystem",
        "Endpoint",
        "HealthcareService",
        "Location",
        "Measure",
        "MessageDefinition",
        "Organization",
        "PlanDefinition",
        "Practitioner",
        "PractitionerRole",
        "Questionnaire",
        "Schedule",
        "Slot",
        "Subscription",
        "ValueSet",
    }
)
"""What the hub definition and registered systems keep; people read it."""


def authorise(actor: Actor, interaction: str, resource_type: str) -> None:
    """Raise ForbiddenError where a system's scopes do not cover the interaction.

    People have no scopes: their relationships decide on records, and the directory is not theirs
    to change.
    """
    if actor.kind is ActorKind.PERSON and resource_type in DIRECTORY:
        if interaction in {"create", "update", "delete"}:
            raise ForbiddenError(f"{resource_type} is kept by the hub and by registered systems")
        return
    if actor.kind is not ActorKind.SYSTEM:
        return
    letter = _LETTERS[interaction]
    if not permits(actor.scopes, resource_type, letter):
        raise ForbiddenError(
            f"the token's scopes do not allow {interaction} of {resource_type}: "
            f"it needs system/{resource_type}.{letter}"
        )


def allows(actor: Actor, interaction: str, resource_type: str) -> bool:
    """Say the same without raising: what is brought along is left out where it is not allowed."""
    return actor.kind is not ActorKind.SYSTEM or permits(
        actor.scopes, resource_type, _LETTERS[interaction]
    )


def parties(actor: Actor) -> list[str]:
    """Return the references by which records relate this actor to people.

    A deputy sees what whom they act for sees, as long as that one is away.
    """
    own = (actor.practitioner, actor.organization, *sorted(actor.teams), *sorted(actor.acts_for))
    return [p for p in own if p]


def predicate(actor: Actor, alias: str) -> tuple[str, Sequence[Any]]:
    """Return the condition for rows of a record table called ``alias``, as psycopg SQL."""
    if actor.kind is not ActorKind.PERSON:
        return "TRUE", ()
    return (
        f"({alias}.patient_id IS NULL OR EXISTS (SELECT 1 FROM relationship rel"
        f" WHERE rel.patient_id = {alias}.patient_id AND rel.party = ANY(%s::text[])"
        " AND (rel.party = %s OR EXISTS (SELECT 1 FROM sharing_agreement sa"
        " WHERE sa.organization = %s AND sa.signed_at <= %s"
        " AND (sa.ended_at IS NULL OR sa.ended_at > %s)))))",
        (
            parties(actor),
            actor.organization,
            actor.organization,
            (now := clock.now()),
            now,
        ),
    )


def visible_to(actor: Actor, table: FromClause) -> ColumnElement[bool]:
    """Return the same condition for SQLAlchemy queries of pages and measures."""
    if actor.kind is not ActorKind.PERSON:
        return true()
    now = clock.now()
    rel = RELATIONSHIPS.c
    signed = exists(
        select(SharingAgreement.organization).where(
            SharingAgreement.organization == actor.organization,
            SharingAgreement.signed_at <= now,
            or_(SharingAgreement.ended_at.is_(None), SharingAgreement.ended_at > now),
        )
    )
    related = exists(
        select(rel.source).where(
            and_(
                rel.patient_id == table.c.patient_id,
                rel.party.in_(parties(actor)),
                or_(rel.party == actor.organization, signed),
            )
        )
    )
    return or_(table.c.patient_id.is_(None), related)
