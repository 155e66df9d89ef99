"""The end-of-life register: no entry, and no sign of one, without consent or best interests.

Source: the care model, section 8: "consent (or best-interests decision with named decision-maker)
before entry; withdrawing it ends sharing in Carehub at once".
"""

from collections.abc import Mapping
from typing import Any

from fhir.systems import EPISODE_TYPE, FLAG_KIND, SNOMED_CT
from hub import records
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import RuleError, StateError
from hub.domain.register import CONSENT_TO_SHARING
from hub.queries import standing
from hub.services.register_content import REGISTER

_HUB = hub_actor("guards")


@records.guard("EpisodeOfCare")
def keep_entries_consented(
    actor: Actor,  # noqa: ARG001 - the rule is the same for everybody
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
) -> None:
    """Refuse an active entry of somebody who has not agreed, a second entry, and a deletion."""
    if not any(_is_entry(each) for each in (old, new) if each is not None):
        return
    if new is None:
        raise StateError("an entry is left, never deleted", field="status")
    if old is not None and (
        old.get("patient") != new.get("patient") or old.get("type") != new.get("type")
    ):
        raise RuleError("an entry stays what it is and whose it is", field="type")
    if new.get("status") != "active":
        return
    if old is not None and old.get("status") != "active":
        raise StateError("who left the register is entered anew", field="status")
    patient_id = _patient_id(new["patient"])
    _require_consent(patient_id)
    others = [
        each for each in standing.register_episodes(_HUB, patient_id) if each.id != new.get("id")
    ]
    if others:
        raise StateError("this person is on the register already", field="status")


@records.guard("Flag")
def keep_flag_consented(
    actor: Actor,  # noqa: ARG001 - the rule is the same for everybody
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
) -> None:
    """Refuse the flag of the register without consent; any managed flag is ended, not deleted."""
    if new is None:
        raise StateError("a flag is made inactive, never deleted", field="status")
    if old is not None and (
        old.get("subject") != new.get("subject") or old.get("code") != new.get("code")
    ):
        raise RuleError("a flag stays what it is and whose it is", field="code")
    is_register = any(
        coding.get("system") == FLAG_KIND and coding.get("code") == REGISTER
        for coding in new.get("code", {}).get("coding", ())
    )
    if is_register and new.get("status") == "active":
        _require_consent(_patient_id(new["subject"]))


@records.guard("Consent")
def keep_consent_under_entry(
    actor: Actor,  # noqa: ARG001 - the rule is the same for everybody
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
) -> None:
    """Refuse to end a consent while the entry that stands on it is still shared."""
    if new is not None:
        if old is not None and old.get("patient") != new.get("patient"):
            raise RuleError("a consent stays with its person", field="patient")
        if new.get("status") == "active":
            return
    if old is None or old.get("status") != "active" or not _is_sharing(old):
        return
    patient_id = _patient_id(old["patient"])
    remaining = [
        each
        for each in standing.sharing_consents(_HUB, patient_id)
        if each.id != old.get("id") and _is_sharing(each.resource)
    ]
    if not remaining and standing.register_episodes(_HUB, patient_id):
        raise StateError(
            "withdraw the consent on the register: that ends the sharing and tells everybody",
            field="status",
        )


def _require_consent(patient_id: str) -> None:
    consents = standing.sharing_consents(_HUB, patient_id)
    if not any(_is_sharing(each.resource) for each in consents):
        raise RuleError(
            "nobody is on the register without consent or a best-interests decision",
            field="consent",
        )


def _is_entry(episode: Mapping[str, Any]) -> bool:
    return any(
        coding.get("system") == EPISODE_TYPE and coding.get("code") == REGISTER
        for concept in episode.get("type", ())
        for coding in concept.get("coding", ())
    )


def _is_sharing(consent: Mapping[str, Any]) -> bool:
    return any(
        coding.get("system") == SNOMED_CT and coding.get("code") == CONSENT_TO_SHARING.code
        for category in consent.get("category", ())
        for coding in category.get("coding", ())
    )


def _patient_id(reference: Mapping[str, Any]) -> str:
    found: str = reference.get("reference", "").removeprefix("Patient/")
    return found
