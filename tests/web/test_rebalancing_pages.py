"""The page that shares work out: a plan asked for, ticked, accepted and refused."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from hub.db import db
from hub.models.rebalancing import RebalancingMove
from hub.services import assignments
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.factories.task import visit
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door, token_of

TEAM = "CareTeam/district-nursing-west"
PAGE = f"/rebalancing?team={TEAM}"


@pytest.fixture
def morgan(client: FlaskClient, tmp_path: Path) -> FlaskClient:
    """A service manager, signed in; three visits wait in the pool of the west."""
    Clockwork(tmp_path).advance(hours=3, minutes=30)
    with transaction():
        definition = load_hub()
        someone = patient(nhs_number="9990000018", practice=f"Organization/{definition.gp_hub}")
    for _ in range(3):
        visit(someone.reference, priority="routine", clock=None)
    open_door(client, "morgan")
    return client


def post(client: FlaskClient, do: str, **values: object) -> str:
    data = {"csrf_token": token_of(client.get(PAGE)), "team": TEAM, "do": do, **values}
    answer = client.post("/rebalancing", data=data)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def rows() -> list[RebalancingMove]:
    db.session.expire_all()
    return db.session.query(RebalancingMove).order_by(RebalancingMove.place).all()


def test_a_plan_is_proposed_and_answered_line_by_line(morgan: FlaskClient) -> None:
    assert "No plan yet for District nursing west" in morgan.get(PAGE).text
    assert "proposed=1" in post(morgan, "propose")
    shown = morgan.get(PAGE).text
    assert "Nothing better exists: this is proven." in shown
    assert shown.count("Nobody has it yet") == 3
    assert shown.count('type="checkbox"') == 3

    plan, ids = rows()[0].plan_id, [each.id for each in rows()]
    assert "accepted=1" in post(morgan, "accept", plan=plan, line=ids[:1])
    assert "refused=1" in post(morgan, "refuse", plan=plan, line=ids[1:2])
    states = [each.state for each in rows()]
    assert states == ["accepted", "refused", "offered"]
    spell = assignments.current(rows()[0].task_id)
    assert spell is not None
    assert spell.owner == rows()[0].to
    assert morgan.get(PAGE).text.count('type="checkbox"') == 1

    told = morgan.get(post(morgan, "accept-all", plan=plan))
    assert "1 line moved, both sides are told" in told.text
    assert [each.state for each in rows()] == ["accepted", "refused", "accepted"]


def test_nothing_ticked_moves_nothing_and_says_what_to_do(morgan: FlaskClient) -> None:
    post(morgan, "propose")
    data = {"csrf_token": token_of(morgan.get(PAGE)), "team": TEAM, "do": "accept"}
    answer = morgan.post("/rebalancing", data=data | {"plan": rows()[0].plan_id})

    assert answer.status_code == 422
    assert "Tick the lines that you answer" in answer.text
    assert {each.state for each in rows()} == {"offered"}


def test_the_page_is_not_for_those_who_lead_no_team(morgan: FlaskClient) -> None:
    morgan.delete_cookie("carehub_session")
    open_door(morgan, "jo")

    assert morgan.get("/rebalancing").status_code == 403
