"""What has happened to a person, as dated contacts: referrals, visits, summaries, conditions."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from fhir.systems import SNOMED_CT
from hub import clock, records
from hub.domain import frequent
from hub.domain.actor import Actor
from hub.domain.frequent import Contact, Frequent
from hub.services import definitions
from hub.services.referral_request_record import REFERRAL_SOURCE

_MOST = "200"
_NOT_THERE = frozenset({"planned", "cancelled", "entered-in-error"})
Json = Mapping[str, Any]


def frequent_for(actor: Actor, patient: str) -> list[Frequent]:
    """Return which rules of frequent contacts ``Patient/<id>`` meets, by what the actor may see."""
    rules = definitions.current().frequent
    if not rules:
        return []
    now = clock.now()
    since = (now - timedelta(days=max(rule.days for rule in rules))).date()
    return frequent.found(list(_contacts(actor, patient, since)), rules, now)


def _contacts(actor: Actor, patient: str, since: date) -> Iterator[Contact]:
    lately = f"ge{since}"
    for resource_type, some, read in (
        ("ServiceRequest", ("authored", lately), _of_request),
        ("Encounter", ("date", lately), _of_encounter),
        # Many say only their onset, many only when they were recorded: the newest are looked at.
        ("DocumentReference", ("date", lately), _of_document),
        ("Condition", ("_sort", "-_lastUpdated"), _of_condition),
    ):
        page = records.search(
            actor,
            resource_type,
            [("patient", patient), some, ("_count", _MOST), ("_total", "none")],
        )
        for each in page.records:
            contact = read(each.resource)
            if contact is not None:
                yield contact


def _of_request(resource: Json) -> Contact | None:
    on = _day(resource.get("authoredOn"))
    if on is None or resource.get("status") == "entered-in-error":
        return None
    text, codes = _said(resource.get("reasonCode") or ())
    source = None
    for extension in resource.get("extension") or ():
        coding = extension.get("valueCoding") or {}
        if coding.get("system") == REFERRAL_SOURCE:
            source = coding.get("code")
    return Contact(on, text, codes, source=source)


def _of_encounter(resource: Json) -> Contact | None:
    on = _day((resource.get("period") or {}).get("start"))
    if on is None or resource.get("status") in _NOT_THERE:
        return None
    text, codes = _said(resource.get("reasonCode") or ())
    return Contact(on, text, codes, kind=(resource.get("class") or {}).get("code"))


def _of_document(resource: Json) -> Contact | None:
    """Read a summary of a visit; one that was replaced, or is an error, tells of none."""
    if resource.get("status") != "current":
        return None
    written = [each.get("attachment", {}).get("creation") for each in resource.get("content") or ()]
    on = _day(next(filter(None, written), resource.get("date")))
    if on is None:
        return None
    text, codes = _said([resource.get("type") or {}, {"text": resource.get("description")}])
    return Contact(on, text, codes)


def _of_condition(resource: Json) -> Contact | None:
    verified = ((resource.get("verificationStatus") or {}).get("coding") or [{}])[0].get("code")
    on = _day(resource.get("onsetDateTime") or resource.get("recordedDate"))
    if on is None or verified in {"entered-in-error", "refuted"}:
        return None
    return Contact(on, *_said([resource.get("code") or {}]))


def _said(concepts: Any) -> tuple[str, frozenset[str]]:
    codings = [coding for each in concepts for coding in each.get("coding") or ()]
    words = [str(each["text"]) for each in concepts if each.get("text")]
    words += [str(each["display"]) for each in codings if each.get("display")]
    codes = {each.get("code", "") for each in codings if each.get("system") == SNOMED_CT}
    return " . ".join(words), frozenset(codes)


def _day(value: Any) -> date | None:
    """Return the day of a dateTime that says one; a year or a month is no day."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
