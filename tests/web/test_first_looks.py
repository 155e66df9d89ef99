"""What somebody meets in the first minute: their own people, plain words, a way back in."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Come = Callable[..., Visitor]

CODE_ON_SCREEN = re.compile(r"\d{4}-\d{2}-\d{2}|\\n|(Practitioner|CareTeam|Patient)/")
"""A date, a line break or a reference as a system writes it."""


def test_the_facilitator_has_everybody_on_the_register_as_her_people(visitor: Come) -> None:
    eve = visitor().signs_in_as("eve-facilitator")
    eve.opens("/caseload?show=register")

    assert eve.page.locator("table tbody tr").count() > 0


def test_lists_and_pages_show_no_codes_and_no_dates_of_systems(visitor: Come) -> None:
    eve = visitor().signs_in_as("eve-facilitator")
    eve.opens("/caseload")
    shown = {"/caseload": eve.page.locator("main").inner_text()}
    person = eve.page.locator("table tbody th a").first.get_attribute("href") or ""
    for address in (person, f"{person}/emergency", person.replace("/people/", "/register/")):
        eve.opens(address)
        shown[address] = eve.page.locator("main").inner_text()

    found = {address: CODE_ON_SCREEN.findall(text) for address, text in shown.items()}
    assert not any(found.values()), found


def test_a_withdrawal_without_a_name_says_which_field_and_ends_nothing(visitor: Come) -> None:
    eve = visitor().signs_in_as("eve-facilitator")
    eve.opens("/caseload?show=register")
    person = eve.page.locator("table tbody th a").first.get_attribute("href") or ""
    eve.opens(person.replace("/people/", "/register/"))
    eve.page.get_by_text("The person withdraws their consent").click()
    eve.presses("End sharing")

    expect(eve.page.get_by_role("alert")).to_contain_text("Write who withdraws the consent")
    expect(eve.page.get_by_role("heading", name="Entry")).to_be_visible()


def test_a_form_sent_after_the_session_says_so_and_leads_back_to_its_page(visitor: Come) -> None:
    sam = visitor().signs_in_as("sam-spor")
    sam.opens("/referrals/new")
    sam.page.context.clear_cookies()
    sam.presses("Send referral")

    expect(sam.page.get_by_role("status")).to_contain_text("nothing was saved")
    assert "next=%2Freferrals%2Fnew" in sam.page.url


def test_a_number_that_is_none_is_refused_at_its_field(visitor: Come) -> None:
    sam = visitor().signs_in_as("sam-spor")
    sam.opens("/referrals/new")
    sam.page.get_by_label("NHS number (if known)").fill("999 000 0000")
    sam.page.get_by_label("Date of birth").fill("2190-01-01")
    sam.presses("Send referral")

    summary = sam.page.get_by_role("alert")
    expect(summary).to_contain_text("This is not a valid NHS number")
    expect(summary).to_contain_text("The date of birth cannot be in the future")
