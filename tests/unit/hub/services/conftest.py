"""A hub with its definition, records and agreements, and people made for a test."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from hub.domain.actor import Actor, hub_actor
from hub.domain.definition import HubDefinition
from hub.services import referrals
from hub.services.referrals import Channel, Demographics, ReceiveReferral, ReferralReceipt
from hub.transaction import transaction
from tests.factories.actor import actor
from tests.factories.patient import patient
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.spor_desk import DR, Receive

SET_UP = hub_actor("set-up")


@pytest.fixture
def definition(app: Flask) -> HubDefinition:
    """The sample hub without its people."""
    with transaction():
        return load_hub()


@pytest.fixture
def staff(definition: HubDefinition) -> Callable[[str], Actor]:
    """Return the Actor of a member of staff by username."""

    def member(username: str) -> Actor:
        found = definition.staff[username]
        return actor(
            username,
            *(f"CareTeam/{team}" for team in found.teams),
            organization=f"Organization/{found.organisation}",
            display=found.name,
            role=found.role,
        )

    return member


@dataclass(frozen=True)
class Person:
    id: str

    @property
    def reference(self) -> str:
        return f"Patient/{self.id}"


@pytest.fixture
def person(definition: HubDefinition) -> Callable[..., Person]:
    """Make a person who is registered with the GP hub."""

    def make(nhs_number: str = "9990000018", birth_date: str = "1960-05-04", **more: Any) -> Person:
        with transaction():
            made = patient(
                nhs_number=nhs_number,
                practice=f"Organization/{definition.gp_hub}",
                birthDate=birth_date,
                **more,
            )
        return Person(made.id)

    return make


@pytest.fixture
def clockwork(tmp_path: Path, app: Flask) -> Clockwork:
    """A clock that the test moves; it starts on a Sunday at ten."""
    return Clockwork(tmp_path)


@pytest.fixture
def sam(staff: Callable[[str], Actor]) -> Actor:
    """Somebody who triages at the SPOR."""
    return staff("sam-spor")


@pytest.fixture
def receive(clockwork: Clockwork, person: Callable[..., Person], sam: Actor) -> Receive:
    """Hand a referral in by the phone form of the SPOR."""

    def take(about: str | Demographics | None = None, **said: Any) -> ReferralReceipt:
        command = ReceiveReferral(
            person=about or person().reference,
            reason=said.pop("reason", "Wound on the left leg"),
            referrer=DR,
            channel=said.pop("channel", Channel.PHONE),
            **said,
        )
        with transaction():
            return referrals.receive(sam, command)

    return take
