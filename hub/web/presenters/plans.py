"""The shared plan: sections in reading order, what is missing, what changed, texts compared."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from hub.domain.content import PlanSection
from hub.domain.plan import REVIEW, Finding, Section, Severity
from hub.records import Record
from hub.services import plan_content
from hub.services.care_plans import SectionChange
from hub.web import directory
from hub.web.presenters import record_pages, words


@dataclass(frozen=True, slots=True)
class PlanHead:
    id: str
    version: int
    title: str
    status: str
    review: str
    is_draft: bool
    editable: bool
    changed: str


@dataclass(frozen=True, slots=True)
class ShownSection:
    code: str
    title: str
    prompt: str
    text: str
    mandatory: bool
    is_date: bool
    changed: str
    """Who changed it last, and when."""
    reason: str


def head(plan: Record) -> PlanHead:
    status = str(plan.get("status"))
    return PlanHead(
        id=plan.id,
        version=plan.version,
        title=str(plan.get("title", "Shared care plan")),
        status=record_pages.PLAN_STATUSES.get(status, status),
        review=words.day(plan_content.review_date(plan.resource)),
        is_draft=status == "draft",
        editable=status in {"draft", "active", "on-hold"} and plan.managed,
        changed=words.moment(plan.last_updated),
    )


def sections(written: Iterable[Section], spec: Sequence[PlanSection]) -> list[ShownSection]:
    known = {each.code: each for each in spec}
    return [section(each, known) for each in written]


def section(written: Section, known: Mapping[str, PlanSection]) -> ShownSection:
    spec = known.get(written.code)
    by = directory.name_of(written.author) if written.author else ""
    when = words.moment(written.changed)
    is_date = written.code == REVIEW
    return ShownSection(
        code=written.code,
        title=spec.title if spec else written.code.replace("-", " ").capitalize(),
        prompt=spec.prompt if spec else "",
        text=words.day(written.text) if is_date and len(written.text) == 10 else written.text,
        mandatory=bool(spec and spec.mandatory),
        is_date=is_date,
        changed=", ".join(filter(None, (by, when))),
        reason=written.reason or "",
    )


@dataclass(frozen=True, slots=True)
class Missing:
    stops: tuple[str, ...]
    """What keeps the plan from becoming active."""
    warns: tuple[str, ...]


def missing(findings: Iterable[Finding]) -> Missing:
    found = list(findings)
    return Missing(
        stops=tuple(each.text for each in found if each.severity is Severity.STOPS),
        warns=tuple(each.text for each in found if each.severity is Severity.WARNS),
    )


@dataclass(frozen=True, slots=True)
class Change:
    title: str
    code: str
    who: str
    when: str
    reason: str
    difference: Markup


def changes(found: Iterable[SectionChange], spec: Sequence[PlanSection]) -> list[Change]:
    titles = {each.code: each.title for each in spec}
    return [
        Change(
            title=titles.get(each.section, each.section),
            code=each.section,
            who=directory.name_of(each.author) if each.author else "",
            when=words.moment(each.changed),
            reason=each.reason or "",
            difference=difference(each.before, each.after),
        )
        for each in found
    ]


def compared(
    before: Mapping[str, str], after: Mapping[str, str], spec: Sequence[PlanSection]
) -> list[Change]:
    """Return the sections that differ between any two versions."""
    return [
        Change(each.title, each.code, "", "", "", difference(old, new))
        for each in sorted(spec, key=lambda one: one.order)
        if (old := before.get(each.code, "")) != (new := after.get(each.code, ""))
    ]


_ALIKE = 0.6
"""Share of equal words from which on a change is shown inside the text."""
_PIECES = re.compile(r"\s+|[^\s]+")


def difference(before: str, after: str) -> Markup:
    """Show two texts as one, word by word: what went is struck, what came is marked."""
    old, new = _PIECES.findall(before), _PIECES.findall(after)
    parts = []
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    if before and after and matcher.ratio() < _ALIKE:
        # Two texts woven word into word are read by nobody.
        return Markup("<del>{}</del>\n<ins>{}</ins>").format(before, after)
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        gone, come = "".join(old[old_from:old_to]), "".join(new[new_from:new_to])
        if kind == "equal":
            parts.append(escape(gone))
            continue
        if gone:
            parts.append(Markup("<del>{}</del>").format(gone))
        if come:
            parts.append(Markup("<ins>{}</ins>").format(come))
    return Markup("").join(parts)


@dataclass(frozen=True, slots=True)
class VersionLine:
    version: int
    when: str
    sections: str
    """What was changed, in words."""
    who: str


def versions(history: Sequence[Record], spec: Sequence[PlanSection]) -> list[VersionLine]:
    """Return each version with what it changed; ``history`` is newest first."""
    titles = {each.code: each.title for each in spec}
    found = []
    for position, record in enumerate(history):
        if record.deleted:
            continue
        now = {each.code: each for each in plan_content.sections(record.resource)}
        older = history[position + 1] if position + 1 < len(history) else None
        before = plan_content.texts(older.resource) if older and not older.deleted else {}
        changed = [each for each in now.values() if each.text != before.get(each.code, "")]
        said = ", ".join(titles.get(each.code, each.code) for each in changed)
        if older is not None and older.get("status") != record.get("status"):
            status = record_pages.PLAN_STATUSES.get(str(record.get("status")), "")
            said = ", ".join(filter(None, (said, f"plan became {status.lower()}")))
        authors = {directory.name_of(each.author) for each in changed if each.author}
        found.append(
            VersionLine(
                version=record.version,
                when=words.moment(record.last_updated),
                sections=said or ("plan opened" if older is None else "goals or actions"),
                who=", ".join(sorted(authors)),
            )
        )
    return found
