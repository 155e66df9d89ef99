# "fhir" also belongs to the library fhir.resources; this lets both live under one name.
# Keep this file to these lines and put every module in a subpackage. See docs/adr/0003.
from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
