"""An organisation that signed the sharing agreement yesterday."""

from datetime import timedelta
from typing import Any

from hub import clock
from hub.models.agreement import SharingAgreement
from hub.records import new_id
from tests.factories import kept


def sharing_agreement(organization: str | None = None, **columns: Any) -> SharingAgreement:
    defaults = {"signed_at": clock.now() - timedelta(days=1)}
    return kept(
        SharingAgreement(
            organization=organization or f"Organization/{new_id()}", **defaults | columns
        )
    )
