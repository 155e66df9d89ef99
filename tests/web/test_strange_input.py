"""What no person types must be refused as such, not fail."""

import pytest
from flask import Flask

from hub.auth.accounts import open_account
from hub.transaction import transaction


@pytest.mark.parametrize("address", ["/people/%00", "/people?q=a%00b", "/care-plans/x%00y"])
def test_a_nul_in_an_address_is_the_senders_fault(app: Flask, address: str) -> None:
    with transaction():
        open_account("asha-nurse", "a long enough password", display="Asha", role="district-nurse")
    browser = app.test_client()
    form = browser.get("/sign-in").text
    token = form.partition('name="csrf_token" value="')[2].partition('"')[0]
    signed_in = browser.post(
        "/sign-in",
        data={
            "csrf_token": token,
            "username": "asha-nurse",
            "password": "a long enough password",
        },
    )
    assert signed_in.status_code == 303

    assert browser.get(address).status_code in {400, 404}
