"""Which message is owed for what became of a referral."""

import pytest

from fhir.messaging import ResponseKind
from hub.domain.answers import Answers
from hub.domain.referral import TriageOutcome
from hub.domain.referral_answer import (
    Outcome,
    WorkOutcome,
    outcome_of,
    response_to,
    status_of,
)

EVERYTHING: tuple[Outcome, ...] = (*TriageOutcome, *WorkOutcome)


@pytest.mark.parametrize("outcome", EVERYTHING)
def test_every_outcome_of_a_validation_request_is_answered(outcome: Outcome) -> None:
    assert response_to("validation", outcome, reason="died") is not None
    assert outcome_of(outcome.value) is outcome
    assert status_of(outcome) in {"active", "completed", "revoked"}


def test_a_decline_is_a_rejection_and_never_a_no_show() -> None:
    assert response_to("validation", TriageOutcome.DECLINED) is ResponseKind.REJECTED
    assert response_to("referral", TriageOutcome.DECLINED, safeguarding=True) is None


@pytest.mark.parametrize(
    "outcome", [each for each in EVERYTHING if each is not WorkOutcome.NOT_ATTENDED]
)
def test_the_standard_has_no_answer_to_a_transfer_of_care(outcome: Outcome) -> None:
    assert response_to("referral", outcome, reason="died", safeguarding=True) is None
    agreed = response_to("referral", outcome, reason="died", answers=Answers.ALL)
    assert agreed is ResponseKind.SHORT


def test_a_no_show_is_reported_where_there_is_a_safeguarding_concern() -> None:
    missed = WorkOutcome.NOT_ATTENDED
    assert response_to("referral", missed, safeguarding=True) is ResponseKind.NO_SHOW
    assert response_to("referral", missed) is None


@pytest.mark.parametrize("reason", ["referrer-cancelled", "entered-in-error"])
@pytest.mark.parametrize("category", ["referral", "validation"])
def test_who_withdrew_a_referral_need_not_be_told(category: str, reason: str) -> None:
    withdrawn = TriageOutcome.WITHDRAWN
    assert response_to(category, withdrawn, reason=reason, answers=Answers.ALL) is None


def test_an_unknown_outcome_is_a_fault() -> None:
    with pytest.raises(ValueError, match="nothing"):
        outcome_of("nothing")
