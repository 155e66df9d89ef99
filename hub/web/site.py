"""The blueprint that every screen hangs its routes on."""

from flask import Blueprint

blueprint = Blueprint("web", __name__)
