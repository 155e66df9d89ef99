"""``CareTeam/[id]/$performance``: in time with and without pauses, for leads and systems."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from hub.auth import issue_person_token, issue_token
from hub.auth.accounts import open_account, register_client
from hub.domain.actor import hub_actor
from hub.services import tasks
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.factories.task import visit
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork

WEST = "/fhir/CareTeam/district-nursing-west/$performance"


@pytest.fixture
def hub(app: object, tmp_path: Any) -> None:
    """One visit that was done in time, one that is late, on a Sunday."""
    clockwork = Clockwork(tmp_path)
    with transaction():
        definition = load_hub()
        someone = patient(nhs_number="9990000018", practice=f"Organization/{definition.gp_hub}")
        open_account(
            "lucy-hart",
            "a long enough password",
            display="Lucy Hart",
            role="district-nurse",
            practitioner="Practitioner/lucy-hart",
            organization="Organization/rxs",
            teams=["CareTeam/district-nursing-west"],
        )
    done, _late = (visit(someone.reference, owner="Practitioner/asha-nurse") for _ in range(2))
    clockwork.advance(minutes=30)
    with transaction():
        tasks.cancel(
            hub_actor("test"),
            visit(someone.reference).id,
            version=1,
            reason="no-longer-needed",
        )
        tasks.assign(hub_actor("test"), done.id, to="Practitioner/gareth-price", because="a test")
    clockwork.advance(hours=5)


def said(answer: Any) -> dict[str, dict[str, Any]]:
    """Return the parts of each parameter: name -> value."""
    return {
        each["name"]: {
            part["name"]: next(value for key, value in part.items() if key != "name")
            for part in each["part"]
        }
        for each in answer.get_json()["parameter"]
    }


def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.usefixtures("hub")
class TestPerformance:
    def test_all_weekdays_and_weekends_are_counted(self, client: FlaskClient, token: str) -> None:
        answer = client.get(WEST, headers=headers(token))

        assert answer.status_code == 200, answer.text
        found = said(answer)
        assert found["all"]["cases"] == 2, "what was called off is left out"
        assert found["all"]["in-time"] == found["all"]["in-time-without-pauses"] == 0
        assert found["all"]["median"] == found["all"]["p95"] == 330
        assert found["weekend"]["cases"] == 2
        assert found["weekday"] == {"cases": 0, "in-time": 0, "in-time-without-pauses": 0}

    def test_days_are_bounded(self, client: FlaskClient, token: str) -> None:
        refused = client.get(f"{WEST}?days=93", headers=headers(token))

        assert refused.status_code == 400
        assert refused.get_json()["issue"][0]["expression"] == ["days"]
        assert client.get(f"{WEST}?days=92", headers=headers(token)).status_code == 200
        assert client.get(f"{WEST}?days=x", headers=headers(token)).status_code == 400

    def test_it_is_not_for_everybody(self, client: FlaskClient) -> None:
        lucy = client.get(WEST, headers=headers(issue_person_token("lucy-hart", 60)))
        assert lucy.status_code == 403
        with transaction():
            register_client("narrow", name="Narrow", scopes=["system/Patient.r"])
        assert (
            client.get(
                WEST, headers=headers(issue_token("narrow", "system/Patient.r", 60))
            ).status_code
            == 403
        )

    def test_a_team_that_is_none_of_the_hubs_is_not_found(
        self, client: FlaskClient, token: str
    ) -> None:
        assert (
            client.get("/fhir/CareTeam/x/$performance", headers=headers(token)).status_code == 404
        )
