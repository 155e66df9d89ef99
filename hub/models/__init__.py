"""Rows that are not FHIR records. Importing this package declares the tables of all its modules."""

import importlib
import pkgutil

# By folder, not by a list: a module that was forgotten in a list would be a table without a
# migration.
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
