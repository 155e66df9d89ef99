"""External systems and subscribers, as the files may write them."""

from marshmallow import fields
from marshmallow.validate import Length, Regexp

from hub.domain import definition
from hub.domain.answers import Answers
from hub.services.definition_schemas.entry import Entry, code_field, number_field, words_field

PATH = Regexp(r"/[a-z0-9-]+\Z", error="A path is a slash, then letters, digits and hyphens")


class ClientSchema(Entry):
    shape = definition.ClientSystem
    code = code_field()
    name = words_field()
    organisation = code_field()
    scopes = fields.List(fields.String(), required=True, validate=Length(min=1))
    own_ids = fields.Boolean()
    rate_limit = number_field(1)
    trusted_nhs_numbers = fields.Boolean()
    references_must_resolve = fields.Boolean()
    messages_url = fields.URL(schemes={"http", "https"}, require_tld=False)
    answers = fields.Enum(Answers, by_value=True)


class SubscriberSchema(Entry):
    shape = definition.SubscribedSystem
    code = code_field()
    name = words_field()
    client = code_field()
    criteria = fields.List(fields.String(), required=True, validate=Length(min=1))
    path = fields.String(required=True, validate=PATH)
