"""Narratives: what may stand in one, and what is refused."""

import pytest

from fhir.narrative import XHTML, faults


def div(inside: str) -> str:
    return f'<div xmlns="{XHTML}">{inside}</div>'


@pytest.mark.parametrize(
    "inside",
    [
        "<p>Plain <b>text</b></p>",
        '<table class="grid"><tr><td style="color: red" colspan="2">x</td></tr></table>',
        '<a href="https://example.org/leaflet">leaflet</a>',
        '<a href="Patient/1#name">him</a> <a name="top">x</a>',
        '<img src="#photo" alt="photo"/>',
        '<img src="data:image/png;base64,iVBORw0KGgo=" alt="x"/>',
        "<!-- a comment --><p>x</p>",
        "5 &lt; 6 &amp; 7 &#160; &#xe9; &quot;&apos;&gt;",
        '<p xml:lang="cy" lang="cy" dir="ltr" title="t">Bore da</p>',
        '<img src="a.png" usemap="#m" alt="a"/><map name="m"><area href="#x" coords="0,0"/></map>',
        '<a href="mailto:a@example.org">a</a><a href="tel:01632960123">b</a><a href="urn:x">c</a>',
        "<h1>a</h1><dl><dt>b</dt><dd>c</dd></dl><ins>d</ins><del>e</del><bdo dir='rtl'>f</bdo>",
        "<b>" * 500 + "deep" + "</b>" * 500,
    ],
)
def test_ordinary_xhtml_is_accepted(inside: str) -> None:
    assert faults(div(inside)) == []


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<p onclick='x()'>x</p>",
        "<p ONCLICK='x()'>x</p>",
        '<img src="http://example.org/pixel.png"/>',
        '<img src="//example.org/pixel.png"/>',
        '<img src="data:image/svg+xml;base64,PHN2Zz4="/>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href=" java&#10;script:alert(1)">x</a>',
        '<a href="data:text/html,x">x</a>',
        '<p style="background: url(http://example.org/x)">x</p>',
        '<p style="background: URL (x)">x</p>',
        r'<p style="background: \75rl(x)">x</p>',
        '<p style="width: expression(alert(1))">x</p>',
        "<iframe src='x'/>",
        "<form><input/></form>",
        "<object data='x'/>",
        "<style>p {color: red}</style>",
        "<link rel='stylesheet' href='x'/>",
        "<svg xmlns='http://www.w3.org/2000/svg'><a/></svg>",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<?php echo 1 ?><p>x</p>",
        "<!--> <img src='x' onerror='y()'> --><p>x</p>",
        "<p>unclosed",
        "<embed src='x'/>",
        "<applet code='x'/>",
        "<base href='http://example.org'/>",
        "<meta http-equiv='refresh' content='0'/>",
        "<video src='x'/>",
        "<p xml:base='javascript:'>x</p>",
        "<a xmlns:l='http://www.w3.org/1999/xlink' l:href='javascript:x'>x</a>",
        "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
        "<p xmlns=''>no namespace</p>",
        '<a href="vbscript:x">x</a>',
        '<a href="&#106;avascript:x">x</a>',
        '<img src="javascript:x"/>',
        '<img src="file:///etc/passwd"/>',
        '<img src="&#47;&#47;example.org/pixel.png"/>',
        "<p onfocus='x()' tabindex='1'>x</p>",
        "<p formaction='x'>x</p>",
        "&nbsp;",
        "&copy; 2026",
        "   ",
    ],
)
def test_what_could_run_or_load_is_refused(inside: str) -> None:
    assert faults(div(inside)) != []


@pytest.mark.parametrize(
    "whole",
    [
        "<div>no namespace</div>",
        f'<p xmlns="{XHTML}">not a div</p>',
        f'<!DOCTYPE div [<!ENTITY e "x">]><div xmlns="{XHTML}">&e;</div>',
        f'<?xml version="1.0"?><div xmlns="{XHTML}">x</div>',
        div("x") + div("y"),
        "text",
        "\ud800",
    ],
)
def test_a_narrative_is_one_div_and_nothing_around_it(whole: str) -> None:
    assert faults(whole) != []
