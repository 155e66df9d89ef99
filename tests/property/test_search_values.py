"""Query values: what is written can be read back; ranges hold what they stand for."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fhir.outcomes import BadRequestError
from fhir.registry.types import SUPPORTED_TYPES
from fhir.search.dates import date_range
from fhir.search.keys import hashed
from fhir.search.query import parse
from fhir.search.text import normalised
from fhir.search.values import escape, quantity_value, split, unescape

_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
_NUMBERS = st.decimals(
    min_value=-1_000_000, max_value=1_000_000, places=3, allow_nan=False, allow_infinity=False
)


@given(st.lists(_TEXT, min_size=1, max_size=5), st.sampled_from(",|$"))
def test_escaped_values_survive_splitting(values: list[str], separator: str) -> None:
    text = separator.join(escape(value) for value in values)

    assert [unescape(part) for part in split(text, separator)] == values


@given(_TEXT)
def test_folding_a_string_twice_changes_nothing(value: str) -> None:
    assert normalised(normalised(value)) == normalised(value)


@given(
    st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9000, 1, 1)),
    st.integers(min_value=-14 * 60, max_value=14 * 60),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
)
def test_an_instant_lies_in_its_range_whatever_its_time_zone(
    local: datetime, minutes: int, precision: str
) -> None:
    sign = "-" if minutes < 0 else "+"
    zone = f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    instant = local.replace(tzinfo=UTC) - timedelta(minutes=minutes)
    lo, hi = date_range(local.isoformat(timespec=precision) + zone)

    assert lo is not None
    assert hi is not None
    assert lo <= instant < hi
    assert hi - lo <= timedelta(seconds=1)


@given(st.dates())
def test_a_coarser_date_contains_the_finer(day: object) -> None:
    text = str(day)
    spans = [date_range(text[:length]) for length in (4, 7, 10)]

    for (outer_lo, outer_hi), (lo, hi) in pairwise(spans):
        assert outer_lo is not None
        assert lo is not None
        assert outer_lo <= lo
        assert outer_hi is None or (hi is not None and hi <= outer_hi)


@given(_NUMBERS)
def test_a_number_lies_in_the_range_of_its_precision(number: Decimal) -> None:
    value = quantity_value("x", str(number), unit=False)

    assert value.value == number
    assert value.lo <= number < value.hi
    assert value.hi - value.lo == Decimal("0.001")


@given(_TEXT)
def test_a_hash_fits_into_a_signed_64_bit_column(key: str) -> None:
    assert -(2**63) <= hashed(key) < 2**63


@given(
    st.sampled_from(SUPPORTED_TYPES),
    st.lists(
        st.tuples(
            st.one_of(
                _TEXT,
                st.sampled_from(
                    [
                        "identifier",
                        "date",
                        "_sort",
                        "_count",
                        "_has:Task:patient:status",
                        "status",
                        "subject:Patient.name",
                        "_include",
                        "value-quantity",
                        "_lastUpdated",
                        "name",
                    ]
                ),
            ),
            _TEXT,
        ),
        max_size=4,
    ),
)
def test_any_query_is_read_or_refused_by_name(kind: str, params: list[tuple[str, str]]) -> None:
    try:
        query = parse(kind, params)
    except BadRequestError:
        return

    assert query.type == kind
    assert {name for name, _ in params} - {name for name, _ in query.used} <= {
        "_format",
        "_pretty",
        "_cursor",
    }
