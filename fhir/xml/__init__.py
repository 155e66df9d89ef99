"""FHIR XML to JSON and back, without loss: https://hl7.org/fhir/R4/xml.html.

``from_xml`` reads strictly and gives JSON text; ``to_xml`` writes the XML of JSON text. What an
element is (its place in the order, its type, whether it repeats) comes from a ``Model``; R4's is
made from ``fhir.registry``, another version of FHIR would be another model.
"""

from fhir.xml.model import NAMESPACE, R4, Model
from fhir.xml.reading import from_xml
from fhir.xml.writing import NotExpressibleError, to_xml

MEDIA_TYPES = frozenset({"application/fhir+xml", "application/xml", "text/xml"})
"""What a body of FHIR XML is called: https://hl7.org/fhir/R4/http.html#mime-type."""

__all__ = ["MEDIA_TYPES", "NAMESPACE", "R4", "Model", "NotExpressibleError", "from_xml", "to_xml"]
