"""Urgent work that nobody on shift has: the alarm that must have rung, and where it did not."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete

from hub.db import db
from hub.domain.definition import HubDefinition
from hub.models.shift import Shift
from hub.queries import cover as cover_query
from hub.services import cover
from hub.transaction import transaction
from tests.factories.assignment import assignment
from tests.factories.cover_alarm import cover_alarm
from tests.factories.cover_hole import cover_hole
from tests.factories.routing_decision import routing_decision
from tests.unit.hub.services.clockwork import SUNDAY, Clockwork
from tests.unit.hub.services.cover_desk import HOUR, MONDAY, away, count


@pytest.fixture(autouse=True)
def monday(clockwork: Clockwork, request: pytest.FixtureRequest) -> Clockwork:
    clockwork.set(MONDAY)
    # After that: the sample rota reaches from the day on which it is loaded.
    definition: HubDefinition = request.getfixturevalue("definition")
    assert "duty-desk" in definition.teams
    return clockwork


class TestUrgentWork:
    """Urgent work that nobody on shift has."""

    def given_an_empty_desk(self) -> None:
        with transaction():
            db.session.execute(delete(Shift).where(Shift.team == "CareTeam/duty-desk"))

    def given_urgent_work_at_the_desk(self) -> str:
        with transaction():
            made = assignment(
                owner="CareTeam/duty-desk",
                team="CareTeam/duty-desk",
                urgent=True,
                starts_at=MONDAY,
            )
        return made.task_id

    def test_it_is_a_breach_when_no_alarm_rang(self) -> None:
        self.given_an_empty_desk()
        task = self.given_urgent_work_at_the_desk()

        (found,) = cover_query.unassigned_past_limit(MONDAY - HOUR, MONDAY + HOUR)

        assert (found.task_id, found.owner) == (task, "CareTeam/duty-desk")
        assert (found.since, found.until) == (MONDAY, MONDAY + HOUR)

    def test_it_is_none_where_somebody_is_on_shift_or_it_is_not_urgent_or_short(self) -> None:
        self.given_urgent_work_at_the_desk()
        assert cover_query.unassigned_past_limit(MONDAY - HOUR, MONDAY + HOUR) == []

        self.given_an_empty_desk()
        assert len(cover_query.unassigned_past_limit(MONDAY - HOUR, MONDAY + HOUR)) == 1
        short = timedelta(minutes=9)
        assert cover_query.unassigned_past_limit(MONDAY - HOUR, MONDAY + short) == []

    def test_an_alarm_within_ten_minutes_answers_for_it(self, monday: Clockwork) -> None:
        self.given_an_empty_desk()
        self.given_urgent_work_at_the_desk()
        monday.advance(minutes=9)
        count()

        assert cover.alarmed("CareTeam/duty-desk", MONDAY + 9.5 / 60 * HOUR)
        assert cover_query.unassigned_past_limit(MONDAY - HOUR, MONDAY + HOUR) == []

    def test_an_alarm_after_that_does_not(self, monday: Clockwork) -> None:
        self.given_an_empty_desk()
        self.given_urgent_work_at_the_desk()
        monday.advance(minutes=11)
        count()

        (found,) = cover_query.unassigned_past_limit(MONDAY - HOUR, MONDAY + HOUR)
        assert found.until == MONDAY + timedelta(minutes=11)

    def test_a_hole_is_an_alarm_from_when_it_was_found_and_only_if_it_rang(self) -> None:
        self.given_an_empty_desk()
        self.given_urgent_work_at_the_desk()
        span = (MONDAY - HOUR, MONDAY + HOUR)
        with transaction():
            hole = cover_hole(
                "CareTeam/duty-desk",
                starts_at=MONDAY,
                ends_at=MONDAY + HOUR,
                opened_at=MONDAY + timedelta(minutes=20),
            )
        assert [each.until for each in cover_query.unassigned_past_limit(*span)] == [MONDAY + HOUR]
        with transaction():
            cover_alarm(hole)

        found = [each.until for each in cover_query.unassigned_past_limit(*span)]
        assert found == [MONDAY + timedelta(minutes=20)]

    def test_absent_people_are_not_there(self) -> None:
        self.given_urgent_work_at_the_desk()
        for username in ("dana-duty", "leon-grant", "farah-aziz", "peter-lowe"):
            away(username, MONDAY - 2 * HOUR, 6)

        assert len(cover_query.unassigned_past_limit(MONDAY - HOUR, MONDAY + HOUR)) == 1

    def test_work_routed_to_somebody_off_shift_is_a_breach(self) -> None:
        with transaction():
            task = assignment(
                owner="Practitioner/aud-hearing",
                team="CareTeam/audiology",
                urgent=True,
                starts_at=MONDAY - 4 * HOUR,
            ).task_id
        span = (MONDAY - 5 * HOUR, MONDAY)
        assert cover_query.unassigned_past_limit(*span) == []  # nobody routed it
        with transaction():
            routing_decision(task_id=task, owner="Practitioner/aud-hearing")

        assert [each.task_id for each in cover_query.unassigned_past_limit(*span)] == [task]

    def test_outside_the_needed_hours_the_watch_opens_a_hole_and_closes_it(
        self, monday: Clockwork
    ) -> None:
        monday.set(SUNDAY)
        with transaction():
            made = assignment(
                owner="CareTeam/audiology",
                team="CareTeam/audiology",
                urgent=True,
                starts_at=SUNDAY,
            )
            rung = cover.watch_urgent_work()

        (hole,) = [each for each in cover_query.open_holes() if each.id in rung]
        assert (hole.need, hole.missing) == ("urgent-work/audiology", "nobody")
        assert cover.alarmed("CareTeam/audiology", SUNDAY)
        assert [each.stage for each in cover_query.alarms_of(hole.id)] == [
            "lead",
            "duty-manager",
            "last-call",
        ]
        # It ends when the next of them comes to work, on the first day that is no bank holiday.
        assert hole.ends_at == datetime(2026, 12, 29, 8, 30, tzinfo=UTC)
        with transaction():
            assert cover.watch_urgent_work() == []
            count()
        assert hole.id in {each.id for each in cover_query.open_holes()}
        with transaction():
            made.ends_at = SUNDAY + HOUR
            cover.watch_urgent_work()
        assert hole.closed_why == "covered"

    def test_a_counted_hole_is_alarm_enough(self) -> None:
        self.given_an_empty_desk()
        self.given_urgent_work_at_the_desk()
        count()
        with transaction():
            assert cover.watch_urgent_work() == []
