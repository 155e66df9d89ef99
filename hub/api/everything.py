"""``$everything``: all that is known about a person, or about one encounter.

https://hl7.org/fhir/R4/patient-operation-everything.html,
https://hl7.org/fhir/R4/encounter-operation-everything.html
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain

import orjson
from flask import Response

from fhir.outcomes import BadRequestError, GoneError, NotFoundError
from fhir.registry.types import SUPPORTED_TYPES
from fhir.search.dates import date_range
from hub import at_hand
from hub.api import answers, negotiation, site, withheld
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import Given, given
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.records import compartment
from hub.records.compartment import AFTER_ALL, BEFORE_ALL, Asked, Compartment
from hub.written import Written

LARGEST_COUNT = 1000
EVERYBODY_COUNT = 100
"""The size of a page of everybody's records, where none is asked for."""

_ENCOUNTER = ("_since", "_type", "_count")
_PATIENT = ("start", "end", *_ENCOUNTER)


@operation(
    Operation(
        "everything",
        "All records of a person or an encounter that the caller may see, and what they refer to.",
        (
            Parameter("start", "date", documentation="Care from this day on. Patient only."),
            Parameter("end", "date", documentation="Care until this day. Patient only."),
            Parameter("_since", "instant", documentation="Records changed from then on."),
            Parameter("_type", "code", max="*", documentation="Only records of these types."),
            Parameter("_count", "integer", documentation="Page size; absent: all at once."),
            Parameter("return", "Bundle", use="out", min=1),
        ),
        type=True,
        instance=True,
        types=("Patient", "Encounter"),
        instance_only=("Encounter",),
        canonical="http://hl7.org/fhir/OperationDefinition/[type]-everything",
    )
)
def everything(resource_type: str | None, record_id: str | None) -> Response:
    actor = current_actor()
    asked, after, used = _asked(resource_type == "Patient")
    if record_id is None:
        return _everybody(actor, asked, after, used)
    if after is not None:
        asked = replace(asked, after=after[1:])
    if resource_type == "Encounter":
        found = compartment.of_encounter(actor, record_id, asked)
    else:
        found = compartment.of_patient(actor, record_id, asked)
    path = f"/{resource_type}/{record_id}/$everything"
    following = None if found.next is None else ("", *found.next)
    total = len(found.matches) if found.next is None and after is None else None
    return _bundle(_texts([found]), path, used, following, total)


def _everybody(
    actor: Actor, asked: Asked, after: "Place | None", used: list[tuple[str, str]]
) -> Response:
    """Answer with the records of everybody whom the actor may see, person after person."""
    first, rank, record_id = after or ("", *BEFORE_ALL)
    left = asked.count or EVERYBODY_COUNT
    found: list[Compartment] = []
    following: Place | None = None
    for person in chain([first] if first else [], _people(actor, first)):
        start = (rank, record_id) if person == first else BEFORE_ALL
        if not left:
            following = (person, *start)
            break
        try:
            page = compartment.of_patient(actor, person, replace(asked, count=left, after=start))
        except (NotFoundError, GoneError):
            # Deleted, or out of sight, since the list was read.
            continue
        found.append(page)
        left -= len(page.matches)
        if page.next is not None:
            following = (person, *page.next)
            break
    return _bundle(_texts(found), "/Patient/$everything", used, following, None)


def _people(actor: Actor, last: str) -> Iterator[str]:
    while batch := compartment.patients_after(actor, last, EVERYBODY_COUNT):
        yield from batch
        last = batch[-1]


# What is asked -----------------------------------------------------------------------------

Place = tuple[str, int, str]
"""Where a page ended: the person, where there are several, and the position in their records."""


def _asked(of_patient: bool) -> tuple[Asked, Place | None, list[tuple[str, str]]]:
    """Return what is asked, where to go on, and the parameters for the links."""
    environ = at_hand.request().environ
    if environ["REQUEST_METHOD"] == "GET" and not environ["QUERY_STRING"]:
        return compartment.PLAIN, None, []
    asked = given()
    allowed = _PATIENT if of_patient else _ENCOUNTER
    asked.only(*allowed, "_cursor")
    used = [
        (str(each["name"]), str(value))
        for each in asked
        if each.get("name") != "_cursor"
        for name, value in each.items()
        if name != "name"
    ]
    if not used and "_cursor" not in asked:
        return compartment.PLAIN, None, used
    count = asked.number("_count")
    if count is not None and count < 1:
        raise BadRequestError("_count must be a whole number above 0", expression="_count")
    start, end = _day(asked, "start"), _day(asked, "end")
    return (
        Asked(
            types=_types(asked),
            since=asked.instant("_since"),
            start=start and start[0],
            end=end and end[1],
            count=count and min(count, LARGEST_COUNT),
        ),
        _read_cursor(asked.text("_cursor")),
        used,
    )


def _types(asked: Given) -> frozenset[str] | None:
    named: set[str] = set()
    for each in asked:
        if each.get("name") != "_type":
            continue
        value = Given([each]).text("_type") or ""
        named.update(part.strip() for part in value.split(","))
    for name in named:
        if name not in SUPPORTED_TYPES:
            raise BadRequestError(
                f"_type: {name} is not a type of this server; valid ones are "
                f"{', '.join(SUPPORTED_TYPES)}",
                expression="_type",
            )
    return frozenset(named) or None


def _day(asked: Given, name: str) -> tuple[datetime | None, datetime | None] | None:
    value = asked.value(name, "date", "dateTime", "string")
    if value is None:
        return None
    try:
        return date_range(value)
    except (ValueError, TypeError):
        raise BadRequestError(f"{name} is a date such as 2026-05-01", expression=name) from None


def _cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(place)).rstrip(b"=").decode()


def _read_cursor(text: str | None) -> Place | None:
    if text is None:
        return None
    try:
        person, rank, record_id = orjson.loads(
            base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        )
    except (ValueError, TypeError, binascii.Error):
        person, rank, record_id = None, None, None
    if not (isinstance(person, str) and type(rank) is int and isinstance(record_id, str)):
        raise BadRequestError(
            "_cursor is not one of this answer: follow the link that the page before gave",
            expression="_cursor",
        )
    return person, max(BEFORE_ALL[0], min(rank, AFTER_ALL[0])), record_id


# The answer --------------------------------------------------------------------------------


def _texts(pages: Sequence[Compartment]) -> list[str]:
    """Return the entries as JSON, each record once, what is brought along after the rest."""
    base = site.base()
    seen: set[str] = set()
    found: list[str] = []
    for mode in ("match", "include"):
        for page in pages:
            for entry in page.matches if mode == "match" else page.included:
                resource_type = page.type_of(entry)
                reference = f"{resource_type}/{entry.id}"
                if reference in seen:
                    continue
                seen.add(reference)
                found.append(
                    f'{{"fullUrl":"{base}/{reference}",'
                    f'"resource":{withheld.text_shown(resource_type, entry.text)},'
                    f'"search":{{"mode":"{mode}"}}}}'
                )
    return found


def _bundle(
    entries: Sequence[str],
    path: str,
    used: Sequence[tuple[str, str]],
    following: Place | None,
    total: int | None,
) -> Response:
    """Answer with a searchset; the texts of the records go in as they are."""
    links = [answers.link("self", path, used)]
    if following is not None:
        links.append(answers.link("next", path, [*used, ("_cursor", _cursor(following))]))
    head = answers.bundle("searchset", [], links, total)
    text = orjson.dumps(head).decode()
    if entries:
        text = f'{text[:-1]},"entry":[{",".join(entries)}]}}'
    return Written(text, content_type=negotiation.FHIR_JSON)
