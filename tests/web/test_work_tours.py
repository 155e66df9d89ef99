"""A shift's end in real browsers: offered and accepted, delegated and got back, by keyboard."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Come = Callable[..., Visitor]


def _press(page: Page, name: str) -> None:
    """Reach a control by Tab alone and press it."""
    for _ in range(120):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement && document.activeElement.innerText") or ""
        if re.fullmatch(name, focused.strip().split("\n")[0]):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"no Tab leads to {name}")


def test_the_lists_are_walked_and_work_is_accepted_by_keyboard_alone(visitor: Come) -> None:
    jo = visitor(width=360, height=740).signs_in_as("jo-coordinator")
    jo.opens("/worklist?sort=person")
    _press(jo.page, r"On hold \d+")
    jo.page.wait_for_url(re.compile("tab=hold.*sort=person"))
    _press(jo.page, r"To do \d+")
    jo.page.wait_for_url(re.compile("tab=todo.*sort=person"))

    _press(jo.page, "Accept.*")

    expect(jo.page.get_by_role("status")).to_contain_text("You have accepted this")
    assert "sort=person" in jo.page.url
    assert jo.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_work_is_offered_at_the_end_of_a_shift_and_a_part_comes_back_without_javascript(
    visitor: Come,
) -> None:
    jo = visitor(javascript=False).signs_in_as("jo-coordinator")
    vikram = visitor(javascript=False).signs_in_as("vikram-shah")
    jo.opens("/worklist/offer")
    box = jo.page.locator(".nhsuk-checkboxes__item").last
    title = box.locator("label").inner_text().split(",")[0]
    box.get_by_role("checkbox").check()
    jo.page.get_by_label("Who is asked").select_option("Practitioner/vikram-shah")
    jo.presses("Offer them")
    expect(jo.page.get_by_role("status")).to_contain_text("1 task offered to Vikram Shah")

    vikram.opens("/worklist")
    offered = vikram.page.locator("li.ch-row", has_text="Jo Ellison asks you").filter(
        has_text=title
    )
    offered.last.get_by_role("button", name=re.compile("^Accept")).click()
    expect(vikram.page.get_by_role("status")).to_contain_text("You have taken this over")

    vikram.page.locator("li.ch-row", has_text=title).get_by_role("heading").get_by_role(
        "link"
    ).last.click()
    page = vikram.page
    page.get_by_text("Let somebody do a part of it").click()
    page.get_by_label("Who does it").first.select_option("Practitioner/jo-coordinator")
    page.get_by_label("What the part is").fill("Ring the daughter")
    page.get_by_label("Minutes of it").fill("5")
    vikram.presses("Delegate")
    expect(page.get_by_role("region", name="Parts")).to_contain_text("Jo Ellison is asked")
    whole = page.url.partition("?")[0]

    jo.opens("/worklist")
    row = jo.page.locator("li.ch-row", has_text="Ring the daughter").last
    row.get_by_role("link", name=re.compile("^Refuse")).click()
    jo.page.get_by_label("Or say why you cannot take it").select_option("no-capacity")
    jo.presses("Refuse")
    expect(jo.page.get_by_role("status")).to_contain_text("It stays with who asked you")

    # The whole follows its part by an event after the commit; without JavaScript one looks again.
    parts = page.get_by_role("region", name="Parts")
    for _ in range(50):
        page.goto(whole)
        if "came back" in parts.inner_text():
            break
        page.wait_for_timeout(200)
    expect(parts).to_contain_text("Vikram Shah · came back")


def test_a_completion_is_taken_back_from_the_message_that_says_it(visitor: Come) -> None:
    jo = visitor().signs_in_as("jo-coordinator")
    jo.opens("/worklist")
    mine = jo.page.locator("li.ch-row", has=jo.page.get_by_role("button", name="Accept")).last
    address = mine.get_by_role("heading").get_by_role("link").get_attribute("href")
    jo.opens(str(address))
    jo.presses("Accept")
    jo.page.get_by_label("How it ended").select_option("done")
    jo.presses("Complete")

    jo.presses("Take it back")

    expect(jo.page.get_by_role("status")).to_contain_text("The task is with you again")
    expect(jo.page.get_by_text("Started").first).to_be_visible()
