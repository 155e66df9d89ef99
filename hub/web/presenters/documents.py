"""Letters and discharge summaries in words: their lines, their sections, their attachments."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hub.queries.person import PersonPage
from hub.records import Record
from hub.services import discharge_summaries
from hub.web import directory
from hub.web.presenters import elements, words

_STATUSES = {
    "current": "",
    "superseded": "Replaced",
    "entered-in-error": "Withdrawn",
}
_ENDINGS = {
    "application/pdf": ".pdf",
    "application/fhir+xml": ".xml",
    "application/fhir+json": ".json",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/tiff": ".tif",
    "text/plain": ".txt",
    "application/rtf": ".rtf",
    "text/rtf": ".rtf",
}


@dataclass(frozen=True, slots=True)
class DocumentLine:
    id: str
    title: str
    kind: str
    sender: str
    came: str
    status: str
    """Empty while it stands."""


@dataclass(frozen=True, slots=True)
class Section:
    """A top-level section, with those inside it in a row."""

    title: str
    code: str
    parts: tuple[tuple[str, str], ...]
    """(title of an inner section or nothing, its safe XHTML)."""
    complete: bool


def is_received(reference: Record) -> bool:
    """Say whether a DocumentReference is one that came in by a message."""
    return discharge_summaries.RECEIVED in {
        coding.get("code")
        for concept in reference.get("category") or ()
        for coding in concept.get("coding") or ()
        if coding.get("system") == discharge_summaries.CATEGORY_SYSTEM
    }


def line(reference: Record) -> DocumentLine:
    sender = directory.name_of(reference.get("custodian")) or next(
        (directory.name_of(each) for each in reference.get("author") or ()), ""
    )
    return DocumentLine(
        id=reference.id,
        title=str(reference.get("description") or "Document"),
        kind=elements.concept_text(reference.get("type")),
        sender=sender,
        came=words.moment(reference.get("date")),
        status=_STATUSES.get(str(reference.get("status")), ""),
    )


def received(known: PersonPage) -> list[DocumentLine]:
    """Return the documents of a person, the latest first."""
    return [line(each) for each in known.all("DocumentReference") if is_received(each)]


def sections(composition: Record) -> list[Section]:
    return [_section(each) for each in composition.get("section") or ()]


def _section(found: Mapping[str, Any]) -> Section:
    parts = tuple(_parts(found, ""))
    return Section(
        title=str(found.get("title", "")),
        code=elements.code(found.get("code")),
        parts=tuple((title, div) for title, div, _ in parts),
        complete=all(complete for _, _, complete in parts),
    )


def _parts(found: Mapping[str, Any], title: str) -> Iterator[tuple[str, str, bool]]:
    text = found.get("text")
    if text:
        yield title, str(text["div"]), text["status"] == "generated"
    for each in found.get("section") or ():
        yield from _parts(each, str(each.get("title", "")))


def attachments(reference: Record) -> list[dict[str, Any]]:
    """Return the files of a document: the message as it came, then what was attached."""
    return [
        {
            "number": number,
            "title": str(each["attachment"].get("title", "")),
            "kind": str(each["attachment"].get("contentType", "")),
            "size": _size(int(each["attachment"].get("size", 0))),
        }
        for number, each in enumerate(reference.get("content") or ())
    ]


def _size(octets: int) -> str:
    if octets < 1_000_000:
        return f"{max(1, round(octets / 1_000))} kB"
    return f"{octets / 1_000_000:.1f} MB"


def ending(media_type: str) -> str:
    """Return how a file of this type is called at its end."""
    return _ENDINGS.get(media_type, ".bin")
