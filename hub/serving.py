"""The application as the web server's workers load it."""

from flask import Flask

from hub import collector
from hub.app import create_app


def application() -> Flask:
    """Build the application for a worker of the web server."""
    made = create_app()
    collector.spare_what_is_built()
    return made
