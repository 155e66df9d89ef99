"""How a receiver of ITK3 says no: every fault with its place and its ITKResponseCode.

A fault never holds patient data: it names elements and codes of the standard only.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fhir.messaging.itk3.codes import ITKCode


@dataclass(frozen=True, slots=True)
class Fault:
    code: ITKCode
    text: str
    place: str | None = None
    """FHIRPath, such as ``Bundle.entry[1].resource.entry[0].resource.title``."""


class ITK3RefusedError(ValueError):
    """The message cannot be acted on. The first fault's code is the one that is answered."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(each.text for each in self.faults))

    @property
    def code(self) -> ITKCode:
        return self.faults[0].code
