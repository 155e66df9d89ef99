"""A referrer learns where a referral is, and nothing about the person."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.domain.referral_news import TriageNews, WorkNews, news

CAME = datetime(2026, 12, 27, 9, 0, tzinfo=UTC)
LATER = CAME + timedelta(hours=1)


def triaged(step: str, **more: str) -> TriageNews:
    return TriageNews(step=step, at=LATER, **more)  # type: ignore[arg-type]


def worked(status: str, *, step: str | None = None, outcome: str | None = None) -> WorkNews:
    return WorkNews("District nursing", status, step, outcome, LATER + timedelta(hours=1))


@pytest.mark.parametrize("step", ["received", "validated"])
def test_what_waits_is_said_to_wait(step: str) -> None:
    told = news(CAME, triaged(step), [])
    assert told.now == "It waits to be looked at by the single point of referral."
    assert [line.at for line in told.lines] == [CAME]


def test_a_question_is_shown_to_be_answered() -> None:
    told = news(CAME, triaged("asked", said="Since when?"), [])
    assert (told.question, told.advice) == ("Since when?", None)


def test_a_decline_says_why_and_what_to_do() -> None:
    told = news(CAME, triaged("declined", reason="Outside the area", said="Call Essex."), [])
    assert told.now == "It was declined: Outside the area."
    assert told.advice == "Call Essex."


@pytest.mark.parametrize(
    ("status", "step", "outcome", "words"),
    [
        ("requested", None, None, "District nursing has accepted it."),
        ("accepted", "allocated", None, "Somebody of District nursing has taken it on."),
        ("in-progress", "first-contact", None, "District nursing has made first contact."),
        ("completed", "closed", "done as asked", "District nursing has finished: done as asked."),
        ("cancelled", None, None, "District nursing does not go on with it."),
    ],
)
def test_an_accepted_referral_is_followed_to_its_end(
    status: str, step: str | None, outcome: str | None, words: str
) -> None:
    triage = triaged("accepted", service="District nursing", said="Key safe by the door")
    told = news(CAME, triage, [worked(status, step=step, outcome=outcome)])
    assert told.now == words
    assert told.advice is None, "the note of an acceptance is for whoever takes it on"
    assert all("Key safe" not in line.words for line in told.lines)


def test_what_happened_stands_in_its_order() -> None:
    triage = triaged("accepted", service="District nursing")
    told = news(CAME, triage, [worked("completed")])
    assert [line.at for line in told.lines] == sorted(line.at for line in told.lines)
    assert len(told.lines) == 3
