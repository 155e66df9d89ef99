"""The four users' tours in a real browser, on a sample hub with all its parts running."""

import re
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import RunningHub, Visitor
from tests.web.hub_world import System, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Come = Callable[..., Visitor]
ROUTED_WITHIN = 5.0
"""Seconds from accepting to a named person: two on a quiet machine, with room for a busy one."""


@pytest.fixture(scope="session")
def system(hub: RunningHub) -> System:
    return System(hub)


def _rows(page: Page) -> list[tuple[str, str]]:
    """Return (name, address) of the people of the caseload."""
    links = page.locator("table tbody th a").all()
    return [(link.inner_text(), link.get_attribute("href") or "") for link in links]


def _person_of(jo: Visitor, show: str = "", *, place: int = 0, gp: str = "") -> tuple[str, str]:
    jo.opens("/caseload" + (f"?show={show}" if show else ""))
    if not gp:
        return _rows(jo.page)[place]
    rows = jo.page.locator("table tbody tr", has_text=gp).all()
    link = rows[place].locator("th a")
    return link.inner_text(), link.get_attribute("href") or ""


class TestReferralFromDoorToDone:
    """SPOR staff and a clinician: refer, triage, route, accept, complete."""

    def test_a_referral_reaches_a_named_person_who_does_it(
        self, visitor: Come, hub: RunningHub, system: System
    ) -> None:
        jo = self.given_a_coordinator_who_refers_one_of_her_people(visitor)
        sam = self.when_the_referral_is_triaged_with_the_keyboard_alone(visitor)
        owner = self.then_a_named_person_has_it_within_seconds(system)
        nurse = self.and_it_is_on_that_persons_list_with_the_reason_why(visitor, owner)
        self.when_they_accept_start_and_complete_it(nurse)
        self.then_the_coordinator_sees_that_it_is_done(jo)
        assert sam.page.get_by_text("No referral is waiting").count() <= 1

    def given_a_coordinator_who_refers_one_of_her_people(self, visitor: Come) -> Visitor:
        jo: Visitor = visitor().signs_in_as("jo-coordinator")
        self.name, self.address = _person_of(jo, place=20)
        self.need = f"Leg wound needs dressing, asked {uuid.uuid4().hex[:6]}"
        jo.opens(self.address)
        jo.follows("Refer to the hub")
        jo.page.get_by_label("What does the person need, and why?").fill(self.need)
        jo.page.get_by_label("Service asked for (optional)").select_option("district-nursing")
        jo.page.get_by_label("Does the person agree?").select_option("given")
        jo.page.get_by_label("Where does it come from?").select_option("professional")
        jo.presses("Send referral")
        expect(jo.page.get_by_role("heading", name="The referral is with the hub")).to_be_visible()
        return jo

    def when_the_referral_is_triaged_with_the_keyboard_alone(self, visitor: Come) -> Visitor:
        sam: Visitor = visitor().signs_in_as("sam-spor")
        sam.opens("/spor")
        row = sam.page.locator("li.ch-row", has_text=self.need)
        expect(row).to_be_visible()
        row.get_by_role("link", name=re.compile("^Triage")).focus()
        sam.page.keyboard.press("Enter")
        expect(sam.page.get_by_role("heading", name="What happens now")).to_be_visible()
        sam.page.get_by_label("Accept for a service").focus()
        sam.page.keyboard.press("Tab")
        expect(sam.page.get_by_label("Service", exact=True)).to_be_focused()
        sam.page.get_by_label("Service", exact=True).select_option("district-nursing")
        sam.page.keyboard.press("Tab")
        sam.page.keyboard.type("Key safe by the door")
        sam.page.keyboard.press("Tab")
        sam.page.keyboard.press("Enter")
        expect(sam.page.get_by_role("status")).to_contain_text("The referral is accepted")
        expect(sam.page.get_by_role("status")).to_contain_text("has it", timeout=20_000)
        expect(sam.page.locator("li.ch-row", has_text=self.need)).to_have_count(0)
        return sam

    def then_a_named_person_has_it_within_seconds(self, system: System) -> str:
        patient = self.address.replace("/people/", "Patient/")

        def owned() -> str | None:
            for task in system.finds(
                "Task", patient=patient, status="requested", code="intervention"
            ):
                owner = str(task["owner"]["reference"])
                if self.need in task["description"] and owner.startswith("Practitioner/"):
                    return owner
            return None

        return until(owned, within=ROUTED_WITHIN)

    def and_it_is_on_that_persons_list_with_the_reason_why(
        self, visitor: Come, owner: str
    ) -> Visitor:
        nurse: Visitor = visitor(width=390, height=844).signs_in_as(owner.partition("/")[2])
        nurse.opens("/worklist")
        row = nurse.page.locator("li.ch-row", has_text=self.need)
        expect(row).to_contain_text("because")
        expect(row).to_contain_text(self.name)
        return nurse

    def when_they_accept_start_and_complete_it(self, nurse: Visitor) -> None:
        row = nurse.page.locator("li.ch-row", has_text=self.need)
        row.get_by_role("button", name=re.compile("^Accept")).click()
        expect(nurse.page.get_by_role("status")).to_contain_text("You have accepted this")
        nurse.page.locator("li.ch-row", has_text=self.need).get_by_role("heading").get_by_role(
            "link"
        ).click()
        nurse.page.get_by_text("Key safe by the door").wait_for()
        nurse.presses("Start")
        nurse.presses("Complete")
        expect(nurse.page.get_by_role("alert")).to_contain_text("Choose how it ended")
        nurse.page.get_by_label("How it ended").select_option("done")
        nurse.presses("Complete")
        expect(nurse.page.get_by_role("status")).to_contain_text("Completed")
        expect(nurse.page.locator("li.ch-row", has_text=self.need)).to_have_count(0)

    def then_the_coordinator_sees_that_it_is_done(self, jo: Visitor) -> None:
        jo.opens(self.address)
        done = jo.page.get_by_role("region", name="Done lately")
        expect(done).to_contain_text(self.need)
        expect(done).to_contain_text("Done as asked")


class TestCoordinatorsDay:
    """A care coordinator: the caseload, who is overdue, handing work on."""

    def test_what_is_handed_over_appears_by_itself_on_the_others_list(
        self, visitor: Come, hub: RunningHub
    ) -> None:
        jo = visitor().signs_in_as("jo-coordinator")
        vikram = visitor().signs_in_as("vikram-shah")
        vikram.opens("/worklist")
        jo.opens("/caseload?show=review")
        assert len(_rows(jo.page)) > 0

        jo.opens("/worklist")
        title = jo.page.locator("li.ch-row h3 a").first.inner_text()
        jo.page.locator("li.ch-row h3 a").first.click()
        jo.page.get_by_text("Hand it over to somebody by name").click()
        jo.page.get_by_label("To", exact=True).select_option("Practitioner/vikram-shah")
        jo.page.get_by_label("What they need to know (optional)").fill("Their daughter has rung")
        jo.presses("Hand over")

        expect(jo.page.get_by_role("status")).to_contain_text("It stays with you until they accept")
        # No reload: the list refreshes itself.
        row = vikram.page.locator("li.ch-row", has_text=title).filter(has_text="asks you")
        expect(row).to_be_visible(timeout=8_000)
        row.get_by_role("button", name=re.compile("^Accept")).click()
        expect(vikram.page.get_by_role("status")).to_contain_text("You have taken this over")
        jo.opens("/worklist")
        expect(jo.page.locator(".ch-past")).to_contain_text("Vikram Shah has accepted the task")

    def test_the_counts_of_the_caseload_open_the_people_behind_them(self, visitor: Come) -> None:
        jo = visitor().signs_in_as("jo-coordinator")
        jo.opens("/caseload")
        everybody = len(_rows(jo.page))
        count = jo.page.locator(".ch-count", has_text="whose plan is due for review")
        said = int(count.locator("b").inner_text())

        count.get_by_role("link").click()

        assert len(_rows(jo.page)) == said < everybody
        assert "show=review" in jo.page.url

    def test_somebody_is_named_and_the_one_before_is_kept(
        self, visitor: Come, system: System
    ) -> None:
        jo = visitor().signs_in_as("jo-coordinator")
        name, address = _person_of(jo, place=30)
        jo.opens(f"{address}/accountable/accountable-gp")
        before = jo.page.locator("form p").inner_text()
        wanted = "andrew-hale" if "Andrew Hale" not in before else "chidi-eze"

        jo.page.get_by_label("Who is it from now on?").select_option(f"Practitioner/{wanted}")
        jo.presses("Name")

        panel = jo.page.get_by_role("region", name="Who answers for their care")
        expect(panel).to_contain_text("Andrew Hale" if wanted == "andrew-hale" else "Chidi Eze")
        patient = address.replace("/people/", "Patient/")
        teams = system.finds("CareTeam", patient=patient)
        ended = [
            each
            for team in teams
            for each in team.get("participant", [])
            if "end" in each.get("period", {})
        ]
        assert name
        assert len(ended) == 1


class TestTwoPeopleOnePlan:
    """A coordinator and a GP write the shared plan at the same time."""

    def test_different_parts_both_succeed_and_each_sees_the_others(self, visitor: Come) -> None:
        jo, priya, plan = self.given_two_people_with_one_plan(visitor, place=1)
        jo.opens(f"{plan}/sections/equipment")
        priya.opens(f"{plan}/sections/medicines")

        self.when_they_write(jo, "A commode and a bed rail")
        self.when_they_write(priya, "Furosemide 40 mg in the morning")

        for reader in (jo, priya):
            reader.opens(plan)
            expect(reader.page.locator("main")).to_contain_text("A commode and a bed rail")
            expect(reader.page.locator("main")).to_contain_text("Furosemide 40 mg in the morning")

    def test_the_same_part_shows_both_texts_and_keeps_the_draft(self, visitor: Come) -> None:
        jo, priya, plan = self.given_two_people_with_one_plan(visitor, place=2)
        jo.opens(f"{plan}/sections/contingency")
        priya.opens(f"{plan}/sections/contingency")

        theirs = f"If Anne is ill ring her brother {uuid.uuid4().hex[:6]}"
        ours = f"If the heating fails ring the council {uuid.uuid4().hex[:6]}"
        self.when_they_write(jo, theirs)
        with priya.page.expect_response(re.compile(r"/sections/contingency$")) as answer:
            self.when_they_write(priya, ours)

        assert answer.value.status == 409
        main = priya.page.locator("main")
        expect(main).to_contain_text("Saved by Jo Ellison")
        expect(main).to_contain_text(theirs)
        draft = priya.page.get_by_label("The text that should stand")
        expect(draft).to_have_value(ours)

        priya.presses("Save both, one after the other")

        expect(priya.page.get_by_role("status")).to_contain_text("Your change is saved")
        expect(priya.page.locator("main")).to_contain_text(theirs)
        expect(priya.page.locator("main")).to_contain_text(ours)
        self.then_the_history_names_both(priya)

    def then_the_history_names_both(self, reader: Visitor) -> None:
        reader.follows("History of the plan")
        table = reader.page.get_by_role("table")
        expect(table).to_contain_text("Jo Ellison")
        expect(table).to_contain_text("Priya Sharma")
        reader.presses("Compare")
        expect(reader.page.get_by_role("region", name=re.compile("From version"))).to_be_visible()

    def given_two_people_with_one_plan(
        self, visitor: Come, *, place: int
    ) -> tuple[Visitor, Visitor, str]:
        jo: Visitor = visitor().signs_in_as("jo-coordinator")
        _, address = _person_of(jo, place=place, gp="Priya Sharma")
        jo.opens(address)
        link = jo.page.get_by_role("region", name="Shared plan").get_by_role("link").first
        plan = link.get_attribute("href") or ""
        priya: Visitor = visitor().signs_in_as("priya-gp")
        return jo, priya, plan

    def when_they_write(self, writer: Visitor, text: str) -> None:
        writer.page.locator("#text").fill(text)
        writer.presses("Save")

    def test_a_new_plan_says_what_is_missing_and_is_used_only_then(self, visitor: Come) -> None:
        jo = visitor().signs_in_as("jo-coordinator")
        _, address = _person_of(jo, place=5)
        jo.opens(f"{address}/plan")
        jo.presses("Start")
        plan = jo.page.url.partition("?")[0].replace(jo.hub.url, "")
        jo.presses("Put it in use")
        expect(jo.page.get_by_role("alert")).to_contain_text("cannot become active")

        jo.opens(f"{plan}/sections/escalation-triggers")
        self.when_they_write(jo, "Breathless at rest: ring rapid response, 01632 960114")
        jo.opens(f"{plan}/sections/about-me")
        self.when_they_write(jo, "I want to stay by the sea")
        jo.opens(f"{plan}/sections/review-date")
        jo.page.locator("#text").fill("2099-01-31")
        jo.presses("Save")
        jo.opens(plan)
        jo.presses("Put it in use")

        expect(jo.page.get_by_role("status")).to_contain_text("The plan is in use")


class TestRegisterAtNight:
    """An end-of-life facilitator or GP enters somebody; an ambulance crew reads one page."""

    def test_nobody_is_entered_without_consent_and_both_systems_confirm_an_entry(
        self, visitor: Come, hub: RunningHub
    ) -> None:
        priya, address, patient = self.given_somebody_who_is_not_on_the_register(visitor)
        self.when_consent_is_missing_nothing_is_saved(priya, patient)
        self.when_consent_is_given_the_person_is_entered(priya)
        self.then_both_subscribed_systems_confirm_without_a_reload(priya)
        self.and_the_emergency_summary_says_it_first(priya, address)

    def given_somebody_who_is_not_on_the_register(self, visitor: Come) -> tuple[Visitor, str, str]:
        priya: Visitor = visitor().signs_in_as("priya-gp")
        priya.opens("/caseload")
        rows = priya.page.locator("table tbody tr").filter(has_not_text="Register")
        address = rows.first.locator("th a").get_attribute("href") or ""
        return priya, address, address.rpartition("/")[2]

    def when_consent_is_missing_nothing_is_saved(self, priya: Visitor, patient: str) -> None:
        priya.opens(f"/register/{patient}")
        priya.page.get_by_label("Likely to live for").select_option("weeks")
        priya.page.get_by_label("Main diagnosis").fill("Heart failure")
        priya.presses("Enter on the register")
        expect(priya.page.get_by_role("alert")).to_contain_text("Say whether the person agreed")
        expect(priya.page.get_by_label("Main diagnosis")).to_have_value("Heart failure")

    def when_consent_is_given_the_person_is_entered(self, priya: Visitor) -> None:
        page = priya.page
        page.get_by_label("Yes, the person agreed").check()
        page.get_by_label("Who agreed, or who decided").fill("The person, with their daughter")
        page.get_by_label("Decision", exact=True).select_option("do-not-attempt")
        page.get_by_label("Where the form is").fill("Blue folder by the front door")
        page.get_by_label("Decided on", exact=True).fill("2026-05-02")
        page.get_by_label("What to do in an emergency").fill("Ring the palliative nurse first")
        priya.presses("Enter on the register")
        expect(page.get_by_role("status").first).to_contain_text("is on the register")

    def then_both_subscribed_systems_confirm_without_a_reload(self, priya: Visitor) -> None:
        told = priya.page.get_by_role("region", name="Who has been told")
        expect(told.get_by_text("Confirmed", exact=True)).to_have_count(2, timeout=30_000)
        expect(told).to_contain_text("Eastern Counties Ambulance")
        expect(told).to_contain_text("Tideway Out of Hours")

    def and_the_emergency_summary_says_it_first(self, priya: Visitor, address: str) -> None:
        priya.opens(f"{address}/emergency")
        first = priya.page.get_by_role("heading").first
        expect(first).to_contain_text("Do not attempt resuscitation")
        main = priya.page.locator("main")
        expect(main).to_contain_text("Blue folder by the front door")
        expect(main).to_contain_text("Ring the palliative nurse first")


class TestExternalSystem:
    """A referring system sends its first message; the single point of referral sees it come in."""

    def test_a_message_appears_on_the_board_by_itself_and_a_repeat_changes_nothing(
        self, visitor: Come, system: System
    ) -> None:
        request_id, bundle_id = str(uuid.uuid4()), str(uuid.uuid4())
        before = {task["id"] for task in system.finds("Task", code="triage", _count="200")}

        first = system.sends_the_example_referral(bundle_id=bundle_id, request_id=request_id)
        second = system.sends_the_example_referral(bundle_id=bundle_id, request_id=request_id)

        assert first.status_code == 200, first.text
        assert second.status_code == 409
        arrived = [
            task
            for task in system.finds("Task", code="triage", _count="200")
            if task["id"] not in before
        ]
        assert len(arrived) == 1
        door = self.somebody_at(arrived[0]["owner"]["reference"])
        sam = visitor().signs_in_as(door)
        sam.opens(f"/spor/{arrived[0]['id']}")
        expect(sam.page.get_by_role("heading", level=1)).to_contain_text("Uddin")
        expect(sam.page.get_by_role("region", name="Why they are referred")).to_be_visible()

    def somebody_at(self, team: str) -> str:
        """Return who works at the door that has it: the board, or the desk at night."""
        return "sam-spor" if team == "CareTeam/spor" else "omar-nights"


class TestManager:
    """A service manager sees counts and never a name."""

    def test_vacancies_are_counted_without_a_name_and_no_record_opens(
        self, visitor: Come, system: System
    ) -> None:
        morgan = visitor().signs_in_as("morgan-manager")
        patient = system.finds("Patient", _count="1")[0]

        morgan.opens("/vacancies")
        expect(morgan.page.get_by_role("heading", level=1)).to_have_text("Vacancies")
        assert morgan.page.locator("main a[href^='/people/']").count() == 0

        morgan.opens(f"/people/{patient['id']}")
        expect(morgan.page.get_by_role("heading", level=1)).to_contain_text("nothing here")
