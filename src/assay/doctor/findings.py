"""What the doctor has found: a name, how bad it is, what it did to the number, on which images, and how to mend it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
SHOWN = 10  # images named as evidence


@dataclass(frozen=True)
class Finding:
    """error: the number is wrong. warning: right here, wrong on other models or in other hands. note: good to know."""

    name: str
    severity: Severity
    effect: str
    mend: str
    check: str
    images: tuple[int, ...] = ()

    def describe(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "images": list(self.images)}


@dataclass(frozen=True)
class Diagnosis:
    """All that was found, and what was done to find it. Notes are no findings."""

    subject: str
    claims: str
    findings: tuple[Finding, ...]
    checks: tuple[str, ...]
    skipped: tuple[str, ...]
    seconds: float

    @property
    def healthy(self) -> bool:
        """Whether there is nothing worse than a note."""
        return all(finding.severity == "note" for finding in self.findings)

    def describe(self) -> dict[str, Any]:
        """For JSON, and for the report."""
        return {
            "subject": self.subject,
            "claims": self.claims,
            "healthy": self.healthy,
            "findings": [finding.describe() for finding in self.findings],
            "checks": list(self.checks),
            "skipped": list(self.skipped),
            "seconds": round(self.seconds, 2),
        }


def worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """One finding of each name, errors before warnings before notes."""
    order = ("error", "warning", "note")
    first: dict[str, Finding] = {}
    for finding in sorted(findings, key=lambda each: order.index(each.severity)):
        first.setdefault(finding.name, finding)
    return tuple(first.values())
