"""Every mapped class has its factory, and what a factory makes is really in the database."""

import importlib
import pkgutil
import re
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest
from flask import Flask
from sqlalchemy import inspect

from hub import models, records
from hub.db import Base, db
from hub.domain.actor import hub_actor
from hub.records import Record
from hub.samples import SOUTHEND
from hub.services import definitions
from hub.transaction import transaction
from tests import factories
from tests.factories.care_team import care_team
from tests.factories.patient import patient
from tests.factories.task import task

HUB = hub_actor("test")
NAMES = [module.name for module in pkgutil.iter_modules(factories.__path__)]


def factory(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(importlib.import_module(f"tests.factories.{name}"), name)
    return found


def made_by(name: str) -> type:
    made: type = get_type_hints(factory(name))["return"]
    return made


ROW_FACTORIES = {name: made_by(name) for name in NAMES if issubclass(made_by(name), Base)}


def values_of(row: Base) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in inspect(type(row)).column_attrs}


def test_every_mapped_class_has_one_factory() -> None:
    # Every table that a new hub gets: the import of the package declares them all.
    assert models.__path__
    mapped = {mapper.class_ for mapper in Base.registry.mappers}

    assert set(ROW_FACTORIES.values()) == mapped
    assert len(ROW_FACTORIES) == len(mapped)


@pytest.mark.parametrize("name", ROW_FACTORIES)
def test_a_factory_is_named_after_its_model(name: str) -> None:
    assert name == re.sub(r"(?<!^)(?=[A-Z])", "_", ROW_FACTORIES[name].__name__).lower()


@pytest.mark.parametrize("name", ROW_FACTORIES)
def test_what_a_factory_makes_is_read_again_from_the_database(app: Flask, name: str) -> None:
    with transaction():
        made = factory(name)()
        model, identity, kept = type(made), inspect(made).identity, values_of(made)
    db.session.remove()

    found = db.session.get(model, identity)

    assert model is ROW_FACTORIES[name]
    assert found is not None
    assert found is not made
    assert values_of(found) == kept


@pytest.mark.parametrize("name", ROW_FACTORIES)
def test_two_of_a_kind_do_not_stand_in_each_others_way(app: Flask, name: str) -> None:
    # Nobody works two shifts at once: there, the model itself wants a second person.
    apart: dict[str, dict[str, Any]] = {"shift": {"practitioner": "Practitioner/ben-nurse"}}
    with transaction():
        first = factory(name)()
        second = factory(name)(**apart.get(name, {}))

        assert inspect(first).identity != inspect(second).identity


@pytest.mark.parametrize("name", ROW_FACTORIES)
def test_a_misspelt_column_is_refused(app: Flask, name: str) -> None:
    with pytest.raises(TypeError, match="no_such_column"):
        factory(name)(no_such_column=1)


def test_records_are_kept_as_they_were_said(app: Flask) -> None:
    with transaction():
        definitions.load(HUB, SOUTHEND)
        ada = patient(nhs_number="9990000018", practice="Organization/rxs", gender="female")
        made: list[Record] = [
            ada,
            task(ada.reference, "Practitioner/asha-nurse", priority="urgent"),
            care_team(ada.reference, "Practitioner/jo-coordinator", name="Ada's team"),
        ]

    found = [records.read(HUB, each.type, each.id) for each in made]

    assert [each.text for each in found] == [each.text for each in made]
    assert [each.managed for each in found] == [False, True, True]
    assert (found[0]["gender"], found[1]["priority"]) == ("female", "urgent")
    assert found[2]["name"] == "Ada's team"
