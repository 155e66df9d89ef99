"""An attempt to sign in with a wrong password."""

from typing import Any

from hub import clock
from hub.models.sign_in_attempt import SignInAttempt
from tests.factories import kept


def sign_in_attempt(username: str = "asha-nurse", **columns: Any) -> SignInAttempt:
    defaults = {"address": "192.0.2.1", "attempted_at": clock.now(), "succeeded": False}
    return kept(SignInAttempt(username=username, **defaults | columns))
