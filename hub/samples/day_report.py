"""What the day came to, counted from the records that it left behind.

Pure: rows in, report out. ``day_records`` reads the rows.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

BUCKETS = ("accepted", "redirected", "declined", "withdrawn", "waiting")
EDITS = (303, 303, 409)
"""Two parts saved, and a conflict where both changed the same one."""
CANCELLED = frozenset({"revoked", "entered-in-error"})


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One arrival at the message door."""

    request_id: str | None
    status: str
    kind: str | None
    subject: str | None


@dataclass(frozen=True, slots=True)
class ReferralRow:
    """A referral: its ServiceRequest."""

    reference: str
    number: str | None
    """The sender's own number."""
    status: str


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task of a referral."""

    id: str
    focus: str
    code: str
    status: str
    step: str | None
    """businessStatus."""
    owner: str
    routed_to: tuple[str, ...] = ()
    """Who the hub gave it to, decision by decision."""
    escalations: int = 0
    breached: bool = False


@dataclass(frozen=True, slots=True)
class SentRow:
    """One message as its sender saw it."""

    request_id: str
    kind: str
    number: str
    acknowledged: bool
    refused: bool
    repeat: bool = False
    """A second sending on purpose, under the same request id."""


@dataclass(frozen=True, slots=True)
class Person:
    routed: int = 0
    completed: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The day in numbers. Ids and wall-clock times stand outside it."""

    received: int
    accepted: int
    redirected: int
    declined: int
    withdrawn: int
    waiting: int
    routed: int
    lost: int
    duplicated: int
    breaches: int
    escalations: int
    messages_sent: int
    messages_acknowledged: int
    messages_processed: int
    messages_duplicate: int
    messages_refused: int
    messages_quarantined: int
    by_person: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    """What does not add up; empty on a good day."""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def count(
    *,
    sent: Sequence[SentRow],
    inbox: Sequence[InboxRow],
    referrals: Sequence[ReferralRow],
    tasks: Sequence[TaskRow],
    edits: Sequence[int] = EDITS,
) -> Report:
    """Count the day. ``edits`` are the answers that the two editors of one plan got."""
    triage = _by_focus(each for each in tasks if each.code == "triage")
    work = _by_focus(each for each in tasks if each.code == "intervention")
    buckets = Counter(
        bucket
        for each in referrals
        if (bucket := bucket_of(each, triage.get(each.reference, ()))) is not None
    )
    statuses = Counter(row.status for row in inbox)
    asked = [each for each in sent if each.kind == "new" and not each.repeat]
    counted = {
        each.number
        for each in referrals
        if bucket_of(each, triage.get(each.reference, ())) is not None
    }
    lost = [each for each in asked if each.acknowledged and each.number not in counted]
    copies = Counter(each.number for each in referrals)
    repeated = sum(number - 1 for number in copies.values() if number > 1) + sum(
        len(each) - 1 for each in triage.values() if len(each) > 1
    )
    routed = [
        each for each in referrals if any(_people(task) for task in work.get(each.reference, ()))
    ]
    report = Report(
        received=len({row.subject for row in inbox if _is_referral(row)}),
        accepted=buckets["accepted"],
        redirected=buckets["redirected"],
        declined=buckets["declined"],
        withdrawn=buckets["withdrawn"],
        waiting=buckets["waiting"],
        routed=len(routed),
        lost=len(lost),
        duplicated=repeated,
        breaches=sum(each.breached for each in tasks),
        escalations=sum(each.escalations for each in tasks),
        messages_sent=len(sent),
        messages_acknowledged=sum(each.acknowledged for each in sent),
        messages_processed=statuses["processed"],
        messages_duplicate=statuses["duplicate"],
        messages_refused=statuses["refused"],
        messages_quarantined=statuses["quarantined"],
        by_person=_by_person(tasks),
    )
    checked = _checked(report, sent, len(inbox))
    if tuple(edits) != EDITS:
        told = f"two people edited one plan and were answered {list(edits)}, not {list(EDITS)}"
        return replace(checked, problems=(*checked.problems, told))
    return checked


def bucket_of(referral: ReferralRow, triage: Sequence[TaskRow]) -> str | None:
    """Return where a referral stands; None where nobody ever owned its triage: it is lost."""
    if not triage:
        return None
    step = triage[0].step
    if step in {"declined", "redirected"}:
        return step
    if referral.status in CANCELLED or step == "withdrawn":
        return "withdrawn"
    return "accepted" if step == "accepted" else "waiting"


def _is_referral(row: InboxRow) -> bool:
    return row.status == "processed" and (row.kind or "").endswith("-new")


def _by_focus(tasks: Iterable[TaskRow]) -> dict[str, list[TaskRow]]:
    found: dict[str, list[TaskRow]] = {}
    for each in tasks:
        found.setdefault(each.focus, []).append(each)
    return found


def _people(task: TaskRow) -> list[str]:
    return [who for who in task.routed_to if who.startswith("Practitioner/")]


def _by_person(tasks: Iterable[TaskRow]) -> dict[str, dict[str, int]]:
    routed: Counter[str] = Counter()
    completed: Counter[str] = Counter()
    for task in tasks:
        if task.code != "triage":
            routed.update(set(_people(task)))
        if task.status == "completed":
            completed[task.owner] += 1
    return {
        who.removeprefix("Practitioner/"): {"routed": routed[who], "completed": completed[who]}
        for who in sorted({*routed, *completed})
        if who.startswith("Practitioner/")
    }


def _checked(report: Report, sent: Sequence[SentRow], arrived: int) -> Report:
    problems = []
    buckets = sum(getattr(report, bucket) for bucket in BUCKETS)
    if report.received != buckets:
        problems.append(f"{report.received} referrals were received, {buckets} stand somewhere")
    if report.lost:
        problems.append(f"{report.lost} acknowledged referrals are in no place")
    if report.duplicated:
        problems.append(f"{report.duplicated} referrals stand twice")
    statuses = (
        report.messages_processed
        + report.messages_duplicate
        + report.messages_refused
        + report.messages_quarantined
    )
    if statuses != arrived:
        problems.append(f"{arrived} messages arrived, {statuses} have an end")
    if arrived < report.messages_sent:
        problems.append(f"{report.messages_sent} messages were sent, {arrived} arrived")
    unheard = [each for each in sent if not each.acknowledged and not each.refused]
    if unheard:
        problems.append(f"{len(unheard)} messages have no answer that their sender understands")
    return replace(report, problems=tuple(problems))
