"""Bearer tokens: what they give, how long, and how fast a revoked one dies."""

import time

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from hub.auth.accounts import open_account, register_client
from hub.auth.tokens import (
    REVOCATION_SECONDS,
    actor_for_token,
    forget_tokens,
    grant_for_token,
    issue_person_token,
    issue_token,
    revoke_token,
)
from hub.db import db
from hub.domain.actor import ActorKind
from hub.domain.errors import RuleError
from hub.domain.scopes import permits
from hub.models.access_token import AccessToken
from hub.models.client import Client
from hub.transaction import transaction


@pytest.fixture
def ambulance(app: Flask) -> str:
    with transaction():
        register_client(
            "ambulance",
            "Ambulance service",
            scopes=["system/Patient.rs", "system/Flag.rs"],
            organization="Organization/ryc",
            rate_limit=600,
            own_ids=True,
        )
    return "ambulance"


def test_a_token_gives_the_system_with_what_it_asked_for(ambulance: str) -> None:
    token = issue_token(ambulance, "system/Patient.r", 60)

    grant = grant_for_token(token)
    assert grant is not None
    assert grant.actor.kind is ActorKind.SYSTEM
    assert grant.actor.id == "client/ambulance"
    assert grant.actor.organization == "Organization/ryc"
    assert grant.actor.scopes == frozenset({"system/Patient.r"})
    assert (grant.rate_limit, grant.own_ids, grant.trusted_nhs_numbers) == (600, True, False)


def test_a_token_without_a_wish_has_all_that_was_registered(ambulance: str) -> None:
    actor = actor_for_token(issue_token(ambulance, "", 60))

    assert actor is not None
    assert actor.scopes == frozenset({"system/Patient.rs", "system/Flag.rs"})


@pytest.mark.parametrize("scope", ["system/Patient.cruds", "system/*.rs", "user/Patient.r", "all"])
def test_a_scope_beyond_the_registration_is_refused(ambulance: str, scope: str) -> None:
    with pytest.raises(RuleError, match="not registered for"):
        issue_token(ambulance, scope, 60)


def test_a_token_for_an_unknown_system_is_refused(app: Flask) -> None:
    with pytest.raises(RuleError, match="no active client"):
        issue_token("nobody", "system/*.cruds", 60)


@pytest.mark.parametrize("ttl", [0, -1, 400 * 86_400])
def test_a_token_does_not_live_for_ever(ambulance: str, ttl: int) -> None:
    with pytest.raises(RuleError, match="lives between"):
        issue_token(ambulance, "", ttl)


def test_a_token_is_stored_only_as_its_hash(ambulance: str) -> None:
    token = issue_token(ambulance, "", 60)

    row = db.session.scalars(select(AccessToken)).one()

    assert token.encode() not in row.token_hash


def test_an_expired_token_is_refused_even_by_a_process_that_knew_it(ambulance: str) -> None:
    token = issue_token(ambulance, "", 1)
    assert actor_for_token(token) is not None

    with time_machine.travel(time.time() + 3, tick=False):
        forget_tokens()
        assert actor_for_token(token) is None


def test_a_revoked_token_is_refused_at_once_here(ambulance: str) -> None:
    token = issue_token(ambulance, "", 60)
    assert actor_for_token(token) is not None

    revoke_token(token)

    assert actor_for_token(token) is None


def test_a_deactivated_client_is_refused_within_the_stated_bound(ambulance: str) -> None:
    token = issue_token(ambulance, "", 60)
    assert actor_for_token(token) is not None
    with transaction():
        client = db.session.get(Client, ambulance)
        assert client is not None
        client.active = False

    time.sleep(REVOCATION_SECONDS + 0.1)

    assert actor_for_token(token) is None


def test_a_made_up_token_is_nobody(app: Flask) -> None:
    assert actor_for_token("made-up") is None
    assert actor_for_token("") is None


def test_a_persons_token_is_that_person_not_a_system(app: Flask) -> None:
    with transaction():
        open_account(
            "jo",
            "a long password",
            display="Jo Ellison",
            role="care-coordinator",
            practitioner="Practitioner/jo",
            teams=["CareTeam/coordination"],
        )

    actor = actor_for_token(issue_person_token("jo", 60))

    assert actor is not None
    assert actor.kind is ActorKind.PERSON
    assert actor.id == "user/jo"
    assert actor.practitioner == "Practitioner/jo"
    assert actor.scopes == frozenset()


def test_a_scope_that_a_client_has_lost_is_lost_to_its_tokens(ambulance: str) -> None:
    token = issue_token(ambulance, "", 60)
    with transaction():
        register_client(ambulance, "Ambulance service", scopes=["system/Patient.r"])

    actor = actor_for_token(token)
    assert actor is not None
    # "rs" of Patient goes as a whole: what is left was never asked for by that name.
    assert actor.scopes == frozenset()
    again = actor_for_token(issue_token(ambulance, "", 60))
    assert again is not None
    assert again.scopes == frozenset({"system/Patient.r"})


@pytest.mark.parametrize("level", ["user", "patient"])
def test_a_scope_of_one_person_gives_a_system_nothing(level: str) -> None:
    assert permits(frozenset({"system/Patient.r"}), "Patient", "r")
    assert not permits(frozenset({f"{level}/*.cruds"}), "Patient", "r")


def test_a_new_password_ends_the_tokens_issued_under_the_old_one(app: Flask) -> None:
    def set_password(password: str) -> None:
        with transaction():
            open_account("nadia", password, display="Nadia", role="district-nurse")

    set_password("correct-horse-1")
    with transaction():
        token = issue_person_token("nadia", 60)
    assert actor_for_token(token) is not None

    set_password("correct-horse-1")
    assert actor_for_token(token) is not None

    set_password("battery-staple-2")
    assert actor_for_token(token) is None
