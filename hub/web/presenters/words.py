"""Words for times, ages and numbers, as they stand on the pages."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
"""Pages show the time on the wall of an English hub; records keep UTC."""

_HOUR = 3600
_SOON = 60 * 60


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """How a clock stands: words, the wall-clock time, and how loud to say it."""

    words: str
    tone: str
    """``late``, ``soon``, ``today``, ``later`` or ``none``."""
    at: str
    """Wall clock: ``14:32`` today, ``Tue 5 May 14:32`` otherwise; empty where the words say it."""
    iso: str


NO_CLOCK = TimeLeft("no deadline", "none", "", "")


def local(instant: datetime) -> datetime:
    return instant.astimezone(LONDON)


def time_left(due: datetime | None, now: datetime) -> TimeLeft:
    """Say how long is left, in the largest words that still help somebody decide."""
    if due is None:
        return NO_CLOCK
    seconds = (due - now).total_seconds()
    here, there = local(now), local(due)
    days = (there.date() - here.date()).days
    at = f"{there:%H:%M}" if days == 0 else f"{there:%a} {there.day} {there:%b} {there:%H:%M}"
    iso = due.astimezone(UTC).isoformat(timespec="seconds")
    if seconds < 0:
        return TimeLeft(f"{span(-seconds)} late", "late", at, iso)
    if seconds < 4 * _HOUR:
        tone = "soon" if seconds < _SOON else "today"
        return TimeLeft(f"{span(seconds)} left", tone, at, iso)
    if days == 0:
        return TimeLeft(f"today by {there:%H:%M}", "today", "", iso)
    if days == 1:
        return TimeLeft(f"tomorrow by {there:%H:%M}", "later", "", iso)
    if days < 7:
        return TimeLeft(f"{there:%A} by {there:%H:%M}", "later", "", iso)
    return TimeLeft(f"by {there.day} {there:%B}", "later", "", iso)


def span(seconds: float) -> str:
    """``18 minutes``, ``1 hour 20 minutes``, ``3 hours``, ``2 days``."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return plural(minutes, "minute")
    hours, rest = divmod(minutes, 60)
    if hours < 4 and rest:
        return f"{plural(hours, 'hour')} {plural(rest, 'minute')}"
    if hours < 48:
        return plural(hours, "hour")
    return plural(hours // 24, "day")


def since(then: datetime, now: datetime) -> str:
    """Say when something happened: ``5 minutes ago``, ``today at 09:10``, ``3 March at 09:10``."""
    seconds = (now - then).total_seconds()
    if 0 <= seconds < _HOUR:
        return f"{span(seconds)} ago" if seconds >= 60 else "just now"
    here, there = local(now), local(then)
    days = (here.date() - there.date()).days
    if days == 0:
        return f"today at {there:%H:%M}"
    if days == 1:
        return f"yesterday at {there:%H:%M}"
    year = "" if here.year == there.year else f" {there.year}"
    return f"{there.day} {there:%B}{year} at {there:%H:%M}"


def short(text: str, longest: int) -> str:
    """Cut a text at a word for a list; the page behind it has it whole."""
    if len(text) <= longest:
        return text
    return text[:longest].rsplit(" ", 1)[0].rstrip(",.;:") + " …"


def inside(title: str) -> str:
    """Return a title as it stands inside a sentence: ``Named GP`` becomes ``named GP``."""
    return title[:1].lower() + title[1:]


def plural(count: int, noun: str, many: str | None = None) -> str:
    return f"{count} {noun if count == 1 else many or noun + 's'}"


def day(value: date | datetime | str | None) -> str:
    """``3 March 2026``; a partial FHIR date stays as precise as it is."""
    if not value:
        return ""
    if isinstance(value, str):
        return _fhir_day(value, "%B")
    moment_ = local(value) if isinstance(value, datetime) else value
    return f"{moment_.day} {moment_:%B %Y}"


def short_day(value: date | datetime | str | None) -> str:
    """``3 Mar 2026``."""
    if not value:
        return ""
    if isinstance(value, str):
        return _fhir_day(value, "%b")
    moment_ = local(value) if isinstance(value, datetime) else value
    return f"{moment_.day} {moment_:%b %Y}"


def _fhir_day(value: str, month: str) -> str:
    if "T" in value:
        there = local(datetime.fromisoformat(value))
        return f"{there.day} {there.strftime(month)} {there.year}"
    parts = value.split("-")
    if len(parts) == 1:
        return value
    first = date(int(parts[0]), int(parts[1]), int(parts[2]) if len(parts) > 2 else 1)
    named = f"{first.strftime(month)} {first.year}"
    return f"{first.day} {named}" if len(parts) > 2 else named


def moment(value: datetime | str | None) -> str:
    """``3 March 2026 at 14:32``."""
    if not value:
        return ""
    if isinstance(value, str):
        if "T" not in value:
            return day(value)
        value = datetime.fromisoformat(value)
    there = local(value)
    return f"{there.day} {there:%B %Y} at {there:%H:%M}"


def instant(value: str | None) -> datetime | None:
    """Read a FHIR dateTime or instant; a plain date is its start in the hub's own zone."""
    if not value:
        return None
    if "T" in value:
        return datetime.fromisoformat(value)
    if len(value) == 10:
        return datetime.fromisoformat(value).replace(tzinfo=LONDON)
    return None


def age(birth_date: str | None, on: datetime | date) -> int | None:
    """Return completed years; None where the birth date is not known to the day."""
    if not birth_date or len(birth_date) != 10:
        return None
    born = date.fromisoformat(birth_date)
    today = local(on).date() if isinstance(on, datetime) else on
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return max(years, 0)


def nhs_number(value: str | None) -> str:
    """``999 000 0018``: an NHS number is read and written in groups of three, three and four."""
    if not value or len(value) != 10:
        return value or ""
    return f"{value[:3]} {value[3:6]} {value[6:]}"


def in_words(count: int) -> str:
    """Small counts as words, for the start of a sentence."""
    names = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return names[count] if 0 <= count < len(names) else str(count)


def within(due: datetime | None, now: datetime, span_: timedelta) -> bool:
    return due is not None and due - now <= span_
