"""NHS numbers: ten digits, the last one a check digit by modulus 11.

Source: standards section 6 and the NHS Data Dictionary (NHS NUMBER).
"""

import re

from fhir.recurring import kept
from hub.domain.errors import RuleError

_SEPARATORS = re.compile(r"[\s-]+")


def normalise(text: str) -> str:
    """Return the number without spaces and hyphens, whatever else it holds."""
    return _SEPARATORS.sub("", text)


def check_digit(nine: str) -> int | None:
    """Return the check digit of the first nine digits, or None where none exists (10)."""
    total = sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True))
    digit = 11 - total % 11
    return {11: 0, 10: None}.get(digit, digit)


@kept(8192)
def is_valid(text: str) -> bool:
    """Return whether it is a number that modulus 11 accepts. An invalid one is never a key."""
    number = normalise(text)
    # str.isdigit accepts digits of other scripts, which no system could match again.
    if len(number) != 10 or not (number.isascii() and number.isdigit()):
        return False
    return check_digit(number[:9]) == int(number[9])


def parse(text: str) -> str:
    """Return the ten digits of a valid number, or refuse."""
    if not is_valid(text):
        raise RuleError("this is not a valid NHS number: check the digits", field="nhs_number")
    return normalise(text)


def spoken(text: str) -> str:
    """Return the number as people read it: 999 000 0018."""
    number = normalise(text)
    return f"{number[:3]} {number[3:6]} {number[6:]}" if len(number) == 10 else text
