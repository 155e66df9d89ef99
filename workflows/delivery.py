"""Rest-hooks: Subscriptions considered, deliveries sent in order, answers kept."""

from functools import partial

import structlog
from flask import current_app

from hub.adapters.rest_hook import HTTPRestHook, RestHook
from hub.services import deliveries, subscriptions
from hub.transaction import current, transaction
from workflows.app import celery, sender
from workflows.handlers import Event, handler

log = structlog.get_logger(__name__)

AT_ONCE = 200
"""Deliveries to one subscriber by one message; the sweep comes back for the rest."""


@handler
def consider(event: Event) -> None:
    """SubscriptionRequested: start the handshake or say why it cannot run."""
    subscriptions.consider(
        event.subject_id,
        version=event.payload.get("version"),
        author=event.payload["actor"],
        error=event.payload.get("error"),
    )
    opened = current()
    assert opened is not None
    opened.after_commit("deliver", partial(sender.hint, "workflows.delivery.sweep"))


@celery.task(name="workflows.delivery.sweep")  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Start a task for each subscriber that has something due: a slow one holds up nobody."""
    for subscription_id in deliveries.due_subscribers():
        sender.send("workflows.delivery.deliver", subscription_id)


@celery.task(name="workflows.delivery.heartbeat")  # type: ignore[untyped-decorator]
def heartbeat() -> None:
    """Start a task for each subscriber that has heard nothing for as long as it allows."""
    for subscription_id in deliveries.due_heartbeats():
        sender.send("workflows.delivery.beat", subscription_id)


@celery.task(name="workflows.delivery.beat")  # type: ignore[untyped-decorator]
def beat(subscription_id: str) -> bool:
    """Tell a silent subscriber that the hub is there. One that is missed is made up by the next."""
    with transaction():
        parcel = deliveries.take_heartbeat(subscription_id)
    if parcel is None:
        return False
    answer = _hook().post(parcel.endpoint, parcel.headers, parcel.body)
    if not answer.acknowledged:
        log.warning("heartbeat failed", subscription=subscription_id, error=answer.error)
    return True


@celery.task(name="workflows.delivery.deliver")  # type: ignore[untyped-decorator]
def deliver(subscription_id: str) -> int:
    """Send what is due to one subscriber, one after another; stop at the first refusal."""
    hook = _hook()
    for sent in range(AT_ONCE):
        with transaction():
            parcel = deliveries.take(subscription_id)
        if parcel is None:
            return sent
        # Outside any transaction: a slow subscriber must not hold a lock or a connection.
        answer = hook.post(parcel.endpoint, parcel.headers, parcel.body)
        with transaction():
            settled = deliveries.settle(parcel.delivery_id, answer)
        if not settled:
            log.warning("delivery failed", delivery=parcel.delivery_id, error=answer.error)
            return sent
    sender.hint("workflows.delivery.sweep")
    return AT_ONCE


def _hook() -> RestHook:
    hook: RestHook | None = current_app.extensions.get("carehub_rest_hook")
    return hook or HTTPRestHook(current_app.config["CAREHUB"].base_url)
