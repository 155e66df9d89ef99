"""A hub definition that is wrong says where, and what is allowed; nothing wrong is loaded."""

import shutil
import threading
from datetime import date
from pathlib import Path

import pytest
from flask import Flask

from hub.domain import calendars as calendar_rules
from hub.domain.actor import hub_actor
from hub.samples import SOUTHEND
from hub.services import definition_files, definitions
from hub.services.definitions import DefinitionError
from hub.transaction import transaction


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "hub"
    shutil.copytree(SOUTHEND, copy)
    return copy


def _change(folder: Path, name: str, before: str, after: str) -> None:
    path = folder / name
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), "utf-8")


@pytest.mark.parametrize(
    ("name", "before", "after", "told"),
    [
        (
            "services.yaml",
            "clock: home-care-4h",
            "clock: home-care-5h",
            "services.yaml: services.urgent-response.clock: home-care-5h names nothing; allowed:",
        ),
        (
            "clocks.yaml",
            "kind: elapsed, minutes: 120",
            "kind: elapsd, minutes: 120",
            "clocks.yaml: clocks[0].kind: Must be one of: elapsed, calendar, calendar-days",
        ),
        (
            "clocks.yaml",
            "kind: elapsed, minutes: 120",
            "kind: elapsed, minutes: 120, pause_reasons: [in-hospital]",
            "clocks.yaml: clocks[0].pause_reasons: elapsed time cannot be paused",
        ),
        ("staff.yaml", "role: spor-coordinator", "rank: boss", "staff[0].rank: Unknown field"),
        ("staff.yaml", "username: nadia-hussain", "username: sam-spor", "sam-spor stands twice"),
        (
            "rotas.yaml",
            "E E E - - L L",
            "E E E - - L",
            "rotas.yaml: rota_patterns[0].weeks: A week has seven days, Monday first",
        ),
        (
            "calendars.yaml",
            "08:00-20:00",
            "8-20",
            "calendars.yaml: calendars[1].weekly: '8-20' is not an opening; allowed: 08:00-20:00",
        ),
        ("hub.yaml", "population: 330915", "population: many", "population: is not a number"),
        ("hub.yaml", "gp_hub:", "gp_hubs:", "hub.yaml: gp_hubs: unknown section; allowed:"),
        ("teams.yaml", "teams:", "teams: [", "teams.yaml: cannot be read"),
    ],
)
def test_an_error_names_file_field_and_what_is_allowed(
    folder: Path, name: str, before: str, after: str, told: str
) -> None:
    _change(folder, name, before, after)

    with pytest.raises(DefinitionError) as refusal:
        definitions.check(folder)

    assert told in refusal.value.text


def test_every_problem_is_told_at_once(folder: Path) -> None:
    _change(folder, "services.yaml", "minutes: 60", "minutes: 0")
    _change(folder, "staff.yaml", "gender: female", "gender: f")

    with pytest.raises(DefinitionError) as refusal:
        definitions.check(folder)

    assert [problem.split(":")[0] for problem in refusal.value.problems] == [
        "services.yaml",
        "staff.yaml",
    ]


GOV_UK = """
    2024-01-01 2024-03-29 2024-04-01 2024-05-06 2024-05-27 2024-08-26 2024-12-25 2024-12-26
    2025-01-01 2025-04-18 2025-04-21 2025-05-05 2025-05-26 2025-08-25 2025-12-25 2025-12-26
    2026-01-01 2026-04-03 2026-04-06 2026-05-04 2026-05-25 2026-08-31 2026-12-25 2026-12-28
    2027-01-01 2027-03-26 2027-03-29 2027-05-03 2027-05-31 2027-08-30 2027-12-27 2027-12-28
    2028-01-03 2028-04-14 2028-04-17 2028-05-01 2028-05-29 2028-08-28 2028-12-25 2028-12-26
"""
"""https://www.gov.uk/bank-holidays, England and Wales; substitute days in place of weekends."""


def test_bank_holidays_are_those_that_the_government_lists() -> None:
    ours = {day for day in definition_files.bank_holidays() if 2024 <= day.year <= 2028}

    listed = {date.fromisoformat(day) for day in GOV_UK.split()}
    assert {day for day in ours if day.weekday() < 5} == listed
    # The feast that was substituted is kept as well: it falls on a weekend.
    feasts = {(1, 1), (12, 25), (12, 26)}
    assert all((day.month, day.day) in feasts for day in ours - listed)


def test_a_hub_adds_bank_holidays_of_its_own(folder: Path) -> None:
    path = folder / "calendars.yaml"
    path.write_text(
        path.read_text().replace(
            "    on_bank_holiday: closed",
            "    on_bank_holiday: closed\n    one_off_bank_holidays: [2026-06-15]",
            1,
        )
    )

    calendars = definition_files.build(definition_files.read(folder)).calendars

    assert not calendar_rules.openings_on(calendars["weekday"], date(2026, 6, 15))
    assert not calendar_rules.openings_on(calendars["weekday"], date(2026, 12, 28))
    assert calendar_rules.openings_on(calendars["office"], date(2026, 6, 15))


def test_bank_holidays_of_england_include_the_substitute_day() -> None:
    days = {day.isoformat() for day in definition_files.bank_holidays()}

    assert {"2026-12-25", "2026-12-28", "2027-01-01"} <= days
    assert "2026-12-24" not in days


def test_the_same_files_are_the_same_version(app: object, folder: Path) -> None:
    setup = hub_actor("set-up")
    with transaction():
        first = definitions.load(setup, folder).id
        second = definitions.load(setup, folder).id

    assert first == second


def test_a_changed_file_is_the_next_version_and_says_what_changed(
    app: object, folder: Path
) -> None:
    setup = hub_actor("set-up")
    with transaction():
        before = definitions.load(setup, folder)
        _change(folder, "services.yaml", "minutes: 60", "minutes: 50")
        after = definitions.load(setup, folder)

        assert (before.number, after.number) == (1, 2)
        assert (before.active, after.active) == (False, True)
        assert definitions.diff(before, after) == ["services.urgent-response.minutes: 60 -> 50"]
        assert definitions.current().services["urgent-response"].minutes == 50


def test_an_earlier_version_can_be_switched_on_again(app: object, folder: Path) -> None:
    setup = hub_actor("set-up")
    with transaction():
        before = definitions.load(setup, folder)
        _change(folder, "services.yaml", "minutes: 60", "minutes: 50")
        definitions.load(setup, folder)
        definitions.activate(setup, before.id)

        assert definitions.current().services["urgent-response"].minutes == 60


def test_one_transaction_works_by_one_definition_until_it_activates_another(
    app: Flask, folder: Path
) -> None:
    setup = hub_actor("set-up")
    with transaction():
        definitions.load(setup, folder)

    def elsewhere() -> None:
        with app.app_context(), transaction():
            _change(folder, "services.yaml", "minutes: 60", "minutes: 50")
            definitions.load(setup, folder)

    with transaction():
        assert definitions.current().services["urgent-response"].minutes == 60
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()
        assert definitions.current().services["urgent-response"].minutes == 60
    with transaction():
        assert definitions.current().services["urgent-response"].minutes == 50
        _change(folder, "services.yaml", "minutes: 50", "minutes: 40")
        definitions.load(setup, folder)
        assert definitions.current().services["urgent-response"].minutes == 40
