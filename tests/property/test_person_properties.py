"""NHS numbers, identity and plan merges for any input."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from hub.domain import identity, nhs_number
from hub.domain.identity import Identity
from hub.domain.plan_merge import merge, merge_sets

digits = st.text("0123456789", min_size=9, max_size=9)
fields = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["1", "2", "3"]), max_size=4)
references = st.lists(st.sampled_from("abcd"), unique=True).map(tuple)


@given(digits)
def test_nine_digits_have_one_valid_tenth_or_none(nine: str) -> None:
    valid = [tenth for tenth in "0123456789" if nhs_number.is_valid(nine + tenth)]
    check = nhs_number.check_digit(nine)

    assert valid == ([] if check is None else [str(check)])


@given(digits, st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(nine: str, place: int, by: int) -> None:
    check = nhs_number.check_digit(nine)
    if check is None:
        return
    number = f"{nine}{check}"
    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]

    assert not nhs_number.is_valid(wrong)


@given(digits, st.integers(0, 8))
def test_two_neighbours_swapped_are_always_seen(nine: str, place: int) -> None:
    check = nhs_number.check_digit(nine)
    if check is None:
        return
    number = f"{nine}{check}"
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]

    assert nhs_number.is_valid(swapped) is (swapped == number)


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_not(text: str) -> None:
    assert nhs_number.is_valid(text) in {True, False}


people = st.builds(
    Identity,
    reference=st.sampled_from(["Patient/1", "Patient/2", "Patient/3"]),
    nhs_number=st.sampled_from([None, "9990000018", "9990000026", "9990000010"]),
    nhs_number_verified=st.booleans(),
    family=st.sampled_from([None, "Smith", "Smyth"]),
    given=st.sampled_from([(), ("Ada",)]),
    birth_date=st.sampled_from([None, date(1940, 5, 4), date(1940, 4, 5)]),
    gender=st.sampled_from([None, "female"]),
    postcode=st.sampled_from([None, "SS0 7AA"]),
    phone=st.none(),
)


@given(people, st.lists(people, max_size=3, unique_by=lambda person: person.reference))
def test_a_link_needs_a_valid_verified_number_and_an_equal_birth_date(
    asked: Identity, known: list[Identity]
) -> None:
    found = identity.assess(replace(asked, reference=None), known)

    for match in found.suggestions:
        assert 0 <= match.score <= 100
    if found.link is not None:
        linked = next(person for person in known if person.reference == found.link)
        assert asked.nhs_number == linked.nhs_number
        assert nhs_number.is_valid(asked.nhs_number or "")
        assert asked.nhs_number_verified
        assert linked.nhs_number_verified
        assert asked.birth_date == linked.birth_date is not None


@given(fields, fields, fields)
def test_a_merge_loses_nothing(
    base: dict[str, str], theirs: dict[str, str], ours: dict[str, str]
) -> None:
    merged = merge(base, theirs, ours)
    conflicts = {conflict.field: conflict for conflict in merged.conflicts}

    for field in "abcd":
        was, saved, mine = (each.get(field, "") for each in (base, theirs, ours))
        result = merged.fields.get(field, "")
        if field in conflicts:
            assert (conflicts[field].theirs, conflicts[field].ours) == (saved, mine)
            assert result == saved
        elif saved != was:
            assert result == saved
        elif mine != was:
            assert result == mine
        else:
            assert result == was


@given(references, references, references)
def test_a_merge_of_lists_keeps_additions_and_removals(
    base: tuple[str, ...], theirs: tuple[str, ...], ours: tuple[str, ...]
) -> None:
    merged = set(merge_sets(base, theirs, ours))

    for item in "abcd":
        if item in base:
            assert (item in merged) is (item in theirs and item in ours)
        else:
            assert (item in merged) is (item in theirs or item in ours)
