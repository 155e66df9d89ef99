"""The arithmetic of a day: every referral in one place, nothing lost, nothing twice."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from hub.samples.day_report import InboxRow, ReferralRow, Report, SentRow, TaskRow, count

STEPS = ("accepted", "redirected", "declined", "withdrawn", "received", "asked")


def _sent(number: str, **changes: Any) -> SentRow:
    row = SentRow(
        request_id=f"id-{number}", kind="new", number=number, acknowledged=True, refused=False
    )
    return dataclasses.replace(row, **changes)


def _day(steps: Mapping[str, str]) -> dict[str, list[Any]]:
    return {
        "sent": [_sent(number) for number in steps],
        "inbox": [
            InboxRow(f"id-{number}", "processed", "referral-new", f"ServiceRequest/{number}")
            for number in steps
        ],
        "referrals": [
            ReferralRow(
                f"ServiceRequest/{number}",
                number,
                "revoked" if step in {"declined", "withdrawn"} else "active",
            )
            for number, step in steps.items()
        ],
        "tasks": [
            TaskRow(
                id=f"t{number}",
                focus=f"ServiceRequest/{number}",
                code="triage",
                status="completed",
                step=step,
                owner="Practitioner/sam-spor",
            )
            for number, step in steps.items()
        ],
    }


def _good_day() -> dict[str, list[Any]]:
    return _day({f"R{number}": step for number, step in enumerate(STEPS)})


def _counted(day: dict[str, list[Any]]) -> Report:
    return count(**day)


def test_every_referral_is_in_one_bucket() -> None:
    report = _counted(_good_day())

    assert (report.received, report.accepted, report.redirected) == (6, 1, 1)
    assert (report.declined, report.withdrawn, report.waiting) == (1, 1, 2)
    assert report.problems == ()


def test_an_accepted_referral_that_ends_is_withdrawn() -> None:
    day = _day({"R1": "accepted"})
    day["referrals"] = [dataclasses.replace(day["referrals"][0], status="revoked")]

    assert _counted(day).withdrawn == 1


def test_an_acknowledged_referral_without_a_record_is_lost() -> None:
    day = _good_day()
    del day["referrals"][0]

    report = _counted(day)

    assert report.lost == 1
    assert "1 acknowledged referrals are in no place" in report.problems


def test_a_referral_that_nobody_triages_is_lost() -> None:
    day = _good_day()
    del day["tasks"][0]

    assert _counted(day).lost == 1


def test_a_referral_that_was_refused_is_not_lost() -> None:
    day = _good_day()
    day["sent"].append(_sent("R9", acknowledged=False, refused=True))
    day["inbox"].append(InboxRow("id-R9", "refused", None, None))

    report = _counted(day)

    assert report.lost == 0
    assert report.messages_refused == 1
    assert report.problems == ()


def test_one_message_that_made_two_referrals_is_a_duplicate() -> None:
    day = _good_day()
    day["referrals"].append(ReferralRow("ServiceRequest/again", "R0", "active"))

    assert _counted(day).duplicated == 1


def test_two_triages_of_one_referral_are_a_duplicate() -> None:
    day = _good_day()
    day["tasks"].append(dataclasses.replace(day["tasks"][0], id="again"))

    assert _counted(day).duplicated == 1


def test_a_resent_message_counts_as_a_message_and_not_as_a_referral() -> None:
    day = _good_day()
    day["sent"].append(_sent("R0", repeat=True))
    day["inbox"].append(InboxRow("id-R0", "duplicate", None, None))

    report = _counted(day)

    assert report.received == 6
    assert (report.messages_sent, report.messages_duplicate) == (7, 1)
    assert report.problems == ()


def test_a_message_that_left_no_row_is_told() -> None:
    day = _good_day()
    del day["inbox"][0]

    assert "6 messages were sent, 5 arrived" in _counted(day).problems


def test_a_message_without_an_end_is_told() -> None:
    day = _good_day()
    day["inbox"][0] = dataclasses.replace(day["inbox"][0], status="somewhere")

    assert any("have an end" in problem for problem in _counted(day).problems)


def test_routed_counts_what_a_person_was_given() -> None:
    day = _day({"R1": "accepted", "R2": "accepted"})
    for number, routed_to in (("R1", ("CareTeam/duty-desk",)), ("R2", ("Practitioner/asha",))):
        day["tasks"].append(
            TaskRow(
                id=f"w{number}",
                focus=f"ServiceRequest/{number}",
                code="intervention",
                status="completed",
                step="closed",
                owner="Practitioner/asha",
                routed_to=routed_to,
                escalations=2,
                breached=number == "R1",
            )
        )

    report = _counted(day)

    assert report.routed == 1
    assert (report.escalations, report.breaches) == (4, 1)
    assert report.by_person["asha"] == {"routed": 1, "completed": 2}


@pytest.mark.parametrize("answers", [[303, 303, 303], [303, 409, 409], []])
def test_editors_who_overwrite_each_other_are_a_problem(answers: list[int]) -> None:
    report = count(**_good_day(), edits=answers)

    assert any("two people edited one plan" in problem for problem in report.problems)
