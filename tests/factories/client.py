"""A registered system that may do everything over the API."""

from typing import Any

from hub import clock
from hub.models.client import Client
from hub.records import new_id
from tests.factories import kept


def client(id: str | None = None, **columns: Any) -> Client:  # noqa: A002 - the column's name
    defaults = {
        "name": "Test system",
        "scopes": ["system/*.cruds"],
        "created_at": clock.now(),
    }
    return kept(Client(id=id or new_id(), **defaults | columns))
