"""Reading ITK3: what a message says, every fault with its place and code, and what is hostile."""

import pytest

from fhir.messaging import itk3
from fhir.messaging.itk3 import (
    Acknowledgement,
    Fault,
    Header,
    ITK3RefusedError,
    ITKCode,
    tree,
)
from tests.letters import ACTIONS, Summary, as_json

HEADER = "Bundle.entry[0].resource"
COMPOSITION = "Bundle.entry[2].resource.entry[0].resource"


def faults_of(body: bytes) -> dict[str | None, ITKCode]:
    with pytest.raises(ITK3RefusedError) as refused:
        itk3.parse(body)
    return {each.place: each.code for each in refused.value.faults}


def test_a_message_says_how_it_wants_to_be_handled() -> None:
    summary = Summary(business="false")

    header = itk3.parse(summary.xml()).header

    assert (header.id, header.event, header.sender) == (summary.message_id, "ITK003D", "RAJ")
    assert (header.handling.business, header.handling.infrastructure) == (False, True)
    assert header.handling.for_action
    assert header.handling.sender_reference == "ward-7/0042"


def test_a_document_says_whom_it_is_about_who_wrote_it_and_what() -> None:
    summary = Summary(attachment=b"%PDF-1.4 scan", replaces="old-1")

    document = itk3.parse(summary.xml()).document

    assert document.identifier == summary.document_id
    assert (document.type.code, document.title) == ("373942005", "Discharge summary")
    assert (document.subject.nhs_number, document.subject.verification) == ("9990000018", "01")
    assert (document.subject.family, document.subject.given) == ("Example", ("Ada",))
    assert (document.subject.birth_date, document.subject.postcode) == ("1941-05-04", "SS0 7AB")
    assert [each.name for each in document.authors] == ["Dr Wilma Ward"]
    assert document.custodian is not None
    assert document.custodian.name == "Example University Hospital"
    assert [each.title for each in document.sections] == [
        "Clinical summary",
        "Plan and requested actions",
    ]
    assert document.sections[1].code == ACTIONS
    assert document.sections[0].narrative is not None
    assert document.sections[0].narrative.text == "Fell at home & broke the left hip."
    assert document.replaces == ("old-1",)
    assert [(a.content, a.content_type) for a in document.attachments] == [
        (b"%PDF-1.4 scan", "application/pdf")
    ]


def test_json_is_read_as_xml_is() -> None:
    resource = {
        "resourceType": "Bundle",
        "type": "message",
        "entry": [
            {
                "fullUrl": "urn:uuid:h",
                "resource": {
                    "resourceType": "MessageHeader",
                    "id": "h",
                    "extension": [
                        {
                            "url": "https://fhir.nhs.uk/STU3/StructureDefinition/"
                            "Extension-ITK-MessageHandling-2",
                            "extension": [{"url": "InfAckRequested", "valueBoolean": True}],
                        }
                    ],
                    "event": {
                        "system": "https://fhir.nhs.uk/STU3/CodeSystem/ITK-MessageEvent-2",
                        "code": "ITK006D",
                    },
                    "timestamp": "2026-11-25T16:21:07+00:00",
                    "focus": [{"reference": "urn:uuid:d"}],
                },
            },
            {
                "fullUrl": "urn:uuid:d",
                "resource": {
                    "resourceType": "Bundle",
                    "type": "document",
                    "identifier": {"system": "urn:ietf:rfc:3986", "value": "d"},
                    "entry": [
                        {
                            "fullUrl": "urn:uuid:c",
                            "resource": {
                                "resourceType": "Composition",
                                "status": "final",
                                "type": {"coding": [{"code": "823691000000103"}]},
                                "subject": {"reference": "urn:uuid:p"},
                                "date": "2026-11-25",
                                "author": [{"display": "Dr Ward"}],
                                "title": "Letter",
                                "section": [
                                    {"title": "All", "text": {"div": _div("Seen in clinic.")}}
                                ],
                            },
                        },
                        {
                            "fullUrl": "urn:uuid:p",
                            "resource": {
                                "resourceType": "Patient",
                                "name": [{"family": "Example"}],
                            },
                        },
                    ],
                },
            },
        ],
    }

    message = itk3.parse(as_json(resource))

    assert (message.header.handling.infrastructure, message.header.handling.business) == (
        True,
        False,
    )
    assert message.document.identifier == "urn:ietf:rfc:3986|d"
    assert message.document.subject.family == "Example"
    assert message.document.authors[0].name == "Dr Ward"


def _div(text: str) -> str:
    return f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{text}</p></div>'


@pytest.mark.parametrize(
    ("change", "place", "code"),
    [
        ({"event": "ITK011M"}, f"{HEADER}.event", ITKCode.DEFINITION),
        (
            {"business": "perhaps"},
            f"{HEADER}.extension[0].extension[0].valueBoolean",
            ITKCode.BUSINESS_FLAG,
        ),
        (
            {"infrastructure": ""},
            f"{HEADER}.extension[0].extension[1].valueBoolean",
            ITKCode.INFRASTRUCTURE_FLAG,
        ),
        (
            {"recipient": "XX"},
            f"{HEADER}.extension[0].extension[2].valueCoding.code",
            ITKCode.RECIPIENT_TYPE,
        ),
        (
            {"sender_reference": "x" * 256},
            f"{HEADER}.extension[0].extension[4].valueString",
            ITKCode.SENDER_REFERENCE,
        ),
        ({"status": "done"}, f"{COMPOSITION}.status", ITKCode.PAYLOAD),
        ({"date": "last week"}, f"{COMPOSITION}.date", ITKCode.PAYLOAD),
        (
            {"birth_date": "1941"},
            "Bundle.entry[2].resource.entry[1].resource.birthDate",
            ITKCode.PAYLOAD,
        ),
        (
            {"gender": "f"},
            "Bundle.entry[2].resource.entry[1].resource.gender",
            ITKCode.PAYLOAD,
        ),
    ],
)
def test_every_fault_has_its_place_and_its_code(
    change: dict[str, str], place: str, code: ITKCode
) -> None:
    assert faults_of(Summary(**change).xml()) == {place: code}  # type: ignore[arg-type]


def test_all_faults_are_told_together() -> None:
    found = faults_of(Summary(event="ITK011M", status="done", gender="f").xml())

    assert set(found.values()) == {ITKCode.DEFINITION, ITKCode.PAYLOAD}
    assert len(found) == 3


@pytest.mark.parametrize(
    ("old", "new", "place", "code"),
    [
        (b'<type value="message"/>', b'<type value="batch"/>', "Bundle.type", ITKCode.HEADER),
        (b'<type value="document"/>', b'<type value="batch"/>', "Bundle.entry[2].resource.type",
         ITKCode.PAYLOAD),
        (b'<reference value="urn:uuid:ada"/>', b'<reference value="urn:uuid:eve"/>',
         f"{COMPOSITION}.subject.reference", ITKCode.PAYLOAD),
        (b'<author><reference value="urn:uuid:doctor"/></author>', b"",
         f"{COMPOSITION}.author[0]", ITKCode.PAYLOAD),
        (b"Extension-ITK-MessageHandling-2", b"Extension-Another-1", f"{HEADER}.extension",
         ITKCode.HANDLING),
        (b'<timestamp value="2026-11-25T16:21:07+00:00"/>', b"", f"{HEADER}.timestamp",
         ITKCode.HEADER),
        (b'<title value="Clinical summary"/>', b"", f"{COMPOSITION}.section[0].title",
         ITKCode.PAYLOAD),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_by_its_place(
    old: bytes, new: bytes, place: str, code: ITKCode
) -> None:
    body = Summary().xml()
    assert old in body

    assert faults_of(body.replace(old, new, 1))[place] is code


def test_an_attachment_that_is_no_base64_is_a_fault_of_the_payload() -> None:
    body = (
        Summary(attachment=b"scan").xml().replace(b'content value="c2Nhbg=="', b'content value="?"')
    )

    assert faults_of(body) == {
        "Bundle.entry[2].resource.entry[4].resource.content": ITKCode.PAYLOAD
    }


def test_something_must_be_there_to_read_a_narrative_or_a_file() -> None:
    assert faults_of(Summary(plan="", story=" ").xml()) == {COMPOSITION: ITKCode.PAYLOAD}

    only_a_file = itk3.parse(Summary(plan="", story=" ", attachment=b"%PDF").xml()).document

    assert [each.content for each in only_a_file.attachments] == [b"%PDF"]
    assert [each.narrative for each in only_a_file.sections] == [None, None]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<Bundle xmlns='http://hl7.org/fhir'><id value='1'/>",
        b"<?xml version='1.0'?><!DOCTYPE Bundle [<!ENTITY a 'b'>]>"
        b"<Bundle xmlns='http://hl7.org/fhir'><id value='&a;'/></Bundle>",
        b"<!DOCTYPE Bundle SYSTEM 'file:///etc/passwd'><Bundle xmlns='http://hl7.org/fhir'/>",
        b"<Bundle xmlns='http://hl7.org/fhir'><id value='&undeclared;'/></Bundle>",
        b"<Bundle xmlns='urn:elsewhere'/>",
        b"<Bundle xmlns='http://hl7.org/fhir'>text</Bundle>",
        b"<Bundle xmlns='http://hl7.org/fhir'><Patient/></Bundle>",
        b"<?xml version='1.0' encoding='utf-16'?><Bundle xmlns='http://hl7.org/fhir'/>",
        b"\xff\xfe<\x00B\x00",
        b"<Bundle xmlns='http://hl7.org/fhir'><id value='&#0;'/></Bundle>",
        b'{"resourceType": "Bundle", "type": "mess',
        b'{"type": "message"}',
        b"\x00\x01\x02",
    ],
)
def test_what_cannot_be_read_is_unreadable_and_never_an_error_of_ours(body: bytes) -> None:
    assert set(faults_of(body).values()) == {ITKCode.UNREADABLE}
    assert itk3.header_of(body) == Header()


def test_nothing_is_expanded_and_depth_and_size_have_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    laughs = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(1, 9))
    bomb = f'<!DOCTYPE b [<!ENTITY l1 "ha">{laughs}]><Bundle xmlns="http://hl7.org/fhir"/>'
    assert set(faults_of(bomb.encode()).values()) == {ITKCode.UNREADABLE}

    deep = b"<Bundle xmlns='http://hl7.org/fhir'>" + b"<a>" * 5_000 + b"</a>" * 5_000 + b"</Bundle>"
    assert set(faults_of(deep).values()) == {ITKCode.TOO_LARGE}

    inside = b"<b>" * 5_000 + b"x" + b"</b>" * 5_000
    hidden = Summary().xml().replace(b"<p>Fell", inside + b"<p>Fell")
    assert set(faults_of(hidden).values()) == {ITKCode.TOO_LARGE}

    monkeypatch.setattr(tree, "MOST", 50)
    assert set(faults_of(Summary().xml()).values()) == {ITKCode.TOO_LARGE}


def test_a_header_is_read_whatever_is_wrong_with_the_rest() -> None:
    summary = Summary(status="done")

    header = itk3.header_of(summary.xml())

    assert header.id == summary.message_id
    assert header.handling.sender_reference == "ward-7/0042"


def test_a_flag_that_nobody_can_read_counts_as_asked_for() -> None:
    assert itk3.header_of(Summary(business="?").xml()).handling.business
    assert not itk3.header_of(Summary(business=None).xml()).handling.business


def answer(*faults: Fault) -> tree.Node:
    header = itk3.header_of(Summary(message_id="m-1").xml())
    return tree.read(
        itk3.written(
            Acknowledgement(
                ids=("b", "h", "o", "g"),
                header=header,
                faults=faults,
                at="2026-11-26T10:00:00Z",
                endpoint="X26ABC2",
                organisation='Rxs & "Partners" <Ltd>',
                ods_code="RXS",
            )
        )
    )


def test_an_answer_names_the_message_its_reference_and_every_fault() -> None:
    bundle = answer(
        Fault(ITKCode.PAYLOAD, "no & such <thing>", "Bundle.type"), Fault(ITKCode.HEADER, "second")
    )

    header = bundle.first("entry", "resource")
    assert header is not None
    assert header.type == "MessageHeader"
    assert header.text("event", "code") == "ITK008M"
    assert header.text("response", "identifier") == "m-1"
    assert header.text("response", "code") == "fatal-error"
    handling = header.first("extension")
    assert handling is not None
    assert [e.text("valueString") for e in handling.all("extension")][-1] == "ward-7/0042"
    outcome = list(bundle.all("entry", "resource"))[-1]
    assert outcome.type == "OperationOutcome"
    issues = list(outcome.all("issue"))
    assert [each.text("details", "coding", "code") for each in issues] == ["20009", "20006"]
    assert issues[0].text("diagnostics") == "no & such <thing>"
    assert issues[0].text("expression") == "Bundle.type"
    assert header.text("response", "details", "reference") == "urn:uuid:o"


def test_a_success_is_ok() -> None:
    header = answer(Fault(ITKCode.SUCCESS, "taken in")).first("entry", "resource")

    assert header is not None
    assert header.text("response", "code") == "ok"
