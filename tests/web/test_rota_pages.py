"""The rota's pages: a swap from offer to acceptance, a lead's changes, an import."""

import io
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub.auth.accounts import open_account
from hub.services import rota
from hub.transaction import transaction
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.duty_roster import ASHA, GARETH, at, shift_of
from tests.web.staff import PASSWORD, token_of

MONDAY, THURSDAY, SATURDAY = date(2026, 12, 28), date(2026, 12, 31), date(2027, 1, 2)
TEAM = "district-nursing-west"
Come = Callable[[str], "Reader"]


class Reader:
    """Somebody at a browser without JavaScript."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def opens(self, address: str) -> TestResponse:
        return self.client.get(address)

    def sends(self, address: str, page: str = "/rota/mine", **form: object) -> TestResponse:
        token = token_of(self.client.get(page))
        return self.client.post(address, data={"csrf_token": token, **form})


@pytest.fixture
def come(app: Flask, tmp_path: Path) -> Come:
    """Sign a member of staff in, at ten on a Sunday between bank holidays."""
    Clockwork(tmp_path)
    with transaction():
        definition = load_hub()

    def sign_in(username: str) -> Reader:
        person = definition.staff[username]
        with transaction():
            open_account(
                username,
                PASSWORD,
                display=person.name,
                role=person.role,
                practitioner=f"Practitioner/{username}",
                organization=f"Organization/{person.organisation}",
                teams=[f"CareTeam/{each}" for each in person.teams],
            )
        client = app.test_client()
        token = token_of(client.get("/sign-in"))
        entered = client.post(
            "/sign-in", data={"csrf_token": token, "username": username, "password": PASSWORD}
        )
        assert entered.status_code == 303
        return Reader(client)

    return sign_in


def words(response: TestResponse) -> str:
    """Return what a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.text).split())


def test_a_week_of_the_team_marks_today(come: Come) -> None:
    page = come("asha-nurse").opens("/rota?week=2026-12-27")
    assert page.status_code == 200
    assert 'aria-current="date">Sun 27' in page.text
    assert "Gareth Price" in words(page)
    assert "Put somebody on" in words(page)
    assert "Leave to decide" not in words(come("gareth-price").opens("/rota"))


def test_a_shift_is_offered_and_accepted(come: Come) -> None:
    gareth, asha = come("gareth-price"), come("asha-nurse")
    shift = shift_of(GARETH, THURSDAY)
    offered = gareth.sends(f"/rota/shifts/{shift.id}/offer", to=ASHA, note="thank you")
    assert offered.location == "/rota/mine?done=offer"
    assert "To Asha Patel" in words(gareth.opens("/rota/mine"))
    mine = asha.opens("/rota/mine")
    assert "Thursday 31 December, 07:30 to 15:30" in words(mine)
    (accept,) = re.findall(r'action="(/rota/offers/[^"]+/accept)"', mine.text)
    assert asha.sends(accept).location == "/rota/mine?done=accept"
    assert shift_of(ASHA, THURSDAY).id == shift.id
    again = asha.sends(accept)
    assert again.status_code == 409
    assert "this offer was accepted already" in words(again)


def test_an_offer_that_cannot_be_says_why_at_its_field(come: Come) -> None:
    asha = come("asha-nurse")
    shift = shift_of(ASHA, MONDAY)
    empty = asha.sends(f"/rota/shifts/{shift.id}/offer")
    assert (empty.status_code, "Choose a colleague" in words(empty)) == (422, True)
    busy = asha.sends(f"/rota/shifts/{shift.id}/offer", to=GARETH)
    assert busy.status_code == 409
    assert "Gareth Price works another shift at that time" in words(busy)
    assert 'id="to-error"' in busy.text


def test_only_the_lead_changes_a_shift(come: Come) -> None:
    gareth, asha = come("gareth-price"), come("asha-nurse")
    address = f"/rota/shifts/{shift_of(ASHA, MONDAY).id}"
    assert "Nobody works it" not in words(gareth.opens(address))
    assert gareth.sends(f"{address}/take-off", reason="no").status_code == 403
    assert asha.sends(f"{address}/take-off").status_code == 422
    moved = asha.sends(
        f"{address}/move",
        starts_at="2026-12-28T07:30",
        ends_at="2026-12-28T12:00",
        reason="dentist",
    )
    assert moved.location == f"{address}?done=move"
    assert shift_of(ASHA, MONDAY).during.upper == at(MONDAY, 12)
    assert "Before: Asha Patel, Mon 07:30 to 15:30. Given other hours" in words(asha.opens(address))
    gone = asha.sends(f"{address}/take-off", reason="closed")
    assert gone.location == f"/rota?team={TEAM}&done=take-off"
    assert asha.opens(address).status_code == 404


def test_a_lead_puts_somebody_on_and_an_hour_that_is_not_is_refused(come: Come) -> None:
    asha = come("asha-nurse")
    form = {"team": TEAM, "practitioner": GARETH, "reason": "snow", "kind": "on-call"}
    skipped = asha.sends(
        "/rota/add", starts_at="2027-03-28T01:30", ends_at="2027-03-28T09:00", **form
    )
    assert skipped.status_code == 422
    assert "the clocks go forward" in words(skipped)
    added = asha.sends(
        "/rota/add", starts_at="2027-01-02T08:00", ends_at="2027-01-02T12:00", **form
    )
    assert added.status_code == 303
    assert re.search("08:00.12:00 on call", words(asha.opens("/rota?week=2027-01-02")))


def test_why_somebody_is_away_is_for_their_lead(come: Come) -> None:
    asha, gareth = come("asha-nurse"), come("gareth-price")
    told = asha.sends(
        "/rota/absence",
        team=TEAM,
        practitioner="Practitioner/lucy-hart",
        absence_reason="sickness",
        starts_at="2026-12-27T10:00",
    )
    assert told.status_code == 303
    assert "Sickness" in words(asha.opens("/rota"))
    others = words(gareth.opens("/rota"))
    assert "Away" in others
    assert "ickness" not in others
    (end,) = re.findall(r'action="(/rota/absences/[^"]+/end)"', asha.opens("/rota").text)
    assert gareth.sends(end).status_code == 403


def test_leave_is_asked_for_and_granted(come: Come) -> None:
    gareth, asha = come("gareth-price"), come("asha-nurse")
    asked = gareth.sends(
        "/rota/leave", starts_at="2027-01-04T00:00", ends_at="2027-01-09T00:00", note="a wedding"
    )
    assert asked.location == "/rota/mine?done=leave"
    page = asha.opens("/rota")
    assert "a wedding" in words(page)
    (grant,) = re.findall(r'action="(/rota/leave/[^"]+/grant)"', page.text)
    refused = asha.sends(grant.replace("/grant", "/decline"))
    assert (refused.status_code, "why the leave is declined" in words(refused)) == (422, True)
    assert asha.sends(grant, team=TEAM).status_code == 303
    found = rota.around(at(date(2027, 1, 6), 12), at(date(2027, 1, 6), 12)).absences
    assert [(each.staff, each.reason) for each in found] == [(GARETH, "leave")]


def _file(*rows: str) -> tuple[io.BytesIO, str]:
    return io.BytesIO(("person,starts,ends\n" + "\n".join(rows)).encode()), "rota.csv"


def test_an_import_is_seen_before_it_is_done(come: Come) -> None:
    asha = come("asha-nurse")
    wrong = asha.sends(
        "/rota/import",
        team=TEAM,
        file=_file("gareth-price,2027-01-02T08:00,2027-01-02T12:00", "nobody,soon,later"),
    )
    assert "row 3 : starts is not a time" in words(wrong)
    assert "/rota/import/apply" not in wrong.text
    seen = asha.sends(
        "/rota/import", team=TEAM, file=_file("gareth-price,2027-01-02T08:00,2027-01-02T12:00")
    )
    assert "Gareth Price Sat 2 Jan 08:00 to 12:00" in words(seen)
    with pytest.raises(LookupError):
        shift_of(GARETH, SATURDAY)
    (content,) = re.findall(r'name="content" value="([^"]+)"', seen.text)
    done = asha.sends(
        "/rota/import/apply", team=TEAM, form="csv", content=content, reason="the January sheet"
    )
    assert done.location == f"/rota?team={TEAM}&done=import"
    assert shift_of(GARETH, SATURDAY).reason == "the January sheet"


def test_the_rota_is_taken_away_as_a_file(come: Come) -> None:
    gareth = come("gareth-price")
    everybody = gareth.opens(f"/rota/export.ics?team={TEAM}&week=2026-12-28")
    assert everybody.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert "SUMMARY:Asha Patel" in everybody.text
    mine = gareth.opens("/rota/export.csv?who=me&week=2026-12-28")
    people = {line.split(",")[2] for line in mine.text.splitlines()[1:]}
    assert people == {"gareth-price"}
