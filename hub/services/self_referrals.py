"""People refer themselves, or somebody they care for, to the services that allow it.

Nobody is signed in, so nothing is told: whoever sends learns a receipt and whom to ring, never
whether somebody is known. One form makes one referral, however often it is sent.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from flask import current_app
from sqlalchemy import func, select

from hub import clock
from hub.db import db
from hub.domain import red_flags, referral
from hub.domain.actor import hub_actor
from hub.domain.definition import Service
from hub.domain.errors import RuleError, StateError
from hub.domain.referral_request import Channel, Demographics, ReceiveReferral
from hub.models.self_referral import SelfReferral
from hub.services import definitions, referrals
from hub.services.deliveries import real_now

MOST_AN_HOUR = 10
"""Referrals from one address: a family, a surgery's waiting room; not a program."""
_HOUR = timedelta(hours=1)
_DOOR = hub_actor("self-referral")
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without what is read wrongly over the telephone."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the sender is told."""

    receipt: str


def services() -> list[Service]:
    """Return the services to which people refer themselves, by name."""
    found = (each for each in definitions.current().services.values() if each.self_referral)
    return sorted(found, key=lambda each: each.name)


def service(code: str) -> Service | None:
    return next((each for each in services() if each.code == code), None)


def warnings(reason: str) -> Sequence[str]:
    """Return what must be said before such a thing is sent: it may be for 999."""
    flags = red_flags.found(reason, frozenset(), None, definitions.current().red_flags)
    return [flag.name for flag in flags if red_flags.is_more_urgent(flag.raises_to, "urgent")]


def send(form: str, address: str, command: ReceiveReferral) -> Sent:
    """Take the referral of a public form in, once.

    Raises StateError for too many from one address, RuleError for what cannot be taken.
    """
    if not 20 <= len(form) <= 100:
        raise RuleError("this form is not one of ours: load the page again", field="form")
    hashed = hashlib.sha256(form.encode(errors="replace")).digest()
    # Two presses at the same moment: the second waits, and finds what the first has made.
    db.session.execute(select(func.pg_advisory_xact_lock(int.from_bytes(hashed[:7], "big"))))
    known = db.session.get(SelfReferral, hashed)
    if known is not None:
        return Sent(known.receipt)
    who = hmac.new(_secret(), address.encode(), hashlib.sha256).digest()
    now = real_now()
    lately = db.session.scalar(
        select(func.count()).where(
            SelfReferral.address_hash == who, SelfReferral.sent_at > now - _HOUR
        )
    )
    if (lately or 0) >= MOST_AN_HOUR:
        raise StateError(
            "too many referrals came from your address within the hour: ring us", field="form"
        )
    _check(command)
    receipt = referrals.receive(_DOOR, replace(command, channel=Channel.SELF))
    code = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    db.session.add(
        SelfReferral(
            form_hash=hashed,
            subject=receipt.service_request.reference,
            receipt=code,
            address_hash=who,
            sent_at=now,
        )
    )
    db.session.flush()
    return Sent(code)


def _check(command: ReceiveReferral) -> None:
    """Refuse what the service is not for, in words of its own."""
    chosen = service(command.service or "")
    if chosen is None:
        raise RuleError("people cannot refer themselves to this service", field="service")
    person = command.person
    if isinstance(person, Demographics) and person.birth_date is not None:
        age = referral.age_on(person.birth_date, clock.now().date())
        if not chosen.serves_age(age):
            raise RuleError(
                f"{chosen.name} is for another age: ring us, we find who can help", field="born"
            )


def _secret() -> bytes:
    return str(current_app.secret_key).encode()
