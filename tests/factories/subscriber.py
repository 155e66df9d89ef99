"""An active subscriber that is told of changes to one person's flags."""

from typing import Any

from hub.models.subscriber import Subscriber
from hub.records import new_id
from tests.factories import kept


def subscriber(**columns: Any) -> Subscriber:
    defaults = {
        "subscription_id": new_id(),
        "name": "Ambulance",
        "resource_type": "Flag",
        "criteria": "patient=Patient/p1",
        "endpoint": "https://ambulance.example.org/hook",
        "actor_id": "client/ambulance",
        "active": True,
    }
    return kept(Subscriber(**defaults | columns))
