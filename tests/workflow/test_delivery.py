"""Rest-hooks to a real receiver: handshake, order, repeats, retry until acknowledged."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from hub import clock, records
from hub.adapters.rest_hook import HTTPRestHook
from hub.db import db
from hub.domain.actor import Actor, ActorKind
from hub.models.client import Client
from hub.models.delivery import Delivery
from hub.models.subscriber import Subscriber
from hub.queries import idle
from hub.records import Record
from hub.records.tables import OUTBOX
from hub.samples.receiver import Inbox, handler_of
from hub.services import announcements, deliveries, subscriptions
from hub.transaction import transaction
from tests.factories.client import client
from tests.workflow.conftest import SUNDAY, Processes
from workflows import delivery as workflow
from workflows.app import celery, sender
from workflows.handlers import handle

AMBULANCE = Actor(
    kind=ActorKind.SYSTEM,
    id="client/ambulance",
    display="Ambulance",
    scopes=frozenset({"system/*.cruds"}),
)
CRITERIA = "Flag?patient=Patient/p1"


@pytest.fixture(autouse=True)
def time(
    app: Flask, _processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[timedelta], None]:
    # These tests are relay and worker themselves: nobody else may take their work.
    _processes.stop()
    monkeypatch.setattr(celery.conf, "broker_url", "memory://")
    sender.forget()
    clock.set_simulated(tmp_path, SUNDAY)
    clock.use_simulated(tmp_path)

    def move(amount: timedelta) -> None:
        clock.set_simulated(tmp_path, clock.now() + amount)

    return move


class Receiver:
    """The sample receiver on a free port."""

    def __init__(self, folder: Path, *, refuse_first: int = 0) -> None:
        self.inbox = Inbox(folder / "received.jsonl", refuse_first=refuse_first)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self.inbox))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.inbox.report()["messages"]
        return found


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(tmp_path)
    yield made
    made.close()


@pytest.fixture
def ambulance(app: Flask) -> None:
    with transaction():
        client("ambulance", name="Ambulance")


def subscribe(url: str, **more: Any) -> Record:
    with transaction():
        made = subscriptions.subscribe(
            AMBULANCE,
            **{"criteria": CRITERIA, "endpoint": f"{url}/ambulance", "name": "Ambulance", **more},
        )
    relay()
    return made


def relay() -> None:
    """What the relay and the handler do, in this process."""
    with transaction():
        announcements.announce_changes()
    from_outbox()


def from_outbox() -> None:
    rows = db.session.execute(select(OUTBOX.c.id).where(OUTBOX.c.handled_at.is_(None)))
    ids = list(rows.scalars())
    db.session.rollback()
    for row in ids:
        handle(row, workflow.consider)


def send_all(subscription: Record) -> int:
    return int(workflow.deliver.run(subscription.id))


def flag(text: str = "falls") -> Record:
    with transaction():
        return records.create(
            AMBULANCE,
            {
                "resourceType": "Flag",
                "status": "active",
                "code": {"text": text},
                "subject": {"reference": "Patient/p1"},
            },
        )


def status_of(subscription: Record) -> str:
    return str(records.read(AMBULANCE, "Subscription", subscription.id)["status"])


def test_a_subscription_is_active_after_its_handshake(ambulance: None, receiver: Receiver) -> None:
    subscription = subscribe(receiver.url)
    assert status_of(subscription) == "requested"
    flag("told to nobody: the handshake has not been made")
    relay()
    assert send_all(subscription) == 1

    assert status_of(subscription) == "active"
    assert [message["event"] for message in receiver.messages()] == ["Handshake"]
    relay()  # the server's own change of the Subscription starts no second handshake
    assert send_all(subscription) == 0


def test_changes_come_in_order_with_numbers_and_acknowledgement(
    ambulance: None, receiver: Receiver
) -> None:
    subscription = subscribe(receiver.url)
    send_all(subscription)
    flags = [flag(f"number {number}") for number in range(3)]
    with transaction():
        records.create(
            AMBULANCE,
            {
                "resourceType": "Flag",
                "status": "active",
                "code": {"text": "does not match"},
                "subject": {"reference": "Patient/p2"},
            },
        )
    relay()
    assert not idle.is_idle()
    assert send_all(subscription) == 3

    messages = receiver.messages()[1:]
    assert [message["sequence"] for message in messages] == [2, 3, 4]
    assert [message["body"]["id"] for message in messages] == [each.id for each in flags]
    told = subscriptions.deliveries_for(["Patient/p1"])
    assert {each.status for each in told} == {"acknowledged"}
    assert {each.acknowledgement for each in told} == {
        message["acknowledgement"] for message in messages
    }
    assert idle.is_idle()


def test_a_refused_delivery_is_tried_again_and_holds_back_what_follows(
    ambulance: None, tmp_path: Path, time: Callable[[timedelta], None]
) -> None:
    receiver = Receiver(tmp_path)
    subscription = subscribe(receiver.url)
    send_all(subscription)
    receiver.inbox._refusals = 2
    first, second = flag("first"), flag("second")
    relay()

    assert send_all(subscription) == 0
    assert send_all(subscription) == 0  # not due yet
    assert idle.is_idle()  # the second waits behind the first, which waits for its time
    time(deliveries.BACK_OFF[0])
    assert not idle.is_idle()
    assert send_all(subscription) == 0
    time(deliveries.BACK_OFF[1])
    assert send_all(subscription) == 2

    bodies = [message["body"]["id"] for message in receiver.messages()[1:]]
    assert bodies == [first.id, second.id]
    told = {each.subject: each for each in subscriptions.deliveries_for(["Patient/p1"])}
    assert told[first.reference].attempts == 3
    attempts = subscriptions.attempts_of(told[first.reference].delivery_id)
    assert [attempt.http_status for attempt in attempts] == [503, 503, 200]
    receiver.close()


def test_a_repeat_carries_the_same_key_and_is_dropped_by_the_receiver(
    ambulance: None, receiver: Receiver
) -> None:
    subscription = subscribe(receiver.url)
    send_all(subscription)
    flag()
    relay()
    with transaction():
        parcel = deliveries.take(subscription.id)
    assert parcel is not None
    hook = HTTPRestHook("http://127.0.0.1:8000")
    answer = hook.post(parcel.endpoint, parcel.headers, parcel.body)
    assert answer.acknowledged
    # The worker dies here, before it has written anything down; its lease runs out.
    with transaction():
        assert deliveries.take(subscription.id) is None
        row = db.session.get(Delivery, parcel.delivery_id)
        assert row is not None
        row.leased_until = None
    assert send_all(subscription) == 1

    report = receiver.inbox.report()
    assert (report["received"], report["repeated"]) == (2, 1)


def test_what_is_given_up_on_can_be_replayed(
    ambulance: None, tmp_path: Path, time: Callable[[timedelta], None]
) -> None:
    receiver = Receiver(tmp_path)
    subscription = subscribe(receiver.url)
    send_all(subscription)
    receiver.inbox._refusals = 1000
    flag()
    relay()
    for wait in (*deliveries.BACK_OFF, timedelta(0)):
        send_all(subscription)
        time(wait)
    (told,) = subscriptions.deliveries_for(["Patient/p1"])
    assert told.status == "dead"

    receiver.inbox._refusals = 0
    with transaction():
        subscriptions.replay(AMBULANCE, told.delivery_id)
    send_all(subscription)
    (told,) = subscriptions.deliveries_for(["Patient/p1"])
    assert told.status == "acknowledged"
    receiver.close()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"criteria": "Flag?colour=red"}, "criteria cannot be used"),
        ({"criteria": "Spaceship?x=y"}, "no type that the hub holds"),
        ({"end": SUNDAY - timedelta(days=1)}, "end is past"),
        ({"endpoint": "ftp://example.org/x"}, "http or https"),
        ({"endpoint": "http://169.254.169.254/latest"}, "not one of a subscriber"),
        ({"endpoint": "http://user:secret@127.0.0.1/x"}, "password"),
        ({"payload": "text/plain"}, "channel.payload"),
    ],
)
def test_a_subscription_that_cannot_run_says_why_and_is_never_contacted(
    ambulance: None, receiver: Receiver, more: dict[str, Any], reason: str
) -> None:
    subscription = subscribe(receiver.url, **more)
    found = records.read(AMBULANCE, "Subscription", subscription.id)

    assert found["status"] == "error"
    assert reason in found["error"]
    assert send_all(subscription) == 0
    assert receiver.messages() == []


def test_an_endpoint_that_never_answers_becomes_an_error(
    ambulance: None, time: Callable[[timedelta], None]
) -> None:
    subscription = subscribe("http://127.0.0.1:9")
    for wait in deliveries.BACK_OFF[: deliveries.HANDSHAKE_ATTEMPTS]:
        assert send_all(subscription) == 0
        time(wait)

    assert status_of(subscription) == "error"
    assert "cannot be reached" in records.read(AMBULANCE, "Subscription", subscription.id)["error"]


def test_a_client_that_lost_its_access_is_told_nothing_more(
    ambulance: None, receiver: Receiver
) -> None:
    subscription = subscribe(receiver.url)
    send_all(subscription)
    flag()
    relay()
    with transaction():
        client = db.session.get(Client, "ambulance")
        assert client is not None
        client.active = False
    assert send_all(subscription) == 0

    assert len(receiver.messages()) == 1
    (told,) = subscriptions.deliveries_for(["Patient/p1"])
    assert told.status == "dropped"


def test_a_subscription_that_is_changed_loses_nothing_that_waits(
    ambulance: None, tmp_path: Path, time: Callable[[timedelta], None]
) -> None:
    receiver = Receiver(tmp_path)
    subscription = subscribe(receiver.url)
    send_all(subscription)
    receiver.inbox._refusals = 2
    first = flag("waits for its second attempt")
    relay()
    assert send_all(subscription) == 0
    record = records.read(AMBULANCE, "Subscription", subscription.id)
    with transaction():
        records.update(
            AMBULANCE,
            record.resource | {"reason": "Ambulance, night desk"},
            type="Subscription",
            id=record.id,
            if_match=record.version,
        )
    relay()
    second = flag("written before the new handshake was answered")
    relay()
    time(deliveries.BACK_OFF[0])
    assert deliveries.due_subscribers() == [subscription.id]
    assert send_all(subscription) == 0  # the handshake is refused and holds back the others
    assert deliveries.due_subscribers() == []
    assert idle.is_idle()
    time(deliveries.BACK_OFF[0])
    assert send_all(subscription) == 3

    came = receiver.messages()[1:]
    assert came[0]["event"] == "Handshake"
    assert [message["body"]["id"] for message in came[1:]] == [first.id, second.id]
    receiver.close()


def test_a_subscription_turned_off_is_told_nothing_more(
    ambulance: None, receiver: Receiver
) -> None:
    subscription = subscribe(receiver.url)
    send_all(subscription)
    record = records.read(AMBULANCE, "Subscription", subscription.id)
    with transaction():
        records.update(
            AMBULANCE,
            record.resource | {"status": "off"},
            type="Subscription",
            id=record.id,
            if_match=record.version,
        )
    relay()
    flag()
    relay()
    assert send_all(subscription) == 0
    subscriber = db.session.get(Subscriber, subscription.id)
    assert subscriber is not None
    assert not subscriber.active


def test_the_receiver_remembers_what_it_got_over_a_restart(tmp_path: Path) -> None:
    message = {"key": "k1", "subscriber": "ambulance"}
    first = Inbox(tmp_path / "r.jsonl").take(message)
    again = Inbox(tmp_path / "r.jsonl")

    assert again.take(message) == first
    assert Inbox(tmp_path / "r.jsonl").report()["repeated"] == 1


def test_criteria_that_fail_silence_only_their_own_subscriber(
    ambulance: None, receiver: Receiver
) -> None:
    broken, good = subscribe(receiver.url), subscribe(receiver.url)
    send_all(broken)
    send_all(good)
    with transaction():
        # Text that the database itself refuses, past every check of the criteria.
        db.session.get_one(Subscriber, broken.id).criteria = "patient.family=%00"
    flag("still told")

    relay()

    assert send_all(good) == 1
    assert status_of(broken) == "error"
