"""A gate for pipelines: --fail-if "robust < 0.40", and the answer as a JUnit file."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.files import whole

FORM = re.compile(r"\s*(clean|robust|verdict)\s*(<|!=)\s*(\S+)\s*")
NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)(e-?\d+)?")


@dataclass(frozen=True)
class Gate:
    """One condition on which a run fails: `clean < X` or `robust < X`, by the lower bound of the 95 % interval at the
    threat's own eps; or `verdict != believable`."""

    text: str

    def __post_init__(self) -> None:
        self._read()

    def _read(self) -> tuple[str, float | None]:
        found = FORM.fullmatch(self.text)
        if found and found[1] == "verdict" and (found[2], found[3]) == ("!=", "believable"):
            return "verdict", None
        if found and found[1] != "verdict" and found[2] == "<" and NUMBER.fullmatch(found[3]):
            limit = float(found[3])
            if limit <= 1:
                return found[1], limit
        raise ValueError(
            f'--fail-if {self.text[:80]!r}: "robust < 0.40", "clean < 0.9" or "verdict != believable" is wanted, '
            "with a number between 0 and 1"
        )

    def fails(self, results: dict[str, Any], eps: float, checks: Mapping[str, Any] | None) -> str:
        """Why it fails; "" if it does not. Without diagnostics nothing is believable."""
        what, limit = self._read()
        if limit is None:
            said = checks["verdict"] if checks else "not looked at: --suite standard has the diagnostics"
            return "" if said == "believable" else f"the number is {said}"
        share = results["clean"] if what == "clean" else next(line for line in results["robust"] if line["eps"] == eps)
        low = share["low"]
        return (
            "" if low >= limit else f"{what} {share['share']:.3f}, at least {low:.3f} (95 %, n {share['n']}) < {limit}"
        )


def write_junit(path: Path, name: str, gates: dict[str, str], seconds: float) -> None:
    """A test case for each gate, failed where there is a reason."""
    failures = sum(bool(reason) for reason in gates.values())
    numbers = {"tests": str(len(gates)), "failures": str(failures), "errors": "0", "time": f"{seconds:.3f}"}
    suite = ET.Element("testsuite", {"name": f"assay {name}", **numbers})
    for text, reason in gates.items():
        case = ET.SubElement(suite, "testcase", classname=name, name=text, time=f"{seconds:.3f}")
        if reason:
            ET.SubElement(case, "failure", message=reason).text = reason
    with whole(path) as part:
        part.write_bytes(ET.tostring(suite, encoding="utf-8", xml_declaration=True))
