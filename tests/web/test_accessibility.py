"""Every page: axe-core finds nothing, the keyboard reaches it all, a phone shows it whole.

https://www.w3.org/TR/WCAG22/
"""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import AXE, RunningHub, Visitor
from tests.web.hub_world import System

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Come = Callable[..., Visitor]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def addresses(hub: RunningHub) -> dict[str, list[str]]:
    """Return every page's address, by the user who works with it."""
    system = System(hub)
    system.sends_the_example_referral(bundle_id=str(uuid.uuid4()), request_id=str(uuid.uuid4()))
    referral = system.finds("Task", code="triage", status="requested", _count="1")[0]
    door = "sam-spor" if referral["owner"]["reference"] == "CareTeam/spor" else "omar-nights"
    team = next(
        team
        for team in system.finds(
            "CareTeam", participant="Practitioner/jo-coordinator", _count="100"
        )
        if "subject" in team and "Practitioner/priya-gp" in str(team)
    )
    patient = team["subject"]["reference"].partition("/")[2]
    plan = system.finds("CarePlan", patient=f"Patient/{patient}", status="active")[0]["id"]
    task = system.finds("Task", owner="Practitioner/jo-coordinator", status="requested")[0]["id"]
    entered = system.finds("EpisodeOfCare", type="eol-register", status="active", _count="100")
    known = {
        team["subject"]["reference"]
        for team in system.finds("CareTeam", participant="Practitioner/priya-gp", _count="100")
        if "subject" in team
    }
    registered = next(
        each["patient"]["reference"].partition("/")[2]
        for each in entered
        if each["patient"]["reference"] in known
    )
    shift = system.finds("Slot", schedule="Schedule/jo-coordinator", _count="1")[0]["id"]
    return {
        door: [
            "/",
            "/spor",
            f"/spor/{referral['id']}",
            "/referrals/new",
            "/services?q=wounds&postcode=SS1",
            "/messages?status=processed",
            "/messages/outgoing",
            "/counts",
            "/second-triage",
            "/spor/plain",
            "/messages/mesh",
            "/agreement",
            "/refer-yourself",
            "/refer-yourself/falls",
            f"/messages/{system.sends_nonsense()}",
        ],
        "jo-coordinator": [
            "/",
            "/caseload",
            "/caseload?show=review",
            "/worklist",
            "/worklist?tab=waiting",
            "/worklist?tab=hold",
            "/worklist?tab=pool&sort=place",
            "/worklist?tab=done",
            "/worklist/offer",
            "/worklist/unreachable",
            f"/worklist/{task}",
            "/people",
            "/people?q=a",
            f"/people/{patient}",
            f"/people/{patient}/emergency",
            f"/people/{patient}/who-comes",
            f"/people/{patient}/transport",
            f"/people/{patient}/accountable/accountable-gp",
            f"/people/{patient}/accountable",
            "/transfers",
            "/transfers/new",
            f"/people/{patient}/plan",
            f"/referrals/new?person={patient}",
            f"/care-plans/{plan}",
            f"/care-plans/{plan}/sections/about-me",
            f"/care-plans/{plan}/sections/review-date",
            f"/care-plans/{plan}/history?from=1&to=1",
            "/vacancies",
            "/rota",
            "/rota/mine",
            "/rota/add?team=coordination",
            "/rota/absence",
            "/rota/import?team=coordination",
            f"/rota/shifts/{shift}",
            "/no-such-page",
        ],
        "priya-gp": [f"/register/{registered}", f"/register/{registered}/change"],
        "morgan-manager": [
            "/vacancies",
            f"/people/{patient}",
            "/leaving",
            "/leaving/asha-nurse",
            "/oversight",
            "/performance?days=84",
            "/rebalancing?team=CareTeam/district-nursing-west",
            "/findings",
            "/stuck",
            "/handover",
            "/alarms",
            "/escalation",
            "/cover?of=team/palliative",
            "/cover?of=team/rapid-response&skill=cannulation",
            "/cover/fairness",
        ],
    }


def _faults(page: Page) -> list[str]:
    page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS
    )
    return [
        f"{violation['id']}: {violation['help']}: {node['target']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def _everywhere(
    visitor: Come, addresses: dict[str, list[str]], **screen: int
) -> Iterator[tuple[str, Visitor]]:
    for username, pages in addresses.items():
        somebody = visitor(**screen).signs_in_as(username)
        for address in pages:
            somebody.opens(address)
            yield f"{username} {address}", somebody


def test_axe_finds_nothing_on_any_page(visitor: Come, addresses: dict[str, list[str]]) -> None:
    faults = {
        where: found
        for where, somebody in _everywhere(visitor, addresses)
        if (found := _faults(somebody.page))
    }

    assert faults == {}


def test_axe_finds_nothing_where_something_went_wrong(
    visitor: Come, addresses: dict[str, list[str]]
) -> None:
    stranger = visitor().opens("/sign-in")
    assert _faults(stranger.page) == []
    stranger.page.get_by_label("User name").fill("nobody")
    stranger.presses("Sign in")
    expect(stranger.page.get_by_role("alert")).to_contain_text("not right")
    assert _faults(stranger.page) == []

    door = next(name for name in addresses if name in {"sam-spor", "omar-nights"})
    sam = visitor().signs_in_as(door)
    sam.opens("/referrals/new")
    sam.presses("Send referral")
    expect(sam.page.get_by_role("alert")).to_contain_text("Write the family name")
    assert _faults(sam.page) == []
    sam.page.get_by_role("link", name="Write the family name").click()
    expect(sam.page.get_by_label("Family name")).to_be_focused()


def test_no_page_scrolls_sideways_on_a_phone(
    visitor: Come, addresses: dict[str, list[str]]
) -> None:
    wide = {
        where: width
        for where, somebody in _everywhere(visitor, addresses, width=360, height=740)
        if (width := int(somebody.page.evaluate("document.documentElement.scrollWidth"))) > 360
    }

    assert wide == {}


def test_every_page_has_one_main_heading_and_a_title_of_its_own(
    visitor: Come, addresses: dict[str, list[str]]
) -> None:
    for where, somebody in _everywhere(visitor, addresses):
        assert somebody.page.get_by_role("heading", level=1).count() == 1, where
        assert somebody.page.title().endswith(" - Carehub"), where
        assert len(somebody.page.title()) > len(" - Carehub"), where


def test_the_first_tab_leads_to_the_content(visitor: Come) -> None:
    jo = visitor().signs_in_as("jo-coordinator")
    jo.opens("/caseload")

    jo.page.keyboard.press("Tab")
    expect(jo.page.get_by_role("link", name="Skip to main content")).to_be_focused()
    jo.page.keyboard.press("Enter")
    expect(jo.page.locator("#maincontent")).to_be_focused()


def test_a_referral_is_taken_and_triaged_without_javascript(visitor: Come) -> None:
    need = f"Cannot get out of bed since Friday {uuid.uuid4().hex[:6]}"
    sam = visitor(javascript=False).signs_in_as("sam-spor")
    sam.opens("/referrals/new")
    page = sam.page
    page.get_by_label("Given names").fill("Elsie")
    page.get_by_label("Family name").fill("Marchmont")
    page.get_by_label("Date of birth").fill("1939-02-01")
    page.get_by_label("What does the person need, and why?").fill(need)
    page.get_by_label("Does the person agree?").select_option("given")
    page.get_by_label("Where does it come from?").select_option("gp")
    page.get_by_label("Name of the referrer").fill("Dr Shah")
    sam.presses("Send referral")

    expect(page.get_by_role("heading", level=1)).to_contain_text("Elsie Marchmont")
    page.get_by_label("Ask the referrer").check()
    page.get_by_label("Question for the referrer").fill("Has she fallen?")
    sam.presses("Save decision")

    expect(page.get_by_role("status")).to_contain_text("Your question is on its way")
    row = page.locator("li.ch-row", has_text=need)
    expect(row).to_contain_text("Waiting for the referrer's answer")
