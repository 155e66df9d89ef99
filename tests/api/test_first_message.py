"""The first message that README.md tells an external system to send is accepted as it stands."""

import uuid
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from hub.settings import ROOT
from hub.transaction import transaction
from tests.sample_hub import load_hub

EXAMPLES = ROOT / "docs" / "examples"


def _headers(path: Path) -> dict[str, str]:
    lines = path.read_text("utf-8").splitlines()
    return {name: value for name, _, value in (line.partition(": ") for line in lines)}


def test_the_readmes_first_message_is_accepted_and_its_repeat_is_not(
    app: Flask, client: FlaskClient, token: str
) -> None:
    with transaction():
        load_hub()
    headers = _headers(EXAMPLES / "referral.headers") | {
        "Authorization": f"Bearer {token}",
        "X-Request-Id": str(uuid.uuid4()),
        "X-Correlation-Id": str(uuid.uuid4()),
    }
    body = (EXAMPLES / "referral.json").read_bytes()

    statuses = [
        client.post("/fhir/$process-message", data=body, headers=headers).status_code
        for _ in range(2)
    ]

    assert statuses == [200, 409]
