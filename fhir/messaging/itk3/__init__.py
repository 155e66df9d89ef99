"""ITK3 messages (FHIR STU3): a message Bundle around a document, and what answers it. Pure.

https://github.com/nhsconnect/ITK3-Messaging-Distribution; Transfer of Care documents inside.
"""

from fhir.messaging.itk3.answer import Acknowledgement, written
from fhir.messaging.itk3.codes import DOCUMENT_EVENTS, ITKCode
from fhir.messaging.itk3.document import Attachment, Author, Document, Section, Subject
from fhir.messaging.itk3.faults import Fault, ITK3RefusedError
from fhir.messaging.itk3.message import (
    UNREADABLE,
    DocumentMessage,
    Handling,
    Header,
    header_of,
    parse,
)
from fhir.messaging.itk3.tree import Node, Place

__all__ = [
    "DOCUMENT_EVENTS",
    "UNREADABLE",
    "Acknowledgement",
    "Attachment",
    "Author",
    "Document",
    "DocumentMessage",
    "Fault",
    "Handling",
    "Header",
    "ITK3RefusedError",
    "ITKCode",
    "Node",
    "Place",
    "Section",
    "Subject",
    "header_of",
    "parse",
    "written",
]
