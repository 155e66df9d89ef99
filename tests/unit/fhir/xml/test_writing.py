"""JSON becomes FHIR XML in R4's order, or is refused: never XML that says something else."""

import json
from typing import Any

import pytest

from fhir.xml import NotExpressibleError, from_xml, to_xml

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'


def written(resource: dict[str, Any] | str) -> str:
    text = resource if isinstance(resource, str) else json.dumps(resource)
    return to_xml(text).decode().removeprefix(HEAD)


def test_elements_stand_in_the_order_of_r4_whatever_the_order_of_members() -> None:
    assert written(
        {
            "birthDate": "1950",
            "name": [{"given": ["Pat"], "family": "Example", "id": "n"}],
            "active": False,
            "id": "p",
            "resourceType": "Patient",
        }
    ) == (
        '<Patient xmlns="http://hl7.org/fhir"><id value="p"/><active value="false"/>'
        '<name id="n"><family value="Example"/><given value="Pat"/></name>'
        '<birthDate value="1950"/></Patient>'
    )


def test_numbers_are_written_as_they_stand() -> None:
    text = '{"resourceType":"Observation","valueQuantity":{"value":%s}}'
    for lexeme in ("1.50", "1E-3", "1e+05", "-0.0", "0.10000000000000000001", "7"):
        assert f'<value value="{lexeme}"/>' in written(text % lexeme)


def test_characters_that_attributes_would_lose_are_escaped() -> None:
    name = "<\"a\"&'b'>\t\n\r \u00a0\U0001f600"
    assert (
        "<name value=\"&lt;&quot;a&quot;&amp;'b'&gt;&#9;&#10;&#13; \u00a0\U0001f600\"/>"
    ) in written({"resourceType": "Organization", "name": name})


@pytest.mark.parametrize("character", ["\t", "\n", "\r", "<", ">", "&", '"'])
def test_each_of_them_is_escaped_where_it_is_the_only_one(character: str) -> None:
    resource = {"resourceType": "Organization", "name": f"a{character}b"}
    assert f"a{character}b" not in written(resource)
    assert json.loads(from_xml(to_xml(json.dumps(resource)))) == resource


def test_extensions_of_primitives_stand_inside_them() -> None:
    extension = {"url": "http://example.org/e", "valueCode": "x"}
    assert written(
        {
            "resourceType": "Patient",
            "name": [
                {"given": ["A", None], "_given": [None, {"id": "i", "extension": [extension]}]}
            ],
        }
    ) == (
        '<Patient xmlns="http://hl7.org/fhir"><name><given value="A"/><given id="i">'
        '<extension url="http://example.org/e"><valueCode value="x"/></extension></given></name>'
        "</Patient>"
    )


def test_resources_inside_resources_declare_no_namespace_again() -> None:
    inner = {"resourceType": "Organization", "name": "x"}
    assert written({"resourceType": "Bundle", "type": "batch", "entry": [{"resource": inner}]}) == (
        '<Bundle xmlns="http://hl7.org/fhir"><type value="batch"/><entry><resource>'
        '<Organization><name value="x"/></Organization></resource></entry></Bundle>'
    )


def test_a_narrative_is_put_in_as_it_is() -> None:
    div = f"<div {XHTML}>a&#160;b &lt; c<br/></div>"
    found = written({"resourceType": "Basic", "text": {"status": "empty", "div": f"\n{div} "}})
    assert f'<status value="empty"/>{div}</text>' in found


def test_pretty_changes_no_value() -> None:
    div = f"<div {XHTML}><pre>\n  x\n</pre></div>"
    resource = {
        "resourceType": "Patient",
        "text": {"status": "generated", "div": div},
        "contained": [{"resourceType": "Basic", "id": "b"}],
        "name": [{"given": ["A"], "_given": [{"extension": [{"url": "u", "valueCode": "c"}]}]}],
    }
    assert to_xml(json.dumps(resource), pretty=True).decode() == (
        f"{HEAD}\n"
        '<Patient xmlns="http://hl7.org/fhir">\n'
        "  <text>\n"
        '    <status value="generated"/>\n'
        f"    {div}\n"
        "  </text>\n"
        "  <contained>\n"
        "    <Basic>\n"
        '      <id value="b"/>\n'
        "    </Basic>\n"
        "  </contained>\n"
        "  <name>\n"
        '    <given value="A">\n'
        '      <extension url="u">\n'
        '        <valueCode value="c"/>\n'
        "      </extension>\n"
        "    </given>\n"
        "  </name>\n"
        "</Patient>"
    )


@pytest.mark.parametrize(
    "member",
    [
        '"nickname":"x"',
        '"_name":[{"id":"x"}]',
        '"active":"true"',
        '"active":null',
        '"birthDate":[]',
        '"birthDate":1950',
        '"multipleBirthInteger":"2"',
        '"name":{"text":"not in an array"}',
        '"name":["not an object"]',
        '"name":[{"given":["a",null]}]',
        '"name":[{"given":"a"}]',
        '"name":[{"id":7,"text":"x"}]',
        '"name":[{"text":"\\u0001"}]',
        '"name":[{"text":"\\uffff"}]',
        '"name":[{"text":"\\ud800"}]',
        '"contained":[{"resourceType":"Nothing"}]',
        '"contained":["x"]',
    ],
)
def test_what_xml_cannot_carry_is_refused_not_changed(member: str) -> None:
    with pytest.raises(NotExpressibleError):
        written(f'{{"resourceType":"Patient",{member}}}')


@pytest.mark.parametrize(
    "div",
    [
        7,
        "",
        "text",
        "<p>no div</p>",
        "<div>of no namespace</div>",
        f"<div {XHTML}>open",
        f"<div {XHTML}/></text><active value='true'/><text>",
        f"<div {XHTML}/><div {XHTML}/>",
        f"<!DOCTYPE div><div {XHTML}/>",
        f'<?xml version="1.0"?><div {XHTML}/>',
        f"<div {XHTML}>\ud800</div>",
    ],
)
def test_a_narrative_that_is_not_one_div_never_gets_into_the_xml(div: object) -> None:
    with pytest.raises(NotExpressibleError):
        written({"resourceType": "Basic", "text": {"status": "generated", "div": div}})


def test_only_resources_are_written() -> None:
    for text in ("[]", "{}", '{"resourceType":"Nothing"}', '{"resourceType":[]}'):
        with pytest.raises(NotExpressibleError):
            written(text)
