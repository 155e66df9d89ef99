"""The document inside an ITK3 message: Composition, who it is about, who wrote it, its sections."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

from fhir.messaging.itk3.codes import ODS_CODE, VERIFICATION, ITKCode
from fhir.messaging.itk3.faults import Fault
from fhir.messaging.itk3.tree import Node, Place
from fhir.narrative.readable import Readable, readable
from fhir.systems import NHS_NUMBER

Say = Callable[[ITKCode, str, Place], None]

_SEXES = frozenset({"male", "female", "other", "unknown"})
_instant = re.compile(
    r"\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?)?)?"
).fullmatch
_STATUSES = frozenset({"preliminary", "final", "amended", "entered-in-error"})
_DEEPEST_SECTION = 8


@dataclass(frozen=True, slots=True)
class Coded:
    system: str
    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    code: str
    """Code of the first coding, mostly SNOMED CT; empty where there is none."""
    coded: Coded | None
    narrative: Readable | None
    sections: tuple["Section", ...] = ()

    def walk(self) -> Iterator["Section"]:
        yield self
        for each in self.sections:
            yield from each.walk()


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a document is about, as its sender says."""

    nhs_number: str | None
    verification: str | None
    """Code of the verification status: ``01`` is present and verified."""
    family: str | None
    given: tuple[str, ...]
    birth_date: str | None
    gender: str | None
    lines: tuple[str, ...]
    postcode: str | None
    phone: str | None
    email: str | None
    practice: str | None
    """ODS code of the registered practice."""


@dataclass(frozen=True, slots=True)
class Author:
    """A person or an organisation that wrote or keeps a document."""

    name: str
    ods_code: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    title: str
    content_type: str
    content: bytes
    place: Place


@dataclass(frozen=True, slots=True)
class Document:
    identifier: str
    """``system|value`` of the document Bundle: the identity of this document."""
    version_of: str
    """``Composition.identifier``, the same for all versions of a document; may be empty."""
    status: str
    type: Coded
    title: str
    date: str
    subject: Subject
    authors: tuple[Author, ...]
    custodian: Author | None
    sections: tuple[Section, ...]
    replaces: tuple[str, ...]
    """Identifiers (``system|value`` or value) of documents that this one stands for."""
    attachments: tuple[Attachment, ...]
    node: Node = field(repr=False)
    """The Bundle as it came, to compare two documents with one identifier."""


def identifier_of(node: Node | None) -> str:
    if node is None or not node.text("value"):
        return ""
    system = node.text("system")
    return f"{system}|{node.text('value')}" if system else node.text("value")


class DocumentReader:
    """Reads one document Bundle and notes every fault with its place."""

    def __init__(self, bundle: Node, faults: list[Fault]) -> None:
        self._bundle = bundle
        self._faults = faults
        self._by_name: dict[str, Node] = {}
        for entry in bundle.all("entry"):
            resource = entry.first("resource")
            if resource is None or not resource.type:
                self._say(ITKCode.PAYLOAD, "every entry holds a resource", entry.place)
                continue
            names = {entry.text("fullUrl"), f"{resource.type}/{resource.text('id')}"}
            names.add(f"urn:uuid:{resource.text('id')}")
            for name in names - {""}:
                self._by_name.setdefault(name, resource)

    def _say(self, code: ITKCode, text: str, place: Place) -> None:
        self._faults.append(Fault(code, text, place))

    def _payload(self, text: str, place: Place) -> None:
        self._say(ITKCode.PAYLOAD, text, place)

    def read(self) -> Document | None:
        """Return the document; None where a part without which nothing can be done is missing."""
        bundle = self._bundle
        identifier = identifier_of(bundle.first("identifier"))
        if not identifier:
            self._payload("a document Bundle has an identifier", bundle.at("identifier"))
        composition = bundle.first("entry", "resource")
        if composition is None or composition.type != "Composition":
            self._payload(
                "the first entry of a document is its Composition",
                bundle.at("entry[0]", "resource"),
            )
            return None
        kind = self._type(composition)
        status = composition.text("status")
        if status not in _STATUSES:
            self._payload(
                f"status is one of {', '.join(sorted(_STATUSES))}", composition.at("status")
            )
        if not _instant(composition.text("date")):
            self._payload("a document has a date", composition.at("date"))
        subject = self._subject(composition)
        authors = tuple(self._authors(composition))
        sections = tuple(self._section(each, 1) for each in composition.all("section"))
        attachments = tuple(self._attachments())
        readable_here = any(each.narrative for top in sections for each in top.walk())
        if not readable_here and not attachments:
            # GP Connect sends a letter as a PDF: then that is what there is to read.
            self._payload("there is no narrative and no attachment to read", composition.place)
        if subject is None or kind is None:
            return None
        custodian = self.resolve(composition.first("custodian"))
        return Document(
            identifier=identifier,
            version_of=identifier_of(composition.first("identifier")),
            status=status,
            type=kind,
            title=composition.text("title") or kind.display or kind.code,
            date=composition.text("date"),
            subject=subject,
            authors=authors,
            custodian=_organisation(custodian) if custodian else None,
            sections=sections,
            replaces=tuple(self._replaces(composition)),
            attachments=attachments,
            node=bundle,
        )

    def resolve(self, reference: Node | None) -> Node | None:
        return self._by_name.get(reference.text("reference")) if reference is not None else None

    def _type(self, composition: Node) -> Coded | None:
        found = coded(composition.first("type"))
        if found is None:
            self._payload("the type of a document is coded", composition.at("type", "coding[0]"))
        return found

    def _subject(self, composition: Node) -> Subject | None:
        patient = self.resolve(composition.first("subject"))
        if patient is None or patient.type != "Patient":
            self._payload(
                "the subject is a Patient of the document", composition.at("subject", "reference")
            )
            return None
        born = patient.text("birthDate")
        if born and not _day(born):
            self._payload("birthDate is a day", patient.at("birthDate"))
        if patient.text("gender") not in _SEXES | {""}:
            self._payload("gender is male, female, other or unknown", patient.at("gender"))
        return _subject(patient, self.resolve(patient.first("generalPractitioner")))

    def _authors(self, composition: Node) -> Iterator[Author]:
        found = list(composition.all("author"))
        if not found:
            self._payload("a document has an author", composition.at("author[0]"))
        for each in found:
            who = self.resolve(each)
            name = each.text("display")
            if who is not None and who.type == "PractitionerRole":
                who = self.resolve(who.first("practitioner")) or who
            if who is not None:
                name = _name(who) or name
            yield Author(name or "not named", _ods(who) if who is not None else None)

    def _section(self, node: Node, level: int) -> Section:
        code = coded(node.first("code"))
        title = node.text("title") or (code.display if code else "")
        if not title:
            self._payload("a section has a title or a coded name", node.at("title"))
        narrative = None
        div = node.first("text", "div")
        if div is not None and div.value:
            try:
                found = readable(div.value)
                narrative = found if found.text else None
            except ValueError as error:
                self._payload(f"the narrative cannot be read: {error}", div.place)
        inner: tuple[Section, ...] = ()
        if level < _DEEPEST_SECTION:
            inner = tuple(self._section(each, level + 1) for each in node.all("section"))
        elif node.first("section") is not None:
            self._payload(f"sections nest at most {_DEEPEST_SECTION} deep", node.at("section[0]"))
        return Section(title, code.code if code else "", code, narrative, inner)

    def _replaces(self, composition: Node) -> Iterator[str]:
        for each in composition.all("relatesTo"):
            if each.text("code") == "replaces":
                target = identifier_of(each.first("targetIdentifier"))
                if target:
                    yield target
                else:
                    self._say(
                        ITKCode.NO_REPLACEMENT,
                        "a replacement names what it replaces by identifier",
                        each.at("targetIdentifier"),
                    )

    def _attachments(self) -> Iterator[Attachment]:
        titles = {
            content.text("attachment", "url"): content.text("attachment", "title")
            for entry in self._bundle.all("entry")
            for content in entry.all("resource", "content")
        }
        for entry in self._bundle.all("entry"):
            binary = entry.first("resource")
            if binary is None or binary.type != "Binary":
                continue
            # STU3 calls it content, R4 data.
            data = binary.text("content") or binary.text("data")
            try:
                content = base64.b64decode("".join(data.split()), validate=True)
            except (ValueError, binascii.Error):
                content = b""
            if not content:
                self._payload("an attachment is base64", binary.at("content"))
                continue
            names = (entry.text("fullUrl"), f"Binary/{binary.text('id')}")
            title = next((titles[each] for each in names if titles.get(each)), "")
            kind = binary.text("contentType").split(";")[0].strip().lower()
            yield Attachment(title, kind, content, binary.at("contentType"))


def coded(concept: Node | None) -> Coded | None:
    coding = concept.first("coding") if concept is not None else None
    if coding is None or not coding.text("code"):
        return None
    display = coding.text("display") or (concept.text("text") if concept is not None else "")
    return Coded(coding.text("system"), coding.text("code"), display)


def _subject(patient: Node, practice: Node | None) -> Subject:
    number = next((i for i in patient.all("identifier") if i.text("system") == NHS_NUMBER), None)
    status = number.extension(VERIFICATION) if number is not None else None
    name = patient.first("name") or Node("name", "")
    address = patient.first("address") or Node("address", "")
    telecom = {each.text("system"): each.text("value") for each in patient.all("telecom")}
    verified = coded(status.first("valueCodeableConcept")) if status is not None else None
    born = patient.text("birthDate")
    return Subject(
        nhs_number=(number.text("value") or None) if number is not None else None,
        verification=verified.code if verified else None,
        # STU3's DSTU2 heritage: some senders repeat the family name.
        family=name.text("family") or None,
        given=name.texts("given"),
        birth_date=born if _day(born) else None,
        gender=patient.text("gender") or None,
        lines=address.texts("line"),
        postcode=address.text("postalCode") or None,
        phone=telecom.get("phone"),
        email=telecom.get("email"),
        practice=_ods(practice) if practice is not None else None,
    )


def _organisation(node: Node) -> Author:
    return Author(_name(node) or "not named", _ods(node))


def _ods(node: Node) -> str | None:
    for each in node.all("identifier"):
        if each.text("system").casefold() == ODS_CODE.casefold():
            return each.text("value") or None
    return None


def _name(node: Node) -> str:
    name = node.first("name")
    if name is None:
        return ""
    if name.value:
        return name.value.strip()
    if name.text("text"):
        return name.text("text")
    parts = [*name.texts("prefix"), *name.texts("given"), *name.texts("family")]
    return " ".join(parts)


def _day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
