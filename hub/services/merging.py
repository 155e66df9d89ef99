"""Two Patient records of one person become one, and nothing is lost.

What refers to the source refers to the target afterwards, each record by a next version of its
own; the source stays, inactive, and says who replaced it. Links between Patient records,
AuditEvents and Provenances stay as they are: they say what was. The log of the merge takes it back
(``hub.services.unmerging``).
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from fhir import jsontext
from fhir.search.mentions import redirected
from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.scopes import permits
from hub.models.assignment import Assignment
from hub.models.patient_merge import PatientMerge
from hub.queries import standing
from hub.records import Record, instant, new_id
from hub.records.relationships import OFFERED_WORK, TEAM_WORK
from hub.records.rewriting import held, referring, rewrite
from hub.records.tables import RELATIONSHIPS
from hub.services import accountability_rows
from hub.services.accountability_team import holdings, team_id

_HUB = hub_actor("identity")

ROLES = frozenset({"duty-manager", "service-manager", "spor-clinician", "spor-coordinator"})
"""Who decides who is who: the single point of referral, which traces people, and managers."""

UNTOUCHED = frozenset({"Patient", "AuditEvent", "Provenance"})
"""Types whose references to the source stay: what was, and how Patient records hang together."""

REPLACED_BY, REPLACES = "replaced-by", "replaces"
"""https://hl7.org/fhir/R4/valueset-link-type.html"""


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did, or would do."""

    result: dict[str, Any]
    """The target as it is now, or would be."""
    moved: int
    """Records that were moved from the source to the target."""


def merge(
    actor: Actor,
    source_id: str,
    target_id: str,
    *,
    result: dict[str, Any] | None = None,
    identifiers: tuple[dict[str, Any], ...] = (),
    preview: bool = False,
) -> Merged:
    """Merge the Patient ``source_id`` into ``target_id``.

    ``result`` is what the target is to say; without it the target takes over the source's
    ``identifiers`` that the caller named, as old ones. ``preview`` writes nothing. Raises
    NotPermittedError, RuleError, StateError, NotFoundError, GoneError.
    """
    check_may(actor)
    if source_id == target_id:
        raise RuleError("a record is not merged with itself", field="target-patient")
    # One order for everybody who merges: two who merge the same pair do not wait for one another.
    both = {each: records.lock(actor, "Patient", each) for each in sorted({source_id, target_id})}
    source, target = both[source_id], both[target_id]
    _check_state(source, target)
    future = _target(source, target, result, identifiers)
    if preview:
        waiting = referring(_HUB, source.reference, UNTOUCHED)
        return Merged(future, len(waiting))
    moved: list[tuple[str, int, int]] = []
    for record, resource in ((source, _source(source, target)), (target, future)):
        text = jsontext.dumps(resource)
        written = rewrite(actor, record, text, "merge")
        moved.append((record.reference, record.version, written.version))
    # Again until nothing is left: somebody may have written while this was under way.
    while waiting := sorted(referring(_HUB, source.reference, UNTOUCHED)):
        moved += [_move(actor, each, source.reference, target.reference) for each in waiting]
    _log(actor, source, target, moved)
    now = records.read(_HUB, "Patient", target_id)
    return Merged(now.resource, len(moved) - 2)


def check_may(actor: Actor) -> None:
    """Raise NotPermittedError for an actor who does not decide who is who."""
    if actor.kind is ActorKind.SYSTEM and not permits(actor.scopes, "Patient", "u"):
        raise NotPermittedError("saying that two records are one person needs system/Patient.u")
    if actor.kind is ActorKind.PERSON and actor.role not in ROLES:
        raise NotPermittedError(
            "the single point of referral or a manager says that two records are one person",
            allowed=sorted(ROLES),
        )


def _check_state(source: Record, target: Record) -> None:
    for record, field in ((source, "source-patient"), (target, "target-patient")):
        if standing.is_replaced(record):
            raise StateError(
                "this record was merged into another one already: it says so in its link",
                field=field,
            )
    entries = [standing.register_episodes(_HUB, each.id) for each in (source, target)]
    if all(entries):
        raise StateError(
            "both records are on the end-of-life register: one of the entries ends first",
            field="source-patient",
        )
    if _has_people(source.id) and not _has_people(target.id):
        raise StateError(
            "only the source has people who are accountable: merge the other way round",
            field="source-patient",
        )


def _has_people(patient_id: str) -> bool:
    found = records.read_many(_HUB, [f"CareTeam/{team_id(patient_id)}"])
    return any(each.end is None for team in found.values() for each in holdings(team.resource))


def _source(source: Record, target: Record) -> dict[str, Any]:
    resource = source.resource
    resource["active"] = False
    resource["link"] = [
        *_links_but(resource, target.reference),
        {"other": {"reference": target.reference}, "type": REPLACED_BY},
    ]
    return resource


def _target(
    source: Record,
    target: Record,
    result: dict[str, Any] | None,
    identifiers: tuple[dict[str, Any], ...],
) -> dict[str, Any]:
    if result is None:
        resource = target.resource
        known = resource.get("identifier", [])
        taken = [
            {**each, "use": "old"}
            for each in source.get("identifier", ())
            if any(_same(each, named) for named in identifiers)
            and not any(_same(each, one) for one in known)
        ]
        if taken:
            resource["identifier"] = [*known, *taken]
    else:
        if result.get("resourceType") != "Patient" or result.get("id") != target.id:
            raise RuleError(
                "the result is the target: a Patient with its id", field="result-patient"
            )
        resource = dict(result)
    resource["link"] = [
        *_links_but(resource, source.reference),
        {"other": {"reference": source.reference}, "type": REPLACES},
    ]
    return resource


def _links_but(resource: dict[str, Any], reference: str) -> list[dict[str, Any]]:
    return [
        each
        for each in resource.get("link", ())
        if each.get("other", {}).get("reference") != reference
    ]


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (one.get("system"), one.get("value")) == (other.get("system"), other.get("value"))


def _move(actor: Actor, reference: str, old: str, new: str) -> tuple[str, int, int]:
    record = held(reference)
    assert record is not None
    written = rewrite(actor, record, redirected(record.text, old, new), "merge")
    follow_task(written)
    return reference, record.version, written.version


def follow_task(record: Record) -> None:
    """Let the rows beside a Task or a CareTeam follow it to the Patient that it is for now."""
    accountability_rows.follow_record(record)
    if record.type != "Task" or not record.managed:
        return
    patient = record.get("for", {}).get("reference")
    db.session.execute(
        update(Assignment).where(Assignment.task_id == record.id).values(patient=patient)
    )
    db.session.execute(
        update(RELATIONSHIPS)
        .where(
            RELATIONSHIPS.c.source == record.reference,
            RELATIONSHIPS.c.basis.in_([TEAM_WORK, OFFERED_WORK]),
        )
        .values(patient_id=(patient or "").removeprefix("Patient/"))
    )


def _log(actor: Actor, source: Record, target: Record, moved: list[tuple[str, int, int]]) -> None:
    db.session.add(
        PatientMerge(
            id=new_id(),
            source=source.id,
            target=target.id,
            merged_at=clock.now(),
            merged_by=actor.id,
            moved=[list(each) for each in moved],
        )
    )
    db.session.flush()
    say(actor, "merge", source.reference, target.reference)
    detail = {"source": source.reference, "records": len(moved)}
    records.audit.record(actor, "patients-merged", target.reference, detail)
    records.outbox.emit("PatientsMerged", subject=target.reference, payload=detail)


def say(actor: Actor, activity: str, source: str, target: str) -> None:
    """Keep a Provenance of a merge, or of its end, for whoever asks where the records went."""
    who = {"reference": actor.reference} if actor.reference else {"display": actor.display}
    records.create(
        _HUB,
        {
            "resourceType": "Provenance",
            "target": [{"reference": target}, {"reference": source}],
            "recorded": instant(clock.now()),
            "activity": {"text": activity},
            "agent": [{"who": who}],
        },
        managed=True,
    )


def open_merge(source_id: str) -> PatientMerge | None:
    """Return the merge that replaced a Patient, locked; None where there is none to take back."""
    return db.session.scalar(
        select(PatientMerge)
        .where(PatientMerge.source == source_id, PatientMerge.unmerged_at.is_(None))
        .with_for_update()
    )
