"""The FHIR records of a register entry: episode, flags, consent and the answers, in and out.

Sources: standards 4.1 to 4.5 (PRSB Palliative and End of Life Care v1.1, DAPB1580); the coded
items are SNOMED CT, the free ones are answers of the hub's own Questionnaire.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import date, datetime
from typing import Any

from fhir.systems import (
    CONSENT_BASIS,
    EPISODE_TYPE,
    FLAG_KIND,
    REGISTER_CHANGE,
    REGISTER_QUESTIONNAIRE,
    SNOMED_CT,
)
from hub.domain.register import (
    CONSENT_TO_SHARING,
    CPR_CODES,
    ON_REGISTER,
    PREFERRED_WORDS,
    STAGE_CODES,
    ConsentBasis,
    ConsentRecord,
    CPRDecision,
    CPRRecord,
    Preference,
    PreferredPlace,
    RegisterEntry,
    SnomedConcept,
    Stage,
)
from hub.records.record import instant

REGISTER = "eol-register"
CPR_FLAG = "cpr-decision"

_PREFERENCES = ("care_first", "care_second", "death_first", "death_second")
_PLAIN = tuple(
    field.name
    for field in fields(RegisterEntry)
    if field.type in {str, "str"} and field.name != "diagnosis"
)


def snomed(concept: SnomedConcept) -> dict[str, str]:
    return {"system": SNOMED_CT, "code": concept.code, "display": concept.display}


def episode(patient_id: str, entry: RegisterEntry, organization: str | None) -> dict[str, Any]:
    """Return the entry itself: while it is active, the person is on the register."""
    made: dict[str, Any] = {
        "resourceType": "EpisodeOfCare",
        "status": "active",
        "type": [
            {
                "coding": [{"system": EPISODE_TYPE, "code": REGISTER}, snomed(ON_REGISTER)],
                "text": "End-of-life register",
            }
        ],
        "patient": {"reference": f"Patient/{patient_id}"},
    }
    if organization:
        made["managingOrganization"] = {"reference": organization}
    if entry.entered_on:
        made["period"] = {"start": entry.entered_on.isoformat()}
    return made


def note_change(resource: dict[str, Any], items: Iterable[str], at: datetime) -> None:
    """Say on the episode what changed last, so that subscribers get a version of their own."""
    others = [each for each in resource.get("extension", ()) if each.get("url") != REGISTER_CHANGE]
    parts: list[dict[str, Any]] = [{"url": "at", "valueInstant": instant(at)}]
    parts += [{"url": "item", "valueCode": item.replace("_", "-")} for item in items]
    resource["extension"] = [*others, {"url": REGISTER_CHANGE, "extension": parts}]


def register_flag(patient_id: str, entry: RegisterEntry, author: str | None) -> dict[str, Any]:
    return _flag(
        patient_id,
        kind=REGISTER,
        concept=ON_REGISTER,
        start=entry.entered_on,
        end=None,
        author=author,
    )


def cpr_flag(patient_id: str, cpr: CPRRecord, author: str | None) -> dict[str, Any]:
    """Return the decision as a Flag: period.start is its date, period.end its review."""
    return _flag(
        patient_id,
        kind=CPR_FLAG,
        concept=CPR_CODES[cpr.decision],
        start=cpr.decided_on,
        end=cpr.review_on,
        author=author,
    )


def consent(patient_id: str, given: ConsentRecord, at: datetime) -> dict[str, Any]:
    """Return the consent (or best-interests decision) to share the entry."""
    made: dict[str, Any] = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/consentscope",
                    "code": "patient-privacy",
                }
            ]
        },
        "category": [{"coding": [snomed(CONSENT_TO_SHARING)]}],
        "patient": {"reference": f"Patient/{patient_id}"},
        "dateTime": given.decided_on.isoformat(),
        "performer": [{"display": given.decided_by}],
        "policyRule": {
            "coding": [{"system": CONSENT_BASIS, "code": given.basis.value}],
            "text": "Consent given by the person"
            if given.basis is ConsentBasis.GIVEN
            else f"Best-interests decision by {given.decided_by}",
        },
        "provision": {"type": "permit", "period": {"start": given.decided_on.isoformat()}},
        "verification": [{"verified": True, "verificationDate": instant(at)}],
    }
    return made


def read_consent(resource: Mapping[str, Any]) -> ConsentRecord:
    return ConsentRecord(
        basis=ConsentBasis(resource["policyRule"]["coding"][0]["code"]),
        decided_on=date.fromisoformat(resource["dateTime"][:10]),
        decided_by=resource["performer"][0].get("display", ""),
    )


def answers(
    patient_id: str, entry: RegisterEntry, *, author: str | None, at: datetime
) -> dict[str, Any]:
    """Return the content of the entry as a QuestionnaireResponse."""
    items = [
        _item("stage", {"valueCoding": snomed(STAGE_CODES[entry.stage])}),
        _item("diagnosis", {"valueString": entry.diagnosis}),
        _item("is_cancer", {"valueBoolean": entry.is_cancer}),
    ]
    if entry.diagnosis_code:
        code = {"system": SNOMED_CT, "code": entry.diagnosis_code}
        items.append(_item("diagnosis_code", {"valueCoding": code}))
    for name in ("entered_on", "review_on"):
        day: date | None = getattr(entry, name)
        if day is not None:
            items.append(_item(name, {"valueDate": day.isoformat()}))
    if entry.cpr is not None:
        items.append({"linkId": "cpr", "item": _cpr_items(entry.cpr)})
    for name in _PREFERENCES:
        wish: Preference | None = getattr(entry, name)
        if wish is not None:
            items.append({"linkId": name, "item": _preference_items(name, wish)})
    items += [
        _item(name, {"valueString": words}) for name in _PLAIN if (words := getattr(entry, name))
    ]
    made: dict[str, Any] = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": REGISTER_QUESTIONNAIRE,
        "status": "completed",
        "subject": {"reference": f"Patient/{patient_id}"},
        "authored": instant(at),
        "item": items,
    }
    if author:
        made["author"] = {"reference": author}
    return made


def read_answers(resource: Mapping[str, Any], given: ConsentRecord | None) -> RegisterEntry:
    """Return the entry that ``answers`` wrote, with the consent it stands on."""
    items = {item["linkId"]: item for item in resource["item"]}
    stages = {concept.code: stage for stage, concept in STAGE_CODES.items()}
    values: dict[str, Any] = {name: _value(items[name]) for name in _PLAIN if name in items}
    for name in ("entered_on", "review_on"):
        if name in items:
            values[name] = date.fromisoformat(_value(items[name]))
    if "diagnosis_code" in items:
        values["diagnosis_code"] = _value(items["diagnosis_code"])["code"]
    if "cpr" in items:
        values["cpr"] = _read_cpr(_children(items["cpr"]))
    for name in _PREFERENCES:
        if name in items:
            values[name] = _read_preference(name, _children(items[name]))
    return RegisterEntry(
        stage=stages[_value(items["stage"])["code"]],
        diagnosis=_value(items["diagnosis"]),
        is_cancer=_value(items["is_cancer"]),
        consent=given,
        **values,
    )


def stage_of(concept: str) -> Stage:
    return next(stage for stage, each in STAGE_CODES.items() if each.code == concept)


def _flag(
    patient_id: str,
    *,
    kind: str,
    concept: SnomedConcept,
    start: date | None,
    end: date | None,
    author: str | None,
) -> dict[str, Any]:
    flag: dict[str, Any] = {
        "resourceType": "Flag",
        "status": "active",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/flag-category",
                        "code": "clinical",
                    }
                ]
            }
        ],
        "code": {
            "coding": [{"system": FLAG_KIND, "code": kind}, snomed(concept)],
            "text": concept.display,
        },
        "subject": {"reference": f"Patient/{patient_id}"},
    }
    period = {
        name: day.isoformat() for name, day in (("start", start), ("end", end)) if day is not None
    }
    if period:
        flag["period"] = period
    if author:
        flag["author"] = {"reference": author}
    return flag


def _cpr_items(cpr: CPRRecord) -> list[dict[str, Any]]:
    items = [
        _item("cpr.decision", {"valueCoding": snomed(CPR_CODES[cpr.decision])}),
        _item("cpr.decided_on", {"valueDate": cpr.decided_on.isoformat()}),
        _item("cpr.form_location", {"valueString": cpr.form_location}),
    ]
    if cpr.decided_by:
        items.append(_item("cpr.decided_by", {"valueString": cpr.decided_by}))
    if cpr.review_on is not None:
        items.append(_item("cpr.review_on", {"valueDate": cpr.review_on.isoformat()}))
    for name in ("person_aware", "family_aware"):
        aware: bool | None = getattr(cpr, name)
        if aware is not None:
            items.append(_item(f"cpr.{name}", {"valueBoolean": aware}))
    return items


def _read_cpr(values: Mapping[str, Any]) -> CPRRecord:
    decisions = {concept.code: decision for decision, concept in CPR_CODES.items()}
    review = values.get("cpr.review_on")
    return CPRRecord(
        decision=CPRDecision(decisions[values["cpr.decision"]["code"]]),
        decided_on=date.fromisoformat(values["cpr.decided_on"]),
        form_location=values["cpr.form_location"],
        decided_by=values.get("cpr.decided_by", ""),
        review_on=date.fromisoformat(review) if review else None,
        person_aware=values.get("cpr.person_aware"),
        family_aware=values.get("cpr.family_aware"),
    )


def _preference_items(name: str, wish: Preference) -> list[dict[str, Any]]:
    place = SnomedConcept(wish.place.value, PREFERRED_WORDS[wish.place])
    items = [
        _item(f"{name}.place", {"valueCoding": snomed(place)}),
        _item(f"{name}.recorded_on", {"valueDate": wish.recorded_on.isoformat()}),
        _item(f"{name}.recorded_by", {"valueString": wish.recorded_by}),
    ]
    if wish.name:
        items.append(_item(f"{name}.name", {"valueString": wish.name}))
    return items


def _read_preference(name: str, values: Mapping[str, Any]) -> Preference:
    return Preference(
        place=PreferredPlace(values[f"{name}.place"]["code"]),
        recorded_on=date.fromisoformat(values[f"{name}.recorded_on"]),
        recorded_by=values[f"{name}.recorded_by"],
        name=values.get(f"{name}.name", ""),
    )


def _item(link: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    return {"linkId": link, "answer": [dict(answer)]}


def _value(item: Mapping[str, Any]) -> Any:
    (answer,) = item["answer"][0].values()
    return answer


def _children(item: Mapping[str, Any]) -> dict[str, Any]:
    return {child["linkId"]: _value(child) for child in item["item"]}
