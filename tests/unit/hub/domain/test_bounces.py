"""Declined, then in hospital within 72 hours: of the same person, after the decision."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.domain.bounces import Admission, Declined, by_reason, declined_then_admitted

AT = datetime(2026, 10, 23, 12, 0, tzinfo=UTC)


def declined(request: str = "ServiceRequest/1", patient: str = "Patient/1") -> Declined:
    return Declined(request, patient, "out-of-area", AT)


def admitted(hours: float, patient: str = "Patient/1") -> Admission:
    return Admission(f"Encounter/{hours}", patient, AT + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("hours", "counts"), [(-0.1, False), (0, True), (71.9, True), (72, True), (72.1, False)]
)
def test_within_72_hours_of_elapsed_time(hours: float, counts: bool) -> None:
    # The clocks go back in between: 72 hours are 72 hours.
    assert bool(declined_then_admitted([declined()], [admitted(hours)])) is counts


def test_only_of_the_same_person_and_the_first_one() -> None:
    (found,) = declined_then_admitted(
        [declined()], [admitted(1, "Patient/2"), admitted(30), admitted(5)]
    )
    assert found.admission.encounter == "Encounter/5"


def test_what_was_sent_back_is_counted_by_its_reason() -> None:
    later = Declined("ServiceRequest/3", "Patient/3", "age-bound", AT)
    assert by_reason([later, declined(), declined("ServiceRequest/2")]) == {
        "out-of-area": 2,
        "age-bound": 1,
    }
