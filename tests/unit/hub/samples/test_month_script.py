"""The weeks that are played at a real hub: the same world as in process, on the quarter hour."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from fhir.messaging import SUPPORTED_VERSIONS, decide, parse_message, parse_transport
from fhir.validation import validate
from hub.domain.definition import HubDefinition
from hub.samples import SOUTHEND, day_messages
from hub.samples.day_script import DOOR, Fate
from hub.samples.month_script import STEP, MonthScript, write
from hub.samples.simulation.demand import Span, arrivals
from hub.samples.simulation.world import southend
from hub.services import definitions

SPAN = Span(date(2026, 10, 22), 5)


@pytest.fixture(scope="module")
def hub() -> HubDefinition:
    return definitions.check(SOUTHEND)


@pytest.fixture(scope="module")
def script(hub: HubDefinition) -> MonthScript:
    return write(southend(), hub, SPAN, 3)


def test_a_seed_writes_the_same_weeks(hub: HubDefinition, script: MonthScript) -> None:
    again = write(southend(), hub, SPAN, 3)

    assert (again.referrals, again.visits) == (script.referrals, script.visits)
    assert write(southend(), hub, SPAN, 4).referrals != script.referrals


def test_the_weeks_are_those_of_the_simulation_in_process(
    hub: HubDefinition, script: MonthScript
) -> None:
    came = arrivals(southend(), hub, SPAN, 3)

    assert len(came) == len(script.referrals)
    for arrival, referral in zip(came, script.referrals, strict=True):
        assert timedelta(0) <= referral.at - arrival.at < STEP
        assert (referral.priority == "urgent") == arrival.urgent


def test_everything_is_on_the_quarter_of_an_hour(script: MonthScript) -> None:
    for each in script.referrals:
        for moment in (each.at, each.triage_at):
            assert (moment.minute % 15, moment.second) == (0, 0)
        assert each.triage_at >= each.at
        assert not script.visits[each.number].lasts % STEP


def test_people_come_back_and_messages_never(script: MonthScript) -> None:
    people = Counter(each.person for each in script.referrals)

    assert max(people.values()) > 1
    assert len({each.request_id for each in script.referrals}) == len(script.referrals)


def test_the_weeks_begin_and_end_at_local_midnight_and_morning(script: MonthScript) -> None:
    # The clocks go back on 25 October: midnight is 23:00 UTC before, the morning is UTC after.
    assert script.starts == datetime(2026, 10, 21, 23, tzinfo=UTC)
    assert script.ends == datetime(2026, 10, 28, 6, tzinfo=UTC)


def test_what_cannot_wait_is_neither_sent_elsewhere_nor_withdrawn(hub: HubDefinition) -> None:
    busy = write(replace(southend(), working_day=200), hub, SPAN, 5)

    fates = Counter(each.fate for each in busy.referrals)
    assert set(fates) == set(Fate) - {Fate.DIED}
    for each in busy.referrals:
        if each.priority == "urgent":
            assert each.fate not in {*DOOR, Fate.WITHDRAWN}


def test_every_message_is_right_by_the_standard(hub: HubDefinition, script: MonthScript) -> None:
    for each in script.referrals[:40]:
        message = day_messages.new_referral(each, hub)
        parse_transport(message.headers, versions=SUPPORTED_VERSIONS)
        parsed = parse_message(message.body, versions=SUPPORTED_VERSIONS)

        assert [fault for fault in validate(parsed.bundle) if fault.severity == "error"] == []
        said = decide(parsed, on_file=lambda _: True, slot_free=lambda _: True)
        assert said == "referral-new"
