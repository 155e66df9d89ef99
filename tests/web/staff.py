"""Staff of a small hub for tests of pages without a browser, and their way through the door."""

import re

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from hub.auth.accounts import open_account
from hub.db import db
from hub.domain.actor import hub_actor
from hub.models.account import Account
from hub.models.definition import DefinitionVersion
from hub.samples import SOUTHEND
from hub.services import definitions
from hub.transaction import transaction

PASSWORD = "a long enough password"

_ROLES = {
    "asha": ("Asha Patel", "district-nurse", "rxs", ("district-nursing-west",)),
    "jo": ("Jo Ellison", "care-coordinator", "u9s01", ("coordination",)),
    "sam": ("Sam Whitlock", "spor-coordinator", "rxs", ("spor",)),
    "morgan": ("Morgan Pryce", "service-manager", "rxs", ()),
    "noor": ("Noor Haddad", "district-nurse", "rxs", ("district-nursing-west", "spor")),
}


def open_door(client: FlaskClient, username: str, next_address: str = "") -> TestResponse:
    """Sign somebody in as a browser does; their account is opened first."""
    display, role, organisation, teams = _ROLES[username]
    with transaction():
        if db.session.scalar(select(DefinitionVersion.id).limit(1)) is None:
            definitions.load(hub_actor("set-up"), SOUTHEND)
        if db.session.get(Account, username) is None:
            open_account(
                username,
                PASSWORD,
                display=display,
                role=role,
                practitioner=f"Practitioner/{username}",
                organization=f"Organization/{organisation}",
                teams=[f"CareTeam/{team}" for team in teams],
            )
    form = client.get("/sign-in")
    answer = client.post(
        "/sign-in",
        data={
            "csrf_token": token_of(form),
            "username": username,
            "password": PASSWORD,
            "next": next_address,
        },
    )
    assert answer.status_code == 303, answer.text
    return answer


def token_of(page: TestResponse) -> str:
    """Return the token that stands in the forms of a page."""
    found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', page.text)
    assert found is not None
    return found[1]
