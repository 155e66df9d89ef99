"""What the registry allows is taken and comes back; one fault in it is refused where it is."""

import copy
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir import jsontext, registry
from fhir.registry import SUPPORTED_TYPES
from fhir.validation import validate
from tests.conformance.test_own_mutants import REMOVED, mutants, places
from tests.conformance.test_round_trip import clients_own, exact
from tests.property.legal_resources import resources

FEW = settings(max_examples=8, deadline=None, derandomize=True, database=None)


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


@pytest.mark.parametrize("kind", SUPPORTED_TYPES)
def test_a_legal_resource_is_taken_and_comes_back(
    kind: str, client: FlaskClient, headers: dict[str, str]
) -> None:
    @FEW
    @given(resources(kind))
    def holds(resource: dict[str, Any]) -> None:
        text = jsontext.dumps(resource)
        created = client.post(f"/fhir/{kind}", data=text, headers=headers)
        assert created.status_code == 201, (text, created.text)
        url = f"/fhir/{kind}/{created.get_json()['id']}"
        read = client.get(url, headers=headers)
        sent, came = clients_own(exact(text)), clients_own(exact(read.data))
        if kind == "Subscription":
            # Its status is the hub's.
            sent, came = ((*each[:2], each[2].without("status", "error")) for each in (sent, came))
        assert came == sent

    holds()


@pytest.mark.parametrize("kind", SUPPORTED_TYPES)
def test_one_fault_is_refused_with_the_place_where_it_is(
    kind: str, client: FlaskClient, headers: dict[str, str]
) -> None:
    @FEW
    @given(resources(kind), st.data())
    def holds(resource: dict[str, Any], data: st.DataObject) -> None:
        wrong = copy.deepcopy(resource)
        owner, value, at = data.draw(st.sampled_from(list(places(kind, wrong, kind))))
        known = registry.members(owner)
        names = [name for name in value if name in known and known[name][1] != "Resource"]
        faults = [("bogus", "x", "structure", "bogus")] + [
            fault
            for name in names
            for fault in mutants(*known[name], name, value[name])
            if fault[1] is not REMOVED or len(value) > 1
        ]
        member, put, code, below = data.draw(st.sampled_from(faults))
        if put is REMOVED:
            del value[member]
            value.pop(f"_{member}", None)
        else:
            value[member] = put

        found = {(issue.code, issue.expression) for issue in validate(wrong)}
        assert (code, f"{at}.{below}") in found, (wrong, found)
        answer = client.post(f"/fhir/{kind}", data=jsontext.dumps(wrong), headers=headers)
        assert answer.status_code == 400
        told = [issue["expression"][0] for issue in answer.get_json()["issue"]]
        assert f"{at}.{below}" in told

    holds()
