"""What the auditor found, in the words of a duty manager: what is wrong and what to do."""

WORDS = {
    "task-owner": ("A task has no real owner", "Open it and hand it to somebody by name now."),
    "task-assignment": (
        "A task and the list of who has it disagree",
        "Ask the owner on the task whether they have it. Then tell the system team.",
    ),
    "task-rejected": (
        "Declined work was not given on",
        "The hub tries again by itself. If it is still here in ten minutes, assign it by hand.",
    ),
    "clock-stopped": (
        "A clock runs on work that is over",
        "Tell the system team: nothing is late.",
    ),
    "clock-history": (
        "A clock shows something else than its history",
        "Trust the history on the task page. Tell the system team today.",
    ),
    "escalation-missed": (
        "A warning that was due was not sent",
        "Ring the owner now and ask how the work stands. Then tell the system team.",
    ),
    "cover-alarm-missed": (
        "An alarm of a hole in the cover was not rung",
        "Look at the cover page for today and tomorrow now. Then tell the system team.",
    ),
    "overdue-unescalated": (
        "Work is overdue and nobody was told",
        "Ring the owner now, or hand the work to somebody who is here.",
    ),
    "owner-off-shift": (
        "Urgent work lies with somebody who is not here",
        "Hand it to somebody on shift, or ring its owner.",
    ),
    "routing-never-asked": (
        "An accepted referral was never given to anybody",
        "Assign it by hand now.",
    ),
    "outbox-handled": (
        "Something that should have happened has waited ten minutes",
        "The worker may be down: tell the system team now.",
    ),
    "outbox-poisonous": (
        "Something fails again and again",
        "Do it by hand where you can. Tell the system team now.",
    ),
    "delivery-told": (
        "Another system was not told",
        "Ring them if it matters today. The delivery can be sent again.",
    ),
    "conservation": (
        "On one day what came in does not add up",
        "See Counts: the hour and the channel. Tell the system team now.",
    ),
    "answers-told": (
        "A system that referred somebody was not told what became of it",
        "See Messages, to others: send it again, or tell them and say so there.",
    ),
    "sends-told": (
        "A text message or e-mail about work has waited ten minutes",
        "Ring whoever it is for. The worker may be down: tell the system team.",
    ),
    "mesh-taken": (
        "A letter or discharge summary lies in the mailbox and is not taken in",
        "Tell the system team now. Ring the wards that discharge to you today.",
    ),
    "mesh-told": (
        "A hospital was not told what became of its letter",
        "Nothing to do for the person: the letter is here. Tell the system team.",
    ),
}


def words(invariant: str) -> tuple[str, str]:
    """Return what is wrong and what to do."""
    return WORDS.get(invariant, (invariant, "Tell the system team."))
