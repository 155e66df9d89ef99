"""The pages of a shift change: a handover read line by line, and stuck work for those who lead."""

import pytest
from flask.testing import FlaskClient

from hub.db import db
from hub.models.handover import HandoverLine, HandoverPack
from hub.transaction import transaction
from tests.factories.handover_line import handover_line
from tests.factories.handover_pack import handover_pack
from tests.factories.stuck_task import stuck_task
from tests.web.staff import open_door, token_of

TEAM = "CareTeam/district-nursing-west"


@pytest.fixture
def lines(client: FlaskClient) -> list[str]:
    open_door(client, "asha")
    with transaction():
        pack = handover_pack(TEAM)
        found = [handover_line(pack, place=place).id for place in (1, 2)]
        handover_line(handover_pack("CareTeam/spor"), words="Somebody else's line")
    return found


def _pack_of(line: str) -> str:
    found = db.session.get(HandoverLine, line)
    assert found is not None
    return found.pack_id


def test_the_lines_of_ones_own_team_are_read_and_acknowledged(
    client: FlaskClient, lines: list[str]
) -> None:
    shown = client.get("/handover")
    assert shown.status_code == 200
    assert shown.text.count("Urgent work that is open") == 2 * 2, "in the line and in its label"
    assert "2 critical unread" in shown.text
    assert "Somebody else" not in shown.text
    address = f"/handover/{_pack_of(lines[0])}"

    data = {"csrf_token": token_of(shown), "line": [lines[0]]}
    answer = client.post(address, data=data)

    assert answer.headers["Location"] == f"{address}?read=1"
    assert "1 critical unread" in client.get(address).text
    read = db.session.get(HandoverLine, lines[0])
    assert read is not None
    assert read.acknowledged_by == "Practitioner/asha"


def test_nothing_ticked_and_foreign_lines_are_refused(
    client: FlaskClient, lines: list[str]
) -> None:
    token = token_of(client.get("/handover"))
    address = f"/handover/{_pack_of(lines[0])}"
    nothing = client.post(address, data={"csrf_token": token})
    assert nothing.status_code == 422
    assert "Choose the lines you have read" in nothing.text

    foreign = db.session.query(HandoverLine).filter_by(words="Somebody else's line").one()
    answer = client.post(address, data={"csrf_token": token, "line": [foreign.id]})
    assert answer.status_code == 403
    assert client.get(f"/handover/{foreign.pack_id}").status_code == 404
    assert (
        client.post(f"/handover/{foreign.pack_id}", data={"csrf_token": token}).status_code == 404
    )
    db.session.refresh(foreign)
    assert foreign.acknowledged_at is None


def test_a_long_handover_comes_in_pages_and_only_what_was_shown_is_ticked(
    client: FlaskClient, lines: list[str]
) -> None:
    pack = db.session.get(HandoverPack, _pack_of(lines[0]))
    assert pack is not None
    with transaction():
        for place in range(3, 53):
            handover_line(pack, place=place, words=f"Line number {place}", critical=False)

    first = client.get("/handover").text
    assert "Lines 1 to 50 of 52" in first
    assert "Line number 50" in first
    assert "Line number 51" not in first
    second = client.get(f"/handover/{pack.id}?from=51").text
    assert "Line number 50" not in second
    assert second.count("Line number 51") == 2
    assert client.get(f"/handover/{pack.id}?from=x").text.count("Line number 50") == 2


def test_whoever_has_several_teams_sees_first_which_has_how_much(client: FlaskClient) -> None:
    open_door(client, "noor")
    teams = ("CareTeam/spor", TEAM)
    with transaction():
        packs = [handover_pack(team) for team in teams]
        handover_line(packs[0], critical=False)
        handover_line(packs[1], place=1)
        handover_line(packs[1], place=2, critical=False)

    shown = client.get("/handover").text

    west, spor = (shown.index(f"/handover/{pack.id}") for pack in reversed(packs))
    assert west < spor, "critical lines first"
    assert "2 of 2" in shown
    assert "All your teams" in client.get(f"/handover/{packs[1].id}").text


def test_stuck_work_is_for_leads_and_managers(client: FlaskClient) -> None:
    open_door(client, "asha")
    assert client.get("/stuck").status_code == 403
    client.get("/sign-out")
    client.delete_cookie("carehub_session")
    open_door(client, "morgan")
    with transaction():
        stuck_task(words="neither accepted nor declined")

    shown = client.get("/stuck")

    assert shown.status_code == 200
    assert "neither accepted nor declined" in shown.text
    assert "Ring them, or give it to somebody else." in shown.text
