"""A signed JWT is exchanged for a token, once until it ends, and a refusal names no secret."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hub import settings
from hub.adapters import proxy_token
from hub.adapters.message_post import HTTPMessagePost, Verdict
from hub.adapters.proxy_token import NoTokenError, SignedJWT
from tests.unit.hub.adapters.test_gateways import http_server

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()


@contextmanager
def platform(status: int = 200, **said: Any) -> Iterator[tuple[SignedJWT, list[dict[str, Any]]]]:
    with http_server(status, json.dumps(said).encode()) as (url, came):
        yield SignedJWT(url, "the-api-key", PEM, "hub-1"), came


def claims(sent: dict[str, Any], url: str) -> dict[str, Any]:
    """Return what the assertion of a request says, checked as the platform checks it."""
    form = parse_qs(sent["body"].decode())
    assert form["grant_type"] == ["client_credentials"]
    assert form["client_assertion_type"] == [
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    ]
    (assertion,) = form["client_assertion"]
    assert jwt.get_unverified_header(assertion) == {"alg": "RS512", "typ": "JWT", "kid": "hub-1"}
    found: dict[str, Any] = jwt.decode(
        assertion, KEY.public_key(), algorithms=["RS512"], audience=url, issuer="the-api-key"
    )
    return found


def test_one_assertion_brings_a_token_that_many_threads_use() -> None:
    with platform(access_token="t-1", expires_in="599") as (token, came):
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: token(), range(16))) == {"t-1"}
        (sent,) = came
        said = claims(sent, token.url)
        assert said["sub"] == "the-api-key"
        assert said["jti"]


def test_a_token_that_ends_soon_is_not_used_again_and_no_assertion_is_sent_twice() -> None:
    with platform(access_token="t-1", expires_in=30) as (token, came):
        assert (token(), token()) == ("t-1", "t-1")
        first, second = (claims(each, token.url)["jti"] for each in came)
        assert first != second


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, {"error": "invalid_client"}),
        (200, {}),
        (200, {"access_token": ""}),
        (302, {}),
        (0, {}),
    ],
)
def test_without_a_token_the_message_waits_and_nothing_secret_is_said(
    status: int, said: dict[str, str]
) -> None:
    with platform(status, **said) as (token, _came):
        with pytest.raises(NoTokenError) as refused:
            token()
        assert "PRIVATE" not in str(refused.value)
        assert PEM not in repr(token)
        answer = HTTPMessagePost("https://proxy.example/", token).post(
            "https://proxy.example/", {}, b""
        )
    assert answer.verdict is Verdict.AGAIN
    assert answer.http_status is None


def test_the_setting_of_a_token_comes_first_and_one_process_fetches_one(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(PEM, "ascii")
    given = replace(
        settings.load({}), nhs_token_url="https://api.example/oauth2/token",
        nhs_client="c", nhs_key=str(file), nhs_key_id="k",
    )  # fmt: skip
    assert proxy_token.of(given, "own")() == "own"
    assert proxy_token.of(replace(given, nhs_token_url=""), "")() == ""
    assert proxy_token.of(given, "") is proxy_token.of(given, "")
    with pytest.raises(OSError, match="nowhere"):
        proxy_token.of(replace(given, nhs_key="/nowhere"), "")
