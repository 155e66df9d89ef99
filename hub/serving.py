"""The application as the web server's workers load it: with the collector set for requests."""

import gc

from flask import Flask

from hub.app import create_app

EVERY = 50_000
"""Containers that are made before the collector looks at the young ones: some requests' worth.
A transaction of a hundred makes as many as Python's default allows seventy times over, and each
look costs more than it finds; what a request leaves behind is freed without it."""


def application() -> Flask:
    """Build the application for a worker of the web server.

    What is there once it is built lives as long as the process: the collector passes it over.
    A transaction of 100 costs a sixth less processor time so (docs/adr/0005).
    """
    made = create_app()
    gc.collect()
    gc.freeze()
    gc.set_threshold(EVERY, 20, 50)
    return made
