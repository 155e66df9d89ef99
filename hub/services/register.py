"""The end-of-life register: entered with consent, kept, shared, left.

Source: the care model, section 8; the design, flow 4. An entry is one transaction over
EpisodeOfCare, Flag, Consent and QuestionnaireResponse; every critical change is a new version of
the episode, so that each subscribed service is told once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from fhir.systems import REGISTER_QUESTIONNAIRE
from hub import clock, records
from hub.domain import register as rules
from hub.domain import reviews
from hub.domain.accountability import AccountableRole
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.register import CPRRecord, LeavingReason, RegisterEntry
from hub.queries import standing
from hub.records import Record
from hub.services import accountability, definitions, tasks
from hub.services import register_content as content

_HUB = hub_actor("register")


@dataclass(frozen=True, slots=True)
class EmergencySummary:
    """What somebody needs in seconds at 3 a.m.: read-only, one page."""

    patient: Record
    entry: RegisterEntry
    flags: tuple[Record, ...]
    accountable: tuple[tuple[str, str], ...]
    """(role, reference) of the people who are accountable now."""


def enter(actor: Actor, patient_id: str, entry: RegisterEntry) -> Record:
    """Enter a person with consent or a best-interests decision; returns the EpisodeOfCare."""
    _may_keep(actor)
    patient = _living(actor, patient_id)
    today = clock.now().date()
    dated = replace(entry, entered_on=entry.entered_on or today)
    rules.check_entry(dated, today)
    assert dated.consent is not None
    if standing.register_episodes(_HUB, patient_id):
        raise StateError("this person is on the register already", field="status")
    author = actor.practitioner
    now = clock.now()
    records.create(actor, content.consent(patient_id, dated.consent, now), managed=True)
    records.create(actor, content.answers(patient_id, dated, author=author, at=now), managed=True)
    records.create(actor, content.register_flag(patient_id, dated, author), managed=True)
    _set_cpr_flag(actor, patient_id, dated.cpr)
    episode = content.episode(patient_id, dated, actor.organization)
    content.note_change(episode, ["entered"], now)
    made = records.create(actor, episode, managed=True)
    _tell("RegisterEntered", made, patient_id)
    accountability.raise_vacancies(_HUB, patient)
    return made


def _may_keep(actor: Actor) -> None:
    """Refuse people whose role does not keep register entries; withdrawing is open to all."""
    if actor.kind is ActorKind.PERSON and actor.role not in rules.KEEPERS:
        raise NotPermittedError(
            "your role does not keep entries of the end-of-life register",
            field="role",
            allowed=sorted(rules.KEEPERS),
        )


def seen(actor: Actor, patient_id: str) -> str:
    """Name the version of an entry's content, for the form that is made from it."""
    answers = _answers(actor, patient_id)
    return f"{answers.id}/{answers.version}"


def change(
    actor: Actor, patient_id: str, entry: RegisterEntry, *, made_from: str | None = None
) -> Record:
    """Replace the content of an entry; returns the EpisodeOfCare.

    A critical item that differs makes a new version of the episode and tells every subscribed
    service; a change of the other items is only kept. The consent is not changed here. With
    ``made_from`` (what ``seen`` said) an entry that somebody has changed since is refused.
    """
    _may_keep(actor)
    patient = _living(actor, patient_id)
    episode = _entry_of(actor, patient_id)
    if made_from is not None and made_from != seen(actor, patient_id):
        raise StateError(
            "somebody else has changed this entry since you opened it; nothing of yours is saved."
            " Look at the entry as it is now, then change it again",
            field="stage",
        )
    before = current(actor, patient_id)
    assert before is not None
    after = replace(entry, consent=before.consent, entered_on=before.entered_on)
    rules.check_entry(after, clock.now().date())
    changed = rules.changes(before, after)
    if not changed:
        return episode
    answers = _answers(actor, patient.id)
    renewed = content.answers(patient.id, after, author=actor.practitioner, at=clock.now())
    records.update(
        actor,
        {**renewed, "id": answers.id, "meta": answers["meta"]},
        type="QuestionnaireResponse",
        id=answers.id,
        if_match=answers.version,
    )
    if "cpr" in changed:
        _set_cpr_flag(actor, patient.id, after.cpr)
    critical = rules.critical_changes(before, after)
    if not critical:
        return episode
    resource = episode.resource
    content.note_change(resource, critical, clock.now())
    written = _update(actor, episode, resource)
    _tell("RegisterChanged", written, patient.id, critical)
    return written


def leave(actor: Actor, patient_id: str, *, reason: LeavingReason, note: str = "") -> Record:
    """Take a person off the register; returns the finished EpisodeOfCare.

    The decision on resuscitation is a record of its own: its flag stays, except after death.
    """
    records.read(actor, "Patient", patient_id)
    episode = _entry_of(actor, patient_id)
    resource = episode.resource
    in_error = reason is LeavingReason.ENTERED_IN_ERROR
    resource["status"] = "entered-in-error" if in_error else "finished"
    resource["period"] = {**resource.get("period", {}), "end": clock.now().date().isoformat()}
    content.note_change(resource, [f"left-{reason.value}"], clock.now())
    written = _update(actor, episode, resource)
    kinds = [content.REGISTER]
    if reason is LeavingReason.DIED:
        kinds.append(content.CPR_FLAG)
    for kind in kinds:
        _end_flags(actor, patient_id, kind)
    records.audit.record(
        actor, "register-left", written.reference, {"reason": reason.value, "note": note}
    )
    _tell("RegisterLeft", written, patient_id, [reason.value])
    return written


def withdraw_consent(actor: Actor, patient_id: str, *, by: str) -> Record:
    """End the sharing at once because the person (or who decides for them, ``by``) says so.

    Where a CPR decision or an ADRT exists, the accountable GP gets an urgent task to agree with
    the person how they stay known to those who would resuscitate.
    """
    if not by.strip():
        raise RuleError("a withdrawal says who withdrew", field="by")
    before = current(actor, patient_id)
    left = leave(actor, patient_id, reason=LeavingReason.CONSENT_WITHDRAWN, note=by)
    for consent in standing.sharing_consents(_HUB, patient_id):
        resource = consent.resource
        resource["status"] = "inactive"
        provision = resource.get("provision", {})
        period = {**provision.get("period", {}), "end": clock.now().date().isoformat()}
        resource["provision"] = {**provision, "period": period}
        _update(actor, consent, resource)
    if before is not None and (before.cpr is not None or before.adrt):
        _open_cpr_review(actor, patient_id)
    return left


def current(actor: Actor, patient_id: str) -> RegisterEntry | None:
    """Return the entry of a person who is on the register now."""
    if not standing.register_episodes(actor, patient_id):
        return None
    answers = _answers(actor, patient_id)
    consents = standing.sharing_consents(actor, patient_id)
    given = content.read_consent(consents[-1].resource) if consents else None
    return content.read_answers(answers.resource, given)


def emergency_summary(actor: Actor, patient_id: str) -> EmergencySummary | None:
    """Return what the ambulance crew needs, or None for somebody who is not on the register."""
    entry = current(actor, patient_id)
    if entry is None:
        return None
    held = accountability.current(actor, patient_id)
    return EmergencySummary(
        patient=records.read(actor, "Patient", patient_id),
        entry=entry,
        flags=tuple(standing.managed(actor, "Flag", patient_id, status=("active",))),
        accountable=tuple((role.value, held[role].practitioner) for role in sorted(held)),
    )


def next_review(entry: RegisterEntry, last: date) -> date:
    """Return when an entry is reviewed next, by the stage's interval of this hub."""
    if entry.review_on is not None:
        return entry.review_on
    days = definitions.current().review_days
    return reviews.next_review(last, days, stage=entry.stage.value)


def _living(actor: Actor, patient_id: str) -> Record:
    """Return the person, held until the transaction ends: two entries at once would be two."""
    patient = records.lock(actor, "Patient", patient_id)
    if patient.get("deceasedBoolean") or patient.get("deceasedDateTime"):
        raise StateError("this person has died", field="patient")
    return patient


def _entry_of(actor: Actor, patient_id: str) -> Record:
    found = standing.register_episodes(actor, patient_id)
    if not found:
        raise StateError("this person is not on the register", field="patient")
    held = records.lock(actor, "EpisodeOfCare", found[0].id)
    if held["status"] != "active":
        raise StateError("this person has just left the register", field="patient")
    return held


def _answers(actor: Actor, patient_id: str) -> Record:
    """Return the content of the newest entry: ids are time-ordered."""
    found = standing.managed(
        actor,
        "QuestionnaireResponse",
        patient_id,
        code=REGISTER_QUESTIONNAIRE,
        code_column="questionnaire",
    )
    return found[-1]


def _set_cpr_flag(actor: Actor, patient_id: str, cpr: CPRRecord | None) -> None:
    _end_flags(actor, patient_id, content.CPR_FLAG)
    if cpr is not None:
        records.create(actor, content.cpr_flag(patient_id, cpr, actor.practitioner), managed=True)


def _end_flags(actor: Actor, patient_id: str, kind: str) -> None:
    for flag in standing.managed(_HUB, "Flag", patient_id, status=("active",), code=kind):
        _update(actor, flag, {**flag.resource, "status": "inactive"})


def _open_cpr_review(actor: Actor, patient_id: str) -> None:
    definition = definitions.current()
    held = accountability.current(_HUB, patient_id)
    gp = held.get(AccountableRole.GP) or held.get(AccountableRole.COORDINATOR)
    service = definition.services.get("general-practice") or next(
        iter(definition.services.values())
    )
    tasks.open_task(
        _HUB,
        code="register-cpr-review",
        patient=f"Patient/{patient_id}",
        description="Agree with the person how they stay known to those who would resuscitate",
        owner=gp.practitioner if gp else f"CareTeam/{service.team}",
        priority="urgent",
        focus=f"Patient/{patient_id}",
        performing_organization=f"Organization/{service.performing}",
        accountable_organization=f"Organization/{service.accountable}",
        clock="same-day" if "same-day" in definition.clocks else None,
        service=service.code,
        requester=actor.reference,
    )


def _tell(event: str, episode: Record, patient_id: str, items: Sequence[str] = ()) -> None:
    records.outbox.emit(
        event,
        subject=episode.reference,
        payload={
            "patient": f"Patient/{patient_id}",
            "version": episode.version,
            "items": list(items),
        },
    )


def _update(actor: Actor, record: Record, resource: dict[str, Any]) -> Record:
    return records.update(actor, resource, type=record.type, id=record.id, if_match=record.version)
