"""Referrers without an account: a link to follow one referral, opened by a one-time code.

The link is signed and says only which row it is; what it opens is a cookie for half an hour, after
a code that went to the address that the referrer gave. Times of codes and cookies are real time.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from itsdangerous import BadSignature, Signer
from sqlalchemy import select

from hub import clock, records
from hub.adapters.gateways import EMAIL, SMS
from hub.db import db
from hub.domain.actor import hub_actor
from hub.domain.errors import StateError
from hub.domain.referral_news import News, TriageNews, WorkNews
from hub.domain.referral_news import news as told
from hub.domain.referral_request import CHANNEL_EXTENSION
from hub.models.referral_link import ReferralLink
from hub.records import Record, new_id
from hub.services import (
    definitions,
    outside_sends,
    referral_request_record,
    referrals,
    task_content,
)
from hub.services.deliveries import real_now

LASTS = timedelta(days=90)
"""A referral is answered long before; past it the referrer rings."""
CODE_LASTS = outside_sends.CODE_IS_OF_USE
SESSION_LASTS = timedelta(minutes=30)
MOST_TRIES = 5
MOST_CODES = 3
_HOUR = timedelta(hours=1)
_HUB = hub_actor("spor")
_OWN_DOORS = frozenset({"form", "phone", "letter", "self"})
_MOBILE = ("07", "+447", "00447", "447")


def offer(request: Record) -> ReferralLink | None:
    """Make the link of a referral and send it to its referrer, once.

    None where the referrer works in the hub or sent it by message, gave no mobile number or e-mail
    address, or where the hub has no gateway for it.
    """
    resource = request.resource
    channel = next(
        (
            each.get("valueCode")
            for each in resource.get("extension") or ()
            if each.get("url") == CHANNEL_EXTENSION
        ),
        None,
    )
    works_here = str((resource.get("requester") or {}).get("reference", "")).startswith("Pract")
    way = _way(referral_request_record.referrer_contacts(resource))
    if channel not in _OWN_DOORS or works_here or way is None:
        return None
    known = db.session.scalar(
        select(ReferralLink).where(ReferralLink.subject == request.reference).limit(1)
    )
    if known is not None:
        return known
    now = clock.now()
    row = ReferralLink(
        id=new_id(),
        subject=request.reference,
        channel=way[0],
        address=way[1],
        created_at=now,
        expires_at=now + LASTS,
    )
    db.session.add(row)
    db.session.flush()
    _send(row, "received", "We have received your referral. See where it is:")
    return row


def tell(request: Record, event_id: int) -> None:
    """Say to whoever follows a referral by a link that there is news of it; not what."""
    row = db.session.scalar(
        select(ReferralLink)
        .where(ReferralLink.subject == request.reference, ReferralLink.expires_at > clock.now())
        .limit(1)
    )
    if row is not None:
        _send(row, f"event-{event_id}", "There is news of your referral:")


def find(token: str) -> ReferralLink | None:
    """Return the row of a link; None for one that was not made here or has run out."""
    try:
        link_id = _signer().unsign(token.encode(errors="replace")).decode()
    except (BadSignature, UnicodeDecodeError):
        return None
    row = db.session.get(ReferralLink, link_id)
    return row if row is not None and row.expires_at > clock.now() else None


def token_of(row: ReferralLink) -> str:
    return _signer().sign(row.id).decode()


def masked(row: ReferralLink) -> str:
    """Return where codes go, so that its owner knows it and nobody else learns it."""
    if row.channel == SMS:
        return f"the number that ends in {row.address[-3:]}"
    name, _, host = row.address.partition("@")
    return f"{name[:1]}…@{host}"


def send_code(row: ReferralLink) -> None:
    """Send a one-time code; the one before is void. Raises StateError when there were too many."""
    row = _locked(row)
    now = real_now()
    if row.codes_since is None or row.codes_since < now - _HOUR:
        row.codes_since, row.codes_sent = now, 0
    if row.codes_sent >= MOST_CODES:
        raise StateError(
            "three codes were sent within an hour: try again later, or ring us", field="code"
        )
    code = f"{secrets.randbelow(1_000_000):06d}"
    row.code_hash, row.code_until, row.tries = _hash(row, code), now + CODE_LASTS, 0
    row.codes_sent += 1
    db.session.flush()
    outside_sends.queue_news(
        f"link/{row.id}/code/{new_id()}",
        subject=row.subject,
        channel=row.channel,
        address=row.address,
        line=f"Carehub: your code is {code}. It is good for ten minutes. Give it to nobody.",
        secret=True,
    )


def enter(row: ReferralLink, code: str) -> str | None:
    """Return the cookie that a right code opens; None for a wrong one, which is counted.

    Raises StateError when no code is good any more: five wrong ones, ten minutes, or used.
    """
    row = _locked(row)
    if row.code_hash is None or row.code_until is None or row.code_until < real_now():
        raise StateError("this code has run out: ask for a new one", field="code")
    if row.tries >= MOST_TRIES:
        raise StateError("too many wrong codes: ask for a new one", field="code")
    given = "".join(code.split())
    if not secrets.compare_digest(_hash(row, given), row.code_hash):
        row.tries += 1
        db.session.flush()
        return None
    cookie = secrets.token_urlsafe(32)
    row.code_hash = row.code_until = None
    row.session_hash, row.session_until = _hash(row, cookie), real_now() + SESSION_LASTS
    db.session.flush()
    records.audit.record(_HUB, "referral-link-opened", row.subject, {"link": row.id})
    return cookie


def is_open(row: ReferralLink, cookie: str) -> bool:
    """Say whether this browser has entered a code for this link lately."""
    return (
        row.session_hash is not None
        and row.session_until is not None
        and row.session_until > real_now()
        and secrets.compare_digest(_hash(row, cookie), row.session_hash)
    )


def answer(row: ReferralLink, words: str) -> None:
    """Record the referrer's answer to the open question; raises where none is open."""
    triage = _triage(row)
    if triage is None:
        raise StateError("no question is open about this referral", field="answer")
    referrals.answer_question(_HUB, triage.id, words=words, by="The referrer, by the link")
    records.audit.record(_HUB, "question-answered-by-link", row.subject, {"link": row.id})


def news(row: ReferralLink) -> News | None:
    """Return where the referral of a link is; None where it is not the hub's any more."""
    triage = _triage(row)
    if triage is None:
        return None
    request = records.read(_HUB, "ServiceRequest", row.subject.partition("/")[2])
    work = [task for task in _tasks(row) if task_content.code(task.resource) == "intervention"]
    return told(
        referral_request_record.received_at(request.resource) or row.created_at,
        _triage_news(triage, request),
        [_work_news(each) for each in work],
    )


def _triage_news(task: Record, request: Record) -> TriageNews:
    definition = definitions.current()
    resource = task.resource
    step = task_content.code(resource, "businessStatus") or "received"
    code = task_content.code(resource, "statusReason")
    notes = [str(each.get("text", "")) for each in resource.get("note") or ()]
    performers = request.resource.get("performer") or [{}]
    lists = {"declined": "decline-reasons", "redirected": "redirect-reasons"}
    concepts = definition.code_lists[lists[step]].concepts if step in lists else ()
    return TriageNews(
        step=step,
        at=_changed(task),
        due_at=task_content.due_at(resource),
        service=performers[0].get("display"),
        reason=next((each.display for each in concepts if each.code == code), None),
        said=notes[-1] if notes and step in {"asked", "declined"} else None,
    )


def _work_news(task: Record) -> WorkNews:
    resource = task.resource
    outcomes = definitions.current().code_lists["task-outcomes"].concepts
    ended = task_content.outcome(resource)
    words = next((each.display for each in outcomes if each.code == ended), None)
    description = str(resource.get("description", ""))
    return WorkNews(
        # The description goes on with what the person needs: only the service is told.
        service=description.partition(":")[0] or "A service of the hub",
        status=resource["status"],
        step=task_content.code(resource, "businessStatus"),
        outcome=words[:1].lower() + words[1:] if words else None,
        at=_changed(task),
    )


def _changed(task: Record) -> datetime:
    said = task.resource.get("lastModified")
    return datetime.fromisoformat(said) if said else task.last_updated


def _tasks(row: ReferralLink) -> list[Record]:
    page = records.search(
        _HUB,
        "Task",
        [
            ("focus", row.subject),
            ("_tag", "carehub|managed"),
            ("_count", "200"),
            ("_total", "none"),
        ],
    )
    return list(page.records)


def _triage(row: ReferralLink) -> Record | None:
    return next(
        (task for task in _tasks(row) if task_content.code(task.resource) == "triage"), None
    )


def _way(contacts: list[tuple[str, str]]) -> tuple[str, str] | None:
    """Return (channel, address) that the hub can send to, a mobile number first."""
    settings = current_app.config["CAREHUB"]
    for system, value in sorted(contacts, key=lambda each: each[0] != "phone"):
        plain = "".join(value.split()).replace("-", "")
        if system == "phone" and settings.sms_url and plain.startswith(_MOBILE):
            return SMS, value
        if system == "email" and settings.smtp_url and "@" in value:
            return EMAIL, value
    return None


def _send(row: ReferralLink, what: str, words: str) -> None:
    address = f"{current_app.config['CAREHUB'].base_url}/r/{token_of(row)}"
    outside_sends.queue_news(
        f"link/{row.id}/{what}",
        subject=row.subject,
        channel=row.channel,
        address=row.address,
        line=f"Carehub: {words} {address}",
    )


def _locked(row: ReferralLink) -> ReferralLink:
    return db.session.get_one(ReferralLink, row.id, with_for_update=True, populate_existing=True)


def _hash(row: ReferralLink, secret: str) -> bytes:
    return hashlib.sha256(f"{row.id}/{secret}".encode(errors="replace")).digest()


def _signer() -> Signer:
    key: Any = current_app.secret_key
    return Signer(key, salt="referral-link", digest_method=hashlib.sha256)
