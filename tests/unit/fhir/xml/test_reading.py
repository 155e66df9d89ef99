"""FHIR XML is read strictly: every fault has its line and place, nothing dangerous is expanded."""

import json
import tracemalloc

import pytest

from fhir.outcomes import BadRequestError, UnprocessableError
from fhir.xml import from_xml

NS = 'xmlns="http://hl7.org/fhir"'
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'


def patient(content: str, attributes: str = NS) -> bytes:
    return f"<Patient {attributes}>{content}</Patient>".encode()


def narrative(div: str, attributes: str = NS) -> str:
    text = from_xml(patient(f'<text><status value="generated"/>{div}</text>', attributes))
    found: str = json.loads(text)["text"]["div"]
    return found


def fault(raw: bytes) -> tuple[str, str | None]:
    """Return code and expression of the refusal."""
    with pytest.raises(BadRequestError) as refused:
        from_xml(raw)
    (issue,) = refused.value.issues
    assert "line" in issue.text, issue.text
    return issue.code, issue.expression


def test_a_resource_becomes_json_in_the_order_of_its_elements() -> None:
    text = from_xml(
        b"""<?xml version="1.0" encoding="UTF-8"?>
        <?xml-stylesheet href="fhir.xsl"?>
        <!-- sent by a surgery -->
        <Patient xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
            xsi:schemaLocation="http://hl7.org/fhir patient.xsd">
          <id value="p1"/>
          <active value="true"/>
          <name id="n"><!-- as she says --><family value="O&#8217;Hara"/><given value="Pat"/></name>
          <multipleBirthInteger value="2"/>
        </Patient>"""
    )

    assert text == (
        '{"resourceType":"Patient","id":"p1","active":true,'
        '"name":[{"id":"n","family":"O\u2019Hara","given":["Pat"]}],"multipleBirthInteger":2}'
    )


def test_an_id_is_an_element_of_a_resource_and_an_attribute_inside_it() -> None:
    assert fault(patient("", f'{NS} id="p1"')) == ("structure", "Patient")
    assert fault(patient('<name><id value="n"/></name>')) == ("structure", "Patient.name[0].id")


def test_ids_and_extensions_of_primitives_are_kept_beside_them() -> None:
    text = from_xml(
        patient(
            '<birthDate id="b" value="1950-02"><extension url="http://example.org/e">'
            '<valueBoolean value="false"/></extension></birthDate>'
        )
    )

    assert text == (
        '{"resourceType":"Patient","birthDate":"1950-02","_birthDate":{"id":"b",'
        '"extension":[{"url":"http://example.org/e","valueBoolean":false}]}}'
    )


def test_repeated_primitives_are_aligned_by_null() -> None:
    why = '<extension url="http://example.org/why"><valueCode value="unknown"/></extension>'
    text = from_xml(
        patient(
            f'<name><given value="A"/><given>{why}</given><given value="C" id="c"/></name>'
            f"<name><given>{why}</given></name>"
        )
    )

    extension = [{"url": "http://example.org/why", "valueCode": "unknown"}]
    assert json.loads(text)["name"] == [
        {"given": ["A", None, "C"], "_given": [None, {"extension": extension}, {"id": "c"}]},
        {"_given": [{"extension": extension}]},
    ]


@pytest.mark.parametrize(
    ("lexeme", "written"),
    [("1.50", "1.50"), ("1E-3", "1E-3"), ("-0.0", "-0.0"), ("0.10000000000000000001",) * 2],
)
def test_decimals_keep_their_digits(lexeme: str, written: str) -> None:
    quantity = f'<valueQuantity><value value="{lexeme}"/></valueQuantity>'

    text = from_xml(f"<Observation {NS}>{quantity}</Observation>".encode())

    assert f'"value":{written}}}' in text


def test_a_plus_before_a_whole_number_is_dropped_because_json_has_none() -> None:
    assert '"multipleBirthInteger":3}' in from_xml(patient('<multipleBirthInteger value="+3"/>'))


def test_contained_resources_and_entries_stand_in_an_element_of_their_own() -> None:
    text = from_xml(
        f'<Bundle {NS}><type value="collection"/><entry><resource><Patient><contained>'
        '<Organization><id value="o"/></Organization></contained></Patient></resource></entry>'
        "</Bundle>".encode()
    )

    assert json.loads(text)["entry"] == [
        {
            "resource": {
                "resourceType": "Patient",
                "contained": [{"resourceType": "Organization", "id": "o"}],
            }
        }
    ]


def test_prefixes_are_a_matter_of_taste() -> None:
    text = from_xml(
        b'<f:Patient xmlns:f="http://hl7.org/fhir"><f:active value="true"/></f:Patient>'
    )

    assert text == '{"resourceType":"Patient","active":true}'


def test_content_of_the_same_shape_is_found_where_r4_refers_to_it() -> None:
    item = '<item><linkId value="1"/><type value="group"/>%s</item>'
    text = from_xml(
        f'<Questionnaire {NS}><status value="draft"/>{item % (item % "")}</Questionnaire>'.encode()
    )

    assert json.loads(text)["item"][0]["item"] == [{"linkId": "1", "type": "group"}]


# The narrative. ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "div",
    [
        f"<div {XHTML}>a &amp; b&#160;c<br/>\n  <b title='x>y'>é</b></div>",
        f"<div {XHTML}><!-- kept --><p >x</p ></div >",
        f'<div {XHTML} xml:lang="cy">\r\n<p>helo</p></div>',
    ],
)
def test_a_narrative_is_its_own_source(div: str) -> None:
    assert narrative(div) == div


def test_a_narrative_that_leans_on_its_surroundings_is_written_anew() -> None:
    declared = f'{NS} xmlns:h="http://www.w3.org/1999/xhtml"'

    found = narrative(
        '<h:div><h:p h:title="x" />é &lt;&#13;</h:div>'.replace("h:title", "title"), declared
    )

    assert found == f'<div {XHTML}><p title="x"></p>é &lt;&#13;</div>'


def test_an_empty_narrative_ends_where_it_ends() -> None:
    assert narrative(f'<div {XHTML} title="a>b"/>') == f'<div {XHTML} title="a&gt;b"></div>'
    assert narrative(f"<div {XHTML}><br/></div>") == f"<div {XHTML}><br/></div>"


@pytest.mark.parametrize(
    "div",
    [
        "<div>of FHIR's namespace</div>",
        f'<div {XHTML}><svg xmlns="http://www.w3.org/2000/svg"/></div>',
        f'<div {XHTML} xmlns:x="http://example.org"><p x:y="z">a</p></div>',
    ],
)
def test_a_narrative_of_another_namespace_is_refused(div: str) -> None:
    raw = patient(f'<text><status value="generated"/>{div}</text>')

    assert fault(raw) == ("structure", "Patient.text.div")


# What is not FHIR XML. -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code", "expression"),
    [
        ('<nickname value="x"/>', "structure", "Patient.nickname"),
        ('<name><nick value="x"/></name>', "structure", "Patient.name[0].nick"),
        ('<active value="true"/><active value="true"/>', "structure", "Patient.active"),
        (
            '<deceasedBoolean value="true"/><deceasedDateTime value="2026"/>',
            "structure",
            "Patient.deceasedDateTime",
        ),
        ('<active value="true"/><id value="late"/>', "structure", "Patient.id"),
        ('<name/><active value="true"/><name/>', "structure", "Patient.name[0]"),
        ("<active/>", "structure", "Patient.active"),
        ('<active id="only"/>', "structure", "Patient.active"),
        ('<name id="only"/>', "structure", "Patient.name[0]"),
        ('<name><given value=""/></name>', "value", "Patient.name[0].given[0]"),
        ('<name><given value="  "/></name>', "value", "Patient.name[0].given[0]"),
        ('<active value="yes"/>', "value", "Patient.active"),
        ('<multipleBirthInteger value="1.5"/>', "value", "Patient.multipleBirthInteger"),
        ('<multipleBirthInteger value=" 1"/>', "value", "Patient.multipleBirthInteger"),
        ('<active value="true">yes</active>', "structure", "Patient.active"),
        ("Pat", "structure", "Patient"),
        ('<active value="true" unit="x"/>', "structure", "Patient.active"),
        ('<name url="x"><text value="x"/></name>', "structure", "Patient.name[0]"),
        ('<name xml:lang="en"><text value="x"/></name>', "structure", "Patient.name[0]"),
        ('<active xmlns="urn:x" value="true"/>', "structure", "Patient.active"),
        ("<contained/>", "structure", "Patient.contained[0]"),
        ('<contained><active value="true"/></contained>', "not-supported", "Patient.contained[0]"),
        (
            "<contained><Basic/><Basic/></contained>",
            "structure",
            "Patient.contained[0]",
        ),
        ('<contained><Basic id="b"/></contained>', "structure", "Patient.contained[0]"),
        (
            '<contained><Basic/></contained><contained><Basic><x value="1"/></Basic></contained>',
            "structure",
            "Patient.contained[1].x",
        ),
    ],
)
def test_what_is_not_fhir_is_refused_at_its_place(content: str, code: str, expression: str) -> None:
    assert fault(patient(content)) == (code, expression)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"<Patient",
        b"<Patient><name></Patient>",
        b'<Patient xmlns="http://hl7.org/fhir"/><Patient xmlns="http://hl7.org/fhir"/>',
        '<Patient xmlns="http://hl7.org/fhir"/>'.encode("utf-16"),
        b'<Patient xmlns="http://hl7.org/fhir"><id value="\xff"/></Patient>',
        b'<Patient xmlns="http://hl7.org/fhir"><id value="&#0;"/></Patient>',
        b'<Patient xmlns="http://hl7.org/fhir"><id value="&#xD800;"/></Patient>',
        b'<Patient xmlns="http://hl7.org/fhir"><id value="a" value="b"/></Patient>',
    ],
)
def test_what_is_not_well_formed_is_refused_with_its_line(raw: bytes) -> None:
    assert fault(raw) == ("structure", None)


def test_a_type_or_a_namespace_that_fhir_does_not_have_is_refused() -> None:
    assert fault(f"<Person_ {NS}/>".encode()) == ("not-supported", None)
    assert fault(b"<Patient/>") == ("structure", None)
    assert fault(b'<Patient xmlns="urn:hl7-org:v3"/>') == ("structure", None)


def test_an_encoding_other_than_utf_8_is_refused_where_it_is_declared() -> None:
    declared = b'<?xml version="1.0" encoding="%s"?><Basic xmlns="http://hl7.org/fhir"/>'
    assert from_xml(declared % b"utf-8") == '{"resourceType":"Basic"}'
    assert fault(declared % b"iso-8859-1") == ("structure", None)


def test_an_unknown_entity_is_refused_and_says_what_to_write() -> None:
    with pytest.raises(BadRequestError, match="&#160;"):
        from_xml(patient('<name><text value="a&nbsp;b"/></name>'))


# What is dangerous. --------------------------------------------------------------------------

LAUGHS = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))


@pytest.mark.parametrize(
    "doctype",
    [
        f'<!DOCTYPE Patient [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE Patient [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE Patient [<!ENTITY % x SYSTEM "http://example.org/x.dtd"> %x;]>',
        '<!DOCTYPE Patient SYSTEM "http://example.org/x.dtd">',
        "<!DOCTYPE Patient>",
    ],
)
def test_a_doctype_ends_the_reading_before_anything_is_expanded(doctype: str) -> None:
    raw = doctype.encode() + patient('<name><text value="&l9;"/></name>')

    with pytest.raises(BadRequestError, match="DOCTYPE"):
        from_xml(raw)


@pytest.mark.parametrize(
    ("opened", "start"),
    [
        ('<extension url="e">', ""),
        ("<div>", f'<text><status value="generated"/><div {XHTML}>'),
        ('<contained><Patient xmlns="http://hl7.org/fhir">', ""),
    ],
)
def test_endless_nesting_is_refused_as_too_costly(opened: str, start: str) -> None:
    raw = f"<Patient {NS}>{start}{opened * 1_000_000}".encode()

    with pytest.raises(UnprocessableError) as refused:
        from_xml(raw)
    assert refused.value.issues[0].code == "too-costly"


def test_memory_stays_within_a_few_times_the_body() -> None:
    raw = patient('<name><given value="a"/></name>' * 20_000)
    tracemalloc.start()
    text = from_xml(raw)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(json.loads(text)["name"]) == 20_000
    assert peak < 12 * len(raw)
