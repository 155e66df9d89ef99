"""Rules about the files themselves: what no committed file may hold, and how big one may be."""

import re
from collections import Counter
from pathlib import Path

from hub.settings import ROOT
from tests.house import tree

LONGEST = 400
"""Lines; a longer module has more than one subject."""

FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "manager", "base", "data", "info"}


def test_no_module_is_longer_than_400_lines() -> None:
    too_long = {
        str(path): lines
        for path in tree.files(".py", ".html", ".jinja")
        if "versions" not in path.parts and (lines := tree.text_of(path).count("\n")) > LONGEST
    }

    assert too_long == {}


def test_module_names_say_what_they_hold() -> None:
    vague = [str(path) for path in tree.files(".py") if path.stem in FORBIDDEN_NAMES]

    assert vague == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path)
        for folder in ("fhir", "hub", "workflows")
        for path in tree.files(".py", below=folder)
        if (text := tree.text_of(path).strip())
        and path != Path("fhir/__init__.py")
        and not text.startswith(('"""', 'r"""'))
    ]

    assert silent == []


def _holding(pattern: str, *suffixes: str) -> list[str]:
    expression = re.compile(pattern)
    return [
        f"{path}: {found[0]}"
        for path in tree.files(*suffixes)
        if path != Path("tests/house/test_tree.py")
        and (found := expression.search(tree.text_of(path)))
    ]


def test_nothing_names_the_machine_it_was_written_on() -> None:
    assert _holding(r"(?<![\w.])/(work|root)/") == []


def test_nothing_names_a_package_registry() -> None:
    assert (
        _holding(
            r"py(pi)[.]org|python(host)ed|registry[.](npm)js|registry[.](yarn)pkg|deb[.](deb)ian"
        )
        == []
    )


def test_unfinished_work_is_an_issue_and_not_a_comment() -> None:
    assert _holding(r"\b(TODO|FIXME|XXX)\b", ".py", ".html", ".jinja", ".md", ".yaml") == []


def test_decision_records_have_unique_numbers_and_say_how_they_are_kept() -> None:
    records = tree.files(".md", below="docs/adr")
    numbers = Counter(path.name[:4] for path in records)
    incomplete = [
        str(path)
        for path in records
        for heading in ("Context", "Decision", "Consequences", "Compliance")
        if f"## {heading}" not in tree.text_of(path)
    ]

    assert [number for number, count in numbers.items() if count > 1] == []
    assert all(re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name) for path in records)
    assert incomplete == []


def test_the_environment_is_read_in_one_place() -> None:
    readers = [
        path
        for folder in ("fhir", "hub", "workflows", "migrations")
        for path in tree.files(".py", below=folder)
        if re.search(r"os\.(environ|getenv)", tree.text_of(path))
    ]

    # bootstrap.py runs before anything of ours can be imported.
    assert readers == [Path("hub/settings.py"), Path("hub/supervisor/bootstrap.py")] or readers == [
        Path("hub/supervisor/bootstrap.py"),
        Path("hub/settings.py"),
    ]


def test_every_setting_is_documented() -> None:
    read = set(
        re.findall(
            r'"((?:CAREHUB_|DATABASE_|REDIS_)[A-Z_]+)"', tree.text_of(Path("hub/settings.py"))
        )
    )
    documented = (ROOT / "docs" / "settings.md").read_text("utf-8")

    assert {name for name in read if f"`{name}`" not in documented} == set()


def test_only_the_clock_tells_the_time_to_a_rule() -> None:
    exempt = {Path("hub/clock.py"), Path("hub/auth/real_time.py")}
    told = [
        str(path)
        for folder in ("fhir", "hub", "workflows")
        for path in tree.files(".py", below=folder)
        if path not in exempt
        and re.search(
            r"datetime\.(now|utcnow|today)\(|date\.today\(|(?<![\w.])now\(\)(?!\.)|CURRENT_TIMESTAMP",
            tree.text_of(path),
        )
        and not re.search(r"from hub\.clock import now", tree.text_of(path))
    ]

    assert told == []
