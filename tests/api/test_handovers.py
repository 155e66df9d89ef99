"""``CareTeam/[id]/$handover`` gives the pack of the last shift change."""

from flask.testing import FlaskClient

from hub import records
from hub.domain.actor import hub_actor
from hub.transaction import transaction
from tests.factories.handover_line import handover_line
from tests.factories.handover_pack import handover_pack

TEAM = {"resourceType": "CareTeam", "id": "nurses", "status": "active", "name": "Nurses"}


def test_the_pack_of_a_team_is_given_with_its_lines(client: FlaskClient, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    with transaction():
        records.create(hub_actor("set-up"), TEAM, id="nurses")
    missing = client.get("/fhir/CareTeam/nurses/$handover", headers=headers)
    assert missing.status_code == 404

    with transaction():
        pack = handover_pack("CareTeam/nurses")
        line = handover_line(pack)
    answer = client.get("/fhir/CareTeam/nurses/$handover", headers=headers)

    assert answer.status_code == 200
    said = {each["name"]: each for each in answer.get_json()["parameter"]}
    assert set(said) == {"at", "since", "until", "line"}
    parts = {part["name"]: part for part in said["line"]["part"]}
    assert parts["kind"]["valueCode"] == "urgent"
    assert parts["subject"]["valueReference"] == {"reference": line.subject}
    assert parts["critical"]["valueBoolean"] is True
    assert "acknowledged" not in parts


def test_a_system_reads_a_handover_and_cannot_acknowledge_it(
    client: FlaskClient, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    with transaction():
        records.create(hub_actor("set-up"), TEAM, id="nurses")
        line = handover_line(handover_pack("CareTeam/nurses"))
    body = {"resourceType": "Parameters", "parameter": [{"name": "line", "valueString": line.id}]}

    address = "/fhir/CareTeam/nurses/$acknowledge-handover"
    answer = client.post(address, json=body, headers=headers)

    assert answer.status_code == 403
    assert answer.get_json()["issue"][0]["expression"] == ["line"]
