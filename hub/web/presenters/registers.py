"""An entry of the end-of-life register in words, and who was told of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.domain.register import (
    PREFERRED_WORDS,
    ConsentBasis,
    CPRDecision,
    CPRRecord,
    Preference,
    RegisterEntry,
)
from hub.services.subscriptions import Told
from hub.web import directory
from hub.web.presenters import words

STAGES = {"years": "Years", "months": "Months", "weeks": "Weeks", "days": "Days"}
CPR_WORDS = {
    CPRDecision.ATTEMPT: "Attempt resuscitation",
    CPRDecision.DO_NOT_ATTEMPT: "Do not attempt resuscitation",
}
BASES = {
    ConsentBasis.GIVEN: "The person agreed",
    ConsentBasis.BEST_INTERESTS: "Decided in the person's best interests",
}
_PLAIN = (
    ("adrt", "Advance decision to refuse treatment"),
    ("lasting_power_of_attorney", "Lasting power of attorney"),
    ("anticipatory_medicines", "Anticipatory medicines"),
    ("equipment", "Equipment"),
    ("key_worker", "Key worker"),
    ("usual_gp", "Usual GP"),
    ("person_knows", "What the person knows"),
    ("family_knows", "What the family knows"),
    ("cultural_needs", "Cultural and spiritual needs"),
    ("contacts", "Contacts"),
)


@dataclass(frozen=True, slots=True)
class ShownEntry:
    stage: str
    diagnosis: str
    consent: str
    entered: str
    review: str
    resuscitation: str
    """Words of the decision; empty where none is recorded."""
    not_for_resuscitation: bool
    form_location: str
    decided: str
    emergency: str
    preferences: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]


def shown(entry: RegisterEntry) -> ShownEntry:
    cpr = entry.cpr
    consent = entry.consent
    preferences = (
        ("Wants to be cared for at", entry.care_first),
        ("Second choice of care", entry.care_second),
        ("Wants to die at", entry.death_first),
        ("Second choice", entry.death_second),
    )
    return ShownEntry(
        stage=STAGES.get(entry.stage.value, entry.stage.value),
        diagnosis=entry.diagnosis,
        consent=(
            f"{BASES[consent.basis]}: {consent.decided_by}, {words.day(consent.decided_on)}"
            if consent
            else ""
        ),
        entered=words.day(entry.entered_on),
        review=words.day(entry.review_on),
        resuscitation=CPR_WORDS[cpr.decision] if cpr else "",
        not_for_resuscitation=cpr is not None and cpr.decision is CPRDecision.DO_NOT_ATTEMPT,
        form_location=cpr.form_location if cpr else "",
        decided=(
            ", ".join(filter(None, (words.day(cpr.decided_on), _who(cpr.decided_by))))
            if cpr
            else ""
        ),
        emergency=entry.emergency_instructions,
        preferences=tuple(
            (title, _preference(preference)) for title, preference in preferences if preference
        ),
        facts=tuple(
            (title, str(getattr(entry, name))) for name, title in _PLAIN if getattr(entry, name)
        ),
    )


def _decided(cpr: CPRRecord) -> str:
    return ", ".join(filter(None, (words.day(cpr.decided_on), _who(cpr.decided_by))))


def _who(said: str) -> str:
    """Return a name, also where a system sent a reference to the person."""
    return directory.name_of(said) if said.startswith("Practitioner/") else said


def _preference(preference: Preference) -> str:
    place = PREFERRED_WORDS[preference.place]
    name = f" ({preference.name})" if preference.name else ""
    by = preference.recorded_by.partition(",")[0]
    return f"{place}{name} (told to {by}, {words.day(preference.recorded_on)})"


@dataclass(frozen=True, slots=True)
class ToldLine:
    """One system, and whether it has confirmed that it knows."""

    who: str
    status: str
    tone: str
    sent: str
    confirmed: str
    attempts: int
    error: str


_STATUSES = {
    "acknowledged": ("Confirmed", "good"),
    "waiting": ("On its way", "soon"),
    "dead": ("Not delivered: somebody must ring", "late"),
    "dropped": ("Not sent: the system has left", "late"),
}


def told(deliveries: Iterable[Told]) -> list[ToldLine]:
    """Return who was told last (the newest comes first), and what is not confirmed yet."""
    found = []
    seen = set()
    for each in deliveries:
        if each.subscriber in seen and each.status == "acknowledged":
            continue
        seen.add(each.subscriber)
        status, tone = _STATUSES.get(each.status, (each.status, "soon"))
        if each.status == "waiting" and each.attempts:
            status = f"Not confirmed yet, tried {words.plural(each.attempts, 'time')}"
        found.append(
            ToldLine(
                who=each.subscriber,
                status=status,
                tone=tone,
                sent=words.moment(each.sent_at),
                confirmed=words.moment(each.acknowledged_at),
                attempts=each.attempts,
                error=each.error or "",
            )
        )
    return found
