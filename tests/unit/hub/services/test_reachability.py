"""Whether people can be reached, from what the hub keeps of them."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from hub import clock, records
from hub.auth.sessions import open_session
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition
from hub.domain.reachability import Unreachable
from hub.services import reachability
from hub.transaction import transaction
from tests.factories.account import account
from tests.unit.hub.services.clockwork import Clockwork

ASHA = "Practitioner/asha-nurse"


@pytest.fixture(autouse=True)
def time(clockwork: Clockwork) -> Clockwork:
    return clockwork


def reasons(practitioner: str = ASHA) -> list[Unreachable]:
    return list(reachability.reachability(practitioner, clock.now()).reasons)


def test_a_sign_in_is_remembered_when_its_session_is_long_over(
    app: Flask, definition: HubDefinition, time: Clockwork
) -> None:
    assert reasons() == [Unreachable.NO_ACCOUNT]
    with transaction():
        asha = account("asha-nurse")
    assert reasons() == [Unreachable.NEVER_SIGNED_IN]

    with transaction():
        open_session(asha)
    assert reasons() == []
    time.advance(days=15)
    assert reasons() == [Unreachable.NOT_LATELY]

    with transaction():
        asha.active = False
    assert reasons() == [Unreachable.NO_ACCOUNT]


def test_routing_hears_of_those_only_who_can_neither_be_rung_nor_look(
    app: Flask, definition: HubDefinition
) -> None:
    agency = "Practitioner/agency"

    def silent() -> dict[str, str]:
        return reachability.silent([ASHA, agency], clock.now(), definition.staff)

    with transaction():
        records.create(
            hub_actor("test"), {"resourceType": "Practitioner", "id": "agency"}, id="agency"
        )
    # Asha has no account either, but a telephone.
    assert silent() == {agency: "no phone or e-mail, no account"}
    with transaction():
        account("agency", signed_in_at=clock.now())
    assert silent() == {}, "who looks hears of it"
    assert reachability.silent([], clock.now(), definition.staff) == {}


def test_somebody_without_phone_or_e_mail_has_no_contact(
    app: Flask, definition: HubDefinition
) -> None:
    stranger: dict[str, Any] = {"resourceType": "Practitioner", "id": "agency"}
    with transaction():
        account("agency", signed_in_at=clock.now())
        records.create(hub_actor("test"), stranger, id="agency")
    assert reasons("Practitioner/agency") == [Unreachable.NO_CONTACT]

    stranger["telecom"] = [{"system": "email", "value": "a@example.org"}]
    with transaction():
        records.update(hub_actor("test"), stranger, type="Practitioner", id="agency")
    assert reasons("Practitioner/agency") == []


def test_of_several_accounts_the_one_that_is_used_counts(
    app: Flask, definition: HubDefinition
) -> None:
    now = clock.now()
    with transaction():
        account("a1", practitioner=ASHA, signed_in_at=now)
        account("a2", practitioner=ASHA)
        account("a3", practitioner=ASHA, active=False, signed_in_at=now)

    assert reasons() == []


def test_a_lead_sees_who_of_the_team_cannot_be_reached(
    app: Flask, definition: HubDefinition
) -> None:
    with transaction():
        account("asha-nurse", signed_in_at=clock.now() - timedelta(days=1))

    found = reachability.unreachable_of_team("district-nursing-west", clock.now())

    members = {
        f"Practitioner/{one.username}" for one in definition.members("district-nursing-west")
    }
    assert set(found) == members - {ASHA}
    assert {each.sentence for each in found.values()} == {"no account"}
