"""Who keeps the end-of-life register: a role, not only a relationship."""

from collections.abc import Callable

import pytest

from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError
from hub.services import register
from hub.transaction import transaction
from tests.unit.hub.services.conftest import Person
from tests.unit.hub.services.test_register import ENTRY


def test_a_role_that_keeps_no_register_enters_nobody(
    person: Callable[..., Person], staff: Callable[[str], Actor]
) -> None:
    known = person()

    with pytest.raises(NotPermittedError), transaction():
        register.enter(staff("sam-spor"), known.id, ENTRY)
    with transaction():
        missing = register.current(staff("eve-facilitator"), known.id)

    assert missing is None
