"""The difference of two versions, done to the first, is the second, to the last digit."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fhir import jsontext
from fhir.patch import difference, patched, read_fhirpath_patch
from fhir.patch.exact import identical, loads
from fhir.validation import validate

_texts = st.sampled_from(["a", "b", "c"])
_numbers = st.sampled_from(["1", "1.0", "1.50", "2e1"])


def _optional(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=members)


def _listed(each: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(each, min_size=1, max_size=4)


def _filled(value: dict[str, Any]) -> bool:
    return bool(value)


_extensions = _listed(
    st.fixed_dictionaries({"url": st.just("http://a.example/x"), "valueString": _texts})
)
_shadow = st.fixed_dictionaries({"extension": _extensions})
_quantity = _optional(value=_numbers.map(loads), unit=_texts).filter(_filled)
_name = _optional(
    family=_texts,
    _family=_shadow,
    given=_listed(_texts),
    extension=_extensions,
).filter(_filled)
_contact = _optional(name=_name, relationship=_listed(st.fixed_dictionaries({"text": _texts})))
_patients = _optional(
    meta=_optional(tag=_listed(st.fixed_dictionaries({"code": _texts}))).filter(_filled),
    active=st.booleans(),
    name=_listed(_name),
    birthDate=st.sampled_from(["1950", "1950-02"]),
    _birthDate=_shadow,
    contact=_listed(_contact.filter(_filled)),
    contained=_listed(
        st.one_of(
            st.fixed_dictionaries(
                {"resourceType": st.just("Organization"), "id": st.just("o"), "name": _texts}
            ),
            st.fixed_dictionaries(
                {
                    "resourceType": st.just("Basic"),
                    "id": st.just("b"),
                    "code": st.just({"text": "x"}),
                }
            ),
        )
    ),
    deceased=st.booleans(),
)
_components = st.one_of(
    st.fixed_dictionaries({"code": st.just({"text": "c"}), "valueQuantity": _quantity}),
    st.fixed_dictionaries({"code": st.just({"text": "c"}), "valueString": _texts}),
)
_observations = _optional(
    component=_listed(_components),
    valueQuantity=_quantity,
    referenceRange=_listed(st.fixed_dictionaries({"low": _quantity})),
)


def _resource(kind: str, members: dict[str, Any]) -> dict[str, Any]:
    made = {"resourceType": kind, "id": "x", **members}
    if "deceased" in made:
        died = made.pop("deceased")
        made |= {"deceasedBoolean": False} if died else {"deceasedDateTime": "2026"}
    return made


_pairs = st.one_of(
    st.tuples(*[_patients.map(lambda m: _resource("Patient", m))] * 2),
    st.tuples(*[_observations.map(lambda m: _resource("Observation", m))] * 2),
)


@settings(max_examples=400, deadline=None)
@given(_pairs)
def test_the_difference_makes_the_new_version_of_the_old(
    versions: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    old, new = versions
    parameters = jsontext.dumps(difference(old, new))
    assert validate(jsontext.loads(parameters)) == []
    made = patched(jsontext.dumps(old), read_fhirpath_patch(parameters))
    assert identical(loads(made), loads(jsontext.dumps(new))), parameters


def test_versions_that_are_alike_have_no_difference() -> None:
    old = {"resourceType": "Patient", "id": "x", "meta": {"versionId": "1"}, "active": True}
    new = {"resourceType": "Patient", "id": "x", "meta": {"versionId": "2"}, "active": True}
    assert difference(old, new) == {"resourceType": "Parameters"}


def test_a_difference_names_as_little_as_it_can() -> None:
    old = {"resourceType": "Patient", "name": [{"family": f} for f in ("A", "B", "C", "D")]}
    new = {"resourceType": "Patient", "name": [{"family": f} for f in ("A", "X", "D")]}
    found = json.loads(jsontext.dumps(difference(old, new)))
    said = [{p["name"]: p for p in each["part"]} for each in found["parameter"]]
    assert [(s["type"]["valueCode"], s["path"]["valueString"]) for s in said] == [
        ("replace", "Patient.name[1].family"),
        ("delete", "Patient.name[2]"),
    ]
