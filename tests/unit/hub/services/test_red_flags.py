"""A red flag raises a referral whatever door it comes through, and triage sees why."""

import json
from typing import Any

import pytest

from hub.services import triage_inputs
from hub.services.referrals import Channel
from tests.api.bars import referral
from tests.unit.hub.services.spor_desk import Receive, request_of, task
from tests.unit.hub.services.test_referral_responses import sent

SENTENCE = "The referral speaks of chest pain: has 999 been called? (rule chest-pain, version 1)"


@pytest.mark.parametrize("channel", [Channel.PHONE, Channel.FORM, Channel.LETTER, Channel.API])
@pytest.mark.parametrize("priority", ["routine", "urgent"])
def test_by_every_door_it_is_triaged_as_an_emergency(
    receive: Receive, channel: Channel, priority: str
) -> None:
    receipt = receive(reason="Chest pain since noon", channel=channel, priority=priority)

    assert request_of(receipt)["priority"] == "stat"
    triage = task(receipt.task.id)
    assert triage["priority"] == "stat"
    assert triage_inputs.read(triage.resource).red_flags == (SENTENCE,)


def test_what_a_person_called_more_urgent_stays_so(receive: Receive) -> None:
    receipt = receive(reason="Blocked catheter", priority="stat")

    assert request_of(receipt)["priority"] == "stat"
    assert len(triage_inputs.read(task(receipt.task.id).resource).red_flags) == 1


def test_without_a_flag_the_urgency_is_the_referrers(receive: Receive) -> None:
    receipt = receive(reason="No chest pain. Wound on the left leg", priority="routine")

    assert request_of(receipt)["priority"] == "routine"
    assert triage_inputs.read(task(receipt.task.id).resource).red_flags == ()


def test_a_message_that_calls_it_routine_is_raised(clockwork: Any, definition: Any) -> None:
    request, triage = sent(referral(priority="routine", reason="Chest pain at rest"))

    assert request["priority"] == "stat"
    assert triage_inputs.read(triage.resource).red_flags == (SENTENCE,)


def test_a_new_version_of_a_message_is_read_again(clockwork: Any, definition: Any) -> None:
    message = referral(priority="routine", reason="Needs help to wash")
    request, _ = sent(message)
    assert request["priority"] == "routine"
    later = json.loads(json.dumps(message).replace("Needs help to wash", "Chest pain at rest"))

    request, triage = sent(later)

    assert request["priority"] == "stat"
    assert triage["priority"] == "stat"
    assert SENTENCE in triage_inputs.read(triage.resource).red_flags
