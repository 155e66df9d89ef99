"""The end-of-life register: what an entry holds, who may be entered, which changes are critical.

Source: the care model, section 8; PRSB Palliative and End of Life Care v1.1 and DAPB1580
(standards 4.1 to 4.4). Codes are SNOMED CT and the GSF needs codes.
"""

from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum

from hub.domain.errors import RuleError

KEEPERS = frozenset(
    {"eol-facilitator", "gp", "palliative-nurse", "district-nurse", "community-matron"}
)
"""Roles that enter people in the register and change what it says (care model, section 8)."""


class Stage(StrEnum):
    """Needs of the person by the Gold Standards Framework."""

    YEARS = "years"
    MONTHS = "months"
    WEEKS = "weeks"
    DAYS = "days"


@dataclass(frozen=True, slots=True)
class SnomedConcept:
    code: str
    display: str


_GSF = "GSF prognostic indicator stage"

STAGE_CODES = {
    Stage.YEARS: SnomedConcept("845701000000104", f"{_GSF} A (blue) - year plus"),
    Stage.MONTHS: SnomedConcept("845721000000108", f"{_GSF} B (green) - months"),
    Stage.WEEKS: SnomedConcept("845751000000103", f"{_GSF} C (yellow) - weeks"),
    Stage.DAYS: SnomedConcept("845771000000107", f"{_GSF} D (red) - days"),
}

ON_REGISTER = SnomedConcept("526631000000108", "On end of life care register")
CONSENT_TO_SHARING = SnomedConcept("887031000000108", "Consent for end of life information sharing")


class CPRDecision(StrEnum):
    """What is to happen if the heart stops."""

    ATTEMPT = "attempt"
    DO_NOT_ATTEMPT = "do-not-attempt"


CPR_CODES = {
    CPRDecision.ATTEMPT: SnomedConcept("450475007", "For cardiopulmonary resuscitation"),
    CPRDecision.DO_NOT_ATTEMPT: SnomedConcept("450476008", "Not for cardiopulmonary resuscitation"),
}


class PreferredPlace(StrEnum):
    """Where somebody wants to be cared for or to die: SNOMED CT, PRSB preferred place of death."""

    HOME = "110481000000108"
    HOSPICE = "108401000000102"
    HOSPITAL = "109401000000108"
    COMMUNITY_HOSPITAL = "89751000000108"
    NURSING_HOME = "89761000000106"
    RESIDENTIAL_HOME = "512071000000106"
    CARE_HOME = "710571000000101"
    USUAL_RESIDENCE = "819211000000102"
    NO_PREFERENCE = "1060941000000102"
    UNABLE_TO_SAY = "517111000000103"
    NOT_APPROPRIATE = "517131000000106"
    DECLINED_TO_DISCUSS = "766391000000108"
    UNDECIDED = "517161000000101"


PREFERRED_WORDS = {
    PreferredPlace.HOME: "Home",
    PreferredPlace.HOSPICE: "Hospice",
    PreferredPlace.HOSPITAL: "Hospital",
    PreferredPlace.COMMUNITY_HOSPITAL: "Community hospital",
    PreferredPlace.NURSING_HOME: "Nursing home",
    PreferredPlace.RESIDENTIAL_HOME: "Residential home",
    PreferredPlace.CARE_HOME: "Care home",
    PreferredPlace.USUAL_RESIDENCE: "Usual place of residence",
    PreferredPlace.NO_PREFERENCE: "No preference",
    PreferredPlace.UNABLE_TO_SAY: "Unable to say",
    PreferredPlace.NOT_APPROPRIATE: "Discussion not appropriate",
    PreferredPlace.DECLINED_TO_DISCUSS: "Declined to discuss",
    PreferredPlace.UNDECIDED: "Undecided",
}


class PlaceOfDeath(StrEnum):
    """Where somebody died: SNOMED CT, PRSB actual place of death."""

    HOME = "876879006"
    HOSPICE = "876882001"
    HOSPITAL = "183676005"
    COMMUNITY_HOSPITAL = "713049009"
    NURSING_HOME = "876884000"
    RESIDENTIAL_HOME = "1325731000000106"
    AMBULANCE = "714342001"
    STREET = "876885004"
    GP_PREMISES = "876881008"


DEATH_WORDS = {
    PlaceOfDeath.HOME: "Died at home",
    PlaceOfDeath.HOSPICE: "Died in hospice",
    PlaceOfDeath.HOSPITAL: "Died in hospital",
    PlaceOfDeath.COMMUNITY_HOSPITAL: "Died in community hospital",
    PlaceOfDeath.NURSING_HOME: "Died in nursing home",
    PlaceOfDeath.RESIDENTIAL_HOME: "Died in residential home",
    PlaceOfDeath.AMBULANCE: "Died in ambulance",
    PlaceOfDeath.STREET: "Died in street",
    PlaceOfDeath.GP_PREMISES: "Died in general practice premises",
}

_ACHIEVED_BY = {
    PreferredPlace.HOME: {PlaceOfDeath.HOME},
    PreferredPlace.HOSPICE: {PlaceOfDeath.HOSPICE},
    PreferredPlace.HOSPITAL: {PlaceOfDeath.HOSPITAL, PlaceOfDeath.COMMUNITY_HOSPITAL},
    PreferredPlace.COMMUNITY_HOSPITAL: {PlaceOfDeath.COMMUNITY_HOSPITAL},
    PreferredPlace.NURSING_HOME: {PlaceOfDeath.NURSING_HOME},
    PreferredPlace.RESIDENTIAL_HOME: {PlaceOfDeath.RESIDENTIAL_HOME},
    PreferredPlace.CARE_HOME: {PlaceOfDeath.NURSING_HOME, PlaceOfDeath.RESIDENTIAL_HOME},
    PreferredPlace.USUAL_RESIDENCE: {
        PlaceOfDeath.HOME,
        PlaceOfDeath.NURSING_HOME,
        PlaceOfDeath.RESIDENTIAL_HOME,
    },
}


class ConsentBasis(StrEnum):
    GIVEN = "given"
    BEST_INTERESTS = "best-interests"


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """Why the entry may be shared: the person's consent or a best-interests decision."""

    basis: ConsentBasis
    decided_on: date
    decided_by: str
    """The person, or the named decision-maker of a best-interests decision."""
    recorded_by: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class CPRRecord:
    """The decision on resuscitation: where the form is matters as much as the decision."""

    decision: CPRDecision
    decided_on: date
    form_location: str
    decided_by: str = ""
    review_on: date | None = None
    person_aware: bool | None = None
    family_aware: bool | None = None


@dataclass(frozen=True, slots=True)
class Preference:
    """A place the person prefers, when they said so and to whom."""

    place: PreferredPlace
    recorded_on: date
    recorded_by: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """The content of an entry. Only the stage, the diagnosis and the consent are mandatory."""

    stage: Stage
    diagnosis: str
    consent: ConsentRecord | None
    is_cancer: bool = False
    diagnosis_code: str | None = None
    """SNOMED CT."""
    entered_on: date | None = None
    review_on: date | None = None
    cpr: CPRRecord | None = None
    care_first: Preference | None = None
    care_second: Preference | None = None
    death_first: Preference | None = None
    death_second: Preference | None = None
    adrt: str = ""
    """Advance decision to refuse treatment: what, and where it is kept."""
    lasting_power_of_attorney: str = ""
    anticipatory_medicines: str = ""
    """What was issued and where it is kept."""
    equipment: str = ""
    key_worker: str = ""
    usual_gp: str = ""
    person_knows: str = ""
    family_knows: str = ""
    cultural_needs: str = ""
    contacts: str = ""
    emergency_instructions: str = ""


#: Changes that every subscribed service is told of: what somebody acts on at 3 a.m.
CRITICAL: frozenset[str] = frozenset(
    {
        "stage",
        "cpr",
        "adrt",
        "lasting_power_of_attorney",
        "death_first",
        "death_second",
        "care_first",
        "care_second",
        "anticipatory_medicines",
        "key_worker",
        "contacts",
        "emergency_instructions",
    }
)


class LeavingReason(StrEnum):
    DIED = "died"
    CONSENT_WITHDRAWN = "consent-withdrawn"
    IMPROVED = "improved"
    MOVED_AWAY = "moved-away"
    ENTERED_IN_ERROR = "entered-in-error"


def check_entry(entry: RegisterEntry, today: date) -> None:
    """Refuse an entry without consent or a best-interests decision, or with impossible dates."""
    consent = entry.consent
    if consent is None:
        raise RuleError(
            "nobody is entered without consent or a best-interests decision",
            field="consent",
            allowed=[basis.value for basis in ConsentBasis],
        )
    if not consent.decided_by.strip():
        raise RuleError(
            "a best-interests decision names its decision-maker"
            if consent.basis is ConsentBasis.BEST_INTERESTS
            else "consent says who gave it",
            field="decided_by",
        )
    if not entry.diagnosis.strip():
        raise RuleError("an entry has a primary diagnosis", field="diagnosis")
    if entry.cpr is not None and not entry.cpr.form_location.strip():
        raise RuleError("a CPR decision says where its form is", field="form_location")
    dates = {
        "decided_on": consent.decided_on,
        "cpr": entry.cpr.decided_on if entry.cpr else None,
        **{
            name: preference.recorded_on
            for name in ("care_first", "care_second", "death_first", "death_second")
            if (preference := getattr(entry, name)) is not None
        },
    }
    for name, day in dates.items():
        if day is not None and day > today:
            raise RuleError("a decision is not dated in the future", field=name)
    for first, second in (("care_first", "care_second"), ("death_first", "death_second")):
        if getattr(entry, second) is not None and getattr(entry, first) is None:
            raise RuleError("a second choice follows a first one", field=second)


def changes(before: RegisterEntry, after: RegisterEntry) -> tuple[str, ...]:
    """Return the names of the items that differ."""
    return tuple(
        field.name
        for field in fields(RegisterEntry)
        if getattr(before, field.name) != getattr(after, field.name)
    )


def critical_changes(before: RegisterEntry, after: RegisterEntry) -> tuple[str, ...]:
    """Return the changed items that every subscribed service must be told of."""
    return tuple(name for name in changes(before, after) if name in CRITICAL)


def achieved(preferred: PreferredPlace | None, actual: PlaceOfDeath) -> bool | None:
    """Return whether somebody died where they preferred; None where no place was preferred."""
    if preferred is None or preferred not in _ACHIEVED_BY:
        return None
    return actual in _ACHIEVED_BY[preferred]
