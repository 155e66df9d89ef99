"""What tests of several parts of the API share."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from hub.records import horizon
from tests.api.bulk_desk import BulkDesk


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let exports begin at once: nobody writes beside the test, so nobody is to be waited for."""
    monkeypatch.setattr(horizon, "SETTLE", timedelta(milliseconds=20))


@pytest.fixture
def desk(client: FlaskClient, token: str) -> BulkDesk:
    """``test-system`` as a client of the bulk operations."""
    return BulkDesk(client, token)
