"""A plain referral is decided from the keyboard alone, in so many strokes from the open page."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.web.conftest import RunningHub, Visitor
from tests.web.hub_world import System

pytestmark = [pytest.mark.browser, pytest.mark.slow]

KEYS = 14
"""From the page to the answer: the skip link and the way through the page to the button. At 0.28 s
a stroke (Card, Moran and Newell, 1980) four seconds of the thirty; the rest is for reading."""


def test_the_suggested_service_is_accepted_in_few_strokes(
    visitor: Callable[..., Visitor], hub: RunningHub
) -> None:
    person = next(
        each
        for each in System(hub).finds("Patient", _count="50")
        if each.get("identifier") and each.get("active", True)
    )
    number = next(i["value"] for i in person["identifier"] if "nhs-number" in i["system"])
    sam: Visitor = visitor().signs_in_as("sam-spor")
    sam.opens(f"/referrals/new?person={person['id']}&nhs_number={number}")
    sam.page.get_by_label("What does the person need, and why?").fill("Dressing of a leg wound")
    sam.page.get_by_label("Service asked for (optional)").select_option("district-nursing")
    sam.page.get_by_label("Does the person agree?").select_option("given")
    sam.page.get_by_label("Where does it come from?").select_option("gp")
    sam.page.get_by_label("Name of the referrer").fill("Dr Rae Referrer")
    sam.page.keyboard.press("Enter")
    expect(sam.page.get_by_role("heading", name="What happens now")).to_be_visible()
    sam.page.reload()

    pressed, save = 0, sam.page.get_by_role("button", name="Save decision")

    def press(key: str) -> None:
        nonlocal pressed
        sam.page.keyboard.press(key)
        pressed += 1

    press("Tab")
    press("Enter")
    while not save.evaluate("button => button === document.activeElement"):
        press("Tab")
        assert pressed < 60, "the button is not reached"
    press("Enter")

    expect(sam.page.get_by_role("status")).to_contain_text("The referral is accepted")
    assert pressed <= KEYS
