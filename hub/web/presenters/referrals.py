"""A referral on the board of the single point of referral, and its story for triage."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from hub.queries.spor_board import Waiting
from hub.records import Record
from hub.services import task_content, triage_inputs
from hub.services.referral_request_record import (
    CARER,
    CONSENT,
    SOURCE,
    received_at,
    requested_service,
)
from hub.services.triage_inputs import TriageInputs
from hub.web import directory
from hub.web.presenters import alerts, elements, tasks, words
from hub.web.presenters.people import PersonLine
from hub.web.presenters.words import TimeLeft


@dataclass(frozen=True, slots=True)
class BoardRow:
    id: str
    person: PersonLine
    clock: TimeLeft
    priority: str
    urgent: str
    step: str
    reason: str
    wanted: str
    """Service asked for, or that advice is wanted."""
    source: str
    """Who refers, and from where."""
    received: str
    alerts: tuple[str, ...]
    notes: tuple[str, ...]


def board_row(waiting: Waiting, flags: list[Record], now: datetime) -> BoardRow:
    resource = waiting.task.resource
    shown = tasks.line(waiting.task, now, patient=waiting.patient)
    inputs = triage_inputs.read(resource)
    received = received_at(waiting.request.resource) if waiting.request else None
    received = received or words.instant(resource.get("authoredOn"))
    step = task_content.code(resource, "businessStatus")
    return BoardRow(
        id=waiting.task.id,
        person=shown.person,
        clock=shown.clock,
        priority=shown.priority,
        urgent=shown.urgent,
        step=shown.step if step == "asked" else "",
        reason=reason(waiting.request) or shown.title,
        wanted=wanted(waiting.request),
        source=source(waiting.request, resource),
        received=words.since(received, now) if received else "",
        alerts=_alert_words(inputs, flags),
        notes=_notes(inputs, now),
    )


def _alert_words(inputs: TriageInputs, flags: list[Record]) -> tuple[str, ...]:
    found = ["Red flag"] if inputs.red_flags else []
    found += [each.words for each in inputs.alerts]
    for each in alerts.of_flags(flags):
        said = f"{each.title}: {each.text}" if each.text else each.title
        if each.tone == "danger" and said not in found:
            found.append(said)
    return tuple(found)


def _notes(inputs: TriageInputs, now: datetime) -> tuple[str, ...]:
    found = []
    if inputs.answer_due is not None:
        late = inputs.answer_due < now
        due = words.moment(inputs.answer_due)
        found.append(f"No answer by {due}" if late else f"Answer due {due}")
    if inputs.duplicates:
        found.append("Possible duplicate")
    if inputs.referrals_in_a_year:
        found.append(f"{inputs.referrals_in_a_year} referrals in a year")
    if inputs.suggested_people:
        found.append("Person to confirm")
    if inputs.updates:
        found.append("Updated by the sender")
    return tuple(found)


def reason(request: Record | None) -> str:
    """Return why the person is referred, in the referrer's words."""
    if request is None:
        return ""
    for concept in request.get("reasonCode", ()):
        found = elements.concept_text(concept)
        if found:
            return _said(found)
    return _said(elements.concept_text(request.get("code")))


def _said(text: str) -> str:
    """Show the line breaks that some systems send as a backslash and an n."""
    return text.replace("\\r", "").replace("\\n", "\n")


def wanted(request: Record | None) -> str:
    if request is None:
        return "advice"
    service = requested_service(request.resource)
    if service:
        return directory.name_of(f"HealthcareService/{service}") or service
    asked = elements.concept_text(request.get("code"))
    return "advice" if asked in {"", "Advise me"} else asked


def source(request: Record | None, task: dict[str, object] | None = None) -> str:
    """Say who refers."""
    requester = (request.get("requester") if request else None) or (task or {}).get("requester")
    return directory.name_of(requester) if isinstance(requester, dict) else ""


@dataclass(frozen=True, slots=True)
class Story:
    """What the referrer wrote."""

    reason: str
    reasons: tuple[str, ...]
    wanted: str
    source: str
    received: str
    written: str
    details: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


LINKS = ("reasonReference", "basedOn", "supportingInfo")
"""Elements of a referral that point to what the referrer sent with it."""


def links(request: Record | None) -> list[str]:
    """Return the references to what came with the referral."""
    found = [each for name in LINKS for each in (request.get(name, ()) if request else ())]
    return [each["reference"] for each in found if "reference" in each]


def papers(request: Record | None) -> list[tuple[str, str]]:
    """Return the letters that a referral came as: (address, words)."""
    prefix = "DocumentReference/"
    return [
        (f"/documents/{each['reference'].removeprefix(prefix)}", str(each.get("display", "")))
        for each in (request.get("supportingInfo") or () if request else ())
        if str(each.get("reference", "")).startswith(prefix)
    ]


def _of_linked(linked: Iterable[Record]) -> list[str]:
    """Return the words of conditions and plans that came with the referral."""
    found = []
    for each in linked:
        resource = each.resource
        found.append(elements.concept_text(resource.get("code")))
        found.append(str(resource.get("description", "")))
        for activity in resource.get("activity", ()):
            detail = activity.get("detail") or {}
            found.append(
                str(detail.get("description") or elements.concept_text(detail.get("code")))
            )
        found += [str(note["text"]) for note in elements.notes(resource)]
    return list(dict.fromkeys(text for text in found if text))


def story(request: Record | None, task: Record, linked: Iterable[Record] = ()) -> Story:
    """Return what the referrer said: in the referral, or in what came with it."""
    resource = request.resource if request else {}
    sent = _of_linked(linked)
    reasons = [elements.concept_text(each) for each in resource.get("reasonCode", ())] or sent
    said = {url: elements.extension(resource, url) for url in (CONSENT, CARER, SOURCE)}
    facts = [
        ("Comes from", _source_words(said[SOURCE])),
        ("Consent", _CONSENTS.get(str(said[CONSENT].get("valueCode", "")), "Not stated")),
        ("Carer", str(said[CARER].get("valueString", ""))),
        ("Wanted when", words.moment(resource.get("occurrenceDateTime"))),
        ("Told to the person", str(resource.get("patientInstruction", ""))),
    ]
    # Many systems send the same words twice, as the reason and as a note.
    said_already = {_said(each) for each in reasons}
    notes = (_said(str(each["text"])) for each in elements.notes(resource))
    return Story(
        reason=_said(reasons[0]) if reasons else reason(request),
        reasons=tuple(_said(each) for each in reasons[1:] if each),
        wanted=wanted(request),
        source=source(request, task.resource),
        received=words.moment(task.get("authoredOn")),
        written=words.moment(resource.get("authoredOn")),
        details=tuple((name, text) for name, text in facts if text),
        notes=tuple(text for text in notes if text not in said_already),
    )


_CONSENTS = {
    "given": "The person agrees",
    "best-interests": "Made in the person's best interests",
    "not-stated": "Not stated",
}


def _source_words(extension: elements.Element) -> str:
    code = str((extension.get("valueCoding") or {}).get("code", ""))
    return directory.words_of("referral-sources", code) if code else ""


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier referral of the same person."""

    when: str
    reason: str
    wanted: str
    status: str


def earlier(requests: list[Record], this: Record | None) -> list[Earlier]:
    """Return the person's other referrals, the newest first."""
    others = [each for each in requests if this is None or each.id != this.id]
    others.sort(key=lambda each: str(each.get("authoredOn", "")), reverse=True)
    return [
        Earlier(
            when=words.short_day(each.get("authoredOn")),
            reason=reason(each),
            wanted=wanted(each),
            status=_REQUEST_STATUSES.get(str(each.get("status")), str(each.get("status"))),
        )
        for each in others
    ]


_REQUEST_STATUSES = {
    "draft": "being written",
    "active": "open",
    "on-hold": "on hold",
    "completed": "finished",
    "revoked": "ended",
    "entered-in-error": "sent by mistake",
}
