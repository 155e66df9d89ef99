"""Operations are declared once: their routes, definitions and the statement agree."""

from flask import Flask
from flask.testing import FlaskClient

from fhir.registry import SUPPORTED_TYPES
from hub.api.operations import OPERATIONS


def test_every_declared_operation_is_listed_defined_and_routed(
    app: Flask, client: FlaskClient, token: str
) -> None:
    auth = {"Authorization": f"Bearer {token}"}
    rest = client.get("/fhir/metadata").get_json()["rest"][0]
    listed = {(None, each["name"]) for each in rest.get("operation", ())} | {
        (resource["type"], each["name"])
        for resource in rest["resource"]
        for each in resource.get("operation", ())
    }
    declared = {(None, each.name) for each in OPERATIONS.values() if each.system} | {
        (kind, each.name)
        for each in OPERATIONS.values()
        if each.type or each.instance
        # The statement lists types that are held; a Bundle is only checked.
        for kind in each.types
        if kind in SUPPORTED_TYPES
    }
    assert listed == declared
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    for each in OPERATIONS.values():
        assert any(rule.endswith(f"/${each.name}") for rule in rules)
        found = client.get(f"/fhir/OperationDefinition/{each.key}", headers=auth)
        assert found.status_code == 200
        assert found.get_json()["code"] == each.name


def test_one_name_is_three_operations_each_with_its_own_definition(client: FlaskClient) -> None:
    rest = client.get("/fhir/metadata").get_json()["rest"][0]
    of_type = {each["type"]: each.get("operation", []) for each in rest["resource"]}

    found = [
        each["definition"].rpartition("/")[2]
        for listed in (rest["operation"], of_type["Patient"], of_type["Group"])
        for each in listed
        if each["name"] == "export"
    ]

    assert found == ["export", "patient-export", "group-export"]


def test_an_unknown_operation_is_404_and_names_those_that_are_here(
    client: FlaskClient, token: str
) -> None:
    auth = {"Authorization": f"Bearer {token}"}
    found = client.post("/fhir/CarePlan/x/$no-such-thing", headers=auth)
    assert found.status_code == 404
    assert "$adopt" in found.get_json()["issue"][0]["details"]["text"]


def test_an_operation_that_changes_something_is_called_by_post_only(
    client: FlaskClient, token: str
) -> None:
    found = client.get("/fhir/CarePlan/x/$adopt", headers={"Authorization": f"Bearer {token}"})
    assert found.status_code == 405
    assert found.headers["Allow"] == "POST"
