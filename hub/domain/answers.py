"""Which answers to its referrals an external system has agreed to be sent."""

from enum import StrEnum


class Answers(StrEnum):
    STANDARD = "standard"
    """What the Booking and Referral Standard has a message for."""
    ALL = "all"
    """What became of a transfer of care too, in the short form."""
