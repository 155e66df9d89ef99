"""Narratives from elsewhere: what a reader sees, and that nothing in it loads or runs."""

import pytest

from fhir import narrative
from fhir.narrative.readable import Readable, readable


def shown(inner: str) -> Readable:
    return readable(f'<div xmlns="http://www.w3.org/1999/xhtml">{inner}</div>')


def inside(found: Readable) -> str:
    return found.div.removeprefix('<div xmlns="http://www.w3.org/1999/xhtml">').removesuffix(
        "</div>"
    )


def test_text_structure_and_emphasis_stay_and_looks_go() -> None:
    found = shown('<h2 class="x">Plan</h2><ul style="color:red"><li><b>GP:</b> bloods</li></ul>')

    assert inside(found) == "<h2>Plan</h2><ul><li><b>GP:</b> bloods</li></ul>"
    assert found.text == "Plan\nGP: bloods"
    assert found.complete


def test_a_table_keeps_its_spans_and_reads_cell_by_cell() -> None:
    found = shown('<table><tr><td colspan="2">Drug</td><td colspan="x">Dose</td></tr></table>')

    assert '<td colspan="2">Drug</td><td>Dose</td>' in found.div
    assert found.text == "Drug\nDose"


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>steal()</script>",
        '<p onclick="steal()">Plan</p>',
        '<img src="https://elsewhere.example.org/x.png"/>',
        '<iframe src="https://elsewhere.example.org"/>',
        "<svg><script>steal()</script></svg>",
        "<style>p { background: url(//x) }</style>",
        '<form action="/worklist"><button>Complete</button></form>',
    ],
)
def test_what_would_load_or_run_is_left_out_and_said_to_be(hostile: str) -> None:
    found = shown(f"<p>Before</p>{hostile}<p>After</p>")

    assert not found.complete
    assert narrative.faults(found.div) == []
    for word in ("script", "steal", "onclick", "elsewhere", "url(", "<form", "<img", "<svg"):
        assert word not in found.div
    assert found.text.startswith("Before")
    assert found.text.endswith("After")


def test_a_link_is_its_words() -> None:
    found = shown('<p>See <a href="javascript:steal()">the leaflet</a></p>')

    assert inside(found) == "<p>See the leaflet</p>"


def test_characters_that_mean_something_stay_text() -> None:
    found = shown("<p>K&lt;3.5 &amp; rising, &quot;2&quot;</p>")

    assert inside(found) == '<p>K&lt;3.5 &amp; rising, "2"</p>'
    assert found.text == 'K<3.5 & rising, "2"'


def test_a_picture_is_named() -> None:
    found = shown('<p><img src="#scan" alt="ECG"/></p>')

    assert "[ECG: see the original]" in found.text


@pytest.mark.parametrize(
    "source",
    ["", "<p>no div</p>", "<div>no namespace</div>", "<div xmlns='http://www.w3.org/1999/xhtml'>",
     "<!DOCTYPE div [<!ENTITY a 'b'>]><div xmlns='http://www.w3.org/1999/xhtml'>&a;</div>"],
)  # fmt: skip
def test_what_is_no_narrative_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        readable(source)
