"""My work and the page of a task, without a browser: lists, giving work, answering, taking back."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub import clock, records
from hub.auth.accounts import open_account
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.definition import HubDefinition
from hub.queries import offers as offers_query
from hub.records import Record
from hub.services import hand_overs, notices, tasks
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.factories.task import visit
from tests.sample_hub import load_hub
from tests.web.staff import PASSWORD, token_of

HUB = hub_actor("test")
ASHA, GARETH = "Practitioner/asha-nurse", "Practitioner/gareth-price"


@pytest.fixture
def definition(app: Flask) -> HubDefinition:
    with transaction():
        return load_hub()


@pytest.fixture
def staff(definition: HubDefinition) -> Callable[[str], Actor]:
    def member(username: str) -> Actor:
        found = definition.staff[username]
        return Actor(
            kind=ActorKind.PERSON,
            id=f"user/{username}",
            display=found.name,
            practitioner=f"Practitioner/{username}",
            organization=f"Organization/{found.organisation}",
            role=found.role,
            teams=frozenset(f"CareTeam/{team}" for team in found.teams),
        )

    return member


class Browser:
    """Somebody of the staff, signed in."""

    def __init__(self, client: FlaskClient, actor: Actor) -> None:
        self.client, self.actor = client, actor
        username = actor.id.partition("/")[2]
        with transaction():
            open_account(
                username,
                PASSWORD,
                display=actor.display,
                role=str(actor.role),
                practitioner=actor.practitioner,
                organization=actor.organization,
                teams=actor.teams,
            )
        form = {"username": username, "password": PASSWORD, "next": ""}
        self.post("/sign-in", _from="/sign-in", **form)

    def get(self, address: str, **headers: str) -> TestResponse:
        return self.client.get(address, headers=headers)

    def post(self, address: str, _from: str = "/worklist", **sent: Any) -> TestResponse:
        token = token_of(self.client.get(_from))
        return self.client.post(address, data={"csrf_token": token, **sent})


@pytest.fixture
def asha(client: FlaskClient, staff: Callable[[str], Actor]) -> Browser:
    return Browser(client, staff("asha-nurse"))


@pytest.fixture
def gareth(app: Flask, staff: Callable[[str], Actor]) -> Browser:
    return Browser(app.test_client(), staff("gareth-price"))


@pytest.fixture
def mine(asha: Browser) -> Record:
    """A routine visit of the nurse, accepted: version 2."""
    with transaction():
        ada = patient(name=[{"family": "Okonkwo", "given": ["Ada"]}])
    task = visit(
        ada.reference, owner=ASHA, clock="community-routine", priority="routine", minutes=45
    )
    with transaction():
        return tasks.accept(asha.actor, task.id, version=1)


def titles(answer: TestResponse) -> list[str]:
    assert answer.status_code == 200, answer.text
    return re.findall(r'<h3 class="ch-row__who">(?:<a [^>]*>)?([^<]+)', answer.text)


def counts(answer: TestResponse) -> list[int]:
    return [int(each) for each in re.findall(r'ch-tabs__count">(\d+)', answer.text)]


def now_is(task: Record) -> Record:
    return records.read(HUB, "Task", task.id)


def test_work_stands_in_the_list_it_belongs_to(asha: Browser, mine: Record) -> None:
    reference = mine["for"]["reference"]
    held = visit(reference, owner=ASHA, description="Held", clock="community-routine")
    offered = visit(reference, owner=ASHA, description="Offered")
    visit(reference, description="Pool")
    with transaction():
        tasks.accept(asha.actor, held.id, version=1)
        review = clock.now() + timedelta(days=1)
        tasks.hold(asha.actor, held.id, version=2, reason="in-hospital", review_at=review)
        hand_overs.offer(asha.actor, offered.id, version=1, to=GARETH)
        done = visit(reference, owner=ASHA, description="Finished")
        tasks.complete(asha.actor, done.id, version=1, outcome="done")

    assert counts(asha.get("/worklist")) == [2, 1, 1, 1, 1]
    assert sorted(titles(asha.get("/worklist"))) == ["Offered", "Visit"]
    assert titles(asha.get("/worklist?tab=waiting")) == ["Offered"]
    assert titles(asha.get("/worklist?tab=hold")) == ["Held"]
    assert titles(asha.get("/worklist?tab=pool")) == ["Pool"]
    assert titles(asha.get("/worklist?tab=done")) == ["Finished"]
    assert "Look again" in asha.get("/worklist?tab=hold").text
    # An address that somebody typed shows the first list.
    assert counts(asha.get("/worklist?tab=nonsense&sort=x")) == [2, 1, 1, 1, 1]


def test_filter_and_order_stay_in_the_address(asha: Browser, mine: Record) -> None:
    with transaction():
        bert = patient(name=[{"family": "Abbott", "given": ["Bert"]}])
    visit(bert.reference, owner=ASHA, description="Second")

    assert titles(asha.get("/worklist?sort=person")) == ["Second", "Visit"]
    assert titles(asha.get("/worklist?sort=newest")) == ["Second", "Visit"]
    found = asha.get("/worklist?sort=person&find=okonkwo")
    assert titles(found) == ["Visit"]
    assert "/worklist?tab=hold&amp;sort=person&amp;find=okonkwo" in found.text
    assert 'hx-get="/worklist/rows?sort=person&amp;find=okonkwo"' in found.text
    assert "Nothing in this list has" in asha.get("/worklist?find=nobody").text
    # What is done from a line comes back to the same list.
    answer = asha.post(
        f"/worklist/{mine.id}/start",
        version="2",
        back="list",
        list="sort=person&find=okonkwo",
    )
    assert answer.headers["Location"].startswith("/worklist?sort=person&find=okonkwo&done=start")


def test_the_list_is_asked_again_and_answers_only_when_it_looks_different(
    asha: Browser, mine: Record
) -> None:
    first = asha.get("/worklist/rows?tab=waiting")
    etag = first.headers["ETag"]
    again = {"If-None-Match": etag}
    assert asha.get("/worklist/rows?tab=waiting", **again).status_code == 304
    assert asha.get("/worklist/rows?tab=hold", **again).status_code == 200

    # An offer changes no version of the task, and shows.
    with transaction():
        hand_overs.offer(asha.actor, mine.id, version=2, to=GARETH)
    assert asha.get("/worklist/rows?tab=waiting", **again).status_code == 200


def test_a_task_is_handed_over_and_accepted_by_hand(
    asha: Browser, gareth: Browser, mine: Record
) -> None:
    page = f"/worklist/{mine.id}"
    assert "(no account)" in asha.get(page).text
    nobody = asha.post(f"{page}/hand-over", version="2")
    assert (nobody.status_code, "Choose who takes it over" in nobody.text) == (422, True)

    assert asha.post(f"{page}/hand-over", version="2", to=GARETH, note="Gate").status_code == 303

    assert now_is(mine)["owner"] == {"reference": ASHA}
    offer = offers_query.open_offer(mine.id)
    assert offer is not None
    assert "Offered to Gareth Price" in asha.get(page).text
    seen = gareth.get(page).text
    assert "Asha Patel asks you" in seen
    assert "Gate" in seen
    assert "Only they, or their team" not in seen
    answer = gareth.post(f"{page}/accept-offer", offer=offer.id)
    assert answer.status_code == 303
    assert now_is(mine)["owner"] == {"reference": GARETH}
    late = gareth.post(f"{page}/accept-offer", offer=offer.id)
    assert late.status_code == 409
    assert "Gareth Price has accepted this offer already." in late.text
    # The old owner presses something on a page from before.
    stale = asha.post(f"{page}/start", version="2")
    assert stale.status_code == 409
    assert "Gareth Price has this task now." in stale.text


def test_an_offer_is_refused_with_a_reason_or_withdrawn(
    asha: Browser, gareth: Browser, mine: Record
) -> None:
    page = f"/worklist/{mine.id}"
    asha.post(f"{page}/hand-over", version="2", to=GARETH)
    offer = offers_query.open_offer(mine.id)
    assert offer is not None
    without = gareth.post(f"{page}/refuse-offer", offer=offer.id)
    assert (without.status_code, "Choose why you cannot take it" in without.text) == (422, True)
    gone = gareth.post(f"{page}/refuse-offer", offer=offer.id, refuse_reason="skills")
    assert gone.headers["Location"].startswith("/worklist?")

    asha.post(f"{page}/hand-over", version="2", to=GARETH)
    second = offers_query.open_offer(mine.id)
    assert second is not None
    assert asha.post(f"{page}/withdraw-offer", offer=second.id).status_code == 303
    assert offers_query.open_offer(mine.id) is None


def test_several_are_handed_over_at_the_end_of_a_shift(asha: Browser, mine: Record) -> None:
    other = visit(mine["for"]["reference"], owner=ASHA, description="Second")
    nothing = asha.post("/worklist/offer", many_to=GARETH)
    assert (nothing.status_code, "Choose at least one task" in nothing.text) == (422, True)

    answer = asha.post("/worklist/offer", many_to=GARETH, task=[f"{mine.id}/2", f"{other.id}/9"])

    assert "1 task offered to Gareth Price." in answer.text
    assert "Second: somebody else changed it meanwhile" in answer.text
    assert [each.task_id for each in offers_query.to_answer(GARETH)] == [mine.id]


def test_a_part_is_delegated_shown_on_both_sides_and_called_back(
    asha: Browser, gareth: Browser, mine: Record
) -> None:
    page = f"/worklist/{mine.id}"
    wrong = asha.post(f"{page}/delegate", version="2", delegate_to=GARETH, part_minutes="x")
    assert wrong.status_code == 422
    assert "Say what the part is" in wrong.text
    assert "Write a number of minutes" in wrong.text
    too_long = asha.post(
        f"{page}/delegate", version="2", delegate_to=GARETH, part="Bloods", part_minutes="99"
    )
    assert (too_long.status_code, "no more than are left" in too_long.text) == (409, True)

    asha.post(f"{page}/delegate", version="2", delegate_to=GARETH, part="Bloods")

    assert titles(gareth.get("/worklist")) == ["Bloods"]
    assert titles(asha.get("/worklist")) == ["Visit"]
    waiting = offers_query.made_by(ASHA)[0]
    gareth.post(f"/worklist/{waiting.task_id}/accept-offer", offer=waiting.id)
    assert titles(asha.get("/worklist?tab=waiting")) == ["Bloods"]
    refused = asha.post(f"{page}/complete", version="3", outcome="done")
    assert "A part of it is still with somebody" in refused.text

    part = records.read(HUB, "Task", waiting.task_id)
    back = asha.post(f"/worklist/{part.id}/call-back", version=str(part.version), whole=mine.id)
    assert back.headers["Location"] == f"{page}?done=call-back"
    assert now_is(part)["status"] == "cancelled"


def test_a_task_is_split_from_its_page(asha: Browser, mine: Record) -> None:
    page = f"/worklist/{mine.id}"
    one = asha.post(f"{page}/split", version="2", part_1="Wound")
    assert (one.status_code, "Write at least two parts" in one.text) == (422, True)

    asha.post(f"{page}/split", version="2", part_1="Wound", part_2="Bed", owner_2=GARETH)

    shown = asha.get(page).text
    assert "Wound" in shown
    assert "Gareth Price is asked" in shown


def test_the_page_says_whether_the_clock_stops_before_it_is_pressed(
    asha: Browser, mine: Record
) -> None:
    page = f"/worklist/{mine.id}"
    shown = asha.get(page).text
    assert "The person is in hospital: the clock stops" in shown
    urgent = visit(mine["for"]["reference"], owner=ASHA)
    with transaction():
        tasks.accept(asha.actor, urgent.id, version=1)
    assert "The person is in hospital: the clock runs on" in asha.get(f"/worklist/{urgent.id}").text

    day = (clock.now() + timedelta(days=2)).date().isoformat()
    asha.post(
        f"{page}/hold", version="2", hold_reason="in-hospital", review_on=day, review_time="14:30"
    )

    assert "at 14:30" in asha.get(page).text
    asha.post(f"{page}/resume", version="3", back="list", list="tab=hold")
    assert now_is(mine)["status"] == "in-progress"


def test_a_completion_is_taken_back_from_the_list(asha: Browser, mine: Record) -> None:
    answer = asha.post(f"/worklist/{mine.id}/complete", version="2", outcome="done")
    shown = asha.get(answer.headers["Location"])
    assert "Take it back" in shown.text
    # With the last work for this person their record closes; taking back still works.
    assert asha.get(f"/worklist/{mine.id}").status_code == 404
    assert "Work whose record is closed to you again" in asha.get("/worklist?tab=done").text

    again = asha.post(f"/worklist/{mine.id}/undo", version="3")

    assert again.headers["Location"] == f"/worklist/{mine.id}?done=undo"
    assert titles(asha.get("/worklist")) == ["Visit"]
    assert titles(asha.get("/worklist?tab=done")) == []


def test_what_changed_is_listed_and_ticked_off_one_by_one(asha: Browser, mine: Record) -> None:
    with transaction():
        for number in range(5):
            notices.tell(
                [ASHA], kind="X", subject=mine.reference, line=f"News {number}", key=f"{number}"
            )
    shown = asha.get("/worklist").text
    assert re.findall(r">(News \d)</a>", shown) == ["News 4", "News 3", "News 2"]
    assert "2 more on the first page" in shown
    first = notices.unseen(asha.actor)[0]

    answer = asha.post("/worklist/seen", notice=first.id, list="tab=hold")

    assert answer.headers["Location"] == "/worklist?tab=hold"
    assert re.findall(r">(News \d)</a>", asha.get("/worklist").text) == [
        "News 3",
        "News 2",
        "News 1",
    ]


def test_leads_see_who_of_their_team_cannot_be_reached(asha: Browser, gareth: Browser) -> None:
    shown = asha.get("/worklist/unreachable")
    assert shown.status_code == 200
    assert "Amina Yusuf" in shown.text
    assert "Gareth Price" not in shown.text
    assert "Iris Fenwick" not in shown.text
    assert "/worklist/unreachable" in asha.get("/worklist").text

    assert gareth.get("/worklist/unreachable").status_code == 403
    assert "/worklist/unreachable" not in gareth.get("/worklist").text
