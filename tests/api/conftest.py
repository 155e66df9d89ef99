"""What tests of several parts of the API share."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from hub.records import horizon
from tests.api.bulk_desk import BulkDesk
from tests.api.terminology import FRUIT_SYSTEM, FRUIT_VALUE_SET, Asker


@pytest.fixture
def ask(client: FlaskClient, token: str) -> Asker:
    return Asker(
        client, {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    )


@pytest.fixture
def fruit(ask: Asker) -> Asker:
    """Ask a hub that holds the invented code system and its value set."""
    ask.keep(FRUIT_SYSTEM)
    ask.keep(FRUIT_VALUE_SET)
    return ask


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let exports begin at once: nobody writes beside the test, so nobody is to be waited for."""
    monkeypatch.setattr(horizon, "SETTLE", timedelta(milliseconds=20))


@pytest.fixture
def desk(client: FlaskClient, token: str) -> BulkDesk:
    """``test-system`` as a client of the bulk operations."""
    return BulkDesk(client, token)
