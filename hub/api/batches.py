"""POST of a transaction or batch: https://hl7.org/fhir/R4/http.html#transaction.

A transaction is one database transaction: all of it, or nothing and the name of the entry that
failed. The entries of a batch are independent of one another.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import Any

import structlog
from flask import Response, g

from fhir import bundle, jsontext
from fhir.bundle import Entry, Links
from fhir.jsontext import Parsed
from fhir.outcomes import (
    BadRequestError,
    FHIRError,
    NotFoundError,
    UnprocessableError,
    operation_outcome,
)
from hub import clock, records
from hub.api import answers, errors, limits, negotiation, searches, site, writes
from hub.api.interactions import criteria, only
from hub.api.site import blueprint
from hub.api.writes import Done
from hub.auth import Grant, current_actor, current_grant
from hub.domain.actor import Actor
from hub.records import Record
from hub.transaction import transaction

MAX_ENTRIES = 5_000
"""A bundle of this size takes seconds; more would hold its locks for too long."""

_log = structlog.get_logger()

Answer = Done | dict[str, Any]
"""What became of an entry: a write or a record read, or a searchset."""


@blueprint.post("")
def exchange() -> Response:
    negotiation.check_accept()
    negotiation.check_content_type()
    only()
    value, entries = bundle.read(limits.body())
    if len(entries) > MAX_ENTRIES:
        raise UnprocessableError(
            f"a bundle may have at most {MAX_ENTRIES} entries: send it in parts",
            code="too-costly",
            expression="Bundle.entry",
        )
    actor, grant = current_actor(), current_grant()
    if value["type"] == "batch":
        found = [_independent(actor, grant, entry) for entry in entries]
        return answers.of_json(answers.bundle("batch-response", found))
    done = Transaction(actor, grant, entries).run()
    found = [_answered(entry, done[entry.index]) for entry in entries]
    return answers.of_json(answers.bundle("transaction-response", found))


class Transaction:
    """The work of one transaction bundle."""

    def __init__(self, actor: Actor, grant: Grant | None, entries: list[Entry]) -> None:
        self._actor = actor
        self._grant = grant
        self._entries = entries
        self._links = Links()
        self._ids: dict[int, str] = {}
        """Entry -> the id it writes to."""
        self._done: dict[int, Answer] = {}

    def run(self) -> dict[int, Answer]:
        with transaction():
            for entry in self._entries:
                try:
                    self._identify(entry)
                except Exception as error:
                    raise of_entry(entry, error) from error
            self._refuse_overlap()
            self._find_conditional_references()
            ordered = bundle.in_order(self._entries)
            self._perform_all(e for e in ordered if e.method == "DELETE")
            self._create([e for e in ordered if e.method == "POST"])
            self._perform_all(e for e in ordered if e.method not in {"DELETE", "POST"})
        return self._done

    def _perform_all(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            with named(entry):
                self._done[entry.index] = self._perform(entry)

    def _identify(self, entry: Entry) -> None:
        """Find out which record an entry writes, and what its full URL stands for."""
        if entry.method == "POST":
            if entry.type is None or entry.id is not None:
                raise BadRequestError("POST goes to a type", code="not-supported")
            found: Record | None = None
            if entry.if_none_exist is not None:
                wanted = criteria(entry.if_none_exist, entry.type)
                found = writes.one_match(self._actor, entry.type, wanted)
            if found is not None:
                self._done[entry.index] = Done(200, found)
            self._ids[entry.index] = found.id if found else records.new_id()
        elif entry.method == "PUT":
            if entry.type is None:
                raise BadRequestError("PUT goes to a record", code="not-supported")
            if entry.id is None:
                found = writes.one_match(self._actor, entry.type, entry.params)
                self._ids[entry.index] = found.id if found else records.new_id()
            else:
                self._ids[entry.index] = entry.id
        elif entry.method == "DELETE" and entry.id is not None:
            self._ids[entry.index] = entry.id
        if entry.full_url and entry.index in self._ids and entry.method != "DELETE":
            self._links.add(entry.full_url, f"{entry.type}/{self._ids[entry.index]}")

    def _refuse_overlap(self) -> None:
        """Refuse two entries that write one record: the order of entries means nothing."""
        seen: set[str] = set()
        for entry in self._entries:
            if entry.index not in self._ids or entry.index in self._done:
                continue
            reference = f"{entry.type}/{self._ids[entry.index]}"
            if reference in seen:
                raise BadRequestError(
                    f"{reference} is written by two entries", expression=entry.expression
                )
            seen.add(reference)

    def _find_conditional_references(self) -> None:
        texts = {entry.text: entry for entry in self._entries if entry.text and "?" in entry.text}
        for text, entry in texts.items():
            for literal, (kind, params) in bundle.conditional_references([text]).items():
                with named(entry):
                    found = writes.one_match(self._actor, kind, params)
                    if found is None:
                        raise NotFoundError(f"no {kind} matches the conditional reference")
                    self._links.add_condition(literal, found.reference)

    def _resolved(self, entry: Entry) -> Parsed:
        assert entry.text is not None
        text = self._links.resolve(entry.text)
        if "urn:" in text and bundle.unresolved(text):
            raise BadRequestError(
                "a reference names an entry that is not in the bundle",
                code="not-found",
                expression=f"{entry.type}",
            )
        return Parsed(jsontext.decode(text)[0], text)

    def _create(self, entries: list[Entry]) -> None:
        """Create all new records with one statement a table."""
        versions = {}
        at = clock.now()
        for entry in entries:
            if entry.index in self._done:
                continue
            try:
                versions[entry.index] = records.new_version(
                    self._actor,
                    self._resolved(entry),
                    type=entry.type,
                    id=self._ids[entry.index],
                    at=at,
                )
            except Exception as error:
                raise of_entry(entry, error) from error
        records.insert_many(self._actor, list(versions.values()))
        for index, version in versions.items():
            self._done[index] = Done(201, version.as_record())

    def _perform(self, entry: Entry) -> Answer:
        if entry.method == "PUT" and entry.id is None:
            assert entry.type is not None
            return writes.update_matching(
                self._actor,
                self._grant,
                entry.type,
                entry.params,
                self._resolved(entry),
                record_id=self._ids[entry.index],
            )
        resource = self._resolved(entry) if entry.method == "PUT" else None
        return perform(self._actor, self._grant, entry, resource)


def perform(
    actor: Actor, grant: Grant | None, entry: Entry, resource: Parsed | str | None
) -> Answer:
    """Do what one entry asks; ``resource`` has its references resolved."""
    kind, if_match = entry.type, None
    if entry.method in {"GET", "HEAD"} and (kind is None or entry.member):
        return _search(actor, entry)
    if kind is None or (entry.version == "" and entry.method in {"GET", "HEAD"}):
        raise BadRequestError("is not possible in a bundle", code="not-supported")
    if entry.if_match is not None:
        if_match = negotiation.version_of(entry.if_match)
    match entry.method:
        case "POST":
            assert resource is not None
            condition = entry.if_none_exist
            wanted = None if condition is None else criteria(condition, kind)
            return writes.create(actor, kind, resource, if_none_exist=wanted)
        case "PUT" if entry.id is None:
            assert resource is not None
            return writes.update_matching(
                actor, grant, kind, entry.params, resource, if_match=if_match
            )
        case "PUT":
            assert resource is not None
            assert entry.id is not None
            return writes.update(actor, grant, kind, entry.id, resource, if_match=if_match)
        case "DELETE" if entry.id is None:
            return writes.delete_matching(actor, kind, entry.params)
        case "DELETE":
            assert entry.id is not None
            return writes.delete(actor, kind, entry.id, if_match=if_match)
        case _ if entry.id is None:
            return searches.bundle(actor, kind, list(entry.params))
        case _ if entry.version:
            return Done(200, records.vread(actor, kind, entry.id, _number(entry.version)))
        case _:
            return Done(200, records.read(actor, kind, entry.id))


def _search(actor: Actor, entry: Entry) -> dict[str, Any]:
    """Search all types, or a compartment."""
    params = list(entry.params)
    if entry.type is None and entry.version is None:
        return searches.bundle_of_all(actor, params)
    if entry.type is None or entry.id is None or entry.member is None:
        raise BadRequestError("is not possible in a bundle", code="not-supported")
    if entry.member == "*":
        return searches.bundle_of_compartment(actor, entry.type, entry.id, params)
    return searches.bundle_in(actor, entry.type, entry.id, entry.member, params)


def _number(version: str) -> int:
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise NotFoundError("there is no such version")
    return int(version)


@contextmanager
def named(entry: Entry) -> Iterator[None]:
    """Let every refusal say which entry it is about."""
    try:
        yield
    except Exception as error:
        raise of_entry(entry, error) from error


def of_entry(entry: Entry, error: Exception) -> Exception:
    """Return what a client may know of an error, said of the entry; a defect as it is."""
    known = errors.known(error)
    if known is None:
        return error
    known.issues = tuple(
        replace(issue, expression=_inside(entry, issue.expression)) for issue in known.issues
    )
    return known


def _inside(entry: Entry, expression: str | None) -> str:
    if expression and expression.startswith("Bundle.entry["):
        return expression
    if expression and entry.type and expression.partition(".")[0] == entry.type:
        return f"{entry.expression}.resource{expression[len(entry.type) :]}"
    return entry.expression


def _independent(actor: Actor, grant: Grant | None, entry: Entry) -> dict[str, Any]:
    """Do one entry of a batch; a refusal is its answer and harms no other."""
    try:
        with named(entry):
            return _answered(entry, perform(actor, grant, entry, entry.text))
    except Exception as error:  # noqa: BLE001 - an entry of a batch never ends the batch
        known = errors.known(error)
        if known is None:
            _log.error("batch entry failed", request_id=g.get("request_id"), exc_info=error)
            known = FHIRError("something went wrong in the hub", expression=entry.expression)
        outcome = operation_outcome(known.issues, g.get("request_id"))
        return {"response": {"status": _status(known.status), "outcome": outcome}}


def _answered(entry: Entry, answer: Answer) -> dict[str, Any]:
    """Return the entry of the response bundle."""
    if isinstance(answer, dict):
        return {"resource": answer, "response": {"status": _status(200)}}
    response: dict[str, Any] = {"status": _status(answer.status)}
    found: dict[str, Any] = {"response": response}
    record = answer.record
    if record is None:
        return found
    address = site.full_url(record)
    if entry.method in {"POST", "PUT"}:
        response["location"] = f"{address}/_history/{record.version}"
    response["etag"] = site.etag(record)
    response["lastModified"] = record.last_updated
    wanted = negotiation.prefer().answer
    if entry.method in {"GET", "HEAD"} or wanted == "representation":
        found["resource"] = answers.resource(record)
    elif wanted == "OperationOutcome":
        response["outcome"] = operation_outcome([answers.done(record, answer.status)])
    return {"fullUrl": address, **found}


@cache
def _status(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"
