"""The end-of-life register's own rules."""

from dataclasses import replace
from datetime import date

import pytest

from hub.domain import register
from hub.domain.errors import RuleError
from hub.domain.register import (
    ConsentBasis,
    ConsentRecord,
    CPRDecision,
    CPRRecord,
    PlaceOfDeath,
    Preference,
    PreferredPlace,
    RegisterEntry,
    Stage,
)

DAY = date(2026, 12, 1)
TODAY = date(2026, 12, 27)
ENTRY = RegisterEntry(
    stage=Stage.MONTHS,
    diagnosis="Heart failure",
    consent=ConsentRecord(ConsentBasis.GIVEN, DAY, "Ada"),
    cpr=CPRRecord(CPRDecision.DO_NOT_ATTEMPT, DAY, "Yellow folder"),
    death_first=Preference(PreferredPlace.HOME, DAY, "Eve"),
)


def test_a_consented_entry_is_fine() -> None:
    register.check_entry(ENTRY, TODAY)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"consent": None}, "consent"),
        ({"consent": ConsentRecord(ConsentBasis.GIVEN, DAY, " ")}, "decided_by"),
        ({"consent": ConsentRecord(ConsentBasis.BEST_INTERESTS, DAY, "")}, "decided_by"),
        ({"consent": ConsentRecord(ConsentBasis.GIVEN, date(2026, 12, 28), "Ada")}, "decided_on"),
        ({"diagnosis": ""}, "diagnosis"),
        ({"cpr": CPRRecord(CPRDecision.ATTEMPT, DAY, "")}, "form_location"),
        ({"cpr": CPRRecord(CPRDecision.ATTEMPT, date(2027, 1, 1), "Folder")}, "cpr"),
        ({"death_first": None, "death_second": ENTRY.death_first}, "death_second"),
        ({"care_second": ENTRY.death_first}, "care_second"),
        (
            {"death_first": Preference(PreferredPlace.HOME, date(2027, 1, 1), "Eve")},
            "death_first",
        ),
    ],
)
def test_what_an_entry_is_refused_for(change: dict[str, object], field: str) -> None:
    with pytest.raises(RuleError) as error:
        register.check_entry(replace(ENTRY, **change), TODAY)  # type: ignore[arg-type]

    assert error.value.field == field


def test_only_critical_changes_disturb_everybody() -> None:
    after = replace(ENTRY, stage=Stage.WEEKS, cultural_needs="Vegetarian", contacts="Daughter")

    assert register.changes(ENTRY, after) == ("stage", "cultural_needs", "contacts")
    assert register.critical_changes(ENTRY, after) == ("stage", "contacts")
    assert register.critical_changes(ENTRY, replace(ENTRY, is_cancer=True)) == ()


def test_every_critical_item_is_an_item() -> None:
    assert set(RegisterEntry.__dataclass_fields__) >= register.CRITICAL


@pytest.mark.parametrize(
    ("preferred", "actual", "expected"),
    [
        (PreferredPlace.HOME, PlaceOfDeath.HOME, True),
        (PreferredPlace.HOME, PlaceOfDeath.HOSPITAL, False),
        (PreferredPlace.USUAL_RESIDENCE, PlaceOfDeath.NURSING_HOME, True),
        (PreferredPlace.CARE_HOME, PlaceOfDeath.RESIDENTIAL_HOME, True),
        (PreferredPlace.HOSPICE, PlaceOfDeath.STREET, False),
        (PreferredPlace.UNDECIDED, PlaceOfDeath.HOME, None),
        (None, PlaceOfDeath.HOME, None),
    ],
)
def test_whether_the_preference_was_met(
    preferred: PreferredPlace | None, actual: PlaceOfDeath, expected: bool | None
) -> None:
    assert register.achieved(preferred, actual) is expected


def test_every_code_has_its_words() -> None:
    assert set(register.PREFERRED_WORDS) == set(PreferredPlace)
    assert set(register.DEATH_WORDS) == set(PlaceOfDeath)
    assert set(register.STAGE_CODES) == set(Stage)
    assert set(register.CPR_CODES) == set(CPRDecision)
