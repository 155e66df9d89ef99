"""The difference between two official examples of one type makes the second of the first."""

from collections import defaultdict
from itertools import pairwise

from fhir import jsontext
from fhir.patch import difference, patched, read_fhirpath_patch
from fhir.patch.exact import identical, loads
from fhir.patch.fhirpath_patch import faults_of
from tests.conformance.test_round_trip import examples


def test_the_difference_of_two_examples_leads_from_one_to_the_other() -> None:
    of_type = defaultdict(list)
    for path, resource in examples("r4-examples", "ukcore-examples"):
        of_type[resource["resourceType"]].append((path.name, loads(path.read_bytes())))
    tried = 0
    for found in of_type.values():
        for (first, old), (second, new) in pairwise([*found, found[0]]):
            parameters = jsontext.dumps(difference(old, new))
            assert faults_of(jsontext.loads(parameters)) == [], (first, second)
            made = loads(patched(jsontext.dumps(old), read_fhirpath_patch(parameters)))
            for both in (made, new):
                both.pop("id", None)
                meta = both.get("meta", {})
                for name in ("versionId", "lastUpdated"):
                    meta.pop(name, None)
                if not meta:
                    both.pop("meta", None)
            assert identical(made, new), (first, second, parameters)
            tried += 1
    assert tried > 250
