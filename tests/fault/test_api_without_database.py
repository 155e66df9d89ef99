"""The API while its database is away, and when it is back."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from hub import settings
from hub.app import create_app
from hub.auth import issue_token
from hub.auth.accounts import register_client
from hub.db import db
from hub.supervisor.engines import Engines, start_engines
from hub.transaction import transaction

pytestmark = pytest.mark.fault


@pytest.fixture
def own_engines(tmp_path: Path) -> Iterator[Engines]:
    """Engines of this test alone: it kills them."""
    with start_engines(tmp_path / "engines") as started:
        yield started


@pytest.fixture
def own_app(own_engines: Engines, tmp_path: Path) -> Iterator[Flask]:
    app = create_app(
        settings.load(
            {
                "CAREHUB_HOME": str(tmp_path / "home"),
                "CAREHUB_SECRET": secrets.token_hex(16),
                "DATABASE_URL": own_engines.database_url,
                "REDIS_URL": own_engines.redis_url,
            }
        )
    )
    with app.app_context():
        db.create_all()
        yield app
        db.session.remove()
        db.engine.dispose()


def test_a_dead_database_is_unavailable_and_comes_back(
    own_app: Flask, own_engines: Engines
) -> None:
    with transaction():
        register_client("s", name="System", scopes=["system/*.cruds"], own_ids=True)
    token = issue_token("s", "system/*.cruds", 3600)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    client = own_app.test_client()
    body = '{"resourceType":"Patient","id":"p"}'
    assert client.put("/fhir/Patient/p", data=body, headers=headers).status_code == 201
    own_engines.kill("postgres")
    for method, path in (
        ("GET", "/fhir/Patient/p"),
        ("GET", "/fhir/Patient?family=x"),
        ("PUT", "/fhir/Patient/p"),
    ):
        away = client.open(path, method=method, data=body, headers=headers)
        assert away.status_code == 503, away.text
        assert away.headers["Retry-After"]
        issue = away.get_json()["issue"][0]
        assert issue["code"] == "transient"
        assert "psycopg" not in away.text
        assert "SELECT" not in away.text
    assert client.get("/fhir/metadata").status_code == 200
    own_engines.restart("postgres")
    back = client.get("/fhir/Patient/p", headers=headers)
    assert back.status_code == 200
    assert back.get_json()["meta"]["versionId"] == "1"
