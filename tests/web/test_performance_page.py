"""The page of performance: two shares for every row, for those who lead or manage."""

from pathlib import Path

from flask.testing import FlaskClient

from hub.transaction import transaction
from tests.factories.patient import patient
from tests.factories.task import visit
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door


def test_each_row_says_both_shares(client: FlaskClient, tmp_path: Path) -> None:
    clockwork = Clockwork(tmp_path)
    with transaction():
        definition = load_hub()
        someone = patient(nhs_number="9990000018", practice=f"Organization/{definition.gp_hub}")
    visit(someone.reference, owner="Practitioner/asha-nurse")
    clockwork.advance(hours=5)
    open_door(client, "morgan")

    shown = client.get("/performance?days=7&team=district-nursing-west")

    assert shown.status_code == 200
    assert shown.text.count("0.0 %") == 2 * 4, "all, weekends, the day and the clock: twice each"
    assert "Urgent community response within 2 hours" in shown.text
    assert "No clock stood." in shown.text
    assert "0.0 %" not in client.get("/performance?team=spor").text
    assert client.get("/performance?days=x&team=y").text.count("By team") == 1


def test_it_is_not_for_everybody(client: FlaskClient) -> None:
    open_door(client, "sam")
    assert client.get("/performance").status_code == 403
