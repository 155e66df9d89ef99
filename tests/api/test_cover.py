"""``CareTeam/[id]/$cover``: the holes of a team, for systems, leads and managers."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from hub.auth import issue_token
from hub.auth.accounts import register_client
from hub.services import cover
from hub.transaction import transaction
from tests.factories.care_team import care_team
from tests.factories.patient import patient
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork

MONDAY = datetime(2026, 11, 30, 6, tzinfo=UTC)
PHARMACY = "/fhir/CareTeam/pharmacy/$cover"


@pytest.fixture
def hub(app: object, tmp_path: Any) -> None:
    Clockwork(tmp_path, MONDAY)
    with transaction():
        load_hub()
        cover.recount(by="test")


def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def parts(parameter: dict[str, Any]) -> dict[str, Any]:
    """Return the simple values of a parameter's parts."""
    return {
        part["name"]: next((part[name] for name in part if name.startswith("value")), None)
        for part in parameter["part"]
    }


@pytest.mark.usefixtures("hub")
class TestCover:
    def test_a_team_with_holes_lists_them(self, client: FlaskClient, token: str) -> None:
        answer = client.get(PHARMACY, headers=headers(token))

        assert answer.status_code == 200
        covered, need = answer.get_json()["parameter"]
        assert (covered["name"], covered["valueDecimal"]) == ("covered", 0.8333)
        assert parts(need)["code"] == "pharmacists"
        found = [parts(each) for each in need["part"] if each["name"] == "hole"]
        assert [(each["missing"], each["short"]) for each in found] == [("nobody", 1)] * 2
        assert found[0]["period"] == {
            "start": "2026-12-09T08:30:00+00:00",
            "end": "2026-12-09T17:00:00+00:00",
        }
        assert found[0]["found"] == "2026-11-30T06:00:00+00:00"

    def test_a_team_without_a_hole_is_wholly_covered(self, client: FlaskClient, token: str) -> None:
        found = client.get("/fhir/CareTeam/audiology/$cover", headers=headers(token)).get_json()

        assert found["parameter"][0]["valueDecimal"] == 1
        assert "hole" not in parts(found["parameter"][1])

    def test_days_and_a_skill_can_be_asked_for(self, client: FlaskClient, token: str) -> None:
        found = client.post(
            "/fhir/CareTeam/rapid-response/$cover",
            json={
                "resourceType": "Parameters",
                "parameter": [
                    {"name": "start", "valueDateTime": "2026-12-08T00:00:00Z"},
                    {"name": "end", "valueDateTime": "2026-12-09T00:00:00Z"},
                    {"name": "skill", "valueCode": "cannulation"},
                ],
            },
            headers=headers(token) | {"Content-Type": "application/fhir+json"},
        ).get_json()

        (need,) = [each for each in found["parameter"] if each["name"] == "need"]
        assert parts(need)["code"] == "rapid-response-cannulation"
        assert parts(parts_of(need, "hole")[0])["missing"] == "skill"

    @pytest.mark.parametrize(
        ("query", "named"),
        [
            ("start=2026-12-01T00:00:00Z&end=2026-11-01T00:00:00Z", "end"),
            ("end=2027-12-01T00:00:00Z", "end"),
            ("start=2026-12-01", "start"),
            ("skill=flying", "skill"),
            ("role=nurse", "role"),
        ],
    )
    def test_what_cannot_be_answered_is_400_and_names_it(
        self, client: FlaskClient, token: str, query: str, named: str
    ) -> None:
        answer = client.get(f"{PHARMACY}?{query}", headers=headers(token))

        assert answer.status_code == 400
        assert answer.get_json()["issue"][0]["expression"] == [named]

    def test_a_persons_care_team_has_no_rota(self, client: FlaskClient, token: str) -> None:
        with transaction():
            made = care_team(patient().reference, "Practitioner/jo-coordinator")
        for identity in (made.id, "no-such-team"):
            answer = client.get(f"/fhir/CareTeam/{identity}/$cover", headers=headers(token))
            assert answer.status_code == 404

    def test_a_system_needs_the_scope(self, client: FlaskClient) -> None:
        with transaction():
            register_client("other", name="Other", scopes=["system/Patient.r"])
        token = issue_token("other", "system/Patient.r", 3600)

        assert client.get(PHARMACY, headers=headers(token)).status_code == 403


def parts_of(parameter: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [part for part in parameter["part"] if part["name"] == name]
