"""The door: no route without an Actor, no unsafe request without its token, headers on all."""

import re
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from hub.auth.public_routes import PUBLIC_ROUTES
from tests.web.staff import PASSWORD, open_door, token_of

_SAMPLES = {"fhirtype": "Patient", "fhirid": "x", "int": "1"}


def _address(rule: Rule) -> str:
    """Return an address that matches the rule."""

    def sample(part: re.Match[str]) -> str:
        return _SAMPLES.get(part[1] or "", "x")

    return re.sub(r"<(?:([^:<>]+):)?[^<>]+>", sample, rule.rule)


def _method(rule: Rule) -> str:
    methods = rule.methods or set()
    return next(name for name in ("GET", "POST", "PUT", "PATCH", "DELETE") if name in methods)


def test_every_route_that_is_not_declared_public_refuses_strangers(
    app: Flask, client: FlaskClient
) -> None:
    open_ones = []
    for rule in app.url_map.iter_rules():
        if rule.rule in PUBLIC_ROUTES:
            continue
        answer = client.open(_address(rule), method=_method(rule))
        assert answer.request.path == _address(rule)
        to_sign_in = answer.status_code == 303 and "/sign-in" in answer.headers["Location"]
        if answer.status_code != 401 and not to_sign_in:
            open_ones.append((rule.rule, answer.status_code))

    assert open_ones == []


def test_every_declared_public_route_exists(app: Flask) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules()}

    assert set(PUBLIC_ROUTES) <= rules


def test_public_routes_say_why_they_are_open() -> None:
    assert all(len(reason) > 20 for reason in PUBLIC_ROUTES.values())


def test_the_api_does_not_take_the_cookie_of_a_page(app: Flask, client: FlaskClient) -> None:
    open_door(client, "asha")

    assert client.get("/fhir/Patient").status_code == 401


def test_a_stranger_is_sent_back_to_where_they_wanted_to_go(
    app: Flask, client: FlaskClient
) -> None:
    answer = client.get("/worklist?done=start")

    assert answer.headers["Location"] == "/sign-in?next=%2Fworklist%3Fdone%3Dstart"


@pytest.mark.parametrize(
    "address", ["https://elsewhere.example.org/", "//elsewhere.example.org", "/\\elsewhere", "x"]
)
def test_signing_in_never_leads_to_another_site(
    app: Flask, client: FlaskClient, address: str
) -> None:
    answer = open_door(client, "asha", next_address=address)

    assert urlsplit(answer.headers["Location"]).netloc == ""
    assert answer.headers["Location"] == "/"


def test_the_session_cookie_is_closed_to_scripts_and_other_sites(
    app: Flask, client: FlaskClient
) -> None:
    answer = open_door(client, "asha")

    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("carehub_s"))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize("sent", [{}, {"csrf_token": ""}, {"csrf_token": "\N{SNOWMAN}"}])
def test_a_form_without_its_token_is_refused(
    app: Flask, client: FlaskClient, sent: dict[str, str]
) -> None:
    open_door(client, "asha")

    answer = client.post("/sign-out", data=sent)

    assert answer.status_code == 403
    assert client.get("/worklist").status_code == 200


def test_a_token_of_another_session_is_refused(app: Flask, client: FlaskClient) -> None:
    other = app.test_client()
    open_door(other, "asha")
    stolen = token_of(other.get("/worklist"))
    open_door(client, "asha")

    answer = client.post("/sign-out", data={"csrf_token": stolen})

    assert answer.status_code == 403


def test_a_sign_in_form_from_elsewhere_is_refused(app: Flask, client: FlaskClient) -> None:
    answer = client.post("/sign-in", data={"username": "asha", "password": PASSWORD})

    assert answer.status_code == 403


def test_signing_out_ends_the_session_on_the_server(app: Flask, client: FlaskClient) -> None:
    open_door(client, "asha")
    held = client.get_cookie("carehub_session")
    assert held is not None

    client.post("/sign-out", data={"csrf_token": token_of(client.get("/worklist"))})
    client.set_cookie("carehub_session", held.value)

    assert client.get("/worklist").status_code == 303


def test_nobody_is_signed_out_when_valkey_loses_everything(app: Flask, client: FlaskClient) -> None:
    open_door(client, "asha")

    app.extensions["carehub_redis"].flushall()

    assert client.get("/worklist").status_code == 200


def test_a_region_that_refreshes_itself_is_told_when_the_session_is_over(
    app: Flask, client: FlaskClient
) -> None:
    answer = client.get("/worklist/rows", headers={"HX-Request": "true"})

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/sign-in")


def _policy(answer: TestResponse) -> str:
    return str(answer.headers["Content-Security-Policy"])


def test_only_our_own_scripts_with_this_answers_nonce_may_run(
    app: Flask, client: FlaskClient
) -> None:
    first, second = client.get("/sign-in"), client.get("/sign-in")

    assert "unsafe-inline" not in _policy(first)
    assert "default-src 'none'" in _policy(first)
    nonce = re.search(r"'nonce-([^']+)'", _policy(first))
    assert nonce is not None
    assert f'nonce="{nonce[1]}"' in first.text
    assert nonce[0] not in _policy(second)


def test_pages_have_no_inline_handlers_or_styles(app: Flask, client: FlaskClient) -> None:
    open_door(client, "asha")

    for address in ("/sign-in", "/", "/worklist", "/people"):
        text = client.get(address).text
        assert not re.search(r"\son\w+=", text), address
        assert not re.search(r"\sstyle=", text), address


def test_a_page_about_people_is_not_kept_by_the_browser(app: Flask, client: FlaskClient) -> None:
    open_door(client, "asha")

    assert client.get("/worklist").headers["Cache-Control"] == "no-store"


def test_an_unknown_address_says_so_in_words_with_the_request_id(
    app: Flask, client: FlaskClient
) -> None:
    open_door(client, "asha")

    answer = client.get("/no-such-page", headers={"X-Request-Id": "abc-123"})

    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert "abc-123" in answer.text
