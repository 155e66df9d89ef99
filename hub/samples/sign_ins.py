"""Sign-ins of the sample hub: passwords made per hub, accounts of its staff, registered systems.

No password stands in the repository: each follows from a random key in the hub's data folder.
"""

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime, time
from pathlib import Path

from flask import current_app

from hub import settings
from hub.auth.accounts import open_account, register_client
from hub.db import db
from hub.domain.definition import HubDefinition
from hub.domain.staffing import StaffMember
from hub.models.agreement import SharingAgreement
from hub.services import definitions

_KEY_FILE = "demo-sign-ins.key"


def password_of(username: str, home: Path) -> str:
    """Return the password of a demo user of the hub whose data folder is ``home``."""
    digest = hmac.digest(_key(home), username.encode(), hashlib.sha256)
    letters = base64.b32encode(digest)[:12].decode().lower()
    return "-".join(letters[start : start + 4] for start in range(0, 12, 4))


def _key(home: Path) -> bytes:
    path = home / _KEY_FILE
    try:
        return path.read_bytes()
    except FileNotFoundError:
        home.mkdir(parents=True, exist_ok=True)
        key = secrets.token_bytes(32)
        path.touch(mode=0o600)
        path.write_bytes(key)
        return key


def open_accounts(definition: HubDefinition) -> None:
    """Open an account for everybody of the staff, so that any owner of a task can sign in."""
    home = _home()
    for person in definition.staff.values():
        open_account(
            person.username,
            password_of(person.username, home),
            display=person.name,
            role=person.role,
            practitioner=f"Practitioner/{person.username}",
            organization=f"Organization/{person.organisation}",
            teams=[f"CareTeam/{team}" for team in person.teams],
        )


def register_systems(definition: HubDefinition) -> None:
    for client in definition.clients.values():
        register_client(
            client.code,
            name=client.name,
            scopes=client.scopes,
            organization=f"Organization/{client.organisation}",
            rate_limit=client.rate_limit,
            own_ids=client.own_ids,
            trusted_nhs_numbers=client.trusted_nhs_numbers,
        )


def sign_agreements(definition: HubDefinition) -> None:
    for organisation in definition.organisations.values():
        reference = f"Organization/{organisation.code}"
        if organisation.agreement_signed is None:
            continue
        if db.session.get(SharingAgreement, reference) is None:
            signed = datetime.combine(organisation.agreement_signed, time(9), UTC)
            db.session.add(SharingAgreement(organization=reference, signed_at=signed))
    db.session.flush()


def demo_users() -> list[dict[str, str]]:
    """Return everybody who can sign in, those with a tour of their own first."""
    definition = definitions.current()
    home = _home()
    people = sorted(definition.staff.values(), key=lambda each: (each.demo is None, each.username))
    return [_listed(each, definition, home) for each in people]


def _listed(each: StaffMember, definition: HubDefinition, home: Path) -> dict[str, str]:
    return {
        "user_name": each.username,
        "password": password_of(each.username, home),
        "name": each.name,
        "role": definition.roles[each.role].name,
        "organisation": definition.organisations[each.organisation].name,
        "shows": each.demo or "",
    }


def _home() -> Path:
    configuration: settings.Settings = current_app.config["CAREHUB"]
    return configuration.home
