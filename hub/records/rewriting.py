"""Next versions that the hub makes of records whose rules forbid the change to everybody else.

A merge moves a plan to another Patient record of the same person; the plan's own guard refuses
just that. Only ``hub.services.merging`` and ``unmerging`` call this.
"""

from collections.abc import Collection

from fhir import jsontext
from fhir.outcomes import ConflictError
from fhir.registry.search_parameters import search_parameters
from fhir.registry.types import SUPPORTED_TYPES
from fhir.search.criteria import ReferenceCriterion
from hub import db
from hub.domain.actor import Actor
from hub.records.criteria import Scope
from hub.records.reading import fetch
from hub.records.record import Record
from hub.records.saving import check, prepare, supersede
from hub.records.sql import all_of, any_of
from hub.transaction import current


def rewrite(actor: Actor, record: Record, text: str, action: str) -> Record:
    """Write ``text`` as the next version of a record that is locked, past its guards."""
    if current() is None:
        raise RuntimeError("a rewriting belongs to a transaction")
    value = jsontext.loads(text)
    check(value)
    version = prepare(value, text, id=record.id, number=record.version + 1, managed=record.managed)
    stored = fetch(None, record.type, record.id, locked=True)
    assert stored is not None
    if not supersede(actor, stored, version, action):
        raise ConflictError(f"{record.reference} is being changed by others: try again")
    return version.as_record()


def held(reference: str) -> Record | None:
    """Lock a record and return it as it is, deleted or not; None where it never was."""
    resource_type, _, record_id = reference.partition("/")
    stored = fetch(None, resource_type, record_id, locked=True)
    return None if stored is None else stored.as_record(resource_type, record_id)


def referring(actor: Actor, reference: str, without: Collection[str] = ()) -> list[str]:
    """Return the references of all records with a search parameter that leads to ``reference``."""
    target = reference.partition("/")[0]
    found: list[str] = []
    for resource_type in SUPPORTED_TYPES:
        if resource_type in without:
            continue
        scope = Scope(actor, resource_type)
        criteria = [
            ReferenceCriterion(parameter, (reference,))
            for parameter in search_parameters(resource_type).values()
            if parameter.kind == "reference" and target in parameter.targets
        ]
        if not criteria:
            continue
        where = all_of([any_of(map(scope.condition, criteria)), scope.where(())])
        sql = f"SELECT id FROM {scope.table} {scope.alias} WHERE {where.text} ORDER BY id"
        found += [f"{resource_type}/{record_id}" for (record_id,) in db.fetch(sql, where.params)]
    return found
