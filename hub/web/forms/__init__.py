"""Forms as marshmallow schemas: what a person sent in, checked, or what to tell them about it."""

from hub.web.forms.reading import Filled, fill

__all__ = ["Filled", "fill"]
