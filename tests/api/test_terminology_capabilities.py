"""``/fhir/metadata?mode=terminology`` says what is really held, and is legal R4."""

from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from fhir.systems import ROLE
from fhir.terminology.standard import versions
from fhir.validation import validate
from hub.domain.actor import hub_actor
from hub.samples import SOUTHEND
from hub.services import definitions, snomed_releases
from hub.transaction import transaction
from tests import rf2
from tests.api.terminology import FRUIT_SYSTEM, Asker, codes, values

SCT = "http://snomed.info/sct"
HUB = hub_actor("test")


def held(client: FlaskClient) -> dict[str, Any]:
    answered = client.get("/fhir/metadata?mode=terminology")
    assert answered.status_code == 200
    return {each["uri"]: each for each in answered.get_json()["codeSystem"]}


def test_the_statement_is_legal_and_names_what_expansion_takes(client: FlaskClient) -> None:
    said = client.get("/fhir/metadata?mode=terminology").get_json()

    assert said["resourceType"] == "TerminologyCapabilities"
    assert validate(said) == []
    parameters = {each["name"] for each in said["expansion"]["parameter"]}
    assert {"url", "filter", "count", "offset", "force-system-version"} <= parameters
    assert "return" not in parameters


def test_what_is_not_loaded_is_not_there(ask: Asker, client: FlaskClient) -> None:
    found = held(client)

    assert found.keys() == versions().keys()
    assert SCT not in found
    assert found["http://hl7.org/fhir/administrative-gender"] == {
        "uri": "http://hl7.org/fhir/administrative-gender",
        "version": [{"code": "4.0.1", "isDefault": True}],
        "subsumption": True,
    }


def test_what_is_loaded_or_stored_is_there(ask: Asker, client: FlaskClient, tmp_path: Path) -> None:
    url = "https://example.org/CodeSystem/capabilities"
    with transaction():
        definitions.load(HUB, SOUTHEND)
        snomed_releases.load(HUB, rf2.fruit().write(tmp_path))
    for version in ("1.0", "2.0"):
        ask.keep(FRUIT_SYSTEM | {"url": url, "version": version})
    empty = {name: value for name, value in FRUIT_SYSTEM.items() if name != "concept"}
    ask.keep(empty | {"url": f"{url}-empty", "content": "not-present"})

    found = held(client)

    assert found[SCT]["version"] == [
        {
            "code": "http://snomed.info/sct/900000000000207008/version/20260401",
            "isDefault": True,
        }
    ]
    assert sorted((v["code"], v["isDefault"]) for v in found[url]["version"]) == [
        ("1.0", False),
        ("2.0", True),
    ]
    assert f"{url}-empty" not in found
    assert ROLE in found


def test_the_hubs_own_codes_are_served(ask: Asker) -> None:
    with transaction():
        definitions.load(HUB, SOUTHEND)

    _, role = ask.get("CodeSystem/$lookup", system=ROLE, code="district-nurse")
    _, places = ask.get(
        "ValueSet/$expand", url="https://carehub.example/fhir/ValueSet/places-of-death"
    )

    assert values(role)["display"] == "District nurse"
    # A list of codes from elsewhere is a value set, although their code system is not held.
    assert len(codes(places)) == 11
    assert {each["system"] for each in places["expansion"]["contains"]} == {SCT}
