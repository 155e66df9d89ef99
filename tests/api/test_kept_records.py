"""What the hub keeps is not changed past its rules, whoever holds a token."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hub import records
from hub.auth import issue_person_token
from hub.auth.accounts import open_account
from hub.domain.actor import hub_actor
from hub.transaction import transaction

HUB = hub_actor("test")


def _headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


def test_a_system_does_not_change_what_belongs_to_a_register_entry(
    app: Flask, client: FlaskClient, token: str
) -> None:
    kept = records.create(
        HUB, {"resourceType": "QuestionnaireResponse", "status": "completed"}, managed=True
    )
    foreign = records.create(HUB, {"resourceType": "QuestionnaireResponse", "status": "completed"})

    def put(record: records.Record) -> int:
        return client.put(
            f"/fhir/{record.reference}", data=record.text, headers=_headers(token)
        ).status_code

    assert (put(kept), put(foreign)) == (403, 200)
    assert client.delete(f"/fhir/{kept.reference}", headers=_headers(token)).status_code == 403
    assert records.read(HUB, "QuestionnaireResponse", kept.id).version == 1


@pytest.mark.parametrize("method", ["post", "put"])
def test_a_person_does_not_change_the_directory(
    app: Flask, client: FlaskClient, method: str
) -> None:
    with transaction():
        open_account("asha-nurse", "a long enough password", display="Asha", role="district-nurse")
    organization = records.create(HUB, {"resourceType": "Organization", "name": "East"})
    address = "/fhir/Organization" + ("" if method == "post" else f"/{organization.id}")

    answer = client.open(
        address,
        method=method.upper(),
        data=organization.text,
        headers=_headers(issue_person_token("asha-nurse", 60)),
    )

    assert answer.status_code == 403
