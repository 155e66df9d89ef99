"""Referrals at the SPOR: taken in once, decided by a person, never bounced, never without an owner.

Every verb is called inside ``with transaction()`` and is conditional on the version of the triage
Task that the actor saw (``VersionConflictError`` otherwise).
"""

from dataclasses import dataclass

from hub.domain.actor import Actor
from hub.domain.referral_request import (
    Attachment,
    Carer,
    Channel,
    Code,
    ConsentGiven,
    Demographics,
    MessageIdentity,
    ReceiveReferral,
    Referrer,
    SafetyAlert,
)
from hub.records import Record

__all__ = [
    "Attachment",
    "Carer",
    "Channel",
    "Code",
    "ConsentGiven",
    "Demographics",
    "MessageIdentity",
    "ReceiveReferral",
    "ReferralReceipt",
    "Referrer",
    "SafetyAlert",
    "accept",
    "ask",
    "decline",
    "receive",
    "redirect",
    "withdraw",
]


@dataclass(frozen=True, slots=True)
class ReferralReceipt:
    """What became of a referral that was handed in."""

    service_request: Record
    task: Record
    """The triage Task, owned by the SPOR team or, out of hours and urgent, by the desk on duty."""
    patient: Record
    tracing: bool
    """The person is not yet identified: a tracing Task waits for somebody to decide."""


def receive(actor: Actor, command: ReceiveReferral) -> ReferralReceipt:
    """Take a referral in: person, ServiceRequest, triage Task with its clock, alerts, events."""
    raise NotImplementedError


def accept(
    actor: Actor, task_id: str, *, version: int, service: str, note: str | None = None
) -> Record:
    """Accept for ``service``: completes the triage Task and returns the new intervention Task."""
    raise NotImplementedError


def redirect(actor: Actor, task_id: str, *, version: int, service: str, reason: str) -> Record:
    """Send the referral on to ``service`` outside the bundle; returns the closed triage Task."""
    raise NotImplementedError


def ask(actor: Actor, task_id: str, *, version: int, question: str) -> Record:
    """Ask the referrer; the triage Task stays open at step "asked" and its clock runs on."""
    raise NotImplementedError


def decline(actor: Actor, task_id: str, *, version: int, reason: str, advice: str) -> Record:
    """Decline with a coded ``reason`` and mandatory ``advice``; returns the closed triage Task."""
    raise NotImplementedError


def withdraw(actor: Actor, service_request_id: str, *, reason: str) -> Record:
    """Withdraw for the referrer: stops every open Task of it; returns the ServiceRequest."""
    raise NotImplementedError
