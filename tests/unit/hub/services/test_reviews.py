"""Plan reviews that fall due become the coordinator's task, once."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from hub.domain.actor import hub_actor
from hub.services import reviews
from hub.transaction import transaction
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.conftest import Person
from tests.unit.hub.services.test_care_plans import active

REVIEWS = hub_actor("reviews")


@pytest.fixture(autouse=True)
def time(app: Flask, tmp_path: Path) -> Clockwork:
    return Clockwork(tmp_path)


def test_a_plan_whose_review_date_has_come_is_asked_for_once(
    person: Callable[..., Person], time: Clockwork
) -> None:
    plan = active(person())
    assert reviews.plans_due() == []

    time.set(datetime(2028, 2, 1, 9, 0, tzinfo=UTC))
    assert reviews.plans_due() == [plan.id]
    with transaction():
        task = reviews.ask_for_review(REVIEWS, plan.id)
    assert task is not None
    assert task["focus"] == {"reference": plan.reference}
    assert task["owner"]["reference"].startswith("Practitioner/")
    with transaction():
        assert reviews.ask_for_review(REVIEWS, plan.id) is None
    assert reviews.plans_due() == []
