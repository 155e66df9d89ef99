"""The sentences of a routing decision: why this person, why not me.

Source: the care model, section 5: "Each decision can be explained on screen in one sentence".
"""

from collections import Counter
from collections.abc import Collection
from datetime import date, datetime, timedelta

from hub.domain import calendars
from hub.domain.calendars import Calendar
from hub.domain.rota import ON_CALL, Absence, Shift
from hub.domain.routing_facts import (
    Bar,
    Candidate,
    Decision,
    Exclusion,
    Inputs,
    Level,
    RoutingTask,
    Score,
)

_BAR_WORDS = {
    Bar.REFUSED: "gave it back",
    Bar.ROLE: "in another role",
    Bar.SKILLS: "without the skill",
    Bar.ABSENT: "away",
    Bar.OFF_SHIFT: "off shift",
    Bar.OTHER_SERVICE: "on shift for another service",
    Bar.NO_RELATIONSHIP: "not allowed to see this person",
    Bar.CONFLICT: "with a conflict of interest",
    Bar.PLACE: "who does not go to this area",
    Bar.GENDER: "not of the gender this person asked for",
    Bar.LANGUAGE: "without this person's language",
    Bar.NO_CAPACITY: "with no room left today",
    Bar.NO_POINTS: "with no points left today",
    Bar.TOO_LATE: "too late because of other urgent work",
}

PART_WORDS = {
    "least_late": "least urgent work before it",
    "same_worker": "saw this person before",
    "same_team": "the same team saw this person",
    "place": "place",
    "travel": "near by",
    "care_home_round": "round of the care home",
    "load": "room left",
    "urgency": "time until it is due",
    "language": "language",
    "gender": "gender asked for",
    "fairness": "fair share",
    "unreachable": "may not hear of it",
}
"""The parts of a score as people read them."""


def explain(decision: Decision) -> str:
    """Return one sentence: "Routed to Asha Patel because: on shift until 20:00, ..."."""
    return f"Routed to {owner_name(decision)} because: {', '.join(decision.reasons)}"


def owner_name(decision: Decision) -> str:
    """Return the words for the owner of a decision."""
    if decision.level is Level.OUT_OF_HOURS:
        return "the out-of-hours desk"
    if decision.level is Level.DESK:
        return "the duty desk"
    return next(
        candidate.name
        for candidate in decision.inputs.candidates
        if candidate.staff == decision.owner
    )


def why_not(decision: Decision, staff: str) -> str:
    """Return one sentence that tells a member of staff why the task went elsewhere."""
    if staff == decision.owner:
        return "It did come to you."
    excluded = next((each for each in decision.exclusions if each.staff == staff), None)
    if excluded is not None:
        return f"It did not come to you: {excluded.text}."
    score = next((each for each in decision.scores if each.staff == staff), None)
    if score is None:
        return "It did not come to you: your team was not asked."
    best = decision.scores[0]
    if score.total == best.total:
        return f"You fitted equally well; {owner_name(decision)} comes first by staff number."
    ahead = [part for part, points in best.parts.items() if points > score.parts.get(part, 0)]
    return (
        f"{owner_name(decision)} fitted better ({best.total} points to {score.total}): "
        f"{', '.join(PART_WORDS.get(part, part.replace('_', ' ')) for part in ahead)}."
    )


def reasons_for_person(
    inputs: Inputs, level: Level, chosen: Candidate, shift: Shift, score: Score
) -> tuple[str, ...]:
    """Return why the chosen person fits, the most human reasons first."""
    task, calendar, policy, now = inputs.task, inputs.calendar, inputs.policy, inputs.now
    reasons = [_shift_words(calendar, shift, now)]
    today = calendars.local(calendar, now).date()
    if "same_worker" in score.parts and chosen.last_saw is not None:
        reasons.append(f"saw this person on {_day(chosen.last_saw, today)}")
    elif "same_team" in score.parts and (seen := chosen.team_saw or chosen.last_saw):
        reasons.append(f"their team saw this person on {_day(seen, today)}")
    if "care_home_round" in score.parts:
        reasons.append("does the round of this care home")
    if "place" in score.parts:
        reasons.append("works in this area")
    elif "travel" in score.parts:
        reasons.append(f"{travel_minutes(task, shift.areas or chosen.areas)} minutes away")
    if "language" in score.parts:
        reasons.append(f"speaks {task.language}")
    if "gender" in score.parts:
        reasons.append("of the gender this person asked for")
    reasons.append(room_words(chosen, policy.minutes_per_visit))
    if chosen.unreachable:
        reasons.append(f"may not hear of it ({chosen.unreachable})")
    if "least_late" in score.parts:
        reasons.append("nobody can begin before it is due, and least urgent work is before it here")
    elif level is Level.NEIGHBOUR:
        reasons.append("nobody in the first team was free")
    return tuple(reasons)


def travel_minutes(task: RoutingTask, areas: Collection[str]) -> int | None:
    """Return the minutes from the nearest of these areas; None where nobody has said."""
    known = [minutes for area, minutes in task.travel if area in areas]
    return min(known, default=None)


def reasons_for_desk(inputs: Inputs, excluded: tuple[Exclusion, ...]) -> tuple[str, ...]:
    """Return why no person got the task."""
    if not inputs.candidates:
        return ("nobody works in the team or its neighbours",)
    counts = Counter(each.bar for each in excluded)
    found = ", ".join(f"{counts[bar]} {_BAR_WORDS[bar]}" for bar in Bar if counts[bar])
    return (f"nobody in the team or its neighbours fits ({found})",)


def bar_words(
    bar: Bar,
    task: RoutingTask,
    candidate: Candidate,
    *,
    absence: Absence | None = None,
    minutes_per_visit: int = 45,
) -> str:
    """Return why one candidate is not considered."""
    match bar:
        case Bar.REFUSED:
            return "already gave this task back"
        case Bar.ROLE:
            return f"the task asks for {' or '.join(sorted(task.roles))}"
        case Bar.SKILLS:
            return f"the task needs {', '.join(sorted(task.skills - candidate.skills))}"
        case Bar.ABSENT:
            return f"away ({absence.reason})" if absence else "away"
        case Bar.OFF_SHIFT:
            return "not on shift"
        case Bar.OTHER_SERVICE:
            return "on shift for another service"
        case Bar.NO_RELATIONSHIP:
            because = f" ({candidate.hidden_by})" if candidate.hidden_by else ""
            return f"not allowed to see this person's record{because}"
        case Bar.CONFLICT:
            return f"conflict of interest ({candidate.conflict})"
        case Bar.PLACE:
            return f"does not go to {task.place}"
        case Bar.GENDER:
            return f"this person is seen by a {task.gender} worker only"
        case Bar.LANGUAGE:
            return f"this person needs somebody who speaks {task.language}"
        case Bar.NO_POINTS:
            return (
                f"no points left today ({candidate.load_points} of "
                f"{candidate.capacity_points} taken, this task has {task.points})"
            )
        case Bar.NO_CAPACITY:
            return f"no room left today ({room_words(candidate, minutes_per_visit)})"
        case Bar.TOO_LATE:
            return (
                "could not begin before it is due "
                f"({candidate.ahead_minutes} minutes of urgent work before it)"
            )


def room_words(candidate: Candidate, minutes_per_visit: int) -> str:
    """Return the room left as visits: "4 of 8 visits left"."""
    whole = candidate.capacity_minutes // minutes_per_visit
    left = max(candidate.capacity_minutes - candidate.load_minutes, 0) // minutes_per_visit
    return f"{left} of {whole} visits left"


def _shift_words(calendar: Calendar, shift: Shift, now: datetime) -> str:
    today = calendars.local(calendar, now).date()
    starts = calendars.local(calendar, shift.starts_at)
    ends = calendars.local(calendar, shift.ends_at)
    if shift.kind == ON_CALL:
        return f"on call until {ends:%H:%M}, nobody at work fits"
    if shift.starts_at <= now:
        if ends.date() == today:
            return f"on shift until {ends:%H:%M}"
        return f"on shift until {ends:%H:%M} on {_day(ends.date(), today)}"
    if starts.date() == today:
        return f"on shift from {starts:%H:%M}"
    if starts.date() == today + timedelta(days=1):
        return f"on shift tomorrow from {starts:%H:%M}"
    return f"on shift from {starts:%H:%M} on {_day(starts.date(), today)}"


def _day(day: date, today: date) -> str:
    # %-d is not portable; a zero before the day reads like a form.
    words = f"{day.day} {day:%B}"
    return words if day.year == today.year else f"{words} {day.year}"
