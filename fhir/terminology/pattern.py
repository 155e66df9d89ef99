r"""Regular expressions of value sets, matched in linear time whatever a client writes.

A backtracking engine takes exponential time on ``(a+)+$``; here a pattern becomes a set of
states that is walked once a character (Thompson's construction). Known are: literals, ``.``,
classes, ``\d \w \s``, groups, ``|``, ``* + ?`` and ``{m,n}``. The whole value must match.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from fhir.outcomes import UnprocessableError

LONGEST = 400
MOST_STATES = 1_000
MOST_REPEATS = 200
DEEPEST = 20
MOST_STEPS = 5_000_000
"""States looked at by one pattern, over all values: seconds, not hours, on a large code system."""

Test = Callable[[str], bool]


@dataclass(slots=True, eq=False)
class _State:
    test: Test | None = None
    """None: left without reading a character."""
    after: list["_State"] = field(default_factory=list)


Fragment = tuple[_State, _State]


class Pattern:
    """A compiled pattern. Raises UnprocessableError where it cannot be read."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise _wrong("it is too long")
        reader = _Reader(text)
        self._start, self._end = reader.whole()
        self._steps = 0

    def matches(self, value: str) -> bool:
        current = _closure([self._start])
        for character in value:
            self._steps += len(current)
            if self._steps > MOST_STEPS:
                raise UnprocessableError(
                    "a regular expression takes too long on this code system", code="too-costly"
                )
            current = _closure(
                [
                    after
                    for state in current
                    if state.test is not None and state.test(character)
                    for after in state.after
                ]
            )
            if not current:
                return False
        return self._end in current


def _closure(states: list[_State]) -> set[_State]:
    found: set[_State] = set()
    waiting = list(states)
    while waiting:
        state = waiting.pop()
        if state in found:
            continue
        found.add(state)
        if state.test is None:
            waiting += state.after
    return found


def _wrong(why: str) -> UnprocessableError:
    return UnprocessableError(f"a regular expression cannot be used: {why}", code="not-supported")


_CLASSES: dict[str, Test] = {
    "d": str.isdigit,
    "D": lambda c: not c.isdigit(),
    "w": lambda c: c.isalnum() or c == "_",
    "W": lambda c: not (c.isalnum() or c == "_"),
    "s": str.isspace,
    "S": lambda c: not c.isspace(),
}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r"}


class _Reader:
    def __init__(self, text: str) -> None:
        # The whole value is compared, so anchors at the ends say nothing more.
        self._text = text.removeprefix("^")
        if self._text.endswith("$") and not self._text.endswith("\\$"):
            self._text = self._text[:-1]
        self._at = 0
        self._states = 0
        self._depth = 0

    def whole(self) -> Fragment:
        found = self._either()
        if self._at < len(self._text):
            raise _wrong("a bracket closes that none opened")
        return found

    def _state(self, test: Test | None = None) -> _State:
        self._states += 1
        if self._states > MOST_STATES:
            raise _wrong("it repeats too much")
        return _State(test)

    def _peek(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    def _take(self) -> str:
        if self._at >= len(self._text):
            raise _wrong("it ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _either(self) -> Fragment:
        branches = [self._sequence()]
        while self._peek() == "|":
            self._take()
            branches.append(self._sequence())
        if len(branches) == 1:
            return branches[0]
        start, end = self._state(), self._state()
        for first, last in branches:
            start.after.append(first)
            last.after.append(end)
        return start, end

    def _sequence(self) -> Fragment:
        start = end = self._state()
        while self._peek() and self._peek() not in "|)":
            first, last = self._repeated()
            end.after.append(first)
            end = last
        return start, end

    def _repeated(self) -> Fragment:
        at = self._at
        found = self._atom()
        sign = self._peek()
        if sign in "*+?" and sign:
            self._take()
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        elif sign == "{":
            least, most = self._bounds()
        else:
            return found
        if self._peek() and self._peek() in "*+?{":
            raise _wrong("a quantifier follows a quantifier")
        return self._times(found, at, least, most)

    def _times(self, found: Fragment, at: int, least: int, most: int | None) -> Fragment:
        """Repeat what stands at ``at``: it is read again for each time."""
        after = self._at
        pieces = [found]
        for _ in range(max(most if most is not None else least, 1) - 1):
            self._at = at
            pieces.append(self._atom())
        self._at = after
        start, end = self._state(), self._state()
        joint = start
        for number, (first, last) in enumerate(pieces, 1):
            if number > least:
                joint.after.append(end)
            joint.after.append(first)
            joint = last
        joint.after.append(end)
        if most is None:
            joint.after.append(pieces[-1][0])
        if most == 0:
            return start, start
        return start, end

    def _bounds(self) -> tuple[int, int | None]:
        close = self._text.find("}", self._at)
        low, comma, high = self._text[self._at + 1 : close].partition(",")
        if close < 0 or not low.isdecimal() or (high and not high.isdecimal()):
            raise _wrong("the bounds in {} are not numbers")
        self._at = close + 1
        least = int(low)
        most = int(high) if high else (None if comma else least)
        if max(least, most or 0) > MOST_REPEATS or (most is not None and most < least):
            raise _wrong(f"the bounds in {{}} go from 0 to {MOST_REPEATS}")
        return least, most

    def _atom(self) -> Fragment:
        character = self._take()
        if character == "(":
            if self._peek() == "?":
                self._take()
                if self._take() != ":":
                    raise _wrong("only plain groups are known")
            self._depth += 1
            if self._depth > DEEPEST:
                raise _wrong(f"groups are nested more than {DEEPEST} deep")
            found = self._either()
            self._depth -= 1
            if self._take() != ")":
                raise _wrong("a bracket is not closed")
            return found
        if character == "[":
            return self._reads(self._class())
        if character == ".":
            return self._reads(lambda c: c not in "\r\n")
        if character == "\\":
            return self._reads(self._escaped())
        if character in "*+?{^$":
            raise _wrong(f"{character} stands where nothing can be repeated or anchored")
        return self._reads(lambda c, wanted=character: c == wanted)  # type: ignore[misc]

    def _reads(self, test: Test) -> Fragment:
        state, end = self._state(test), self._state()
        state.after.append(end)
        return state, end

    def _escaped(self) -> Test:
        character = self._take()
        if character in _CLASSES:
            return _CLASSES[character]
        if character.isalnum() and character not in _CONTROLS:
            raise _wrong(f"\\{character} is not known")
        wanted = _CONTROLS.get(character, character)
        return lambda c: c == wanted

    def _class(self) -> Test:
        negated = self._peek() == "^"
        if negated:
            self._take()
        tests: list[Test] = []
        first = True
        while (character := self._take()) != "]" or first:
            first = False
            if character == "[":
                raise _wrong("classes inside classes are not known")
            if character == "\\" and self._peek() in _CLASSES:
                tests.append(_CLASSES[self._take()])
                continue
            low = self._plain(character)
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in {"]", ""}:
                self._take()
                high = self._plain(self._take())
                tests.append(lambda c, low=low, high=high: low <= c <= high)  # type: ignore[misc]
            else:
                tests.append(lambda c, low=low: c == low)  # type: ignore[misc]
        return lambda c: any(test(c) for test in tests) is not negated

    def _plain(self, character: str) -> str:
        if character != "\\":
            return character
        escaped = self._take()
        return _CONTROLS.get(escaped, escaped)
