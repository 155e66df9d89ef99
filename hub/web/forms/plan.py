"""Forms of the shared plan: start it, write a section, add a goal or an action."""

from marshmallow import fields, validate

from hub.web.forms.reading import PageForm

LONGEST = 20_000
"""Characters of one section: a few pages; more belongs in a document."""


class StartPlanForm(PageForm):
    title = fields.String(
        required=True,
        validate=validate.Length(max=200, error="Use no more than 200 characters"),
        error_messages={"required": "Give the plan a name"},
    )


class SectionForm(PageForm):
    version = fields.Integer(required=True, error_messages={"required": "Load the page again"})
    text = fields.String(
        load_default="",
        validate=validate.Length(max=LONGEST, error=f"Use no more than {LONGEST} characters"),
    )
    reason = fields.String(
        load_default="", validate=validate.Length(max=400, error="Use no more than 400 characters")
    )


class VersionForm(PageForm):
    version = fields.Integer(required=True, error_messages={"required": "Load the page again"})


class GoalForm(PageForm):
    goal = fields.String(
        required=True,
        validate=validate.Length(max=1000, error="Use no more than 1000 characters"),
        error_messages={"required": "Write what the person wants to be able to do"},
    )
    target_on = fields.Date(
        load_default=None, error_messages={"invalid": "Write the day as a date"}
    )


class ActionForm(PageForm):
    action = fields.String(
        required=True,
        validate=validate.Length(max=1000, error="Use no more than 1000 characters"),
        error_messages={"required": "Write what is to be done"},
    )
    action_service = fields.String(
        required=True, error_messages={"required": "Choose the service that does it"}
    )
    due_on = fields.Date(load_default=None, error_messages={"invalid": "Write the day as a date"})
