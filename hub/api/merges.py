"""``Patient/$merge`` and ``Patient/$unmerge``: two records of one person, and two people again.

R4 has no merge; this is the one of R5 and later
(https://hl7.org/fhir/R5/patient-operation-merge.html). Its inverse is the hub's own.
"""

from collections.abc import Mapping
from typing import Any

from flask import Response, g

from fhir.outcomes import BadRequestError, Issue, UnprocessableError, operation_outcome
from fhir.search.text import literal
from hub import records
from hub.api import answers
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import Given, answer, given
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.queries.standing import is_replaced
from hub.services import merging, unmerging
from hub.transaction import transaction

_WHO = (
    Parameter("source-patient", "Reference", documentation="The record that is replaced."),
    Parameter("source-patient-identifier", "Identifier", max="*", documentation="Or who it is."),
)


@operation(
    Operation(
        "merge",
        "Make one of two Patient records of the same person; everything moves, nothing is lost.",
        (
            *_WHO,
            Parameter("target-patient", "Reference", documentation="The record that stays."),
            Parameter("target-patient-identifier", "Identifier", max="*"),
            Parameter("result-patient", "Patient", documentation="What the target is to say."),
            Parameter(
                "preview", "boolean", documentation="True: say what would be, write nothing."
            ),
            Parameter("return", "Parameters", use="out", min=1),
        ),
        type=True,
        types=("Patient",),
        affects_state=True,
        canonical="http://hl7.org/fhir/OperationDefinition/Patient-merge",
    )
)
def merge(_type: str | None, _id: str | None) -> Response:
    actor = current_actor()
    merging.check_may(actor)
    asked = given()
    asked.only(
        *("source-patient", "source-patient-identifier"),
        *("target-patient", "target-patient-identifier", "result-patient", "preview"),
    )
    preview = asked.flag("preview") or False
    with transaction():
        source, named = _who(actor, asked, "source-patient")
        target, _ = _who(actor, asked, "target-patient")
        merged = merging.merge(
            actor,
            source,
            target,
            result=asked.resource("result-patient"),
            identifiers=tuple(named),
            preview=preview,
        )
    done = "would be" if preview else "were"
    text = f"{merged.moved} records {done} moved to Patient/{target}"
    result = dict(merged.result)
    if preview:
        meta = {k: v for k, v in result.get("meta", {}).items() if k not in _SERVERS}
        result = {k: v for k, v in result.items() if k != "meta"} | ({"meta": meta} if meta else {})
    said = answer(
        {"name": "input", "resource": answer(*asked)},
        {"name": "outcome", "resource": _outcome(text)},
        {"name": "result", "resource": result},
    )
    return answers.of_json(said)


_SERVERS = frozenset({"versionId", "lastUpdated"})


@operation(
    Operation(
        "unmerge",
        "Take a merge back: every record is as it was; what was written since is for a person.",
        (
            *_WHO,
            Parameter("outcome", "OperationOutcome", use="out", min=1),
            Parameter("result", "Patient", use="out", min=1, documentation="The former source."),
            Parameter("between", "Reference", use="out", max="*", documentation="To be allotted."),
            Parameter("task", "Task", use="out", documentation="The work to allot them."),
        ),
        type=True,
        types=("Patient",),
        affects_state=True,
    )
)
def unmerge(_type: str | None, _id: str | None) -> Response:
    actor = current_actor()
    merging.check_may(actor)
    asked = given()
    asked.only("source-patient", "source-patient-identifier")
    with transaction():
        source, _ = _who(actor, asked, "source-patient", replaced=True)
        done = unmerging.unmerge(actor, source)
    text = f"{done.restored} records are Patient/{source}'s again"
    listed: list[dict[str, Any]] = [
        {"name": "outcome", "resource": _outcome(text)},
        {"name": "result", "resource": done.source.resource},
        *({"name": "between", "valueReference": {"reference": each}} for each in done.between),
    ]
    if done.task is not None:
        listed.append({"name": "task", "resource": done.task.resource})
    return answers.of_json(answer(*listed))


def _outcome(text: str) -> dict[str, Any]:
    issue = Issue("informational", text, severity="information")
    return operation_outcome([issue], g.get("request_id"))


def _who(
    actor: Actor, asked: Given, name: str, *, replaced: bool = False
) -> tuple[str, list[dict[str, Any]]]:
    """Return the Patient that a reference, or all of the identifiers, name; and the identifiers.

    Identifiers name records that were not ``replaced`` by another, or only those.
    """
    reference = asked.value(name, "Reference", "string") if name in asked else None
    identifiers = _identifiers(asked, f"{name}-identifier")
    if isinstance(reference, Mapping):
        if isinstance(found := reference.get("identifier"), dict):
            identifiers = [*identifiers, found]
        reference = reference.get("reference")
    if reference is None and not identifiers:
        raise BadRequestError(f"say who: {name} or {name}-identifier", expression=name)
    if reference is not None:
        resource_type, _, record_id = str(reference).partition("/")
        if resource_type != "Patient" or not record_id or "/" in record_id:
            raise BadRequestError(f"{name} is a reference Patient/[id]", expression=name)
        return record_id, identifiers
    found_ids = [_found(actor, each, replaced=replaced) for each in identifiers]
    common = set.intersection(*found_ids)
    if len(common) != 1:
        raise UnprocessableError(
            f"the identifiers name {len(common)} people, not one",
            expression=f"{name}-identifier",
            code="multiple-matches" if common else "not-found",
        )
    return common.pop(), identifiers


def _identifiers(asked: Given, name: str) -> list[dict[str, Any]]:
    found = []
    for each in asked:
        if each.get("name") != name:
            continue
        value = each.get("valueIdentifier")
        if not isinstance(value, dict) or not isinstance(value.get("value"), str):
            raise BadRequestError(f"{name} is an Identifier with a value", expression=name)
        found.append(value)
    return found


def _found(actor: Actor, identifier: Mapping[str, Any], *, replaced: bool) -> set[str]:
    system, token = identifier.get("system"), literal(identifier["value"])
    if system is not None:
        token = f"{literal(str(system))}|{token}"
    page = records.search(actor, "Patient", [("identifier", token), ("_total", "none")])
    return {record.id for record in page.records if is_replaced(record) is replaced}
