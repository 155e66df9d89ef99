"""Fixtures of the API tests."""

import pytest
from flask.testing import FlaskClient

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
