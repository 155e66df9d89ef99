"""The form of a register entry: consent first, then what others act on at 3 a.m."""

from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from hub.domain.register import (
    ConsentBasis,
    ConsentRecord,
    CPRDecision,
    CPRRecord,
    Preference,
    PreferredPlace,
    RegisterEntry,
    Stage,
)
from hub.web.forms.reading import PageForm

_LONGEST = 2000
_TEXT = validate.Length(max=_LONGEST, error=f"Use no more than {_LONGEST} characters")

PLAIN = (
    "emergency_instructions",
    "adrt",
    "lasting_power_of_attorney",
    "anticipatory_medicines",
    "equipment",
    "key_worker",
    "person_knows",
    "family_knows",
    "cultural_needs",
    "contacts",
)
"""Free items of the entry that the form asks for, under the same names."""


def _day(required: str | None = None) -> fields.Date:
    messages: dict[str, Any] = {"invalid": "Write the day as a date"}
    if required:
        return fields.Date(required=True, error_messages={**messages, "required": required})
    return fields.Date(load_default=None, error_messages=messages)


def _text() -> fields.String:
    return fields.String(load_default="", validate=_TEXT)


class RegisterContentForm(PageForm):
    """What an entry says, without the consent: for a change of an entry that exists."""

    stage = fields.Enum(
        Stage,
        by_value=True,
        required=True,
        error_messages={"required": "Choose the stage", "unknown": "Choose the stage"},
    )
    diagnosis = fields.String(
        required=True, validate=_TEXT, error_messages={"required": "Write the main diagnosis"}
    )
    is_cancer = fields.Boolean(load_default=False)
    review_on = _day()
    cpr = fields.Enum(
        CPRDecision, by_value=True, load_default=None, error_messages={"unknown": "Choose one"}
    )
    cpr_decided_on = _day()
    cpr_decided_by = _text()
    cpr_form_location = _text()
    cpr_review_on = _day()
    death_first = fields.Enum(
        PreferredPlace, by_value=True, load_default=None, error_messages={"unknown": "Choose one"}
    )
    death_second = fields.Enum(
        PreferredPlace, by_value=True, load_default=None, error_messages={"unknown": "Choose one"}
    )
    care_first = fields.Enum(
        PreferredPlace, by_value=True, load_default=None, error_messages={"unknown": "Choose one"}
    )
    emergency_instructions = _text()
    adrt = _text()
    lasting_power_of_attorney = _text()
    anticipatory_medicines = _text()
    equipment = _text()
    key_worker = _text()
    person_knows = _text()
    family_knows = _text()
    cultural_needs = _text()
    contacts = _text()

    @validates_schema(skip_on_field_errors=False)
    def check_resuscitation(self, sent: dict[str, Any], **_: Any) -> None:
        if sent.get("cpr") is None:
            return
        missing = {}
        if not sent.get("cpr_decided_on"):
            missing["cpr_decided_on"] = ["Write when it was decided"]
        if not sent.get("cpr_form_location"):
            missing["cpr_form_location"] = ["Write where the form is: the crew looks for it"]
        if missing:
            raise ValidationError(missing)


class RegisterForm(RegisterContentForm):
    """A new entry: nobody is entered without consent or a best-interests decision."""

    basis = fields.Enum(
        ConsentBasis,
        by_value=True,
        required=True,
        error_messages={
            "required": "Say whether the person agreed. Without it nobody is entered",
            "unknown": "Say whether the person agreed. Without it nobody is entered",
        },
    )
    decided_by = fields.String(
        required=True, validate=_TEXT, error_messages={"required": "Write who agreed or decided"}
    )
    decided_on = _day("Write when it was agreed or decided")


def entry_of(values: Mapping[str, Any], *, by: str, today: date) -> RegisterEntry:
    """Return the entry that a checked form stands for; ``by`` heard the preferences."""

    def preference(name: str) -> Preference | None:
        place = values.get(name)
        return Preference(place, recorded_on=today, recorded_by=by) if place else None

    decision = values.get("cpr")
    consent = None
    if "basis" in values:
        consent = ConsentRecord(
            basis=values["basis"],
            decided_on=values["decided_on"],
            decided_by=values["decided_by"],
            recorded_by=by,
        )
    return RegisterEntry(
        stage=values["stage"],
        diagnosis=values["diagnosis"],
        consent=consent,
        is_cancer=values["is_cancer"],
        review_on=values["review_on"],
        cpr=CPRRecord(
            decision=decision,
            decided_on=values["cpr_decided_on"],
            form_location=values["cpr_form_location"],
            decided_by=values["cpr_decided_by"],
            review_on=values["cpr_review_on"],
        )
        if decision
        else None,
        care_first=preference("care_first"),
        death_first=preference("death_first"),
        death_second=preference("death_second"),
        **{name: values[name] for name in PLAIN},
    )


def given_of(entry: RegisterEntry) -> dict[str, str]:
    """Return an entry as the form shows it, to be changed."""
    given = {
        field.name: str(value)
        for field in dataclass_fields(entry)
        if isinstance(value := getattr(entry, field.name), str)
    }
    given["stage"] = entry.stage.value
    given["is_cancer"] = "true" if entry.is_cancer else ""
    given["review_on"] = entry.review_on.isoformat() if entry.review_on else ""
    for name in ("care_first", "death_first", "death_second"):
        preference = getattr(entry, name)
        given[name] = preference.place.value if preference else ""
    if entry.cpr:
        given |= {
            "cpr": entry.cpr.decision.value,
            "cpr_decided_on": entry.cpr.decided_on.isoformat(),
            "cpr_decided_by": entry.cpr.decided_by,
            "cpr_form_location": entry.cpr.form_location,
            "cpr_review_on": entry.cpr.review_on.isoformat() if entry.cpr.review_on else "",
        }
    return given
