"""Topic subscriptions to receivers that fail: each event once in their book, in order, no gaps."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fhir.subscriptions import TOPICS
from fhir.validation import validate
from hub import clock, records
from hub.adapters import rest_hook
from hub.auth import issue_token
from hub.db import db
from hub.models.subscriber import Subscriber
from hub.queries import idle
from hub.services import deliveries
from hub.transaction import transaction
from tests.factories.client import client as registered
from tests.workflow.conftest import SUNDAY, Processes
from tests.workflow.topic_desk import (
    FLAGS,
    SLEEPS,
    SYSTEM,
    Receiver,
    ask_again,
    flag,
    focus_of,
    kind_of,
    numbers_of,
    relay,
    send,
    standing,
    status_part,
    subscribe,
)
from workflows import delivery as workflow
from workflows.app import celery, sender

Move = Callable[[timedelta], None]


@pytest.fixture(autouse=True)
def time(
    app: Flask, _processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Move:
    # These tests are relay and worker themselves: nobody else may take their work.
    _processes.stop()
    monkeypatch.setattr(celery.conf, "broker_url", "memory://")
    sender.forget()
    clock.set_simulated(tmp_path, SUNDAY)
    clock.use_simulated(tmp_path)
    with transaction():
        for name in ("hospital", "stranger"):
            registered(name, name=name.title())

    def move(amount: timedelta) -> None:
        clock.set_simulated(tmp_path, clock.now() + amount)

    return move


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.mark.parametrize("content", ["empty", "id-only", "full-resource"])
def test_events_have_numbers_from_one_and_as_much_as_was_asked_for(
    receiver: Receiver, content: str
) -> None:
    made = subscribe(receiver.url, content)
    send(made)
    assert standing(made) == ("active", None)
    first, _other, second = flag("one"), flag("not theirs", "p2"), flag("two")
    relay()
    assert send(made) == 2

    assert [kind_of(each) for each in receiver.came] == [
        "handshake",
        "event-notification",
        "event-notification",
    ]
    events = receiver.told("event-notification")
    assert [numbers_of(each) for each in events] == [[1], [2]]
    for bundle in receiver.came:
        assert [i for i in validate(bundle) if i.severity in {"error", "fatal"}] == []
    ids = [first.reference, second.reference]
    named = [] if content == "empty" else ids
    assert [each for one in events for each in focus_of(one)] == named
    entries = [entry for one in events for entry in one["entry"][1:]]
    full = [each["resource"]["code"]["text"] for each in entries if "resource" in each]
    assert full == (["one", "two"] if content == "full-resource" else [])


@pytest.mark.parametrize("content", ["id-only", "full-resource"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_receiver_that_dies_at_random_points_has_each_event_once_and_in_order(
    time: Move, content: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_hook, "TIMEOUT_SECONDS", (3.0, SLEEPS / 2))
    receiver = Receiver(seed)
    receiver.well = True
    made = subscribe(receiver.url, content)
    send(made)
    receiver.well = False
    wanted = []
    for round_ in range(150):
        if round_ < 10:
            wanted.append(flag(f"number {round_}").reference)
            relay()
        send(made)
        time(max(deliveries.BACK_OFF))
        if round_ > 10 and idle.is_idle() and idle.next_due() is None:
            break

    told = receiver.told("event-notification")
    assert [number for each in told for number in numbers_of(each)] == list(range(1, 11))
    assert [each for one in told for each in focus_of(one)] == wanted
    assert len(receiver.came) > len(receiver.book), "some were sent twice"
    receiver.close()


@pytest.mark.parametrize("down", [0, 503, 401])
def test_an_endpoint_that_is_away_for_days_pauses_and_then_gets_all_in_order(
    receiver: Receiver, time: Move, down: int
) -> None:
    made = subscribe(receiver.url)
    send(made)
    receiver.down = down
    wanted = [flag("first").reference]
    relay()
    for wait in (*deliveries.BACK_OFF, timedelta(0)):
        assert send(made) == 0
        time(wait)

    status, error = standing(made)
    assert status == "error"
    assert "did not answer for days" in str(error)
    receiver.down = None
    wanted.append(flag("while it was paused").reference)
    relay()
    assert send(made) == 0
    assert idle.is_idle(), "what waits for a paused one is not due"

    ask_again(made)

    assert send(made) == 3
    told = receiver.told("event-notification")
    assert [each for one in told for each in focus_of(one)] == wanted
    assert [number for each in told for number in numbers_of(each)] == [1, 2]
    assert standing(made) == ("active", None)


def test_a_paused_one_whose_new_handshake_fails_keeps_what_waits(
    receiver: Receiver, time: Move
) -> None:
    made = subscribe(receiver.url)
    send(made)
    receiver.down = 503
    flag("waits")
    relay()
    for wait in (*deliveries.BACK_OFF, timedelta(0)):
        send(made)
        time(wait)
    ask_again(made)
    for wait in deliveries.BACK_OFF[: deliveries.HANDSHAKE_ATTEMPTS]:
        assert send(made) == 0
        time(wait)
    assert standing(made)[0] == "error"

    receiver.down = None
    ask_again(made)

    assert send(made) == 2
    assert [numbers_of(each) for each in receiver.told("event-notification")] == [[1]]


def test_one_notification_that_is_refused_for_itself_holds_up_nobody_for_ever(
    receiver: Receiver, time: Move
) -> None:
    made = subscribe(receiver.url)
    send(made)
    receiver.down = 422
    flag("poison")
    relay()
    for wait in (*deliveries.BACK_OFF, timedelta(0)):
        send(made)
        time(wait)
    receiver.down = None
    second = flag("good")
    relay()

    assert send(made) == 1
    (told,) = receiver.told("event-notification")
    assert (numbers_of(told), focus_of(told)) == ([2], [second.reference])
    assert standing(made) == ("active", None)


def beats() -> int:
    """Do what the sweep starts."""
    return sum(workflow.beat.run(each) for each in deliveries.due_heartbeats())


def test_a_silent_hub_beats_and_an_event_counts_as_a_beat(receiver: Receiver, time: Move) -> None:
    made = subscribe(receiver.url, backport_heartbeat_period=60)
    send(made)
    assert beats() == 0
    time(timedelta(seconds=60))
    assert beats() == 1
    assert beats() == 0
    time(timedelta(seconds=59))
    flag()
    relay()
    send(made)
    time(timedelta(seconds=59))
    assert beats() == 0
    time(timedelta(seconds=1))
    assert beats() == 1

    heard = [each for each in receiver.came if kind_of(each) == "heartbeat"]
    said = [{part["name"]: part for part in status_part(each)} for each in heard]
    counts = [each["events-since-subscription-start"]["valueString"] for each in said]
    assert counts == ["0", "1"]
    assert idle.is_idle()


def test_of_two_workers_one_beats(receiver: Receiver, time: Move) -> None:
    made = subscribe(receiver.url, backport_heartbeat_period=60)
    send(made)
    time(timedelta(seconds=61))
    with transaction():
        assert deliveries.take_heartbeat(made.id) is not None
        assert deliveries.take_heartbeat(made.id) is None


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"content": "all"}, "backport-payload-content"),
        ({"backport_heartbeat_period": 1}, "backport-heartbeat-period"),
        ({"backport_timeout": 1}, "backport-timeout"),
    ],
)
def test_what_is_not_offered_is_said_and_never_contacted(
    receiver: Receiver, more: dict[str, Any], words: str
) -> None:
    made = subscribe(receiver.url, **more)

    status, error = standing(made)
    assert status == "error"
    assert words in str(error)
    assert send(made) == 0
    assert receiver.came == []


def test_what_may_not_be_read_any_more_leaves_a_number_and_no_focus(receiver: Receiver) -> None:
    made = subscribe(receiver.url, "full-resource")
    send(made)
    gone, kept = flag("gone"), flag("kept")
    relay()
    with transaction():
        records.delete(SYSTEM, "Flag", gone.id)
    assert send(made) == 2

    events = receiver.told("event-notification")
    assert [numbers_of(each) for each in events] == [[1], [2]]
    assert [focus_of(each) for each in events] == [[], [kept.reference]]


class Asking:
    def __init__(self, client: FlaskClient, who: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {issue_token(who, 'system/*.cruds', 3600)}"}

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        answer = self._client.get(f"/fhir/{path}", headers=self._headers)
        return answer.status_code, answer.get_json()


def test_how_it_stands_and_what_was_missed_can_be_asked_for(
    receiver: Receiver, client: FlaskClient
) -> None:
    made = subscribe(receiver.url)
    send(made)
    flags = [flag(f"number {n}").reference for n in range(4)]
    relay()
    ask = Asking(client, "hospital")

    status, found = ask.get(f"Subscription/{made.id}/$status")
    assert status == 200
    assert [i for i in validate(found) if i.severity in {"error", "fatal"}] == []
    said = {p["name"]: p for p in found["entry"][0]["resource"]["parameter"]}
    assert said["events-since-subscription-start"]["valueString"] == "4"
    assert (said["status"]["valueCode"], said["type"]["valueCode"]) == ("active", "query-status")
    assert ask.get("Subscription/$status")[1]["total"] == 1
    assert ask.get("Subscription/$status?status=error")[1]["total"] == 0
    assert ask.get(f"Subscription/$status?id={made.id}&status=active")[1]["total"] == 1

    status, found = ask.get(
        f"Subscription/{made.id}/$events?eventsSinceNumber=2&eventsUntilNumber=3"
    )
    assert status == 200
    assert [i for i in validate(found) if i.severity in {"error", "fatal"}] == []
    assert (kind_of(found), numbers_of(found)) == ("query-event", [2, 3])
    assert focus_of(found) == flags[1:3]
    full = ask.get(f"Subscription/{made.id}/$events?content=full-resource&eventsSinceNumber=4")[1]
    assert full["entry"][1]["resource"]["code"]["text"] == "number 3"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("$events?eventsSinceNumber=two", 400),
        ("$events?eventsSinceNumber=-1", 400),
        ("$events?content=all", 400),
        ("$events?colour=red", 400),
        ("$status?status=asleep", 400),
        ("$status?id=other", 400),
    ],
)
def test_a_wrong_question_names_what_is_wrong(
    receiver: Receiver, client: FlaskClient, path: str, status: int
) -> None:
    made = subscribe(receiver.url)
    assert Asking(client, "hospital").get(f"Subscription/{made.id}/{path}")[0] == status


def test_for_others_a_subscription_is_not_there(receiver: Receiver, client: FlaskClient) -> None:
    made = subscribe(receiver.url)
    ask = Asking(client, "stranger")
    assert ask.get(f"Subscription/{made.id}/$events")[0] == 404
    assert ask.get(f"Subscription/{made.id}/$status")[0] == 404
    assert ask.get("Subscription/$status")[1]["total"] == 0


def test_the_statement_lists_the_topics(client: FlaskClient) -> None:
    statement = Asking(client, "hospital").get("metadata")[1]
    (described,) = [
        each for each in statement["rest"][0]["resource"] if each["type"] == "Subscription"
    ]
    assert {each["valueCanonical"] for each in described["extension"]} == set(TOPICS)
    assert {"status", "events"} <= {each["name"] for each in described["operation"]}


def test_a_subscriber_row_says_what_was_asked_for(receiver: Receiver) -> None:
    made = subscribe(receiver.url, backport_heartbeat_period=60)
    row = db.session.get_one(Subscriber, made.id)
    assert (row.topic, row.content, row.heartbeat_seconds) == (FLAGS, "id-only", 60)
    assert (row.resource_type, row.criteria) == ("Flag", "patient=Patient/p1")
