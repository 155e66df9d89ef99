"""The script of a day and its messages: the same for a seed, right by the standard."""

import json
from collections import Counter
from datetime import date, timedelta

import pytest

from fhir.messaging import SUPPORTED_VERSIONS, decide, parse_message, parse_transport
from fhir.validation import validate
from hub.domain.definition import HubDefinition
from hub.samples import SOUTHEND, day_messages
from hub.samples.day_script import Fate, Script, write
from hub.services import definitions

SUNDAY = date(2026, 12, 27)


@pytest.fixture(scope="module")
def southend() -> HubDefinition:
    return definitions.check(SOUTHEND)


@pytest.fixture(scope="module")
def script(southend: HubDefinition) -> Script:
    return write(southend, seed=7, day=SUNDAY, demand=80)


def test_a_seed_writes_the_same_day(southend: HubDefinition, script: Script) -> None:
    assert write(southend, seed=7, day=SUNDAY, demand=80) == script
    assert write(southend, seed=8, day=SUNDAY, demand=80) != script


@pytest.mark.parametrize("demand", [1, 5, 20, 80, 200])
def test_a_day_has_the_demand_that_was_asked_for(southend: HubDefinition, demand: int) -> None:
    written = write(southend, seed=3, day=SUNDAY, demand=demand)

    assert len(written.referrals) == demand
    assert len({each.request_id for each in written.referrals}) == demand


def test_a_day_has_everything_in_it(script: Script) -> None:
    assert set(Counter(each.fate for each in script.referrals)) == set(Fate)
    assert len(script.away) == 2
    assert script.died is not script.edited


def test_everything_happens_on_the_five_minutes(script: Script) -> None:
    for referral in script.referrals:
        for moment in (referral.at, referral.triage_at):
            assert (moment.minute % 5, moment.second) == (0, 0)


def test_those_who_ring_in_sick_are_not_at_work(script: Script) -> None:
    for username in script.away:
        assert script.on_shift(username, script.away_at - timedelta(minutes=5))
        assert not script.on_shift(username, script.away_at)


def test_nobody_is_referred_twice(script: Script) -> None:
    numbers = [each.person.nhs_number for each in script.referrals if each.person.nhs_number]

    assert len(numbers) == len(set(numbers))


def test_every_message_passes_the_receivers_own_rules(
    southend: HubDefinition, script: Script
) -> None:
    for referral in script.referrals:
        new = day_messages.new_referral(referral, southend)
        cancelled = day_messages.cancellation(referral, southend, script.ends)
        for message, workflow in ((new, "referral-new"), (cancelled, "referral-cancel")):
            parse_transport(message.headers, versions=SUPPORTED_VERSIONS)
            parsed = parse_message(message.body, versions=SUPPORTED_VERSIONS)
            faults = [each for each in validate(parsed.bundle) if each.severity == "error"]

            assert faults == []
            assert decide(parsed, on_file=lambda _: True, slot_free=lambda _: True) == workflow


def test_a_cancellation_is_of_the_same_conversation_and_person(
    southend: HubDefinition, script: Script
) -> None:
    referral = script.referrals[0]
    new = day_messages.new_referral(referral, southend)
    cancelled = day_messages.cancellation(referral, southend, script.ends)

    assert new.request_id != cancelled.request_id
    assert new.headers["X-Correlation-Id"] == cancelled.headers["X-Correlation-Id"]
    header, request = (entry["resource"] for entry in json.loads(cancelled.body)["entry"][:2])
    assert header["reason"]["coding"][0]["code"] == "update"
    assert request["status"] == "revoked"
