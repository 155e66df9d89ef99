"""``python -m tests.bench.matching``: how well the hub knows who a referral is about.

Invented people are kept in a hub of its own; then each referral is asked about as the front door
asks: the hub's search for who could be meant, its score, its rule for a link. Precision and recall
of the links that it makes by itself, and how often the right person stands first, or among the
first three, of those it suggests; by kind of slip, by score, and for lists inflated by 5 to 30 %.
"""

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fhir.systems import NHS_NUMBER, NHS_NUMBER_VERIFICATION, NHS_NUMBER_VERIFICATION_EXTENSION
from hub import records, settings
from hub.app import create_app
from hub.domain.actor import hub_actor
from hub.domain.identity import Assessment, Identity
from hub.services import identification
from hub.supervisor.up import Hub
from hub.transaction import transaction
from tests.bench.bench_hub import _free_port
from tests.bench.crowd import Case, Crowd, draw

_HUB = hub_actor("set-up")
_BANDS = (90, 80, 70, 60, 50, 40)


@dataclass(slots=True)
class Tally:
    """What became of the referrals of one kind."""

    cases: int = 0
    linked: int = 0
    wrong: int = 0
    """Links to somebody else: each is a defect."""
    first: int = 0
    third: int = 0
    """The right person is first, or among the first three, of what was not linked."""
    shown: int = 0
    """The right person is suggested at all."""
    on_record: int = 0
    """Not linked, and on record: what first, third and shown are shares of."""

    def add(self, case: Case, found: Assessment) -> None:
        self.cases += 1
        if found.link is not None:
            self.linked += 1
            self.wrong += found.link not in case.truth
            return
        places = [n for n, m in enumerate(found.suggestions) if m.reference in case.truth]
        self.on_record += bool(case.truth)
        self.first += 0 in places
        self.third += any(place < 3 for place in places)
        self.shown += bool(places)


@dataclass(slots=True)
class Measured:
    """All cases of a crowd, by kind; and by score, how often the suggested person was right."""

    whole: Tally = field(default_factory=Tally)
    kinds: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    linkable: int = 0
    """Cases whose verified number and date of birth are right."""
    right_by_band: Counter[int] = field(default_factory=Counter)
    by_band: Counter[int] = field(default_factory=Counter)
    wrong: list[tuple[Case, str]] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return 1 - self.whole.wrong / self.whole.linked if self.whole.linked else 1.0

    @property
    def recall(self) -> float:
        """Of the cases whose verified number and birthday are right: linked rightly."""
        return (self.whole.linked - self.whole.wrong) / self.linkable if self.linkable else 0.0

    def share(self, found: int) -> float:
        return found / self.whole.on_record if self.whole.on_record else 1.0


def keep(people: Iterable[Identity]) -> None:
    """Store people as Patient records, under the ids that their references name."""
    for one in people:
        assert one.reference is not None
        assert one.birth_date is not None
        identifiers: list[dict[str, Any]] = []
        if one.nhs_number:
            coding = {"system": NHS_NUMBER_VERIFICATION, "code": "01"}
            status = {
                "url": NHS_NUMBER_VERIFICATION_EXTENSION,
                "valueCodeableConcept": {"coding": [coding]},
            }
            identifiers = [{"extension": [status], "system": NHS_NUMBER, "value": one.nhs_number}]
        patient = {
            "resourceType": "Patient",
            "identifier": identifiers,
            "name": [{"family": one.family, "given": list(one.given)}],
            "birthDate": one.birth_date.isoformat(),
            "gender": one.gender,
            "address": [{"postalCode": one.postcode}],
            "telecom": [{"system": "phone", "value": one.phone}] if one.phone else [],
        }
        said = {name: value for name, value in patient.items() if value}
        records.create(_HUB, said, id=one.reference.removeprefix("Patient/"))


def measure(crowd: Crowd) -> Measured:
    """Ask the hub about each case; the people are on record already."""
    found = Measured()
    number_of = {str(one.reference): (one.nhs_number, one.birth_date) for one in crowd.records}
    for case in crowd.cases:
        answer = identification.assess(_HUB, case.asked)
        found.whole.add(case, answer)
        found.kinds[case.kind].add(case, answer)
        asked = (case.asked.nhs_number, case.asked.birth_date)
        found.linkable += case.asked.nhs_number_verified and any(
            number_of[each] == asked for each in case.truth
        )
        if answer.link is not None:
            if answer.link not in case.truth:
                found.wrong.append((case, answer.link))
            continue
        for match in answer.suggestions[:1]:
            band = max(each for each in _BANDS if match.score >= each)
            found.by_band[band] += 1
            found.right_by_band[band] += match.reference in case.truth
    return found


def _kinds(found: Measured) -> None:
    print(f"{'slip':46}{'cases':>7}{'linked':>8}{'wrong':>7}{'1st':>8}{'1 to 3':>8}{'shown':>8}")
    for kind, tally in [*found.kinds.items(), ("all", found.whole)]:
        of = tally.on_record or 1
        shares = (tally.first / of, tally.third / of, tally.shown / of)
        told = "".join(f"{each:8.3f}" for each in shares) if tally.on_record else ""
        print(f"{kind:46}{tally.cases:7}{tally.linked:8}{tally.wrong:7}{told}")
    print("\nsuggested first, by its score: how often it is the right person")
    for band in _BANDS:
        if count := found.by_band[band]:
            print(f"  from {band}: {found.right_by_band[band] / count:.3f} of {count}")


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.matching")
    arguments.add_argument("--people", type=int, default=4000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--inflation", default="5,10,20,30", help="per cent, by commas")
    given = arguments.parse_args()
    wrong = 0
    rows: list[tuple[int, int, int, Measured]] = []
    for percent in map(int, given.inflation.split(",")):
        with (
            tempfile.TemporaryDirectory() as folder,
            Hub(Path(folder) / "home", _free_port(), sample=False) as hub,
        ):
            app = create_app(settings.load(hub.environment))
            crowd = draw(given.people, inflation=percent / 100, seed=given.seed)
            with app.app_context():
                for start in range(0, len(crowd.records), 500):
                    with transaction():
                        keep(crowd.records[start : start + 500])
                with transaction():
                    found = measure(crowd)
        if not rows:
            _kinds(found)
        wrong += len(found.wrong)
        for case, link in found.wrong[:5]:
            print(f"WRONG: {case.kind}: {link}, not {sorted(case.truth)}")
        rows.append((percent, len(crowd.records), len(crowd.cases), found))
    print(
        f"\n{'list inflated by':>18}{'records':>9}{'cases':>8}{'precision':>11}{'recall':>8}"
        f"{'1st':>8}{'1 to 3':>8}{'shown':>8}"
    )
    for percent, kept, cases, found in rows:
        w = found.whole
        print(
            f"{percent:>16} %{kept:>9}{cases:>8}{found.precision:>11.4f}{found.recall:>8.3f}"
            f"{found.share(w.first):>8.3f}{found.share(w.third):>8.3f}{found.share(w.shown):>8.3f}"
        )
    print("precision and recall of the links that the hub makes by itself; the rest is suggested")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
