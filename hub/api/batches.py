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

import orjson
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
from hub.api import answers, errors, limits, negotiation, patches, rates, site, writes
from hub.api.entries import Answer, matching, perform
from hub.api.interactions import criteria, only
from hub.api.site import blueprint
from hub.api.writes import Done
from hub.auth import Grant, current_actor, current_grant
from hub.domain.actor import Actor
from hub.records import Record, instant
from hub.records.reading import fetch
from hub.transaction import transaction

MAX_ENTRIES = 5_000
"""A bundle of this size takes seconds; more would hold its locks for too long."""

_log = structlog.get_logger()


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
    rates.charge_entries(grant, entries)
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
        self._found: dict[int, Record | None] = {}
        """Conditional entry -> the record that matches."""
        self._unmet: set[str] = set()
        self._json_patches: set[int] = set()
        self._versioned = any("/_history/" in (entry.text or "") for entry in entries)
        self._done: dict[int, Answer] = {}

    def run(self) -> dict[int, Answer]:
        with transaction():
            for place, entry in enumerate(self._entries):
                try:
                    if entry.method == "PATCH" and entry.text is not None:
                        self._entries[place] = self._unpacked(entry)
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

    def _unpacked(self, entry: Entry) -> Entry:
        """Take a JSON Patch out of its Binary, so that its references are resolved too."""
        assert entry.text is not None
        is_json_patch, text = patches.of_resource(entry.text)
        if is_json_patch:
            self._json_patches.add(entry.index)
        return replace(entry, text=text)

    def _identify(self, entry: Entry) -> None:
        """Find out which record an entry writes, and what its full URL stands for."""
        version = 1
        if entry.method == "POST":
            if entry.operation is not None:
                raise BadRequestError(
                    "a transaction calls no operation by POST: send a batch", code="not-supported"
                )
            if entry.type is None or entry.id is not None:
                raise BadRequestError("POST goes to a type", code="not-supported")
            found: Record | None = None
            if entry.if_none_exist is not None:
                wanted = criteria(entry.if_none_exist, entry.type)
                found = writes.one_match(self._actor, entry.type, wanted)
                self._refuse_twice(entry.type, wanted, found)
            if found is not None:
                self._done[entry.index] = Done(200, found)
                version = found.version
            self._ids[entry.index] = found.id if found else records.new_id()
        elif entry.method in {"PUT", "PATCH", "DELETE"}:
            if entry.type is None or entry.version is not None or entry.operation is not None:
                raise BadRequestError(f"{entry.method} goes to a record", code="not-supported")
            version = self._identify_written(entry, entry.type)
        if entry.full_url and entry.index in self._ids and entry.method != "DELETE":
            self._links.add(entry.full_url, f"{entry.type}/{self._ids[entry.index]}", version)

    def _identify_written(self, entry: Entry, kind: str) -> int:
        """Find out which record a PUT, PATCH or DELETE writes; return its version afterwards."""
        if entry.id is None:
            found = writes.held_match(self._actor, kind, entry.params)
            self._found[entry.index] = found
            self._refuse_twice(kind, entry.params, found)
            if found is not None:
                self._ids[entry.index] = found.id
                return found.version + 1
            if entry.method == "PUT":
                assert entry.text is not None
                value, _ = jsontext.decode(entry.text)
                self._ids[entry.index] = writes.named_id(value) or records.new_id()
            return 1
        self._ids[entry.index] = entry.id
        if not self._versioned:
            return 1  # nobody asks
        stored = fetch(self._actor, kind, entry.id, locked=False)
        return 1 if stored is None else stored.version + 1

    def _refuse_twice(self, kind: str, params: writes.Params, found: Record | None) -> None:
        """Refuse a condition that two entries find unmet: both would create what it describes."""
        if found is not None:
            return
        condition = f"{kind}?{sorted(params)}"
        if condition in self._unmet:
            raise BadRequestError("another entry has the same condition", code="duplicate")
        self._unmet.add(condition)

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
        text = self._resolved_text(entry)
        return Parsed(jsontext.decode(text)[0], text)

    def _resolved_text(self, entry: Entry) -> str:
        assert entry.text is not None
        text = self._links.resolve(entry.text)
        if "urn:" in text and bundle.unresolved(text):
            raise BadRequestError(
                "a reference names an entry that is not in the bundle",
                code="not-found",
                expression=f"{entry.type}",
            )
        return text

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
        if entry.method == "PATCH":
            return self._patch(entry)
        resource = self._resolved(entry) if entry.method == "PUT" else None
        if entry.index not in self._found:
            return perform(self._actor, self._grant, entry, resource)
        assert entry.type is not None
        found, version = self._found[entry.index], matching(entry)
        if resource is None:
            return writes.delete_found(self._actor, entry.type, found, if_match=version)
        new_id = self._ids[entry.index]
        return writes.update_found(
            self._actor,
            self._grant,
            entry.type,
            found,
            resource,
            if_match=version,
            record_id=new_id,
        )

    def _patch(self, entry: Entry) -> Done:
        assert entry.type is not None
        if entry.index not in self._ids:
            raise NotFoundError(f"no {entry.type} matches the condition")
        text = self._resolved_text(entry)
        change = patches.of_text(text, self._links, is_json_patch=entry.index in self._json_patches)
        return patches.patch(
            self._actor, entry.type, self._ids[entry.index], change, if_match=matching(entry)
        )


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
    if isinstance(answer, Response):
        shown = {"resource": orjson.Fragment(answer.data)} if answer.data else {}
        told = {"status": _status(answer.status_code)}
        if place := answer.headers.get("Content-Location"):
            told["location"] = place
        return {**shown, "response": told}
    response: dict[str, Any] = {"status": _status(answer.status)}
    found: dict[str, Any] = {"response": response}
    record = answer.record
    if record is None:
        return found
    address = site.full_url(record)
    if entry.method in {"POST", "PUT", "PATCH"}:
        response["location"] = f"{address}/_history/{record.version}"
    response["etag"] = site.etag(record)
    response["lastModified"] = instant(record.last_updated)
    wanted = negotiation.prefer().answer
    if answer.status == 304:
        pass  # the client has it
    elif entry.method in {"GET", "HEAD"} or wanted == "representation":
        found["resource"] = answers.resource(record)
    elif wanted == "OperationOutcome":
        response["outcome"] = operation_outcome([answers.done(record, answer.status)])
    return {"fullUrl": address, **found}


@cache
def _status(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"
