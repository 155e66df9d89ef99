"""The cover on the screen: found, asked about and answered with the keyboard alone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import AXE, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Come = Callable[..., Visitor]


def tab_to(page: Page, wanted: Locator, most: int = 400) -> None:
    """Press Tab until ``wanted`` has the focus: the keyboard reaches it."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if wanted.evaluate("node => node === document.activeElement"):
            return
    raise AssertionError("the keyboard does not come there")


class TestHole:
    """A manager looks for a hole, asks people, one of them says yes."""

    def test_a_hole_is_found_asked_about_and_answered_with_the_keyboard(
        self, visitor: Come
    ) -> None:
        morgan = self.when_a_manager_opens_the_hole_from_the_grid(visitor)
        name = self.when_they_ask_whoever_could(morgan)
        self.then_that_person_is_asked_and_says_yes(visitor, name)
        self.then_the_lead_and_the_manager_see_the_answer(visitor, morgan, name)
        self.when_they_acknowledge_it(morgan)

    def when_a_manager_opens_the_hole_from_the_grid(self, visitor: Come) -> Visitor:
        morgan: Visitor = visitor().signs_in_as("morgan-manager")
        page = morgan.page
        tab_to(page, page.get_by_role("link", name="Cover", exact=True).first)
        page.keyboard.press("Enter")
        team = page.get_by_label("Team or service")
        tab_to(page, team)
        team.select_option(label="Palliative care")
        page.keyboard.press("Tab")
        expect(page.get_by_label("Skill")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("of=team"))
        expect(page.get_by_role("heading", level=1)).to_have_text("Cover: Palliative care")

        region = page.get_by_role("region", name="Palliative nurse, hour by hour")
        tab_to(page, region)
        hole = region.get_by_role("link").first
        # Said, not only coloured: what the cell shows and what is read aloud.
        expect(hole).to_have_text(re.compile(r"^0/1\*? \w"))
        expect(hole).to_have_accessible_name(re.compile("Palliative nurse: nobody"))
        tab_to(page, hole)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Palliative nurse: nobody")
        return morgan

    def when_they_ask_whoever_could(self, morgan: Visitor) -> str:
        page = morgan.page
        first = page.get_by_role("checkbox").first
        name = page.locator(".ch-choose b").first.inner_text()
        tab_to(page, first)
        page.keyboard.press("Space")
        tab_to(page, page.get_by_role("button", name="Ask them"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("They have been asked")
        expect(page.locator(".ch-choose li").first).to_contain_text("asked")
        return name

    def then_that_person_is_asked_and_says_yes(self, visitor: Come, name: str) -> None:
        username = {
            "Petra Holm": "petra-palliative",
            "Michael Adu": "michael-adu",
            "Shabnam Ali": "shabnam-ali",
        }[name]
        asked = visitor(width=360, height=740).signs_in_as(username)
        asked.page.get_by_role("link", name=re.compile("can you work")).click()
        expect(asked.page.get_by_text("Who could take it")).to_have_count(
            1 if username == "petra-palliative" else 0
        )
        asked.presses("I can")
        expect(asked.page.get_by_role("status")).to_contain_text("has been told")

    def then_the_lead_and_the_manager_see_the_answer(
        self, visitor: Come, morgan: Visitor, name: str
    ) -> None:
        petra = visitor().signs_in_as("petra-palliative")
        expect(petra.page.get_by_role("link", name=re.compile(f"{name} can work"))).to_be_visible()
        morgan.page.reload()
        expect(morgan.page.get_by_text(f"{name} can work")).to_be_visible()

    def when_they_acknowledge_it(self, morgan: Visitor) -> None:
        page = morgan.page
        note = page.get_by_label("What are you doing about it? (optional)")
        tab_to(page, note)
        page.keyboard.type("Shift is being written")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("You have taken this on")
        expect(page.get_by_text("Morgan Pryce acknowledged it: Shift is being")).to_be_visible()
        page.evaluate(AXE.read_text("utf-8"))
        assert page.evaluate("axe.run().then(found => found.violations.map(one => one.id))") == []


def test_nobody_chosen_is_told_at_the_list(visitor: Come) -> None:
    dana = visitor(javascript=False).signs_in_as("dana-duty")
    dana.opens("/cover?of=team/pharmacy")
    dana.page.locator(".ch-row__who a").first.click()
    if dana.page.get_by_role("button", name="Ask them").count():
        dana.presses("Ask them")
        expect(dana.page.get_by_role("alert")).to_contain_text("choose whom to ask")
    else:
        expect(dana.page.get_by_text("Nobody of the team or its neighbours could")).to_be_visible()


def test_fairness_compares_people_of_one_team_and_role(visitor: Come) -> None:
    ruth = visitor().signs_in_as("ruth-rapid")
    ruth.opens("/cover")
    # A lead comes to their own team.
    expect(ruth.page.get_by_role("heading", level=1)).to_have_text("Cover: Rapid response")
    ruth.follows("Fairness")
    ruth.page.get_by_label("Team").select_option("rapid-response")
    ruth.page.get_by_label("Period").select_option("ahead")
    ruth.presses("Show")

    table = ruth.page.get_by_role("table", name="Rapid response: Rapid response nurse")
    expect(table.get_by_role("row")).to_have_count(6)
    expect(table).to_contain_text("Marek Nowak")
    expect(table).to_contain_text("Spread")
    expect(ruth.page.get_by_text("Evenly shared").first).to_be_visible()


def test_the_cover_is_not_for_those_who_neither_lead_nor_manage(visitor: Come) -> None:
    gareth = visitor().signs_in_as("gareth-price")
    expect(gareth.page.get_by_role("link", name="Cover", exact=True)).to_have_count(0)
    for address in ("/cover", "/cover/fairness"):
        answer = gareth.page.goto(f"{gareth.hub.url}{address}")
        assert answer is not None
        assert answer.status == 403
    expect(gareth.page.get_by_text("team leads and managers")).to_be_visible()
