"""The application as the web server's workers load it: with the collector set for requests."""

import gc

from flask import Flask

from hub.app import create_app

EVERY = 50_000
"""Containers that are made before the collector looks at the young ones: those of some requests.
Python's default is 700: it looks many times in one transaction, and finds next to nothing, since
what a request leaves behind is freed without it."""


def application() -> Flask:
    """Build the application for a worker of the web server.

    What is there once it is built lives as long as the process: the collector passes it over
    (docs/adr/0005).
    """
    made = create_app()
    gc.collect()
    gc.freeze()
    gc.set_threshold(EVERY, 20, 50)
    return made
