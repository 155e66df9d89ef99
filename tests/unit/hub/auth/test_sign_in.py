"""Signing in: who is let in, who has to wait, and what is kept of it."""

import time

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from hub.auth import sessions
from hub.auth.accounts import close_account, open_account
from hub.auth.sign_in import ACCOUNT_FAILURES, ADDRESS_FAILURES, Refused, SignedIn, sign_in
from hub.db import db
from hub.domain.actor import ActorKind
from hub.domain.errors import RuleError
from hub.models.session import Session
from hub.records.tables import AUDIT
from hub.transaction import transaction

PASSWORD = "correct horse battery"


@pytest.fixture
def nurse(app: Flask) -> str:
    with transaction():
        open_account(
            "asha",
            PASSWORD,
            display="Asha Patel",
            role="district-nurse",
            practitioner="Practitioner/asha",
            organization="Organization/rxs",
            teams=["CareTeam/west"],
        )
    return "asha"


def attempt(username: str, password: str, address: str = "10.0.0.1") -> SignedIn | Refused:
    with transaction():
        return sign_in(username, password, address=address)


def test_the_right_password_opens_a_session_for_that_person(nurse: str) -> None:
    outcome = attempt(" ASHA ", PASSWORD)

    assert isinstance(outcome, SignedIn)
    found = sessions.actor_for_session(outcome.token)
    assert found is not None
    actor = found[0]
    assert actor.kind is ActorKind.PERSON
    assert actor.id == "user/asha"
    assert actor.practitioner == "Practitioner/asha"
    assert actor.teams == frozenset({"CareTeam/west"})


def test_the_cookie_is_not_in_the_database(nurse: str) -> None:
    outcome = attempt(nurse, PASSWORD)
    assert isinstance(outcome, SignedIn)

    row = db.session.scalars(select(Session)).one()

    assert outcome.token.encode() not in row.token_hash
    assert len(row.token_hash) == 32


@pytest.mark.parametrize(("username", "password"), [("asha", "wrong"), ("nobody", PASSWORD)])
def test_a_refusal_does_not_say_whether_the_account_exists(
    nurse: str, username: str, password: str
) -> None:
    outcome = attempt(username, password)

    assert outcome == Refused("The user name or the password is not right.")


def test_every_attempt_is_audited(nurse: str) -> None:
    attempt(nurse, "wrong")
    attempt(nurse, PASSWORD)

    rows = db.session.execute(select(AUDIT.c.action, AUDIT.c.actor).order_by(AUDIT.c.id)).all()

    assert [tuple(row) for row in rows] == [
        ("sign-in-refused", "hub/sign-in"),
        ("sign-in", "user/asha"),
    ]


def test_an_account_waits_after_too_many_wrong_passwords_then_may_try_again(nurse: str) -> None:
    for _ in range(ACCOUNT_FAILURES):
        attempt(nurse, "wrong")

    refused = attempt(nurse, PASSWORD)
    assert isinstance(refused, Refused)
    assert refused.wait is not None

    with time_machine.travel(time.time() + refused.wait.total_seconds() + 1, tick=True):
        assert isinstance(attempt(nurse, PASSWORD), SignedIn)


def test_a_success_clears_the_failures_of_the_account(nurse: str) -> None:
    for _ in range(ACCOUNT_FAILURES - 1):
        attempt(nurse, "wrong")
    attempt(nurse, PASSWORD)
    attempt(nurse, "wrong")

    assert isinstance(attempt(nurse, PASSWORD), SignedIn)


def test_an_address_that_guesses_many_names_has_to_wait(nurse: str) -> None:
    for number in range(ADDRESS_FAILURES):
        attempt(f"guess-{number}", "wrong", "10.9.9.9")

    from_there = attempt(nurse, PASSWORD, "10.9.9.9")
    from_elsewhere = attempt(nurse, PASSWORD, "10.0.0.2")

    assert isinstance(from_there, Refused)
    assert isinstance(from_elsewhere, SignedIn)


def test_a_closed_account_ends_its_sessions_and_lets_nobody_in(nurse: str) -> None:
    outcome = attempt(nurse, PASSWORD)
    assert isinstance(outcome, SignedIn)

    with transaction():
        close_account(nurse)

    assert sessions.actor_for_session(outcome.token) is None
    assert isinstance(attempt(nurse, PASSWORD), Refused)


def test_a_session_ends_when_nobody_has_used_it_for_long(nurse: str) -> None:
    outcome = attempt(nurse, PASSWORD)
    assert isinstance(outcome, SignedIn)

    with time_machine.travel(time.time() + sessions.IDLE.total_seconds() + 1):
        assert sessions.actor_for_session(outcome.token) is None


def test_a_session_ends_after_a_shift_however_busy_it_is(nurse: str) -> None:
    outcome = attempt(nurse, PASSWORD)
    assert isinstance(outcome, SignedIn)
    start = time.time()
    end = start + sessions.ABSOLUTE.total_seconds()
    moment = start
    while moment < end - 3600:
        moment += 3600
        with time_machine.travel(moment), transaction():
            assert sessions.actor_for_session(outcome.token) is not None
            sessions.touch(outcome.token)

    with time_machine.travel(end + 1):
        assert sessions.actor_for_session(outcome.token) is None


def test_a_new_password_ends_the_sessions_opened_with_the_old_one(nurse: str) -> None:
    outcome = attempt(nurse, PASSWORD)
    assert isinstance(outcome, SignedIn)

    with time_machine.travel(time.time() + 5), transaction():
        open_account(nurse, "another password", display="Asha Patel", role="district-nurse")

    assert sessions.actor_for_session(outcome.token) is None


def test_a_session_that_was_signed_out_is_over(nurse: str) -> None:
    outcome = attempt(nurse, PASSWORD)
    assert isinstance(outcome, SignedIn)

    with transaction():
        sessions.end_session(outcome.token)

    assert sessions.actor_for_session(outcome.token) is None


def test_a_short_password_is_refused(app: Flask) -> None:
    with pytest.raises(RuleError, match="at least 10"), transaction():
        open_account("short", "short", display="S", role="gp")
