"""One letter or discharge summary: what has to be done first, the rest below, and the original."""

from typing import Any

from flask import Response, make_response
from markupsafe import Markup
from werkzeug.exceptions import NotFound

from hub import clock, records
from hub.auth import current_actor
from hub.domain import discharge
from hub.domain.actor import Actor
from hub.queries import person as person_query
from hub.records import Record
from hub.services import definitions, discharge_summaries
from hub.web import directory
from hub.web.presenters import documents, people, words
from hub.web.rendering import page
from hub.web.site import blueprint


@blueprint.get("/documents/<document_id>")
def document_page(document_id: str) -> Response:
    actor = current_actor()
    reference = _reference(actor, document_id)
    composition = _composition(actor, reference)
    patient_id = str(reference["subject"]["reference"]).removeprefix("Patient/")
    known = person_query.person(actor, patient_id, ())
    records.spool.looked(actor, "page", reference.reference, reference.version)
    policy = definitions.current().discharge
    written = documents.sections(composition) if composition else []
    sections = discharge.in_order(written, policy.first_sections)
    said: Record | dict[str, Any] = composition or {}
    return page(
        "documents/document.html",
        document=documents.line(reference),
        person=people.head(known.patient, clock.now()) if known else None,
        facts=[
            ("Written", words.moment(said.get("date")) or str(said.get("date") or "")),
            ("By", ", ".join(directory.name_of(each) for each in reference.get("author") or ())),
            ("Kept by", directory.name_of(said.get("custodian"))),
            ("Came", words.moment(reference.get("date"))),
        ],
        first=[_shown(each) for each, is_first in sections if is_first],
        rest=[_shown(each) for each, is_first in sections if not is_first],
        attachments=documents.attachments(reference),
        replaced_by=_replacing(actor, reference),
    )


@blueprint.get("/documents/<document_id>/attachments/<int:number>")
def document_attachment(document_id: str, number: int) -> Response:
    """Give an attachment away as a file; the first is the message as it came."""
    actor = current_actor()
    reference = _reference(actor, document_id)
    try:
        content, media_type, _ = discharge_summaries.original(reference, number)
    except LookupError:
        raise NotFound from None
    records.spool.looked(actor, "original", f"{reference.reference}/{number}", reference.version)
    response = make_response(content)
    # To be kept, never to be shown by the browser: a page in it must not run as one of ours.
    response.headers["Content-Type"] = "application/octet-stream"
    response.headers["X-Content-Type-Options"] = "nosniff"
    name = f"document-{reference.id}-{number}{documents.ending(media_type)}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _composition(actor: Actor, reference: Record) -> Record | None:
    """Return what a document says in sections; a referral letter is only a file."""
    for each in reference.get("context", {}).get("related") or ():
        kind, _, record_id = str(each.get("reference", "")).partition("/")
        if kind == "Composition":
            return records.read(actor, "Composition", record_id)
    return None


def _reference(actor: Actor, document_id: str) -> Record:
    reference = records.read(actor, "DocumentReference", document_id)
    if not documents.is_received(reference):
        raise NotFound
    return reference


def _shown(section: documents.Section) -> dict[str, Any]:
    # Written by fhir.narrative.readable and checked again when it was stored.
    return {
        "title": section.title,
        "complete": section.complete,
        "parts": [{"title": title, "text": Markup(div)} for title, div in section.parts],  # noqa: S704
    }


def _replacing(actor: Actor, reference: Record) -> str:
    """Return the id of the document that stands for this one now."""
    if reference.get("status") != "superseded":
        return ""
    found = records.search(
        actor, "DocumentReference", [("relatesto", reference.reference), ("_total", "none")]
    )
    return next((each.id for each in found.records), "")
