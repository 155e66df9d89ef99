"""An address that was seen the like of gets the very rule that Werkzeug finds for it."""

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException

from fhir.registry import SUPPORTED_TYPES
from hub.known_addresses import Application

IDS = ("1", "abc-DEF.9", "metadata", "Patient", "a" * 64, "A", ".", "-", "read")
BELOW = ("", "/$everything", "/$validate", "/$meta-add", "/_history", "/_history/1", "/Condition")


def addresses() -> Iterator[tuple[str, str]]:
    types = ("Patient", "Task", "Bundle", "Nothing", "patient", "ValueSet", *SUPPORTED_TYPES[::9])
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        for path in ("/fhir", "/fhir/", "/fhir/metadata", "/fhir/openapi.json", "/fhir/$export"):
            yield method, path
        for kind in types:
            for below in ("", "/", "/_search", "/_history", "/$match", "/$nothing"):
                yield method, f"/fhir/{kind}{below}"
            for record_id in IDS:
                for below in BELOW:
                    yield method, f"/fhir/{kind}/{record_id}{below}"


def asked(app: Flask, method: str, path: str) -> tuple[object, ...]:
    with app.test_request_context(path, method=method) as context:
        failed = context.request.routing_exception
        return (
            context.request.url_rule,
            context.request.view_args,
            failed.code if isinstance(failed, HTTPException) else failed,
        )


def test_a_known_address_has_the_rule_and_arguments_that_werkzeug_gives(app: Flask) -> None:
    assert isinstance(app, Application)
    adapter = app.url_map.bind("localhost", subdomain="")
    for method, path in [*addresses(), *addresses()]:
        try:
            expected: tuple[object, ...] = (*adapter.match(path, method, return_rule=True), None)
        except HTTPException as failed:
            expected = (None, None, failed.code)

        assert asked(app, method, path) == expected, f"{method} {path}"


@pytest.mark.parametrize("path", ["/fhir/Patient/1", "/fhir/Task", "/fhir/Patient/1/$everything"])
def test_what_was_matched_once_is_not_matched_again(app: Flask, path: str) -> None:
    asked(app, "GET", path)
    with app.test_request_context(path) as context:
        assert context.url_adapter is None
        assert context.request.url_rule is not None


def test_the_arguments_of_one_request_are_not_those_of_another(app: Flask) -> None:
    asked(app, "GET", "/fhir/Task")
    with app.test_request_context("/fhir/Task") as first:
        assert first.request.view_args is not None
        first.request.view_args.clear()
    assert asked(app, "GET", "/fhir/Task")[1] == {"resource_type": "Task"}


def test_words_that_clients_make_up_are_not_kept_for_ever(app: Flask) -> None:
    assert isinstance(app, Application)
    for number in range(5000):
        letters = "".join(chr(97 + int(digit)) for digit in str(number))
        asked(app, "GET", f"/fhir/A{letters}")
    assert len(app.known_addresses) <= 4096
